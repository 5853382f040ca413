/* tests/agree/agree_cuda_compare.c - the cuda backend's comparing half on the emulated card,
 * against the cpu backend: the same neighbours to the bit, the matrix within the format's bounds,
 * candidates within theirs, in whatever order the streams run; what memory does to it; and every
 * call made to fail in turn. */
#include "host/backend/cuda/cuda_compare.h"
#include "host/similarity/similarity.h"
#include "tests/cuda_emulated/emulated.h"
#include "tests/numeric.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the six above it */

static const size_t k_large = (size_t)1 << 30;
enum { LOG_TEXT = 512 };

/* ---- a backend that compares and does nothing else ------------------------------------- */

struct card {
    ll_backend be; /* first: what the table's functions get */
    struct cuda_state state;
    ll_cuda_limits limits;
    bool own_limits; /* ask the card instead */
    int64_t alive;   /* before the comparison */
    ll_log log;
    char logged[LOG_TEXT];
};

static ll_status begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    const struct card *const card = (const struct card *)be;
    return ll_cuda_compare_begin_within(be, options, card->own_limits ? NULL : &card->limits, err);
}

static const struct ll_backend_ops k_ops = {.abi = LL_BACKEND_ABI,
                                            .name = "cuda",
                                            .compare_begin = begin,
                                            .compare_tile = ll_cuda_compare_tile,
                                            .tile_submit = ll_cuda_tile_submit,
                                            .compare_sync = ll_cuda_compare_sync,
                                            .topk_take = ll_cuda_topk_take,
                                            .rescore = ll_cuda_rescore,
                                            .rescore_row = ll_cuda_rescore_row,
                                            .compare_end = ll_cuda_compare_end};

static void take_line(void *to, const char *text)
{
    struct card *const card = to;
    const size_t used = strlen(card->logged);
    snprintf(card->logged + used, sizeof card->logged - used, "%s\n", text);
}

static void open_card(struct card *card, int64_t tile, int64_t chunk_bytes)
{
    cudaStream_t *const streams[] = {&card->state.in, &card->state.compute, &card->state.out};
    char version[32];
    ll_error err = LL_ERROR_INIT;

    memset(card, 0, sizeof *card);
    card->be.ops = &k_ops;
    card->be.state = &card->state;
    card->be.rows = -1;
    card->limits = (ll_cuda_limits){tile, chunk_bytes, INT64_MAX};
    card->log = (ll_log){.to = card, .line = take_line};
    card->state.log = &card->log;
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->memory_bytes = k_large;
    for (int s = 0; s < 3; s++)
        assert_int_equal(cudaStreamCreateWithFlags(streams[s], cudaStreamNonBlocking), cudaSuccess);
    assert_int_equal(ll_gemm_library_open(&card->state.gemm, version, &err), LL_OK);
    card->alive = ll_emulated_card()->alive;
}

/* The comparison is over: nothing of it is left, and it asked for nothing a card would not do. */
static void check_ended(const struct card *card)
{
    assert_null(card->state.compare);
    assert_int_equal(ll_emulated_card()->alive, card->alive);
    assert_int_equal(ll_emulated_card()->used_bytes, 0);
    assert_string_equal(ll_emulated_card()->misuse, "");
}

static void close_card(struct card *card)
{
    check_ended(card);
    ll_gemm_library_close(card->state.gemm);
    assert_int_equal(cudaStreamDestroy(card->state.in), cudaSuccess);
    assert_int_equal(cudaStreamDestroy(card->state.compute), cudaSuccess);
    assert_int_equal(cudaStreamDestroy(card->state.out), cudaSuccess);
    assert_int_equal(ll_emulated_card()->alive, 0);
}

static ll_backend *open_cpu(void)
{
    const ll_backend_options options = {.name = "cpu", .threads = 2, .slots = 1};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    if (ll_backend_open(&options, &be, &err) != LL_OK) fail_msg("%s", err.text);
    return be;
}

/* ---- shops ------------------------------------------------------------------------------ */

struct shop {
    int64_t rows, cols;
    int neighbors, groups; /* groups 0: none */
    ll_matrix_type matrix;
    int64_t tile, chunk_bytes;
    float *features;
    uint32_t *group;
};

