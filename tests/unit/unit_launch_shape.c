/* tests/unit/unit_launch_shape.c - the sizes of every launch hold for the largest comparisons:
 * 2 000 000 rows of 4096 and of 25088 features, K = 1024. */
#include "kernels/launch_shape.h"
#include "kernels/topk.h"
#include "tests/test.h"

#include <stdlib.h>

enum { MAX_SHARED = 48 * 1024, MAX_THREADS = 1024 };
static const int64_t k_rows[] = {1,     2,     7,     8,       9,       31,      32,
                                 33,    127,   128,   129,     4095,    4096,    4097,
                                 44000, 65535, 65536, 1000000, 1999999, 2000000, 2097120};
enum { ROWS = sizeof k_rows / sizeof k_rows[0] };

/* Within what every card takes, and `done` of one unit each cover `wanted`, but not one block less
 * than needed. */
static void covers(ll_launch_shape shape, int64_t grid, int64_t done, int64_t wanted)
{
    assert_true(shape.grid_x >= 1 && shape.grid_x <= LL_MAX_GRID_X);
    assert_true(shape.grid_y >= 1 && shape.grid_y <= LL_MAX_GRID_Y);
    assert_true(shape.block_x * shape.block_y <= MAX_THREADS);
    assert_true(shape.shared_bytes <= MAX_SHARED);
    assert_true(grid * done >= wanted);
    assert_true((grid - 1) * done < wanted);
}

static void rows_of_all_sizes_are_covered(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        const int64_t rows = k_rows[i];
        ll_launch_shape shape = ll_launch_normalize(rows);
        covers(shape, shape.grid_x, 1, rows);
        shape = ll_launch_pool(rows); /* blocks go round */
        assert_true(shape.grid_x >= 1 && shape.grid_x <= LL_POOL_MAX_BLOCKS);
        shape = ll_launch_values(rows * 4096);
        assert_true(shape.grid_x >= 1 && shape.grid_x <= LL_POOL_MAX_BLOCKS);
        shape = ll_launch_warps(rows);
        covers(shape, shape.grid_x, LL_ROWS_WARPS, rows);
        shape = ll_launch_topk_compact(2 * rows); /* both sides of a tile as wide as the matrix */
        covers(shape, shape.grid_x, LL_TOPK_WARPS, 2 * rows);
        shape = ll_launch_topk_sort(rows, 1281);
        covers(shape, shape.grid_x, 1, rows);
    }
}

static void tiles_of_all_sizes_are_covered(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            const int64_t rows = k_rows[i], columns = k_rows[j];
            ll_launch_shape shape = ll_launch_narrow(rows, columns);
            covers(shape, shape.grid_x, LL_NARROW_SIDE, columns);
            covers(shape, shape.grid_y, LL_NARROW_SIDE, rows);
            shape = ll_launch_topk_offer(rows, columns);
            covers(shape, shape.grid_x, LL_TOPK_STRIP_COLUMNS, columns);
            covers(shape, shape.grid_y, LL_TOPK_WARPS * LL_TOPK_STRIP_ROWS, rows);
        }
}

static void pairs_of_all_sizes_are_covered(void **state)
{
    static const int64_t counts[] = {1, 3, 4, 5, 29, 128, 1280, 1281, 4096};
    (void)state;
    for (int i = 0; i < ROWS; i++)
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            const int64_t groups = ll_launch_divide_up(counts[c], LL_RESCORE_PAIRS);
            const ll_launch_shape shape = ll_launch_rescore(k_rows[i], counts[c]);
            assert_true(groups * LL_RESCORE_PAIRS >= counts[c]);
            covers(shape, shape.grid_x, LL_ROWS_WARPS, k_rows[i] * groups);
        }
    for (int i = 0; i < ROWS; i++)
        for (int64_t count = 1; count <= 33; count++) { /* some rows against all */
            const int64_t groups = ll_launch_divide_up(count, LL_RESCORE_SIDE);
            const int64_t columns = ll_launch_divide_up(k_rows[i], LL_RESCORE_SIDE);
            const ll_launch_shape shape = ll_launch_rescore_rows(k_rows[i], count);
            assert_true(groups * LL_RESCORE_SIDE >= count);
            assert_true(columns * LL_RESCORE_SIDE >= k_rows[i]);
            covers(shape, shape.grid_x, LL_ROWS_WARPS, columns * groups);
        }
}

