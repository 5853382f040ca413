/* tests/unit/unit_complete_linkage.c - groups of which every two are linked: cases made by hand,
 * and drawn ones against the plain definition. */
#include "host/query/complete_linkage.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 40, MAX_LINKS = MAX_POINTS * (MAX_POINTS - 1) / 2 };

/* Group copies of `links`, and compare with a letter a point: equal letters, one group. */
static void expect(int64_t points, const ll_link *links, int64_t count, const char *letters)
{
    ll_link sorted[MAX_LINKS];
    uint32_t group[MAX_POINTS];
    float lowest[MAX_POINTS];
    ll_error err = LL_ERROR_INIT;

    if (count > 0) memcpy(sorted, links, (size_t)count * sizeof *links);
    assert_int_equal(ll_complete_linkage(points, sorted, count, group, lowest, &err), LL_OK);
    for (int64_t i = 0; i < points; i++)
        if (group[i] != (uint32_t)(strchr(letters, letters[i]) - letters))
            fail_msg("%s: point %lld is in the group of %lu", letters, (long long)i,
                     (unsigned long)group[i]);
}

static float lowest_of_first(int64_t points, ll_link *links, int64_t count)
{
    uint32_t group[MAX_POINTS];
    float lowest[MAX_POINTS];
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_complete_linkage(points, links, count, group, lowest, &err), LL_OK);
    return lowest[0];
}

static void nothing_and_little(void **state)
{
    (void)state;
    expect(0, NULL, 0, "");
    expect(1, NULL, 0, "a");
    expect(3, NULL, 0, "abc");
    expect(2, (ll_link[]){{0, 1, 0.9f}}, 1, "aa");
}

static void a_chain_breaks_at_its_weaker_link(void **state)
{
    (void)state;
    expect(3, (ll_link[]){{0, 1, 0.9f}, {1, 2, 0.8f}}, 2, "aab");
    expect(3, (ll_link[]){{0, 1, 0.8f}, {1, 2, 0.9f}}, 2, "abb");
    /* five in a row: the best link first, what it leaves after */
    expect(5, (ll_link[]){{0, 1, 0.7f}, {1, 2, 0.9f}, {2, 3, 0.8f}, {3, 4, 0.6f}}, 4, "abbcc");
    /* the middle of a star belongs to the nearest only */
    expect(4, (ll_link[]){{0, 1, 0.7f}, {0, 2, 0.9f}, {0, 3, 0.8f}}, 3, "abac");
}

static void two_groups_wait_for_their_last_link(void **state)
{
    const ll_link links[] = {{0, 1, 0.99f}, {2, 3, 0.98f}, {0, 2, 0.97f},
                             {0, 3, 0.96f}, {1, 2, 0.95f}, {1, 3, 0.94f}};

    (void)state;
    expect(4, links, 6, "aaaa");
    expect(4, links, 5, "aabb"); /* without 1 and 3 */
    /* a fifth one, nearer to 0 than to any other: 1 came first, and is not linked to it */
    const ll_link fifth[] = {
        {0, 1, 0.99f}, {2, 3, 0.90f}, {0, 4, 0.95f}, {2, 4, 0.91f}, {3, 4, 0.89f}};
    expect(5, fifth, 5, "aabbb");
}

static void lowest_is_of_any_pair(void **state)
{
    ll_link links[] = {{0, 1, 0.99f}, {0, 2, 0.7f}, {1, 2, 0.98f}};

    (void)state;
    assert_true(lowest_of_first(3, links, 3) == 0.7f);
    assert_true(lowest_of_first(1, NULL, 0) == 1.0f);
}

/* Equal scores: the lower point, then the lower other. */
static void ties_go_by_points(void **state)
{
    (void)state;
    expect(3, (ll_link[]){{1, 2, 0.9f}, {0, 1, 0.9f}}, 2, "aab");
    expect(4, (ll_link[]){{0, 3, 0.9f}, {2, 3, 0.9f}, {1, 2, 0.9f}}, 3, "abba");
    expect(4, (ll_link[]){{0, 2, 0.9f}, {0, 1, 0.9f}, {1, 3, 0.9f}, {2, 3, 0.9f}}, 4, "aabb");
    /* the pair counts, not the group: {0, 3} and 1 are held up by (1, 3), 1 and 2 by (1, 2) */
    expect(4, (ll_link[]){{0, 3, 1.0f}, {0, 1, 0.9f}, {1, 2, 0.9f}, {1, 3, 0.9f}}, 4, "abba");
}