static void *room(int64_t count, size_t size)
{
    void *const memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

/* Activations of unit length; every eleventh row is a copy of an earlier one, every thirteenth a
 * near copy, and row 7 is empty. */
static void draw(struct shop *shop, uint64_t seed)
{
    shop->features = room(shop->rows * shop->cols, sizeof *shop->features);
    shop->group = shop->groups > 0 ? room(shop->rows, sizeof *shop->group) : NULL;
    for (int64_t i = 0; i < shop->rows; i++) {
        float *const row = shop->features + i * shop->cols;
        const float *const earlier = shop->features + i / 2 * shop->cols;
        double sum = 0.0;
        for (int64_t k = 0; k < shop->cols; k++) {
            const float drawn = fmaxf(ll_random(&seed), 0.0f);
            row[k] = i % 11 == 10 ? earlier[k] : i % 13 == 12 ? earlier[k] + 1e-6f * drawn : drawn;
            sum += (double)row[k] * (double)row[k];
        }
        for (int64_t k = 0; k < shop->cols && i % 11 != 10; k++)
            row[k] = i == 7 || sum == 0.0 ? 0.0f : (float)((double)row[k] / sqrt(sum));
        if (shop->group != NULL) shop->group[i] = (uint32_t)(i * i % shop->groups);
    }
}

static void free_shop(struct shop *shop)
{
    free(shop->features);
    free(shop->group);
}

struct result {
    const struct shop *shop;
    size_t bytes; /* of a stored score */
    unsigned char *matrix, *seen;
    uint32_t *index;
    float *score;
    int64_t fail_at; /* the sink's call number that fails; 0: none */
    int64_t calls;
};

static ll_status take_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                           const void *values, ll_error *err)
{
    struct result *const result = to;

    if (++result->calls == result->fail_at) return ll_fail(err, LL_ERR_IO, "shop.h5: disk full");
    for (int64_t r = 0; r < rows; r++) {
        const int64_t place = (row + r) * result->shop->rows + column;
        memcpy(result->matrix + (size_t)place * result->bytes,
               (const unsigned char *)values + (size_t)(r * columns) * result->bytes,
               (size_t)columns * result->bytes);
        for (int64_t c = 0; c < columns; c++)
            result->seen[place + c]++;
    }
    return LL_OK;
}

static ll_status take_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                const float *score, ll_error *err)
{
    struct result *const result = to;
    const size_t first = (size_t)(row * result->shop->neighbors);
    const size_t count = (size_t)(rows * result->shop->neighbors);

    (void)err;
    memcpy(result->index + first, index, count * sizeof *index);
    memcpy(result->score + first, score, count * sizeof *score);
    return LL_OK;
}

static struct result new_result(const struct shop *shop)
{
    struct result result = {.shop = shop, .bytes = ll_matrix_type_bytes(shop->matrix)};

    result.matrix = room(shop->rows * shop->rows, result.bytes + 1);
    result.seen = room(shop->rows * shop->rows, 1);
    result.index = room(shop->rows * shop->neighbors, sizeof *result.index);
    result.score = room(shop->rows * shop->neighbors, sizeof *result.score);
    return result;
}

static void free_result(struct result *result)
{
    free(result->matrix);
    free(result->seen);
    free(result->index);
    free(result->score);
}

static ll_status run(ll_backend *be, struct result *result, ll_error *err)
{
    const struct shop *const shop = result->shop;
    const ll_similarity_options options = {.features = shop->features,
                                           .rows = shop->rows,
                                           .cols = shop->cols,
                                           .neighbors = shop->neighbors,
                                           .group = shop->group,
                                           .matrix = shop->matrix,
                                           .matrix_sink = {result, take_tile},
                                           .neighbor_sink = {result, take_neighbors}};
    ll_similarity_summary summary;
    return ll_similarity_run(be, &options, &summary, err);
}

/* ---- against the cpu -------------------------------------------------------------------- */

static double stored_value(const struct result *result, int64_t place)
{
    const unsigned char *const at = result->matrix + (size_t)place * result->bytes;
    float value = 0.0f;
    uint16_t bits = 0;

    if (result->bytes == 4) memcpy(&value, at, sizeof value);
    if (result->bytes == 4) return (double)value;
    memcpy(&bits, at, sizeof bits);
    if (result->shop->matrix == LL_MATRIX_UINT16) return bits / 65535.0;
    return bits >> 10 == 0 ? ldexp(bits, -24) : ldexp(1024 + (bits & 0x3FF), (bits >> 10) - 25);
}

