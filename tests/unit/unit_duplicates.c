/* tests/unit/unit_duplicates.c - groups of duplicates, on photos whose angles are known: chains,
 * every pair, the lowest score, and what an index of lists alone can say of them. */
#include "host/query/duplicate_groups.h"
#include "host/query/pair_scores.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ITEMS = 8, WIDTH = 2 };

typedef struct index_file {
    char folder[40], path[64];
    ll_sample sample;
    ll_query *query;
} index_file;

/* Photos in one plane, each at an angle in degrees from 0 to 90: a score is the cosine of two. */
static void open_angles(index_file *to, const double *degrees, int64_t items, int64_t neighbors,
                        ll_matrix_type matrix, bool features)
{
    float rows[MAX_ITEMS * WIDTH];
    ll_error err = LL_ERROR_INIT;
    const ll_sample_options made = {.seed = 11,
                                    .items = items,
                                    .width = WIDTH,
                                    .neighbors = neighbors,
                                    .matrix = matrix,
                                    .features = features,
                                    .trained = true,
                                    .digests = true,
                                    .given = rows};

    for (int64_t i = 0; i < items; i++) {
        rows[i * WIDTH] = (float)cos(degrees[i] * acos(-1.0) / 180.0);
        rows[i * WIDTH + 1] = (float)sin(degrees[i] * acos(-1.0) / 180.0);
    }
    snprintf(to->folder, sizeof to->folder, "/tmp/unit_duplicates.XXXXXX");
    assert_non_null(mkdtemp(to->folder));
    snprintf(to->path, sizeof to->path, "%s/sample.h5", to->folder);
    ll_sample_make(to->path, &made, &to->sample);
    if (ll_query_open(to->path, &to->query, &err) != LL_OK) fail_msg("%s", err.text);
}

static void close_index(index_file *index)
{
    ll_query_close(index->query);
    ll_sample_release(&index->sample);
    unlink(index->path);
    rmdir(index->folder);
}

static ll_duplicate_groups *ask(index_file *index, double min_score, ll_linkage linkage)
{
    const ll_duplicate_options options = {.min_score = min_score, .linkage = linkage};
    ll_duplicate_groups *groups = NULL;
    ll_error err = LL_ERROR_INIT;

    if (ll_query_duplicates(index->query, &options, NULL, &groups, &err) != LL_OK)
        fail_msg("%s", err.text);
    return groups;
}

/* Groups as text: rows as digits, a space between groups; and the lowest scores, NAN for unknown.
 */
static void expect(ll_duplicate_groups *groups, const char *want, const double *lowest)
{
    char got[4 * MAX_ITEMS] = "";
    size_t length = 0;

    for (int64_t g = 0; g < groups->count; g++) {
        if (g > 0) got[length++] = ' ';
        for (int64_t i = groups->first[g]; i < groups->first[g + 1]; i++)
            got[length++] = (char)('0' + groups->items[i].row);
        got[length] = '\0';
        if (isnan(lowest[g])
                ? !isnan(groups->lowest[g])
                : !(fabs(groups->lowest[g] - lowest[g]) < 2e-5)) /* a step of uint16 is 1.5e-5 */
            fail_msg("%s: lowest of group %lld is %g, not %g", got, (long long)g, groups->lowest[g],
                     lowest[g]);
    }
    assert_string_equal(got, want);
    ll_duplicate_groups_free(groups);
}

static double cosine(double degrees)
{
    return (double)(float)cos(degrees * acos(-1.0) / 180.0);
}

/* 0 - 1 - 2, where 0 and 2 score less; 3 and 4 beside them. */
static const double k_chain[] = {0.0, 19.0, 40.0, 88.0, 65.5};

/* With lists of all others, with lists of one, and with a matrix instead of features. */
static void ends_of_a_chain_are_no_pair(void **state)
{
    index_file index;

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        const bool stored = kind == 2;
        open_angles(&index, k_chain, 5, kind == 0 ? 4 : 1,
                    stored ? LL_MATRIX_UINT16 : LL_MATRIX_NONE, !stored);
        ll_duplicate_groups *groups = ask(&index, 0.93, LL_LINKAGE_CHAIN);
        assert_int_equal(groups->linkage, LL_LINKAGE_CHAIN);
        assert_true(groups->complete && groups->exact && groups->unseen == 0);
        expect(groups, "012", (const double[]){cosine(40.0)});
        groups = ask(&index, 0.93, LL_LINKAGE_EVERY_PAIR);
        assert_int_equal(groups->linkage, LL_LINKAGE_EVERY_PAIR);
        assert_true(groups->complete && groups->exact);
        expect(groups, "01", (const double[]){cosine(19.0)});
        groups = ask(&index, 0.75, LL_LINKAGE_EVERY_PAIR);
        assert_true(groups->complete && groups->exact == !stored);
        expect(groups, "012 34", (const double[]){cosine(40.0), cosine(22.5)});
        expect(ask(&index, 0.75, LL_LINKAGE_CHAIN), "01234", (const double[]){cosine(88.0)});
        close_index(&index);
    }
}