/* ---- the plain definition */

static int by_rank(const void *a, const void *b)
{
    const ll_link *const x = a, *const y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    return x->high < y->high ? -1 : 1;
}

/* Look at all pairs of groups, merge the best, and again. place[i][j] is INT64_MAX for no link. */
static void naive(int64_t points, ll_link *links, int64_t count, uint32_t *group, float *lowest)
{
    static int64_t rank[MAX_POINTS][MAX_POINTS];

    qsort(links, (size_t)count, sizeof *links, by_rank);
    for (int64_t i = 0; i < points; i++) {
        group[i] = (uint32_t)i;
        lowest[i] = 1.0f;
        for (int64_t j = 0; j < points; j++)
            rank[i][j] = i == j ? -1 : INT64_MAX;
    }
    for (int64_t k = 0; k < count; k++)
        rank[links[k].low][links[k].high] = rank[links[k].high][links[k].low] = k;
    for (;;) {
        int64_t best = INT64_MAX, best_a = -1, best_b = -1;
        for (int64_t a = 0; a < points; a++)
            for (int64_t b = a + 1; b < points; b++) {
                int64_t last = -1;
                for (int64_t i = 0; i < points && group[a] == a && group[b] == b; i++)
                    for (int64_t j = 0; j < points; j++)
                        if (group[i] == a && group[j] == b && rank[i][j] > last) last = rank[i][j];
                if (last >= 0 && last < best) best = last, best_a = a, best_b = b;
            }
        if (best == INT64_MAX) return;
        for (int64_t i = 0; i < points; i++)
            if (group[i] == best_b) group[i] = (uint32_t)best_a;
        lowest[best_a] = links[best].score;
    }
}

/* Links of few different scores, so that most are ties, and of all or few of the pairs. */
static void drawn_links_against_the_definition(void **state)
{
    enum { CASES = 300 };
    int64_t merged = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= CASES; seed++) {
        uint64_t random = seed * 0x9E3779B97F4A7C15u + 1;
        const int64_t points = 1 + (int64_t)(seed % 24);
        const float kept = seed % 3 == 0 ? 1.0f : seed % 3 == 1 ? 0.6f : -0.5f;
        const int steps = seed % 2 == 0 ? 4 : 1 << 20;
        ll_link links[MAX_LINKS], again[MAX_LINKS];
        uint32_t want[MAX_POINTS], got[MAX_POINTS];
        float want_lowest[MAX_POINTS], got_lowest[MAX_POINTS];
        int64_t count = 0;
        ll_error err = LL_ERROR_INIT;

        for (uint32_t i = 0; i < points; i++)
            for (uint32_t j = i + 1; j < points; j++) {
                const float drawn = (ll_random(&random) + 1.0f) / 2.0f;
                if (ll_random(&random) <= kept)
                    links[count++] =
                        (ll_link){i, j, (float)(int)(drawn * (float)steps) / (float)steps};
            }
        memcpy(again, links, (size_t)count * sizeof *links);
        naive(points, again, count, want, want_lowest);
        assert_int_equal(ll_complete_linkage(points, links, count, got, got_lowest, &err), LL_OK);
        for (int64_t i = 0; i < points; i++) {
            merged += want[i] != i;
            if (got[i] != want[i] || got_lowest[want[i]] != want_lowest[want[i]])
                fail_msg("seed %llu: point %lld", (unsigned long long)seed, (long long)i);
        }
    }
    assert_true(merged > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_and_little),
        cmocka_unit_test(a_chain_breaks_at_its_weaker_link),
        cmocka_unit_test(two_groups_wait_for_their_last_link),
        cmocka_unit_test(lowest_is_of_any_pair),
        cmocka_unit_test(ties_go_by_points),
        cmocka_unit_test(drawn_links_against_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