static void check_matrix(const struct result *result, ll_backend *cpu)
{
    static const double k_bounds[] = {0.0, 1e-6, 2.5e-4, 1.0 / 131070 + 1e-6};
    const int64_t rows = result->shop->rows;
    float *const exact = room(rows, sizeof *exact);
    const ll_compare_options options = {
        .features = result->shop->features, .rows = rows, .cols = result->shop->cols};
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_compare_begin(cpu, &options, &err), LL_OK);
    for (int64_t i = 0; i < rows; i++) {
        assert_int_equal(ll_rescore_row(cpu, i, exact, &err), LL_OK);
        for (int64_t j = 0; j < rows; j++) {
            const double want = i == j ? 1.0 : (double)exact[j];
            const double bound = i == j ? 0.0 : k_bounds[result->shop->matrix];
            const double got = stored_value(result, i * rows + j);
            if (result->seen[i * rows + j] != 1 || !(fabs(got - want) <= bound))
                fail_msg("(%lld, %lld): %.9g instead of %.9g, written %d times", (long long)i,
                         (long long)j, got, want, result->seen[i * rows + j]);
            assert_memory_equal(result->matrix + (size_t)(i * rows + j) * result->bytes,
                                result->matrix + (size_t)(j * rows + i) * result->bytes,
                                result->bytes);
        }
    }
    ll_compare_end(cpu);
    free(exact);
}

/* The whole on `card` and on the cpu: the same neighbours to the bit. */
static void check(struct card *card, struct shop *shop)
{
    ll_backend *const cpu = open_cpu();
    struct result want = new_result(shop), got = new_result(shop);
    const size_t places = (size_t)(shop->rows * shop->neighbors);
    ll_error err = LL_ERROR_INIT;

    fprintf(stderr, "repro: rows %lld cols %lld K %d groups %d matrix %d tile %lld chunk %lld\n",
            (long long)shop->rows, (long long)shop->cols, shop->neighbors, shop->groups,
            (int)shop->matrix, (long long)card->limits.tile_most,
            (long long)card->limits.chunk_bytes);
    if (run(cpu, &want, &err) != LL_OK) fail_msg("cpu: %s", err.text);
    if (run(&card->be, &got, &err) != LL_OK) fail_msg("cuda: %s", err.text);
    assert_memory_equal(got.index, want.index, places * sizeof *got.index);
    assert_memory_equal(got.score, want.score, places * sizeof *got.score);
    if (shop->matrix != LL_MATRIX_NONE) check_matrix(&got, cpu);
    check_ended(card);
    free_result(&got);
    free_result(&want);
    ll_backend_close(cpu);
}

