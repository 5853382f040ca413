/* tests/agree/agree_offsets_cuda.c - kernels reach beyond 2^32 entries: 1 100 000 rows of 4096
 * features, lists of two million rows, tiles of a matrix two million wide. On fibers only: the
 * memory is a mapping of which nearly nothing is ever touched. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "kernels/narrow.h"
#include "kernels/rescore.h"
#include "kernels/topk.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

#include <sys/mman.h>

static void *map(size_t count, size_t size)
{
    void *const memory = mmap(NULL, count * size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) skip(); /* a machine that lends no address space */
    return memory;
}

static void rows_beyond_a_million_are_rescored(void **state)
{
    enum { COLS = 4096, COUNT = 5 };
    const int64_t rows = 1100000, row = rows - 1;
    /* 524 288 * 4096 is 2^31, and 1 048 576 * 4096 is 2^32 */
    const uint32_t columns[COUNT] = {0, 524287, 524288, 1048575, 1048576};
    const size_t n = (size_t)(rows * COLS);
    float *const features = map(n, sizeof *features);
    double *const squares = map((size_t)rows, sizeof *squares);
    float want[COUNT], got[COUNT];
    uint64_t seed = 1;

    (void)state;
    for (int c = 0; c <= COUNT; c++) {
        const int64_t at = c < COUNT ? columns[c] : row;
        for (int64_t k = 0; k < COLS; k++)
            features[at * COLS + k] = ll_random(&seed) + 0.9f;
        ll_rescore_squares_cpu(features + at * COLS, 1, COLS, squares + at);
    }
    device_ok(ll_rescore_cuda(features, COLS, squares, row, 1, columns, COUNT, got, NULL));
    ll_rescore_cpu(features, COLS, squares, row, columns, COUNT, want);
    same_bytes(got, want, sizeof got, "1 100 000 rows");
    munmap(squares, (size_t)rows * sizeof *squares);
    munmap(features, n * sizeof *features);
}

/* The last rows of a matrix two million wide: 2200 of them are 4.4e9 floats. */
enum { WIDE_ROWS = 2200, WIDE_COLUMNS = 3 };
static const int64_t k_wide = 2000000;

static float *map_wide_tile(void)
{
    float *const scores = map((size_t)(k_wide * WIDE_ROWS), sizeof *scores);
    uint64_t seed = 3;
    for (int64_t r = 0; r < WIDE_ROWS; r++)
        for (int64_t c = 0; c < WIDE_COLUMNS; c++)
            scores[r * k_wide + c] = fabsf(ll_random(&seed));
    return scores;
}

static void wide_tiles_are_narrowed(void **state)
{
    float *const scores = map_wide_tile();
    static uint16_t want[WIDE_ROWS * WIDE_COLUMNS], got[WIDE_ROWS * WIDE_COLUMNS];
    const ll_narrow_tile tile = {scores, k_wide, WIDE_ROWS, WIDE_COLUMNS};

    (void)state;
    device_ok(ll_narrow_tile_cuda(&tile, LL_MATRIX_UINT16, got, NULL));
    ll_narrow_tile_cpu(&tile, LL_MATRIX_UINT16, want);
    same_bytes(got, want, sizeof got, "wide");
    munmap(scores, (size_t)(k_wide * WIDE_ROWS) * sizeof *scores);
}

static void lists_of_two_million_rows(void **state)
{
    enum { KEEP = 1281 };
    const int capacity = 2200; /* more than ll_topk_capacity, so that the keys are 4.4e9 */
    const size_t rows = (size_t)k_wide;
    float *const scores = map_wide_tile();
    const ll_topk_card card = {map(rows * (size_t)capacity, sizeof(uint64_t)),
                               map(rows, sizeof(uint64_t)),
                               map(rows, sizeof(uint32_t)),
                               map(rows, sizeof(uint32_t)),
                               KEEP,
                               capacity};
    const ll_topk_tile tile = {.scores = scores,
                               .stride = k_wide,
                               .row = k_wide - WIDE_ROWS,
                               .rows = WIDE_ROWS,
                               .column = 1700000,
                               .columns = WIDE_COLUMNS};
    static uint64_t heaps[WIDE_COLUMNS * KEEP];
    float thresholds[WIDE_COLUMNS] = {0.0f};
    const ll_topk_lists lists = {heaps, thresholds, KEEP};
    static uint32_t want_columns[KEEP], got_columns[WIDE_COLUMNS * KEEP];
    static float want_scores[KEEP], got_scores[WIDE_COLUMNS * KEEP];

    (void)state;
    device_ok(ll_topk_offer_cuda(&card, &tile, NULL));
    ll_topk_offer_columns_cpu(&lists, &tile);
    device_ok(
        ll_topk_extract_cuda(&card, tile.column, WIDE_COLUMNS, got_columns, got_scores, NULL));
    for (int c = 0; c < WIDE_COLUMNS; c++) {
        ll_topk_extract_cpu(heaps + c * KEEP, KEEP, want_columns, want_scores);
        same_bytes(got_columns + c * KEEP, want_columns, sizeof want_columns, "columns");
        same_bytes(got_scores + c * KEEP, want_scores, sizeof want_scores, "scores");
    }
    /* and the last row of all, which saw three columns */
    device_ok(ll_topk_extract_cuda(&card, k_wide - 1, 1, got_columns, got_scores, NULL));
    for (int i = 0; i < WIDE_COLUMNS; i++)
        assert_true(got_scores[i] ==
                    scores[(WIDE_ROWS - 1) * k_wide + (int64_t)got_columns[i] - tile.column]);
    assert_true(got_scores[0] >= got_scores[1] && got_scores[1] >= got_scores[2]);
    assert_int_equal(got_columns[WIDE_COLUMNS], UINT32_MAX);
    munmap(card.base_counts, rows * sizeof(uint32_t));
    munmap(card.counts, rows * sizeof(uint32_t));
    munmap(card.worst, rows * sizeof(uint64_t));
    munmap(card.keys, rows * (size_t)capacity * sizeof(uint64_t));
    munmap(scores, (size_t)(k_wide * WIDE_ROWS) * sizeof *scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_beyond_a_million_are_rescored),
        cmocka_unit_test(wide_tiles_are_narrowed),
        cmocka_unit_test(lists_of_two_million_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
