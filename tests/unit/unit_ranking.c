/* tests/unit/unit_ranking.c - the order of neighbours, against sorting everything. */
#include "host/similarity/ranking.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 120 };

struct pair {
    float score;
    uint32_t column;
};

static int best_first(const void *a, const void *b)
{
    const struct pair *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->column > y->column) - (x->column < y->column);
}

static int below(uint64_t *seed, int limit)
{
    return (int)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

/* The first `places` of (columns, scores) are the first of `want`, which is sorted here. */
static void check_same(const uint32_t *columns, const float *scores, struct pair *want, int count,
                       int places)
{
    qsort(want, (size_t)count, sizeof *want, best_first);
    for (int i = 0; i < places; i++) {
        assert_int_equal(columns[i], want[i].column);
        assert_true(scores[i] == want[i].score);
    }
}

static void pairs_are_sorted_and_holes_dropped(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (int round = 0; round < 400; round++) {
        const int count = round % MOST, levels = 1 + below(&seed, 60);
        uint32_t columns[MOST];
        float scores[MOST];
        struct pair want[MOST];
        int kept = 0;
        for (int i = 0; i < count; i++) {
            columns[i] = below(&seed, 6) == 0 ? UINT32_MAX : (uint32_t)((i * 37 + 5) % MOST);
            scores[i] = (float)below(&seed, levels + 1) / (float)levels;
            if (columns[i] != UINT32_MAX) want[kept++] = (struct pair){scores[i], columns[i]};
        }
        assert_int_equal(ll_ranking_sort(columns, scores, count), kept);
        check_same(columns, scores, want, kept, kept);
    }
}

static void the_best_of_a_row_leave_out_other_groups(void **state)
{
    uint64_t seed = 12;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        const int rows = 1 + below(&seed, MOST), row = below(&seed, rows);
        const int wanted = 1 + below(&seed, MOST), levels = 1 + below(&seed, 60);
        const int groups = below(&seed, 4);
        uint32_t columns[MOST + 1], group[MOST];
        float scores[MOST], best[MOST + 1];
        struct pair want[MOST];
        int permitted = 0;
        for (int i = 0; i < rows; i++) {
            group[i] = (uint32_t)below(&seed, groups + 1);
            scores[i] = (float)below(&seed, levels + 1) / (float)levels;
        }
        for (int i = 0; i < rows; i++)
            if (groups == 0 || group[i] == group[row])
                want[permitted++] = (struct pair){scores[i], (uint32_t)i};
        const int places = permitted < wanted ? permitted : wanted;
        columns[places] = 4242;
        best[places] = -1.0f;
        assert_int_equal(
            ll_ranking_best(scores, rows, row, groups ? group : NULL, wanted, columns, best),
            places);
        check_same(columns, best, want, permitted, places);
        assert_int_equal(columns[places], 4242);
        assert_true(best[places] == -1.0f);
    }
}

static void a_row_is_left_out_of_its_own_neighbours(void **state)
{
    static const uint32_t k_columns[] = {7, 3, 9, 1};
    static const float k_scores[] = {0.9f, 0.8f, 0.7f, 0.6f};
    uint32_t index[6] = {0};
    float score[6];

    (void)state;
    ll_ranking_without_self(k_columns, k_scores, 4, 3, 2, index, score);
    assert_true(index[0] == 7 && index[1] == 9 && score[0] == 0.9f && score[1] == 0.7f);
    assert_int_equal(index[2], 0); /* not written */
    ll_ranking_without_self(k_columns, k_scores, 4, 1, 3, index, score);
    assert_true(index[0] == 7 && index[1] == 3 && index[2] == 9);
    ll_ranking_without_self(k_columns, k_scores, 4, 5, 5, index, score);
    assert_true(index[3] == 1 && score[3] == 0.6f);
    assert_true(index[4] == UINT32_MAX && isnan(score[4]));
    assert_int_equal(index[5], 0);
    ll_ranking_without_self(k_columns, k_scores, 0, 5, 1, index, score);
    assert_true(index[0] == UINT32_MAX && isnan(score[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_sorted_and_holes_dropped),
        cmocka_unit_test(the_best_of_a_row_leave_out_other_groups),
        cmocka_unit_test(a_row_is_left_out_of_its_own_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