static void neighbours_and_matrix_are_those_of_the_cpu(void **state)
{
    static const struct shop k_shops[] = {
        {1, 3, 1, 0, LL_MATRIX_FLOAT32, 64, 64, NULL, NULL},
        {2, 64, 1, 0, LL_MATRIX_NONE, 32, 256, NULL, NULL},
        {31, 65, 5, 0, LL_MATRIX_UINT16, 16, 300, NULL, NULL},
        {31, 200, 30, 3, LL_MATRIX_NONE, 8, 1000, NULL, NULL},
        {150, 63, 4, 0, LL_MATRIX_FLOAT16, 64, 4096, NULL, NULL},
        {70, 256, 3, 0, LL_MATRIX_FLOAT32, 64, 4096, NULL, NULL},
        {70, 600, 3, 0, LL_MATRIX_FLOAT32, 32, 5000, NULL, NULL},
        {150, 128, 9, 4, LL_MATRIX_FLOAT32, 32, 100, NULL, NULL},
        {513, 96, 3, 0, LL_MATRIX_NONE, 128, 8192, NULL, NULL},
        {513, 32, 2, 5, LL_MATRIX_UINT16, 512, 4096, NULL, NULL},
        {1100, 32, 2, 0, LL_MATRIX_NONE, 256, 16384, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof k_shops / sizeof k_shops[0]; i++) {
        struct shop shop = k_shops[i];
        struct card card;
        draw(&shop, 77 + i);
        open_card(&card, shop.tile, shop.chunk_bytes);
        ll_emulated_card()->seed = i;
        ll_emulated_card()->haste = (ll_emulated_haste)(i % LL_EMULATED_HASTES);
        check(&card, &shop);
        assert_string_equal(card.logged, "");
        close_card(&card);
        free_shop(&shop);
    }
}

/* Many small chunks, tiles and slots, in many orders. */
static void the_order_of_streams_changes_nothing(void **state)
{
    (void)state;
    for (int number = 0; number < 24; number++) {
        struct shop shop = {
            .rows = 60, .cols = 20, .neighbors = 3, .matrix = (ll_matrix_type)(number % 4)};
        struct card card;
        draw(&shop, 1000 + (uint64_t)number);
        open_card(&card, 16, 400);
        ll_emulated_card()->seed = (uint64_t)number;
        ll_emulated_card()->haste = (ll_emulated_haste)(number / 4 % LL_EMULATED_HASTES);
        fprintf(stderr, "number %d ", number);
        check(&card, &shop);
        close_card(&card);
        free_shop(&shop);
    }
}

/* ---- candidates -------------------------------------------------------------------------- */

static void submit_all(ll_backend *be, int64_t rows)
{
    const int64_t tile = ll_compare_tile(be), blocks = (rows + tile - 1) / tile;
    ll_error err = LL_ERROR_INIT;

    for (int64_t j = blocks - 1; j >= 0; j--) /* another order than the plan's */
        for (int64_t i = j; i >= 0; i--)
            if (ll_tile_submit(be, i, j, &err) != LL_OK) fail_msg("%s", err.text);
    if (ll_compare_sync(be, &err) != LL_OK) fail_msg("%s", err.text);
}

/* Listed: |fast - exact| <= bound. Not listed though permitted: no better than the worst kept. */
static void check_row(const struct shop *shop, int64_t row, int keep, const uint32_t *columns,
                      const float *fast, double bound, const float *exact)
{
    unsigned char *const listed = room(shop->rows, 1);
    const bool all = columns[keep - 1] == LL_NO_NEIGHBOR;

    assert_true(bound > 0.0 && bound < 1e-2);
    for (int c = 0; c < keep && columns[c] != LL_NO_NEIGHBOR; c++) {
        const int64_t column = columns[c];
        assert_true(column != row && !listed[column]++);
        assert_true(shop->group == NULL || shop->group[column] == shop->group[row]);
        assert_true(c == 0 || fast[c - 1] > fast[c] ||
                    (fast[c - 1] == fast[c] && columns[c - 1] < columns[c]));
        if (!(fabs((double)fast[c] - (double)exact[column]) <= bound))
            fail_msg("(%lld, %lld): fast %.9g exact %.9g bound %.3g", (long long)row,
                     (long long)column, (double)fast[c], (double)exact[column], bound);
    }
    for (int64_t c = 0; c < shop->rows; c++) {
        const bool permitted =
            c != row && (shop->group == NULL || shop->group[c] == shop->group[row]);
        if (!permitted || listed[c]) continue;
        assert_false(all);
        assert_true((double)exact[c] <= (double)fast[keep - 1] + bound);
    }
    free(listed);
}

static void candidates_keep_their_bounds(void **state)
{
    enum { ROWS = 131, KEEP = 9 };
    (void)state;
    for (int matrix = LL_MATRIX_NONE; matrix <= LL_MATRIX_FLOAT32; matrix++) {
        struct shop shop = {.rows = ROWS,
                            .cols = 300,
                            .neighbors = 1,
                            .groups = 2 * matrix,
                            .matrix = (ll_matrix_type)matrix};
        struct card card;
        ll_error err = LL_ERROR_INIT;
        static uint32_t columns[ROWS * KEEP];
        static float fast[ROWS * KEEP], exact[ROWS];
        double bounds[ROWS];

        draw(&shop, 5);
        struct result result = new_result(&shop);
        open_card(&card, 32, 500);
        const ll_compare_options options = {.features = shop.features,
                                            .rows = ROWS,
                                            .cols = shop.cols,
                                            .keep = KEEP,
                                            .group = shop.group,
                                            .matrix = shop.matrix,
                                            .sink = {&result, take_tile}};
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        submit_all(&card.be, ROWS);
        assert_int_equal(ll_topk_take(&card.be, 0, ROWS, columns, fast, bounds, &err), LL_OK);
        for (int64_t row = 0; row < ROWS; row++) {
            assert_int_equal(ll_rescore_row(&card.be, row, exact, &err), LL_OK);
            check_row(&shop, row, KEEP, columns + row * KEEP, fast + row * KEEP, bounds[row],
                      exact);
        }
        ll_compare_end(&card.be);
        close_card(&card);
        free_result(&result);
        free_shop(&shop);
    }
}

/* Places with no column stay as they are, in slices and in blocks of rows. */
static void rescoring_leaves_empty_places_alone(void **state)
{
    enum { ROWS = 40, COUNT = 21 };
    struct shop shop = {.rows = ROWS, .cols = 33, .neighbors = 1};
    ll_backend *const cpu = open_cpu();
    struct card card;
    ll_error err = LL_ERROR_INIT;
    uint32_t columns[ROWS * COUNT];
    float got[ROWS * COUNT], want[ROWS * COUNT];

    (void)state;
    draw(&shop, 9);
    const ll_compare_options options = {.features = shop.features, .rows = ROWS, .cols = shop.cols};
    for (int k = 0; k < ROWS * COUNT; k++) {
        columns[k] = k % 5 == 2 ? UINT32_MAX : (uint32_t)(k * 7 % ROWS);
        got[k] = want[k] = -3.0f;
    }
    assert_int_equal(ll_compare_begin(cpu, &options, &err), LL_OK);
    assert_int_equal(ll_rescore(cpu, 0, ROWS, columns, COUNT, want, &err), LL_OK);
    for (int64_t chunk = 64; chunk <= 2048; chunk *= 2) {
        open_card(&card, 16, chunk); /* a row takes 132 bytes, so slots begin there */
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        assert_int_equal(ll_rescore(&card.be, 0, ROWS, columns, COUNT, got, &err), LL_OK);
        assert_memory_equal(got, want, sizeof got);
        ll_compare_end(&card.be);
        close_card(&card);
    }
    ll_backend_close(cpu);
    free_shop(&shop);
}

/* ---- memory ------------------------------------------------------------------------------ */

/* What is left of a plan's bytes when the product's workspace is the 4096 bytes of the emulated
 * card's. */
static size_t really_used(int64_t total_bytes)
{
    return (size_t)(total_bytes - LL_CUDA_WORKSPACE_BYTES + 4096);
}

/* The plan's total for a kind of rescoring: the room that makes it the choice. */
static int64_t room_for(const struct shop *shop, int64_t tile, int64_t chunk,
                        ll_cuda_rescoring rescoring)
{
    const int64_t keep = shop->neighbors + 28;
    const ll_cuda_demand demand = {shop->rows, shop->cols,
                                   (int)(keep < shop->rows - 1 ? keep : shop->rows - 1), false, 0};
    return ll_cuda_plan_of(&demand, tile, chunk, rescoring).total_bytes;
}

static void features_come_in_turn_or_stay_on_the_host(void **state)
{
    struct shop shop = {.rows = 200, .cols = 700, .neighbors = 3};
    struct card card;
    (void)state;
    draw(&shop, 3);
    for (int rescoring = LL_CUDA_RESCORE_IN_TURN; rescoring <= LL_CUDA_RESCORE_ON_HOST;
         rescoring++) {
        open_card(&card, 64, 9000);
        card.limits.room_bytes = room_for(&shop, 64, 9000, (ll_cuda_rescoring)rescoring);
        check(&card, &shop);
        assert_string_equal(card.logged, "");
        assert_true(ll_emulated_card()->peak_bytes <= (size_t)card.limits.room_bytes);
        close_card(&card);
    }
    /* The card has less than it said: what was planned beside comes in turn, or not at all. */
    open_card(&card, 64, 9000);
    ll_emulated_card()->memory_bytes =
        really_used(room_for(&shop, 64, 9000, LL_CUDA_RESCORE_IN_TURN));
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "come in turn"));
    close_card(&card);
    open_card(&card, 64, 9000);
    ll_emulated_card()->memory_bytes =
        really_used(room_for(&shop, 64, 9000, LL_CUDA_RESCORE_ON_HOST));
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "the cpu does it"));
    close_card(&card);
    free_shop(&shop);
}

