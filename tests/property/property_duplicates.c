/* tests/property/property_duplicates.c - groups of duplicates are those of the plain definition:
 * link every pair that scores enough or has the same bytes, and follow the links. Indexes are drawn
 * from a seed, with lists of neighbours far too short for their groups; a failure prints the line
 * that repeats it. */
#include "host/query/duplicate_groups.h"
#include "tests/numeric.h"
#include "tests/sample_index.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { INDEXES = 100, THRESHOLDS = 8 };

/* How often each kind of answer was met: a test that never meets a short list proves little. */
static int64_t g_equal, g_groups, g_inexact, g_incomplete, g_hidden;

static double unit(uint64_t *seed)
{
    return ((double)ll_random(seed) + 1.0) / 2.0;
}

static bool twins(const ll_sample *sample, int64_t a, int64_t b)
{
    return sample->options.digests &&
           memcmp(sample->digests + a * LL_STORE_DIGEST, sample->digests + b * LL_STORE_DIGEST,
                  LL_STORE_DIGEST) == 0;
}

static bool linked(const ll_sample *sample, double min_score, int64_t a, int64_t b)
{
    if (twins(sample, a, b)) return true;
    if (sample->options.within && strcmp(sample->values[0][a], sample->values[0][b]) != 0)
        return false;
    return sample->scores[a * sample->options.items + b] >= (float)min_score;
}

/* Give every item the lowest row it is connected to: repeat until nothing changes. */
static void naive_groups(const ll_sample *sample, double min_score, int64_t *group)
{
    const int64_t items = sample->options.items;
    bool changed = true;

    for (int64_t i = 0; i < items; i++)
        group[i] = i;
    while (changed) {
        changed = false;
        for (int64_t i = 0; i < items; i++)
            for (int64_t j = 0; j < items; j++)
                if (group[j] < group[i] && i != j && linked(sample, min_score, i, j)) {
                    group[i] = group[j];
                    changed = true;
                }
    }
}

/* The same from an answer, whose form is checked on the way. NULL if all is well. */
static const char *answered_groups(const ll_sample *sample, const ll_duplicate_groups *answer,
                                   int64_t *group)
{
    const int64_t items = sample->options.items;
    int64_t twin_count = 0;

    for (int64_t i = 0; i < items; i++)
        group[i] = i;
    for (int64_t g = 0; g < answer->count; g++) {
        const ll_duplicate *const first = &answer->items[answer->first[g]];
        if (answer->first[g + 1] - answer->first[g] < 2) return "a group of one";
        if (g > 0 && first->row <= answer->items[answer->first[g - 1]].row) return "group order";
        for (int64_t i = answer->first[g]; i < answer->first[g + 1]; i++) {
            const ll_duplicate *const item = &answer->items[i];
            int64_t twin = -1;
            if (i > answer->first[g] && item->row <= item[-1].row) return "row order";
            group[item->row] = first->row;
            for (int64_t j = items - 1; j >= 0; j--)
                if (j != item->row && twins(sample, item->row, j)) twin = j;
            if (twin > item->row) twin = item->row;
            if (item->twin != twin) return "twin";
            twin_count += twin >= 0;
            const double score = (double)sample->scores[first->row * items + item->row];
            if (sample->options.features && item->score != score) return "score";
            if (!(fabs(item->score - score) <= 2.6e-4 || isnan(item->score))) return "near score";
        }
    }
    return twin_count == answer->twins ? NULL : "count of twins";
}

