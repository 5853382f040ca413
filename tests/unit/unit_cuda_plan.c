/* tests/unit/unit_cuda_plan.c - a comparison's tiles, chunks and memory, for sizes no test can
 * hold: 2 000 000 rows, 1024 neighbours, 25 088 columns. */
#include "host/backend/cuda/compare/cuda_plan.h"
#include "kernels/topk.h"
#include "tests/test.h"

#include <math.h>
#include <stdlib.h>

static const int64_t k_rows[] = {1,      2,      31,     511,     512,     513,    1024,
                                 1100,   4095,   4096,   4097,    5000,    44000,  100000,
                                 262145, 524287, 524288, 1000000, 1048577, 2000000};
static const int64_t k_cols[] = {1, 3, 512, 4096, 25088, 1 << 19};
static const int k_keeps[] = {0, 1, 29, 128, 1280, 4096};
static const int k_stored[] = {0, 2, 4};
static const int64_t k_tiles[] = {64, 512, 2048, 4096};
#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

static const int64_t k_card = (int64_t)80 << 30; /* an H100's memory, about */

static void check_plan(const ll_cuda_demand *demand, const ll_cuda_plan *plan, int64_t most)
{
    const int64_t tile = plan->tile, row_bytes = demand->cols * 4;

    assert_true(tile >= 1 && tile <= most && (tile & (tile - 1)) == 0);
    assert_true(most < LL_CUDA_TILE_MIN || tile % LL_CUDA_TILE_MIN == 0);
    assert_true(tile <= LL_CUDA_TILE_MIN || tile < 2 * demand->rows);
    assert_int_equal(plan->padded_rows, plan->blocks * tile);
    assert_true(plan->padded_rows >= demand->rows && plan->padded_rows - tile < demand->rows);
    assert_true(plan->chunk_rows >= 1 && plan->chunk_rows * row_bytes <= plan->slot_bytes);
    assert_true(tile * tile * demand->stored_bytes <= plan->slot_bytes);
    assert_int_equal(plan->bytes[LL_CUDA_SCORES], tile * tile * 4);
    assert_int_equal(plan->bytes[LL_CUDA_SCORES_2], demand->stored_bytes > 0 ? 0 : tile * tile * 4);
    assert_true(plan->whole_rows >= 1 && plan->whole_rows * 4 <= plan->slot_bytes);
    assert_int_equal(plan->bytes[LL_CUDA_ROW_SCORES], plan->whole_rows * demand->rows * 4);
    assert_true(plan->whole_rows == 1 || plan->bytes[LL_CUDA_ROW_SCORES] <= LL_CUDA_WHOLE_BYTES);
    assert_int_equal(plan->bytes[LL_CUDA_EXACT], plan->padded_rows * row_bytes);
    assert_int_equal(plan->bytes[LL_CUDA_HALVES],
                     demand->stored_bytes > 0 ? 0 : plan->padded_rows * row_bytes / 2);
    assert_int_equal(plan->bytes[LL_CUDA_KEYS],
                     demand->keep > 0 ? demand->rows * ll_topk_capacity(demand->keep) * 8 : 0);
    /* The last tile's first entry, as cuda_tile.c offsets it, lies within. */
    assert_true((plan->blocks - 1) * (tile * demand->cols) * 4 < plan->bytes[LL_CUDA_EXACT]);
    int64_t all = 0;
    for (int b = 0; b < LL_CUDA_BUFFERS; b++) {
        assert_true(plan->bytes[b] >= 0);
        all += plan->bytes[b];
    }
    assert_true(plan->total_bytes > 0 && plan->total_bytes <= all);
    assert_true(plan->rescoring != LL_CUDA_RESCORE_BESIDE || plan->total_bytes == all);
}

static void sizes_agree_with_each_other(void **state)
{
    (void)state;
    for (int r = 0; r < COUNT(k_rows); r++)
        for (int c = 0; c < COUNT(k_cols); c++)
            for (int k = 0; k < COUNT(k_keeps); k++)
                for (int s = 0; s < COUNT(k_stored); s++)
                    for (int t = 0; t < COUNT(k_tiles); t++) {
                        const ll_cuda_demand demand = {k_rows[r], k_cols[c], k_keeps[k],
                                                       (r + c) % 2 == 0, k_stored[s]};
                        const ll_cuda_plan plan = ll_cuda_plan_of(&demand, k_tiles[t], 1000 + t,
                                                                  (ll_cuda_rescoring)((k + t) % 3));
                        check_plan(&demand, &plan, k_tiles[t]);
                    }
}