/* Tiles after rescoring bring the halves back; lists are what they would have been. */
static void halves_come_back(void **state)
{
    enum { ROWS = 70, KEEP = 5, TILE = 32 };
    struct shop shop = {.rows = ROWS, .cols = 40, .neighbors = 1};
    uint32_t columns[2][ROWS * KEEP];
    float fast[2][ROWS * KEEP], exact[ROWS];
    double bounds[ROWS];
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 12);
    const ll_compare_options options = {
        .features = shop.features, .rows = ROWS, .cols = shop.cols, .keep = KEEP};
    for (int turn = 0; turn < 2; turn++) {
        struct card card;
        open_card(&card, TILE, 600);
        if (turn == 1)
            card.limits.room_bytes = ll_cuda_plan_of(&(ll_cuda_demand){ROWS, 40, KEEP, false, 0},
                                                     TILE, 600, LL_CUDA_RESCORE_IN_TURN)
                                         .total_bytes;
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        for (int64_t j = 0; j < 3; j++)
            for (int64_t i = 0; i <= j; i++) {
                if (ll_tile_submit(&card.be, i, j, &err) != LL_OK) fail_msg("%s", err.text);
                if (i == 1) assert_int_equal(ll_rescore_row(&card.be, j, exact, &err), LL_OK);
            }
        assert_int_equal(ll_compare_sync(&card.be, &err), LL_OK);
        assert_int_equal(ll_topk_take(&card.be, 0, ROWS, columns[turn], fast[turn], bounds, &err),
                         LL_OK);
        ll_compare_end(&card.be);
        close_card(&card);
    }
    assert_memory_equal(columns[0], columns[1], sizeof columns[0]);
    assert_memory_equal(fast[0], fast[1], sizeof fast[0]);
    free_shop(&shop);
}

