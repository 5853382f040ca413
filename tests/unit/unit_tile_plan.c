/* tests/unit/unit_tile_plan.c - the tiles cover every pair of rows once, for shops of any size. */
#include "host/base/size.h"
#include "host/similarity/tile_plan.h"
#include "tests/test.h"

#include <stdint.h>

enum { BAND = 4 };

/* Numbers run along bands of four rows of blocks, down their columns, without a gap, and the pairs
 * in the tiles add up to all. */
static void check(int64_t rows, int64_t tile)
{
    const ll_tile_plan plan = ll_tile_plan_make(rows, tile);
    int64_t number = 0, pairs = 0;

    assert_int_equal(plan.blocks, ll_ceil_div(rows, tile));
    for (int64_t top = 0; top < plan.blocks; top += BAND)
        for (int64_t want_j = top; want_j < plan.blocks; want_j++)
            for (int64_t want_i = top; want_i < top + BAND && want_i <= want_j; want_i++) {
                int64_t i = -1, j = -1;
                ll_tile_plan_at(&plan, number++, &i, &j);
                if (i != want_i || j != want_j)
                    fail_msg("rows %lld tile %lld", (long long)rows, (long long)tile);
                const int64_t high = ll_min_i64(tile, rows - i * tile),
                              wide = ll_min_i64(tile, rows - j * tile);
                assert_true(high > 0 && wide > 0);
                pairs += i == j ? high * (high + 1) / 2 : high * wide;
            }
    assert_int_equal(number, plan.tiles);
    assert_int_equal(pairs, rows * (rows + 1) / 2);
}

static void every_pair_lies_in_one_tile(void **state)
{
    static const int64_t rows[] = {0,    1,    2,     511,   512,    513,     1024,
                                   1025, 5000, 44000, 65536, 262145, 1000000, 2000000};
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        check(rows[r], 512);
        check(rows[r], 8192);
    }
    for (int64_t n = 0; n < 200; n++)
        check(n, 1 + n % 7);
}

static void the_largest_plan_does_not_lose_a_tile(void **state)
{
    const ll_tile_plan plan = ll_tile_plan_make(INT64_C(1) << 32, 16); /* 2^28 blocks */
    int64_t i, j;

    (void)state;
    ll_tile_plan_at(&plan, 0, &i, &j);
    assert_true(i == 0 && j == 0);
    ll_tile_plan_at(&plan, 9, &i, &j);
    assert_true(i == 3 && j == 3);
    ll_tile_plan_at(&plan, 4 * plan.blocks - 7, &i, &j);
    assert_true(i == 3 && j == plan.blocks - 1);
    ll_tile_plan_at(&plan, 4 * plan.blocks - 6, &i, &j);
    assert_true(i == 4 && j == 4);
    ll_tile_plan_at(&plan, plan.tiles - 1, &i, &j);
    assert_true(i == plan.blocks - 1 && j == plan.blocks - 1);
    ll_tile_plan_at(&plan, plan.tiles - 2, &i, &j);
    assert_true(i == plan.blocks - 2 && j == plan.blocks - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_lies_in_one_tile),
        cmocka_unit_test(the_largest_plan_does_not_lose_a_tile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