/* Whatever room there is: a plan that claims to fit does, and more room never makes it worse. */
static void plans_fit_the_room(void **state)
{
    (void)state;
    for (int r = 0; r < COUNT(k_rows); r++)
        for (int s = 0; s < COUNT(k_stored); s++) {
            const ll_cuda_demand demand = {k_rows[r], 4096, 128, true, k_stored[s]};
            int before = LL_CUDA_RESCORE_ON_HOST + 1;
            int64_t tile = 0;
            for (int64_t room = 1 << 20; room <= 2 * k_card; room += room / 4) {
                const ll_cuda_limits limits = {LL_CUDA_TILE_FAST, LL_CUDA_CHUNK_BYTES, room};
                ll_cuda_plan plan;
                const bool fits = ll_cuda_plan_make(&demand, &limits, &plan);
                check_plan(&demand, &plan, LL_CUDA_TILE_FAST);
                assert_true(fits == (plan.total_bytes <= room));
                assert_true(fits || before > LL_CUDA_RESCORE_ON_HOST);
                if (!fits) continue;
                assert_true((int)plan.rescoring <= before);
                assert_true((int)plan.rescoring < before || plan.tile >= tile);
                before = (int)plan.rescoring;
                tile = plan.tile;
            }
            assert_int_equal(before, LL_CUDA_RESCORE_BESIDE);
        }
}

static ll_cuda_plan on_card(int64_t rows, int keep, int stored_bytes, int64_t card, bool *fits)
{
    const ll_cuda_demand demand = {rows, 4096, keep, false, stored_bytes};
    const ll_cuda_limits limits = ll_cuda_limits_of(&demand, card);
    ll_cuda_plan plan;
    *fits = ll_cuda_plan_make(&demand, &limits, &plan);
    return plan;
}

static void what_fits_a_card(void **state)
{
    bool fits;
    (void)state;
    ll_cuda_plan plan = on_card(1000000, 128, 0, k_card, &fits);
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_BESIDE);
    assert_int_equal(plan.tile, LL_CUDA_TILE_FAST);
    assert_int_equal(plan.blocks, 245);
    assert_int_equal(plan.chunk_rows, 2048);
    assert_int_equal(plan.whole_rows, 16);

    plan = on_card(2000000, 128, 0, k_card, &fits); /* halves 16, features 33, lists 4 GB */
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_BESIDE);
    plan = on_card(2000000, 1280, 0, k_card, &fits); /* lists 31 GB: just */
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_BESIDE);
    plan = on_card(2000000, 1280, 0, k_card * 7 / 8, &fits); /* 75 GB: features come in turn */
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_IN_TURN);
    plan = on_card(2000000, 1280, 0, k_card * 5 / 8, &fits); /* 54 GB: halves and lists only */
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_ON_HOST);
    assert_int_equal(plan.tile, LL_CUDA_TILE_FAST);
    (void)on_card(2000000, 1280, 0, k_card / 2, &fits);
    assert_false(fits);

    plan = on_card(44000, 128, 4, (int64_t)8 << 30, &fits); /* a small card, all stored */
    assert_true(fits && plan.rescoring == LL_CUDA_RESCORE_BESIDE);
    assert_int_equal(plan.tile, LL_CUDA_TILE_STORED);
    (void)on_card(100, 28, 0, 0, &fits);
    assert_false(fits);
}

/* A million items with 100 neighbours: what an 80 GB card and ever fuller ones give up first. */
static void what_a_million_items_give_up_first(void **state)
{
    static const struct {
        int64_t free_gb;
        bool fits;
        ll_cuda_rescoring rescoring;
    } k_cases[] = {{78, true, LL_CUDA_RESCORE_BESIDE},  {40, true, LL_CUDA_RESCORE_BESIDE},
                   {24, true, LL_CUDA_RESCORE_IN_TURN}, {18, true, LL_CUDA_RESCORE_ON_HOST},
                   {12, true, LL_CUDA_RESCORE_ON_HOST}, {11, false, LL_CUDA_RESCORE_ON_HOST}};

    (void)state;
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        bool fits;
        const ll_cuda_plan plan = on_card(1000000, 200, 0, k_cases[i].free_gb * 1000000000, &fits);
        assert_int_equal(fits, k_cases[i].fits);
        assert_int_equal(plan.rescoring, k_cases[i].rescoring);
        if (fits) assert_int_equal(plan.tile, LL_CUDA_TILE_FAST);
    }
}

enum { TILES = 4, STEPS = 3 * TILES }; /* 4096 to 512 */

/* How much of the best plan is given up: 0 to STEPS - 1 in the order they should come; STEPS is no
 * plan. */
static int given_up(int64_t free_bytes)
{
    bool fits;
    const ll_cuda_plan plan = on_card(1000000, 200, 0, free_bytes, &fits);
    int step = (int)plan.rescoring * TILES;
    for (int64_t tile = LL_CUDA_TILE_FAST; tile > plan.tile; tile /= 2)
        step++;
    return fits ? step : STEPS;
}

/* The least free memory with which no more than `step` is given up. */
static int64_t min_free(int step)
{
    int64_t too_little = 0, enough = k_card;
    while (enough - too_little > 1) {
        const int64_t middle = too_little + (enough - too_little) / 2;
        if (given_up(middle) <= step)
            enough = middle;
        else
            too_little = middle;
    }
    return enough;
}