static void short_memory_halves_the_tile(void **state)
{
    struct shop shop = {
        .rows = 1030, .cols = 8, .neighbors = 1, .groups = 300, .matrix = LL_MATRIX_FLOAT16};
    const ll_cuda_demand demand = {1030, 8, 29, true, 2};
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 8);
    open_card(&card, 1024, 4096);
    ll_emulated_card()->memory_bytes =
        really_used(ll_cuda_plan_of(&demand, 512, 4096, LL_CUDA_RESCORE_BESIDE).total_bytes);
    check(&card, &shop);
    assert_non_null(strstr(card.logged, "tiles of 1024; trying 512"));

    ll_emulated_card()->memory_bytes /= 2; /* not even that */
    struct result result = new_result(&shop);
    assert_int_equal(run(&card.be, &result, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "comparing, memory: CUDA: out of memory in cudaMalloc of "));
    close_card(&card);
    free_result(&result);
    free_shop(&shop);
}

static void a_card_too_small_is_refused_with_sizes(void **state)
{
    struct shop shop = {.rows = 100, .cols = 64, .neighbors = 1};
    struct result result;
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    draw(&shop, 8);
    result = new_result(&shop);
    open_card(&card, 0, 0);
    card.own_limits = true;
    ll_emulated_card()->memory_bytes = (size_t)300 << 20; /* less than slots and reserve */
    assert_int_equal(run(&card.be, &result, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "comparing 100 rows of 64 features takes "));
    assert_non_null(strstr(err.text, "there is room for "));
    close_card(&card);
    free_result(&result);
    free_shop(&shop);
}

/* ---- failures ----------------------------------------------------------------------------- */

/* Calls that only give back, or clear what is known. */
static bool may_go_unheard(const char *call)
{
    static const char *const k_calls[] = {"cudaStreamSynchronize", "cudaFree", "cudaFreeHost",
                                          "cudaEventDestroy", "cudaGetLastError"};
    for (size_t i = 0; i < sizeof k_calls / sizeof k_calls[0]; i++)
        if (strcmp(call, k_calls[i]) == 0) return true;
    return false;
}

