/* tests/cuda_compare_fixture.c - see cuda_compare_fixture.h. */
#include "tests/cuda_compare_fixture.h"
#include "host/base/transpose.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t k_large = (size_t)1 << 30;

static ll_status begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    const struct card *const card = (const struct card *)be;
    return ll_cuda_compare_begin_within(be, options, card->own_limits ? NULL : &card->limits, err);
}

static const struct ll_backend_ops k_ops = {.abi = LL_BACKEND_ABI,
                                            .name = "cuda",
                                            .compare_margin = ll_cuda_compare_margin,
                                            .compare_host_bytes = ll_cuda_compare_host_bytes,
                                            .compare_begin = begin,
                                            .compare_tile = ll_cuda_compare_tile,
                                            .tile_submit = ll_cuda_tile_submit,
                                            .compare_sync = ll_cuda_compare_sync,
                                            .topk_extract = ll_cuda_topk_extract,
                                            .rescore_submit = ll_cuda_rescore_submit,
                                            .rescore_wait = ll_cuda_rescore_wait,
                                            .rescore_rows = ll_cuda_rescore_rows,
                                            .compare_end = ll_cuda_compare_end};

static void record_line(void *to, const char *text)
{
    struct card *const card = to;
    const size_t used = strlen(card->logged);
    snprintf(card->logged + used, sizeof card->logged - used, "%s\n", text);
}

void open_card(struct card *card, int64_t tile, int64_t chunk_bytes)
{
    cudaStream_t *const streams[] = {&card->state.in, &card->state.compute, &card->state.out};
    char version[32];
    ll_error err = LL_ERROR_INIT;

    memset(card, 0, sizeof *card);
    card->be.ops = &k_ops;
    card->be.state = &card->state;
    card->be.rows = -1;
    card->limits = (ll_cuda_limits){tile, chunk_bytes, INT64_MAX};
    card->log = (ll_log){.to = card, .line = record_line};
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

void close_card(struct card *card)
{
    check_ended(card);
    ll_gemm_library_close(card->state.gemm);
    free(card->state.engines);
    assert_int_equal(cudaStreamDestroy(card->state.in), cudaSuccess);
    assert_int_equal(cudaStreamDestroy(card->state.compute), cudaSuccess);
    assert_int_equal(cudaStreamDestroy(card->state.out), cudaSuccess);
    assert_int_equal(ll_emulated_card()->alive, 0);
}

ll_backend *open_cpu(void)
{
    const ll_backend_options options = {.name = "cpu", .threads = 2, .slots = 1};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    if (ll_backend_open(&options, &be, &err) != LL_OK) fail_msg("%s", err.text);
    return be;
}

/* ---- shops ------------------------------------------------------------------------------ */

void *room(int64_t count, size_t size)
{
    void *const memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

void draw(struct shop *shop, uint64_t seed)
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

void free_shop(struct shop *shop)
{
    free(shop->features);
    free(shop->group);
}

ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                       const void *values, ll_error *err)
{
    struct result *const result = to;

    if (++result->calls == result->fail_at) return ll_fail(err, LL_ERR_IO, "shop.h5: disk full");
    for (int64_t r = 0; r < rows; r++) {
        const int64_t offset = (row + r) * result->shop->rows + column;
        memcpy(result->matrix + (size_t)offset * result->bytes,
               (const unsigned char *)values + (size_t)(r * columns) * result->bytes,
               (size_t)columns * result->bytes);
        for (int64_t c = 0; c < columns; c++)
            result->seen[offset + c]++;
    }
    if (row == column) return LL_OK;
    ll_transpose(values, rows, columns, result->bytes,
                 result->matrix + (size_t)(column * result->shop->rows + row) * result->bytes,
                 result->shop->rows);
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++)
            result->seen[(column + c) * result->shop->rows + row + r]++;
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
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

struct result new_result(const struct shop *shop)
{
    struct result result = {.shop = shop, .bytes = ll_matrix_type_bytes(shop->matrix)};

    result.matrix = room(shop->rows * shop->rows, result.bytes + 1);
    result.seen = room(shop->rows * shop->rows, 1);
    result.index = room(shop->rows * shop->neighbors, sizeof *result.index);
    result.score = room(shop->rows * shop->neighbors, sizeof *result.score);
    return result;
}

void free_result(struct result *result)
{
    free(result->matrix);
    free(result->seen);
    free(result->index);
    free(result->score);
}

ll_status run(ll_backend *be, struct result *result, ll_error *err)
{
    const struct shop *const shop = result->shop;
    const ll_similarity_options options = {.features = shop->features,
                                           .rows = shop->rows,
                                           .cols = shop->cols,
                                           .neighbors = shop->neighbors,
                                           .group = shop->group,
                                           .matrix = shop->matrix,
                                           .matrix_sink = {result, receive_tile},
                                           .neighbor_sink = {result, receive_neighbors}};
    ll_similarity_summary summary;
    return ll_similarity_run(be, &options, &summary, err);
}

/* ---- against the cpu -------------------------------------------------------------------- */

static double stored_value(const struct result *result, int64_t offset)
{
    const unsigned char *const at = result->matrix + (size_t)offset * result->bytes;
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
        assert_int_equal(ll_rescore_rows(cpu, &(uint32_t){(uint32_t)i}, 1, exact, &err), LL_OK);
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

void check(struct card *card, struct shop *shop)
{
    ll_backend *const cpu = open_cpu();
    struct result want = new_result(shop), got = new_result(shop);
    const size_t places = (size_t)(shop->rows * shop->neighbors);
    ll_error err = LL_ERROR_INIT;

    fprintf(stderr, "repro: rows %lld cols %lld K %d groups %d matrix %d tile %lld chunk %lld\n",
            (long long)shop->rows, (long long)shop->cols, shop->neighbors, shop->groups,
            (int)shop->matrix, (long long)card->limits.tile_max,
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