/* Lists of one other each, and nothing else: 0 and 2 are on none. */
static void a_pair_that_was_not_seen_does_not_reach(void **state)
{
    index_file index;

    (void)state;
    open_angles(&index, k_chain, 5, 1, LL_MATRIX_NONE, false);
    ll_duplicate_groups *groups = ask(&index, 0.75, LL_LINKAGE_EVERY_PAIR);
    assert_false(groups->complete);
    expect(groups, "01 34", (const double[]){cosine(19.0), cosine(22.5)});
    groups = ask(&index, 0.93, LL_LINKAGE_CHAIN);
    assert_int_equal(groups->unseen, 1);
    expect(groups, "012", (const double[]){(double)NAN});
    close_index(&index);

    /* lists that end below the score have shown all there is */
    open_angles(&index, k_chain, 5, 4, LL_MATRIX_NONE, false);
    groups = ask(&index, 0.75, LL_LINKAGE_EVERY_PAIR);
    assert_true(groups->complete);
    expect(groups, "012 34", (const double[]){cosine(40.0), cosine(22.5)});
    groups = ask(&index, 0.93, LL_LINKAGE_CHAIN);
    assert_int_equal(groups->unseen, 0);
    expect(groups, "012", (const double[]){cosine(40.0)});
    close_index(&index);
}

/* One photo four times, another one of its angle, and one that is near to all: each photo is one
 * point, in its first row's place. */
static void twins_are_one_photo(void **state)
{
    const double degrees[] = {10.0, 30.0, 30.0, 30.0, 49.0, 30.0};
    index_file index;
    int64_t twins = 0;

    (void)state;
    open_angles(&index, degrees, 6, 1, LL_MATRIX_NONE, true);
    for (int64_t i = 2; i < 6; i++)
        twins += memcmp(index.sample.digests + LL_STORE_DIGEST,
                        index.sample.digests + i * LL_STORE_DIGEST, LL_STORE_DIGEST) == 0;
    assert_int_equal(twins, 2); /* rows 2 and 3 and not 5: what the seed gives */
    ll_duplicate_groups *groups = ask(&index, 0.93, LL_LINKAGE_EVERY_PAIR);
    assert_int_equal(groups->twins, 3);
    expect(groups, "12345", (const double[]){cosine(19.0)});
    expect(ask(&index, 0.93, LL_LINKAGE_CHAIN), "012345", (const double[]){cosine(39.0)});
    expect(ask(&index, 1.0, LL_LINKAGE_EVERY_PAIR), "1235", (const double[]){1.0});
    close_index(&index);
}

static void memory_is_bounded(void **state)
{
    index_file index;
    ll_duplicate_groups *groups = NULL;
    ll_error err = LL_ERROR_INIT;
    char want[256];

    (void)state;
    open_angles(&index, k_chain, 5, 4, LL_MATRIX_NONE, true);
    ll_duplicate_options options = {
        .min_score = 0.75, .linkage = LL_LINKAGE_EVERY_PAIR, .memory_bytes = 4 * 40};
    assert_int_equal(ll_query_duplicates(index.query, &options, NULL, &groups, &err),
                     LL_ERR_MEMORY);
    assert_null(groups);
    snprintf(want, sizeof want,
             "%s: of 5 photos that links connect, more than 4 pairs score 0.75 or more: they do "
             "not fit into --memory, 160 B; a higher --min-score has fewer",
             index.path);
    assert_string_equal(err.text, want);
    options.memory_bytes = 5 * 40; /* five pairs, though listed from both sides */
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_query_duplicates(index.query, &options, NULL, &groups, &err), LL_OK);
    expect(groups, "012 34", (const double[]){cosine(40.0), cosine(22.5)});
    options =
        (ll_duplicate_options){.min_score = 0.75, .memory_bytes = 1}; /* of every pair alone */
    assert_int_equal(ll_query_duplicates(index.query, &options, NULL, &groups, &err), LL_OK);
    ll_duplicate_groups_free(groups);
    close_index(&index);
}

/* More photos than it looks at without a matrix; which ones does not matter then. */
static void the_lowest_of_very_many_is_left_alone(void **state)
{
    static uint32_t photos[LL_DUPLICATE_LOWEST_MAX + 1];
    const int64_t twin[5] = {-1, -1, -1, -1, -1};
    index_file index;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    for (int matrix = 0; matrix < 2; matrix++) {
        ll_pair_scores scores;
        double lowest = 0.0;
        bool too_many = false;
        open_angles(&index, k_chain, 5, 4, matrix ? LL_MATRIX_FLOAT32 : LL_MATRIX_NONE, true);
        for (int64_t i = 0; i <= LL_DUPLICATE_LOWEST_MAX; i++)
            photos[i] = i % 1000 == 7 ? 3 : 0;
        assert_int_equal(ll_pair_scores_init(&scores, index.query, twin, &err), LL_OK);
        for (int64_t less = 0; less < 2 - matrix; less++) {
            assert_int_equal(ll_pair_scores_lowest(&scores, photos,
                                                   LL_DUPLICATE_LOWEST_MAX + 1 - less, &lowest,
                                                   &too_many, &err),
                             LL_OK);
            assert_int_equal(too_many, !matrix && less == 0);
            assert_true(too_many ? isnan(lowest) : fabs(lowest - cosine(88.0)) < 1e-6);
        }
        ll_pair_scores_release(&scores);
        close_index(&index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_a_chain_are_no_pair),
        cmocka_unit_test(a_pair_that_was_not_seen_does_not_reach),
        cmocka_unit_test(twins_are_one_photo),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(the_lowest_of_very_many_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