static void every_call_that_fails_is_named_and_nothing_leaks(void **state)
{
    struct shop shop = {
        .rows = 40, .cols = 16, .neighbors = 2, .groups = 2, .matrix = LL_MATRIX_NONE};
    int64_t failures = 0;
    (void)state;
    for (int matrix = LL_MATRIX_NONE; matrix <= LL_MATRIX_UINT16; matrix += 3) {
        shop.matrix = (ll_matrix_type)matrix;
        draw(&shop, 8);
        struct result result = new_result(&shop);
        for (int64_t at = 1;; at++) {
            struct card card;
            ll_error err = LL_ERROR_INIT;
            open_card(&card, 16, 700);
            card.own_limits = at == 1 && matrix == 0;
            if (matrix == 0) /* in turn: the longer way */
                card.limits.room_bytes =
                    64 + room_for(&shop, 16, 700, LL_CUDA_RESCORE_IN_TURN) + 4 * shop.rows;
            ll_emulated *const now = ll_emulated_card();
            now->fail_at = now->calls + at;
            now->sticky = at % 2 == 0;
            const ll_status status = run(&card.be, &result, &err);
            char failed[64];
            memcpy(failed, now->failed_call, sizeof failed);
            ll_emulated_reset(now);
            close_card(&card);
            if (failed[0] == '\0') {
                if (status != LL_OK) fail_msg("%s", err.text);
                break;
            }
            if (status == LL_OK) { /* the end has nobody to tell */
                if (!may_go_unheard(failed)) fail_msg("%s failed, and all was well", failed);
                continue;
            }
            assert_int_equal(status, LL_ERR_DEVICE);
            const bool launch =
                strcmp(failed, "a kernel's launch") == 0 || strcmp(failed, "cudaGetLastError") == 0;
            if (strstr(err.text, launch ? "_cuda(" : failed) == NULL)
                fail_msg("%s failed: %s", failed, err.text);
            assert_ptr_equal(strstr(err.text, "comparing, "), err.text);
            assert_null(strchr(err.text, '\n'));
            failures++;
        }
        free_result(&result);
        free_shop(&shop);
    }
    assert_true(failures > 100);
}

static void a_sink_that_fails_ends_the_run_in_its_own_words(void **state)
{
    struct shop shop = {.rows = 100, .cols = 16, .neighbors = 2, .matrix = LL_MATRIX_FLOAT32};
    (void)state;
    draw(&shop, 8);
    for (int64_t at = 1; at <= 16; at++) { /* 4 blocks: 10 tiles, 6 of them twice */
        struct result result = new_result(&shop);
        struct card card;
        ll_error err = LL_ERROR_INIT;
        open_card(&card, 32, 700);
        result.fail_at = at;
        assert_int_equal(run(&card.be, &result, &err), LL_ERR_IO);
        assert_string_equal(err.text, "shop.h5: disk full");
        close_card(&card);
        free_result(&result);
    }
    free_shop(&shop);
}

static void what_makes_no_sense_is_refused(void **state)
{
    float features[4] = {1.0f, 0.0f, 0.5f, 0.5f};
    ll_compare_options options = {.features = features, .rows = 2, .cols = 2};
    struct card card;
    ll_error err = LL_ERROR_INIT;
    (void)state;
    open_card(&card, 16, 64);
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "features: row 1 has length 0.707107 instead of 1");
    err = (ll_error)LL_ERROR_INIT;
    options.cols = (1 << 19) + 1;
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    err = (ll_error)LL_ERROR_INIT;
    options.cols = 2;
    options.keep = 4097;
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "candidates: 4097 a row; cuda keeps up to 4096");
    err = (ll_error)LL_ERROR_INIT;
    options = (ll_compare_options){.cols = 4096, .keep = 5};
    assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK); /* no rows */
    assert_true(ll_compare_tile(&card.be) > 0);
    assert_int_equal(ll_compare_sync(&card.be, &err), LL_OK);
    ll_compare_end(&card.be);
    ll_cuda_compare_end(&card.be); /* twice is once */
    close_card(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_and_matrix_are_those_of_the_cpu),
        cmocka_unit_test(the_order_of_streams_changes_nothing),
        cmocka_unit_test(candidates_keep_their_bounds),
        cmocka_unit_test(rescoring_leaves_empty_places_alone),
        cmocka_unit_test(features_come_in_turn_or_stay_on_the_host),
        cmocka_unit_test(halves_come_back),
        cmocka_unit_test(short_memory_halves_the_tile),
        cmocka_unit_test(a_card_too_small_is_refused_with_sizes),
        cmocka_unit_test(every_call_that_fails_is_named_and_nothing_leaks),
        cmocka_unit_test(a_sink_that_fails_ends_the_run_in_its_own_words),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
