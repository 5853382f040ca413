/* tests/agree/agree_topk_cuda.c - the cuda twin's lists against the cpu's, after every tile. */
#include "kernels/launch_shape.h"
#include "kernels/topk.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

#include <math.h>

/* One comparison: the matrix, what both twins keep of it, and how it is cut. */
struct comparison {
    int rows, tile, keep, capacity;
    const uint32_t *group; /* (rows) or NULL */
    float *matrix;         /* (rows, rows) on the host, clamped */
    uint64_t *heaps;       /* the cpu's lists */
    float *thresholds;
    device_array scores, groups, keys, worst, counts, base_counts; /* the card's */
    char repro[128];
};

static int below(uint64_t *seed, int limit)
{
    return (int)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

/* Symmetric, with many equal scores; `shape` 1: rising along each row, so that every score is a
 * survivor; 2: nearly all the same. */
static void draw(float *matrix, int rows, int levels, int shape, uint64_t *seed)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j <= i; j++) {
            float score = (float)below(seed, levels + 1) / (float)levels;
            if (shape == 1) score = (float)(i + j) / (float)(2 * rows);
            if (shape == 2) score = below(seed, 50) == 0 ? score : 0.5f;
            matrix[i * rows + j] = matrix[j * rows + i] = score;
        }
}

static void begin(struct comparison *c, const float *raw)
{
    const size_t rows = (size_t)c->rows, cells = rows * rows;
    c->matrix = host_new(cells, sizeof *c->matrix);
    for (size_t i = 0; i < cells; i++)
        c->matrix[i] = fminf(fmaxf(raw[i], 0.0f), 1.0f) + 0.0f;
    c->heaps = host_new(rows * (size_t)c->keep, sizeof *c->heaps);
    c->thresholds = host_new(rows, sizeof *c->thresholds);
    c->scores = device_put(raw, cells * sizeof *raw);
    c->groups = device_put(c->group, rows * sizeof *c->group);
    c->keys = device_put(NULL, rows * (size_t)c->capacity * sizeof(uint64_t));
    c->worst = device_put(NULL, rows * sizeof(uint64_t));
    c->counts = device_put(NULL, rows * sizeof(uint32_t));
    c->base_counts = device_put(NULL, rows * sizeof(uint32_t));
    /* keys may hold anything in places that are not counted */
    device_ok(cudaMemset(c->worst.values, 0, c->worst.bytes));
    device_ok(cudaMemset(c->counts.values, 0, c->counts.bytes));
    device_ok(cudaMemset(c->base_counts.values, 0, c->base_counts.bytes));
}

static void end(struct comparison *c)
{
    device_copy_back(&c->base_counts, NULL);
    device_copy_back(&c->counts, NULL);
    device_copy_back(&c->worst, NULL);
    device_copy_back(&c->keys, NULL);
    device_copy_back(&c->groups, NULL);
    device_copy_back(&c->scores, NULL);
    free(c->thresholds);
    free(c->heaps);
    free(c->matrix);
}

static ll_topk_card card_of(const struct comparison *c)
{
    return (ll_topk_card){c->keys.values,        c->worst.values, c->counts.values,
                          c->base_counts.values, c->keep,         c->capacity};
}

static void offer(struct comparison *c, int i, int j)
{
    ll_topk_tile tile = {.scores = c->matrix + i * c->rows + j,
                         .stride = c->rows,
                         .row = i,
                         .rows = c->rows - i < c->tile ? c->rows - i : c->tile,
                         .column = j,
                         .columns = c->rows - j < c->tile ? c->rows - j : c->tile,
                         .group = c->group};
    const ll_topk_lists of_rows = {c->heaps + i * c->keep, c->thresholds + i, c->keep};
    const ll_topk_lists of_columns = {c->heaps + j * c->keep, c->thresholds + j, c->keep};
    const ll_topk_card card = card_of(c);

    ll_topk_offer_rows_cpu(&of_rows, &tile);
    if (i != j) ll_topk_offer_columns_cpu(&of_columns, &tile);
    tile.scores = (const float *)c->scores.values + i * c->rows + j;
    tile.group = c->group != NULL ? c->groups.values : NULL;
    device_ok(ll_topk_offer_cuda(&card, &tile, NULL));
}