static void pixels_need_no_more_blocks_than_allowed(void **state)
{
    static const int64_t batches[] = {1, 2, 64, 256, 4096};
    (void)state;
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        const int64_t positions = batches[i] * 224 * 224;
        const ll_launch_shape shape = ll_launch_preprocess(positions);
        assert_true(shape.grid_x <= LL_PREPROCESS_MAX_BLOCKS);
        if (shape.grid_x < LL_PREPROCESS_MAX_BLOCKS)
            covers(shape, shape.grid_x, LL_PREPROCESS_CHUNK, positions);
    }
}

static void nothing_and_too_much_have_no_grid(void **state)
{
    const int64_t beyond = (int64_t)1 << 31;
    (void)state;
    assert_int_equal(ll_launch_normalize(0).grid_x, 0);
    assert_int_equal(ll_launch_normalize(beyond).grid_x, 0);
    assert_int_equal(ll_launch_warps(0).grid_x, 0);
    assert_int_equal(ll_launch_warps(beyond * LL_ROWS_WARPS).grid_x, 0);
    assert_int_equal(ll_launch_rescore(0, 5).grid_x, 0);
    assert_int_equal(ll_launch_rescore(5, 0).grid_x, 0);
    assert_int_equal(ll_launch_rescore(INT64_MAX, INT64_MAX).grid_x, 0);
    assert_int_equal(ll_launch_rescore_rows(0, 5).grid_x, 0);
    assert_int_equal(ll_launch_rescore_rows(5, 0).grid_x, 0);
    assert_int_equal(ll_launch_rescore_rows(INT64_MAX, INT64_MAX).grid_x, 0);
    assert_int_equal(ll_launch_narrow(0, 5).grid_x, 0);
    assert_int_equal(ll_launch_narrow((int64_t)LL_MAX_GRID_Y * LL_NARROW_SIDE + 1, 1).grid_x, 0);
    assert_int_equal(ll_launch_topk_offer(5, 0).grid_x, 0);
    assert_int_equal(ll_launch_topk_compact(0).grid_x, 0);
    assert_int_equal(ll_launch_topk_sort(5, 0).grid_x, 0);
    assert_int_equal(ll_launch_topk_sort(5, LL_TOPK_MAX_KEEP + 1).grid_x, 0);
    assert_int_equal(ll_launch_preprocess(0).grid_x, 0);
}

static void lists_fit_where_they_are_sorted_and_have_room(void **state)
{
    (void)state;
    for (int keep = 1; keep <= LL_TOPK_MAX_KEEP; keep++) {
        const int sorted = ll_launch_topk_padded(keep);
        assert_true(sorted >= keep && sorted < 2 * keep && (sorted & (sorted - 1)) == 0);
        assert_true(ll_launch_topk_sort(1, keep).shared_bytes == 8 * (uint32_t)sorted);
        assert_true(8 * sorted <= MAX_SHARED);
        assert_true(ll_topk_capacity(keep) >= keep + 4 * LL_WARP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_sizes_are_covered),
        cmocka_unit_test(tiles_of_all_sizes_are_covered),
        cmocka_unit_test(pairs_of_all_sizes_are_covered),
        cmocka_unit_test(pixels_need_no_more_blocks_than_allowed),
        cmocka_unit_test(nothing_and_too_much_have_no_grid),
        cmocka_unit_test(lists_fit_where_they_are_sorted_and_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
