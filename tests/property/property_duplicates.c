/* tests/property/property_duplicates.c - groups of duplicates are those of the plain definitions.
 * Chains: link every pair that scores enough or has the same bytes, and follow the links. Every
 * pair: merge items one pair of groups at a time, with none taken together before. Indexes are
 * drawn from a seed, with lists of neighbours far too short for their groups; a failure prints the
 * line that repeats it. */
#include "host/query/duplicate_groups.h"
#include "tests/numeric.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INDEXES = 100, THRESHOLDS = 8 };

/* How often each kind of answer was met: a test that never meets a short list proves little. */
typedef struct tally {
    int64_t equal, groups, inexact, incomplete, hidden, split, unknown;
} tally;
static tally g_met[2]; /* by ll_linkage */

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

static bool same_value(const ll_sample *sample, int64_t a, int64_t b)
{
    return !sample->options.within || strcmp(sample->values[0][a], sample->values[0][b]) == 0;
}

static bool linked(const ll_sample *sample, double min_score, int64_t a, int64_t b)
{
    if (twins(sample, a, b)) return true;
    return same_value(sample, a, b) &&
           sample->scores[a * sample->options.items + b] >= (float)min_score;
}

/* The first item of the same bytes. */
static int64_t photo_of(const ll_sample *sample, int64_t row)
{
    for (int64_t i = 0; i < row; i++)
        if (twins(sample, i, row)) return i;
    return row;
}

/* May the two be of one group of which every pair is linked? Items of the same bytes are compared
 * by the values of all of them. */