/* Rows [row, row + rows) of both. */
static void compare(const struct comparison *c, int row, int rows)
{
    const size_t n = (size_t)rows * (size_t)c->keep;
    uint32_t *const want_columns = host_new(n, sizeof *want_columns);
    uint32_t *const got_columns = host_new(n, sizeof *got_columns);
    float *const want_scores = host_new(n, sizeof *want_scores);
    float *const got_scores = host_new(n, sizeof *got_scores);
    const ll_topk_card card = card_of(c);
    device_array columns = device_put(NULL, n * sizeof *got_columns);
    device_array scores = device_put(NULL, n * sizeof *got_scores);

    for (int r = 0; r < rows; r++)
        ll_topk_extract_cpu(c->heaps + (row + r) * c->keep, c->keep, want_columns + r * c->keep,
                            want_scores + r * c->keep);
    device_ok(ll_topk_extract_cuda(&card, row, rows, columns.values, scores.values, NULL));
    device_copy_back(&columns, got_columns);
    device_copy_back(&scores, got_scores);
    same_bytes(got_columns, want_columns, n * sizeof *got_columns, c->repro);
    same_bytes(got_scores, want_scores, n * sizeof *got_scores, c->repro);
    free(got_scores);
    free(want_scores);
    free(got_columns);
    free(want_columns);
}

/* All tiles on and above the diagonal in a drawn order; some lists are looked at in between, which
 * must change nothing. */
static void run(struct comparison *c, uint64_t *seed)
{
    enum { MAX_TILES = 200 };
    int order[MAX_TILES][2], tiles = 0;

    for (int i = 0; i < c->rows; i += c->tile)
        for (int j = i; j < c->rows; j += c->tile) {
            const int index = below(seed, tiles + 1);
            assert_true(tiles < MAX_TILES);
            order[tiles][0] = order[index][0], order[tiles][1] = order[index][1];
            order[index][0] = i, order[index][1] = j;
            tiles++;
        }
    for (int t = 0; t < tiles; t++) {
        offer(c, order[t][0], order[t][1]);
        if (t % 3 == 1) compare(c, below(seed, c->rows), 1);
    }
    compare(c, 0, c->rows);
    compare(c, c->rows / 2, 1); /* a list may be taken twice */
}

static void check(int number, int rows, int tile, int keep, int capacity, int shape)
{
    uint64_t seed = (uint64_t)(number + 1) * 0x9E3779B97F4A7C15u;
    struct comparison c = {.rows = rows, .tile = tile, .keep = keep, .capacity = capacity};
    const size_t cells = (size_t)rows * (size_t)rows;
    float *const raw = host_new(cells, sizeof *raw);
    uint32_t *const group = host_new((size_t)rows, sizeof *group);
    const int groups = number % 3 == 0 ? 2 + below(&seed, 5) : 0;

    snprintf(c.repro, sizeof c.repro, "number %d rows %d tile %d keep %d capacity %d shape %d",
             number, rows, tile, keep, capacity, shape);
    draw(raw, rows, 1 + below(&seed, 300), shape, &seed);
    for (int i = 0; i < rows; i++) {
        group[i] = (uint32_t)below(&seed, groups + 1);
        raw[i * rows + i] = 1.0f + 1e-6f; /* a product's rounding */
    }
    c.group = groups > 0 ? group : NULL;
    device_order(number % ORDERS);
    begin(&c, raw);
    run(&c, &seed);
    end(&c);
    free(group);
    free(raw);
}