/* As free memory shrinks: tiles halve, features come in turn with large tiles again, tiles halve,
 * the host rescores, tiles halve. Each is a step of its own, and none is taken back. */
static void what_is_given_up_goes_step_by_step(void **state)
{
    static const int k_min_mb[STEPS] = {28509, 28353, 28301, 28294, 20023, 19884,
                                        19841, 19834, 11537, 11415, 11381, 11374};
    int before = 0;

    (void)state;
    assert_int_equal(given_up(k_card), 0);
    for (int step = 0; step < STEPS; step++) {
        const int64_t least = min_free(step);
        assert_int_equal(given_up(least), step);
        assert_int_equal(given_up(least - 1), step + 1);
        assert_true(llabs(least - k_min_mb[step] * INT64_C(1000000)) <= 1000000);
    }
    for (int64_t free_bytes = 30000000000; free_bytes > 0; free_bytes -= 7000000) {
        const int now = given_up(free_bytes);
        assert_true(now >= before);
        before = now;
    }
    assert_int_equal(before, STEPS);
}

static void memory_that_is_short_makes_tiles_small(void **state)
{
    bool fits;
    (void)state;
    /* 10 000 rows without features beside their halves: only the tile can give way. */
    const ll_cuda_plan whole = on_card(10000, 128, 4, k_card, &fits);
    const int64_t reserve = 256 << 20;
    const ll_cuda_plan less = on_card(10000, 128, 4, whole.total_bytes - 1 + reserve, &fits);
    assert_true(fits);
    assert_int_equal(less.tile, whole.tile / 2);
}

static void slots_are_cut_into_rows_and_values(void **state)
{
    const ll_cuda_plan plan = {.slot_bytes = 4000};
    (void)state;
    assert_int_equal(ll_cuda_plan_rows_at_once(&plan, 100), 10);
    assert_int_equal(ll_cuda_plan_rows_at_once(&plan, 1000), 1);
    assert_int_equal(ll_cuda_plan_rows_at_once(&plan, 1001), 1);
    assert_int_equal(ll_cuda_plan_values_at_once(&plan, 1001), 1000);
    assert_int_equal(ll_cuda_plan_values_at_once(&plan, 7), 7);
}

static void margins_are_those_of_the_comment(void **state)
{
    (void)state;
    assert_int_equal(ll_cuda_compare_margin(0), 28);
    assert_int_equal(ll_cuda_compare_margin(10), 28);
    assert_int_equal(ll_cuda_compare_margin(100), 100);
    assert_int_equal(ll_cuda_compare_margin(256), 256);
    assert_int_equal(ll_cuda_compare_margin(1024), 256);
}

static void slack_grows_with_the_columns(void **state)
{
    (void)state;
    assert_true(ll_cuda_plan_slack(512, 90, false) == 0x1p-13);
    assert_true(ll_cuda_plan_slack(4096, 90, false) == 0x1p-13);
    assert_true(ll_cuda_plan_slack(8192, 90, false) == 0x1p-12);
    assert_true(ll_cuda_plan_slack(8192, 80, false) == 0x1p-11);
}

/* What a unit of tensor cores can cut off, every cut counted in full, and the roundings beside it:
 * cuda_plan.c's derivation as numbers. */
static double cut_off(int64_t cols, int products, int kept_bits)
{
    const double a_step = ldexp(products + 1, -kept_bits) + 1.0;
    return a_step * (double)cols / products * 0x1p-24 + 1.6e-5;
}

static void slack_is_a_bound_for_the_card_it_is_given_for(void **state)
{
    static const int k_others[] = {0, 80, 86, 87, 89, 100, 103, 120, 121};
    (void)state;
    for (int64_t cols = 4096; cols <= 1 << 19; cols *= 2) {
        assert_true(cut_off(cols, 16, 2) < ll_cuda_plan_slack(cols, 90, false));
        assert_true(cut_off(cols, 8, 1) > ll_cuda_plan_slack(cols, 90, false)); /* hence two */
        for (int i = 0; i < COUNT(k_others); i++) {
            assert_true(cut_off(cols, 8, 1) < ll_cuda_plan_slack(cols, k_others[i], false));
            assert_true(ll_cuda_plan_slack(cols, k_others[i], true) ==
                        ll_cuda_plan_slack(cols, 90, false));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_agree_with_each_other),
        cmocka_unit_test(plans_fit_the_room),
        cmocka_unit_test(what_fits_a_card),
        cmocka_unit_test(what_a_million_items_give_up_first),
        cmocka_unit_test(what_is_given_up_goes_step_by_step),
        cmocka_unit_test(memory_that_is_short_makes_tiles_small),
        cmocka_unit_test(slots_are_cut_into_rows_and_values),
        cmocka_unit_test(margins_are_those_of_the_comment),
        cmocka_unit_test(slack_grows_with_the_columns),
        cmocka_unit_test(slack_is_a_bound_for_the_card_it_is_given_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