static bool pair_linked(const ll_sample *sample, double min_score, int64_t a, int64_t b)
{
    bool compared = same_value(sample, a, b);

    for (int64_t i = 0; i < sample->options.items && !compared; i++)
        for (int64_t j = 0; j < sample->options.items && !compared; j++)
            compared = (i == a || twins(sample, i, a)) && (j == b || twins(sample, j, b)) &&
                       same_value(sample, i, j);
    return twins(sample, a, b) ||
           (compared && sample->scores[a * sample->options.items + b] >= (float)min_score);
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

/* Two items, and where their pair stands: those of the same bytes first; then by score, by the rows
 * of their photos, and by their own. */
typedef struct pair {
    int64_t a, b, low, high;
    bool same;
    float score;
} pair;

static int by_order(const void *left, const void *right)
{
    const pair *const x = left, *const y = right;
    if (x->same != y->same) return x->same ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* last[a][b] = place of the last pair between two items, as groups of one; INT64_MAX if not linked.
 */
static void rank_pairs(const ll_sample *sample, double min_score, int64_t *last)
{
    const int64_t items = sample->options.items;
    pair *const pairs = calloc((size_t)(items * items + 1), sizeof *pairs);
    int64_t count = 0;

    assert_non_null(pairs);
    for (int64_t a = 0; a < items; a++)
        for (int64_t b = a + 1; b < items; b++) {
            const int64_t x = photo_of(sample, a), y = photo_of(sample, b);
            last[a * items + b] = last[b * items + a] = INT64_MAX;
            if (!pair_linked(sample, min_score, a, b)) continue;
            pairs[count++] =
                (pair){a, b, x < y ? x : y, x < y ? y : x, x == y, sample->scores[a * items + b]};
        }
    qsort(pairs, (size_t)count, sizeof *pairs, by_order);
    for (int64_t i = 0; i < count; i++)
        last[pairs[i].a * items + pairs[i].b] = last[pairs[i].b * items + pairs[i].a] = i;
    free(pairs);
}

/* Complete linkage item by item, twins too: merge the two groups whose last pair comes first. */
static void naive_every_pair(const ll_sample *sample, double min_score, int64_t *group)
{
    const int64_t items = sample->options.items;
    int64_t *const last = calloc((size_t)(items * items + 1), sizeof *last);

    assert_non_null(last);
    rank_pairs(sample, min_score, last);
    for (int64_t i = 0; i < items; i++)
        group[i] = i;
    for (;;) {
        int64_t best = INT64_MAX, keep = -1, gone = -1;
        for (int64_t a = 0; a < items; a++)
            for (int64_t b = a + 1; b < items && group[a] == a; b++)
                if (group[b] == b && last[a * items + b] < best)
                    best = last[a * items + b], keep = a, gone = b;
        if (keep < 0) break;
        for (int64_t i = 0; i < items; i++) {
            if (group[i] == gone) group[i] = keep;
            if (last[gone * items + i] > last[keep * items + i])
                last[keep * items + i] = last[i * items + keep] = last[gone * items + i];
        }
    }
    free(last);
}

/* Is one of the two on the other's list? */
static bool listed(const ll_sample *sample, int64_t a, int64_t b)
{
    for (int64_t k = 0; k < sample->neighbors; k++)
        if (sample->index[a * sample->neighbors + k] == b ||
            sample->index[b * sample->neighbors + k] == a)
            return true;
    return false;
}

/* The lowest score of a group is that of its worst pair, as far as the index knows all of them. */
static const char *check_lowest(const ll_sample *sample, const ll_duplicate_groups *answer,
                                int64_t g)
{
    const int64_t items = sample->options.items;
    const double got = answer->lowest[g];
    double want = 1.0;
    bool all_listed = true;

    for (int64_t i = answer->first[g]; i < answer->first[g + 1]; i++)
        for (int64_t j = i + 1; j < answer->first[g + 1]; j++) {
            const int64_t a = answer->items[i].row, b = answer->items[j].row;
            const double score = (double)sample->scores[a * items + b];
            if (score < want) want = score;
            all_listed = all_listed && (twins(sample, a, b) ||
                                        listed(sample, photo_of(sample, a), photo_of(sample, b)));
        }
    if (sample->options.features) return got == want ? NULL : "lowest";
    if (sample->options.matrix != LL_MATRIX_NONE)
        return fabs(got - want) <= 2.6e-4 ? NULL : "stored lowest";
    if (answer->linkage == LL_LINKAGE_EVERY_PAIR || all_listed)
        return got == want ? NULL : "listed lowest";
    return isnan(got) ? NULL : "a lowest that nobody can know";
}

/* The same from an answer, whose form is checked on the way. NULL if all is well. */
static const char *answered_groups(const ll_sample *sample, const ll_duplicate_groups *answer,
                                   int64_t *group)
{
    const int64_t items = sample->options.items;
    int64_t twin_count = 0, unseen = 0;

    for (int64_t i = 0; i < items; i++)
        group[i] = i;
    for (int64_t g = 0; g < answer->count; g++) {
        const ll_duplicate *const first = &answer->items[answer->first[g]];
        if (answer->first[g + 1] - answer->first[g] < 2) return "a group of one";
        const char *const wrong = check_lowest(sample, answer, g);
        if (wrong != NULL) return wrong;
        unseen += isnan(answer->lowest[g]);
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
    if (unseen != answer->unseen || answer->too_large != 0) return "count of unknown lowest scores";
    return twin_count == answer->twins ? NULL : "count of twins";
}

/* An answer that lacks something never has a pair that is below. */
static const char *check_pairs(const ll_sample *sample, const ll_duplicate_groups *answer,
                               double min_score)
{
    const double slack = answer->exact ? 0.0 : 2.6e-4;

    for (int64_t g = 0; g < answer->count; g++)
        for (int64_t i = answer->first[g]; i < answer->first[g + 1]; i++)
            for (int64_t j = i + 1; j < answer->first[g + 1]; j++)
                if (!pair_linked(sample, min_score - slack, answer->items[i].row,
                                 answer->items[j].row))
                    return "a pair that is below";
    return NULL;
}

static const char *compare(const ll_sample *sample, const ll_duplicate_groups *answer,
                           double min_score)
{
    const bool chain = answer->linkage == LL_LINKAGE_CHAIN;
    const int64_t items = sample->options.items;
    tally *const met = &g_met[answer->linkage];
    int64_t *const want = calloc((size_t)items + 1, sizeof *want);
    int64_t *const got = calloc((size_t)items + 1, sizeof *got);
    assert_true(want != NULL && got != NULL);

    if (chain)
        naive_groups(sample, min_score, want);
    else
        naive_every_pair(sample, min_score, want);
    const char *wrong = answered_groups(sample, answer, got);
    if (wrong == NULL && !chain) wrong = check_pairs(sample, answer, min_score);
    if (wrong == NULL && sample->options.features && !(answer->complete && answer->exact))
        wrong = "doubts in spite of features";
    for (int64_t i = 0; i < items && wrong == NULL; i++) {
        if (answer->complete && answer->exact && got[i] != want[i]) wrong = "groups";
        /* what is known of an incomplete answer: it never joins what does not belong together */
        if (chain && !answer->complete && want[got[i]] != want[i])
            wrong = "an incomplete answer joins";
    }
    met->equal += answer->complete && answer->exact;
    met->groups += answer->count;
    met->inexact += !answer->exact;
    met->incomplete += !answer->complete;
    met->unknown += answer->unseen;
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

static void ask(const char *path, const ll_sample *sample, ll_query *query, double min_score)
{
    int64_t counts[2];

    for (int linkage = LL_LINKAGE_CHAIN; linkage <= LL_LINKAGE_EVERY_PAIR; linkage++) {
        const ll_duplicate_options options = {.min_score = min_score,
                                              .linkage = (ll_linkage)linkage};
        ll_duplicate_groups *answer = NULL;
        ll_error err = LL_ERROR_INIT;
        if (ll_query_duplicates(query, &options, NULL, &answer, &err) != LL_OK)
            fail_msg("%s: %s", path, err.text);
        const char *const wrong = compare(sample, answer, min_score);
        if (wrong != NULL)
            fail_msg("%s; again: DUPLICATES_SEED=%llu property_duplicates (%s, min-score %.9g, "
                     "%lld items, %lld neighbours)",
                     wrong, (unsigned long long)sample->options.seed,
                     ll_linkage_name(answer->linkage), min_score, (long long)sample->options.items,
                     (long long)sample->neighbors);
        g_met[linkage].hidden += count_long(sample, answer);
        counts[linkage] = answer->first[answer->count] - answer->count;
        ll_duplicate_groups_free(answer);
    }
    g_met[1].split += counts[1] < counts[0];
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
        .matrix = (ll_matrix_type)(index_seed % 4),
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
        const int64_t any = (int64_t)(unit(&seed) * (double)(made.items * made.items - 1));
        const double min_score = t < 3 ? k_usual[t] : (double)sample.scores[any];
        ask(path, &sample, query, min_score);
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
    for (int linkage = 0; linkage < 2; linkage++) {
        const tally *const met = &g_met[linkage];
        print_message("%s: %lld equal, %lld groups, %lld longer than a list, %lld inexact, %lld "
                      "incomplete, %lld lowest unknown, %lld chains split\n",
                      ll_linkage_name((ll_linkage)linkage), (long long)met->equal,
                      (long long)met->groups, (long long)met->hidden, (long long)met->inexact,
                      (long long)met->incomplete, (long long)met->unknown, (long long)met->split);
        assert_true(met->equal > 400 && met->groups > 500 && met->hidden > 100 &&
                    met->inexact > 10 && met->incomplete > 10);
    }
    assert_true(g_met[LL_LINKAGE_CHAIN].unknown > 10 && g_met[LL_LINKAGE_EVERY_PAIR].split > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_those_of_the_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