static void lists_are_those_of_the_cpu(void **state)
{
    enum { MIN_ROOM = LL_WARP };
    (void)state;
    check(0, 1, 5, 3, 3 + MIN_ROOM, 0);
    check(1, 2, 5, 1, 1 + MIN_ROOM, 0);
    check(14, 30, 17, 40, 40 + MIN_ROOM, 0); /* lists that never fill */
    for (int number = 2; number < 14; number++) {
        uint64_t seed = (uint64_t)number * 77;
        const int keep = 1 + below(&seed, 40), room = MIN_ROOM + below(&seed, 60);
        check(number, 30 + below(&seed, 150), 20 + below(&seed, 120), keep, keep + room,
              number % 3);
    }
}

/* More than one block of a tile each way, and the room the product gives lists. */
static void wide_tiles(void **state)
{
    (void)state;
    check(21, 300, 290, 7, ll_topk_capacity(7), 1);
    check(22, 290, 150, 128, ll_topk_capacity(128), 0);
}

/* The most neighbours asked for: K = 1024 with its margin. One row of lists, thousands of columns:
 * lists overflow in the first tile, survive the second and are full after it. */
static void longest_lists(void **state)
{
    enum { COLUMNS = 3500, KEEP = 1281 };
    const int keep = KEEP, capacity = ll_topk_capacity(KEEP);
    static float scores[2 * COLUMNS];
    static uint64_t heap[2 * KEEP];
    float thresholds[2] = {0.0f, 0.0f};
    uint64_t seed = 4;
    const size_t all = COLUMNS + 2;
    struct comparison c = {.keep = keep, .capacity = capacity, .heaps = heap};

    (void)state;
    snprintf(c.repro, sizeof c.repro, "longest lists");
    for (int i = 0; i < 2 * COLUMNS; i++)
        scores[i] = fabsf(ll_random(&seed));
    device_order(1);
    c.scores = device_put(scores, sizeof scores);
    c.keys = device_put(NULL, all * (size_t)capacity * sizeof(uint64_t));
    c.worst = device_put(NULL, all * sizeof(uint64_t));
    c.counts = device_put(NULL, all * sizeof(uint32_t));
    c.base_counts = device_put(NULL, all * sizeof(uint32_t));
    device_ok(cudaMemset(c.worst.values, 0, c.worst.bytes));
    device_ok(cudaMemset(c.counts.values, 0, c.counts.bytes));
    device_ok(cudaMemset(c.base_counts.values, 0, c.base_counts.bytes));
    for (int start = 0; start < COLUMNS; start += COLUMNS / 2) {
        ll_topk_tile tile = {scores + start, COLUMNS, 0, 2, 2 + start, COLUMNS / 2, NULL};
        const ll_topk_lists lists = {heap, thresholds, keep};
        const ll_topk_card card = card_of(&c);
        ll_topk_offer_rows_cpu(&lists, &tile);
        tile.scores = (const float *)c.scores.values + start;
        device_ok(ll_topk_offer_cuda(&card, &tile, NULL));
    }
    compare(&c, 0, 2);
    device_copy_back(&c.base_counts, NULL);
    device_copy_back(&c.counts, NULL);
    device_copy_back(&c.worst, NULL);
    device_copy_back(&c.keys, NULL);
    device_copy_back(&c.scores, NULL);
}

static void lists_without_room_are_refused(void **state)
{
    const ll_topk_card tight = {NULL, NULL, NULL, NULL, 10, 10 + LL_WARP - 1};
    const ll_topk_card none = {NULL, NULL, NULL, NULL, 0, 100};
    const ll_topk_tile tile = {.rows = 1, .columns = 1, .column = 1};

    (void)state;
    assert_int_equal(ll_topk_offer_cuda(&tight, &tile, NULL), cudaErrorInvalidValue);
    assert_int_equal(ll_topk_offer_cuda(&none, &tile, NULL), cudaErrorInvalidValue);
    assert_int_equal(ll_topk_extract_cuda(&none, 0, 1, NULL, NULL, NULL), cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_those_of_the_cpu),
        cmocka_unit_test(wide_tiles),
        cmocka_unit_test(longest_lists),
        cmocka_unit_test(lists_without_room_are_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