static const char *compare(const ll_sample *sample, const ll_duplicate_groups *answer,
                           double min_score)
{
    const int64_t items = sample->options.items;
    int64_t *const want = calloc((size_t)items + 1, sizeof *want);
    int64_t *const got = calloc((size_t)items + 1, sizeof *got);
    assert_true(want != NULL && got != NULL);

    naive_groups(sample, min_score, want);
    const char *wrong = answered_groups(sample, answer, got);
    if (wrong == NULL && sample->options.features && !(answer->complete && answer->exact))
        wrong = "doubts in spite of features";
    for (int64_t i = 0; i < items && wrong == NULL; i++) {
        if (answer->complete && answer->exact && got[i] != want[i]) wrong = "groups";
        /* what is known of an incomplete answer: it never joins what does not belong together */
        if (!answer->complete && want[got[i]] != want[i]) wrong = "an incomplete answer joins";
    }
    g_equal += answer->complete && answer->exact;
    g_groups += answer->count;
    g_inexact += !answer->exact;
    g_incomplete += !answer->complete;
    free(want);
    free(got);
    return wrong;
}

/* A group that lists alone would split: larger than a list, and not held together by its rows. */
static int64_t count_long(const ll_sample *sample, const ll_duplicate_groups *answer)
{
    int64_t count = 0;
    for (int64_t g = 0; g < answer->count; g++)
        count += answer->first[g + 1] - answer->first[g] > sample->neighbors + 1;
    return count;
}

static void ask_index(const char *path, uint64_t index_seed)
{
    uint64_t seed = index_seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 8; i++)
        (void)ll_random(&seed);
    const ll_sample_options made = {
        .seed = index_seed,
        .items = index_seed % 13 == 0 ? 1 : 2 + (int64_t)(unit(&seed) * 90.0),
        .width = 1 + (int64_t)(unit(&seed) * 80.0),
        .neighbors = 1 + (int64_t)(unit(&seed) * 5.0),
        .matrix = (ll_store_matrix)(index_seed % 4),
        .features = index_seed / 4 % 3 != 0,
        .trained = true,
        .within = unit(&seed) < 0.25,
        .digests = unit(&seed) < 0.5,
    };
    ll_error err = LL_ERROR_INIT;
    ll_sample sample;
    ll_query *query = NULL;

    ll_sample_make(path, &made, &sample);
    if (ll_query_open(path, &query, &err) != LL_OK) fail_msg("%s", err.text);
    for (int t = 0; t < THRESHOLDS; t++) {
        static const double k_usual[] = {0.999, 1.0, 0.0};
        const int64_t pair = (int64_t)(unit(&seed) * (double)(made.items * made.items - 1));
        const double min_score = t < 3 ? k_usual[t] : (double)sample.scores[pair];
        ll_duplicate_groups *answer = NULL;
        if (ll_query_duplicates(query, min_score, NULL, &answer, &err) != LL_OK)
            fail_msg("%s", err.text);
        const char *const wrong = compare(&sample, answer, min_score);
        if (wrong != NULL)
            fail_msg("%s; again: DUPLICATES_SEED=%llu property_duplicates (min-score %.9g, %lld "
                     "items, %lld neighbours)",
                     wrong, (unsigned long long)index_seed, min_score, (long long)made.items,
                     (long long)sample.neighbors);
        g_hidden += count_long(&sample, answer);
        ll_duplicate_groups_free(answer);
    }
    ll_query_close(query);
    ll_sample_release(&sample);
}

static void groups_are_those_of_the_definition(void **state)
{
    (void)state;
    char folder[] = "/tmp/property_duplicates.XXXXXX", path[64];
    const char *const again = getenv("DUPLICATES_SEED");

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/sample.h5", folder);
    if (again != NULL)
        ask_index(path, strtoull(again, NULL, 10));
    else
        for (uint64_t seed = 1; seed <= INDEXES; seed++)
            ask_index(path, seed);
    unlink(path);
    rmdir(folder);
    if (again != NULL) return;
    print_message("%lld equal, %lld groups, %lld longer than a list, %lld inexact, %lld "
                  "incomplete\n",
                  (long long)g_equal, (long long)g_groups, (long long)g_hidden,
                  (long long)g_inexact, (long long)g_incomplete);
    assert_true(g_equal > 400 && g_groups > 500 && g_hidden > 100 && g_inexact > 10 &&
                g_incomplete > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_those_of_the_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
