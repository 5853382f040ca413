/* tests/property/property_query.c - every answer is that of the plain definition: score everything,
 * filter, sort, cut. Indexes and questions are drawn from a seed; a failure prints the line that
 * repeats it. */
#include "host/query/query.h"
#include "tests/numeric.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INDEXES = 60, QUESTIONS = 40, MAX_WHERE = 3 };

/* What a naive program would list. */
typedef struct naive {
    int64_t *rows;
    int64_t count, others, best;
} naive;

static const ll_sample *g_sorted; /* qsort has no context argument; one thread */
static int64_t g_row;

static int best_first(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    const float *const scores = g_sorted->scores + g_row * g_sorted->options.items;
    if (scores[x] != scores[y]) return scores[x] > scores[y] ? -1 : 1;
    return (x > y) - (x < y);
}

static int column_of(const char *name, size_t length)
{
    for (int c = 0; c < LL_SAMPLE_COLUMNS; c++)
        if (strlen(ll_sample_column_names[c]) == length &&
            memcmp(ll_sample_column_names[c], name, length) == 0)
            return c;
    fail_msg("no column");
    return -1;
}

/* Different columns and, the same column or: for each term, some term of its column must match. */
static bool passes_where(const ll_sample *sample, const ll_query_options *options, int64_t row)
{
    for (int64_t i = 0; i < options->where_count; i++) {
        const size_t length = strcspn(options->where[i], "=");
        const int column = column_of(options->where[i], length);
        bool any = false;
        for (int64_t j = 0; j < options->where_count; j++)
            if (strncmp(options->where[j], options->where[i], length + 1) == 0)
                any =
                    any || strcmp(options->where[j] + length + 1, sample->values[column][row]) == 0;
        if (!any) return false;
    }
    return true;
}

static bool equal(const ll_sample *sample, const char *column, int64_t a, int64_t b)
{
    const int c = column_of(column, strlen(column));
    return strcmp(sample->values[c][a], sample->values[c][b]) == 0;
}

static bool is_neighbor(const ll_sample *sample, int64_t row, int64_t other)
{
    for (int64_t k = 0; k < sample->neighbors; k++)
        if (sample->index[row * sample->neighbors + k] == (uint32_t)other) return true;
    return false;
}

static naive naive_answer(const ll_sample *sample, int64_t row, const ll_query_options *options,
                          bool neighbors_only)
{
    const int64_t items = sample->options.items;
    const float *const scores = sample->scores + row * items;
    naive out = {calloc((size_t)items + 1, sizeof(int64_t)), 0, 0, -1};
    int64_t *const all = calloc((size_t)items + 1, sizeof *all);

    assert_true(out.rows != NULL && all != NULL);
    for (int64_t j = 0; j < items; j++) {
        if (j == row || !passes_where(sample, options, j)) continue;
        if (options->same != NULL && !equal(sample, options->same, row, j)) continue;
        if (options->distinct != NULL && equal(sample, options->distinct, row, j)) continue;
        if (sample->options.within && !equal(sample, "category", row, j)) continue;
        all[out.others++] = j;
    }
    g_sorted = sample;
    g_row = row;
    qsort(all, (size_t)out.others, sizeof *all, best_first);
    for (int64_t i = 0; i < out.others && out.count < options->top; i++) {
        if (scores[all[i]] > (float)options->max_score) continue;
        if (neighbors_only && !is_neighbor(sample, row, all[i])) continue;
        if (out.best < 0) out.best = all[i];
        if (scores[all[i]] < (float)options->min_score) break;
        bool listed = false;
        for (int64_t k = 0; k < out.count && options->distinct != NULL; k++)
            listed = listed || equal(sample, options->distinct, out.rows[k], all[i]);
        if (!listed) out.rows[out.count++] = all[i];
    }
    free(all);
    return out;
}

static void check_texts(const ll_sample *sample, const ll_query_answer *answer)
{
    assert_int_equal(answer->columns, LL_SAMPLE_COLUMNS);
    for (int64_t i = 0; i < answer->count; i++) {
        const ll_query_hit *const hit = &answer->hits[i];
        assert_string_equal(hit->id, sample->ids[hit->row]);
        assert_string_equal(hit->image, sample->images[hit->row]);
        for (int c = 0; c < answer->columns; c++)
            for (int s = 0; s < LL_SAMPLE_COLUMNS; s++)
                if (strcmp(answer->column_names[c], ll_sample_column_names[s]) == 0)
                    assert_string_equal(hit->attributes[c], sample->values[s][hit->row]);
    }
}

static const char *check_exact(const ll_sample *sample, const ll_query_answer *answer,
                               const naive *want)
{
    const float *const scores = sample->scores + answer->row * sample->options.items;

    if (answer->count != want->count) return "another number of items";
    for (int64_t i = 0; i < want->count; i++) {
        if (answer->hits[i].row != want->rows[i]) return "another item";
        if (answer->hits[i].score != scores[want->rows[i]]) return "another score";
    }
    if ((answer->best_id == NULL) != (want->best < 0)) return "no best";
    if (want->best >= 0 && (float)answer->best_score != scores[want->best]) return "another best";
    if (want->best >= 0 && strcmp(answer->best_id, sample->ids[want->best]) != 0)
        return "another best id";
    return NULL;
}

/* Without features the stored scores decide; then each must still be near the truth and in order.
 */
static const char *check_near(const ll_sample *sample, const ll_query_answer *answer)
{
    bool beyond = false;
    static const double k_bound[] = {0.0, 1e-6, 2.5e-4, 1.0 / 131070.0 + 1e-6};
    const float *const scores = sample->scores + answer->row * sample->options.items;

    for (int64_t i = 0; i < answer->count; i++) {
        const double off = (double)answer->hits[i].score - (double)scores[answer->hits[i].row];
        if (off > k_bound[sample->options.matrix] + 1e-7 ||
            off < -k_bound[sample->options.matrix] - 1e-7)
            return "a score far off";
        if (i > 0 && answer->hits[i].score > answer->hits[i - 1].score) return "out of order";
        if (is_neighbor(sample, answer->row, answer->hits[i].row)) {
            if (off != 0.0) return "a neighbour's score is known to the bit";
            if (beyond) return "an item beyond the neighbours above one";
        } else {
            beyond = true;
        }
    }
    return NULL;
}

static const char *check_answer(const ll_sample *sample, const ll_query_options *options,
                                const ll_query_answer *answer)
{
    const char *wrong = NULL;
    const bool matrix = sample->options.matrix != LL_MATRIX_NONE;
    naive want = naive_answer(sample, answer->row, options, false);
    naive near = naive_answer(sample, answer->row, options, true);

    check_texts(sample, answer);
    if (matrix && !answer->complete) wrong = "incomplete with a matrix";
    if (!answer->complete && sample->neighbors >= sample->options.items - 1)
        wrong = "incomplete with every item a neighbour";
    if (!answer->exact && (!matrix || sample->options.features)) wrong = "inexact for no reason";
    if (wrong == NULL && !answer->exact) wrong = check_near(sample, answer);
    if (wrong == NULL && answer->exact)
        wrong = check_exact(sample, answer, answer->complete ? &want : &near);
    if (wrong == NULL && answer->count == 0 && answer->others != want.others)
        wrong = "another number of others";
    free(want.rows);
    free(near.rows);
    return wrong;
}

static double unit(uint64_t *seed)
{
    return ((double)ll_random(seed) + 1.0) / 2.0;
}

/* A score that some item has to the bit, or one somewhere between. */
static double draw_score(const ll_sample *sample, int64_t row, uint64_t *seed)
{
    const int64_t items = sample->options.items;
    const int64_t other = (int64_t)(unit(seed) * (double)(items - 1));
    if (unit(seed) > 0.7) return unit(seed);
    /* as a person would give it: nine digits name a float, but are not equal to it */
    char text[32];
    snprintf(text, sizeof text, "%.9g", (double)sample->scores[row * items + other]);
    return strtod(text, NULL);
}

static ll_query_options draw_question(const ll_sample *sample, int64_t row, uint64_t *seed,
                                      const char *where[MAX_WHERE])
{
    static const char *const k_where[] = {"stock=yes",     "stock=no",
                                          "category=shoe", "category=hat, \"felt\"",
                                          "product=p1",    "category=none of these"};
    static const char *const k_columns[] = {"category", "product", "stock"};
    ll_query_options options = {.top = 1 + (int64_t)(unit(seed) * 12.0), .max_score = 1.0};

    if (unit(seed) < 0.2) options.top = sample->options.items + 5;
    if (unit(seed) < 0.8) options.min_score = draw_score(sample, row, seed);
    if (unit(seed) < 0.3) options.max_score = draw_score(sample, row, seed);
    options.where = where;
    while (options.where_count < MAX_WHERE && unit(seed) < 0.25)
        where[options.where_count++] = k_where[(int)(unit(seed) * 5.99)];
    if (unit(seed) < 0.2) options.same = k_columns[(int)(unit(seed) * 2.99)];
    if (unit(seed) < 0.3) options.distinct = k_columns[(int)(unit(seed) * 2.99)];
    return options;
}

/* How often each path was taken: a test that never leaves the neighbours proves little. */
static int64_t g_exact, g_inexact, g_incomplete, g_empty;

static void ask_index(const char *path, uint64_t index_seed)
{
    uint64_t seed = index_seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 8; i++)
        (void)ll_random(&seed);
    const bool few = index_seed % 5 == 0; /* every other item is a neighbour */
    const ll_sample_options made = {
        .seed = index_seed,
        .items = index_seed % 13 == 0 ? 1 : 2 + (int64_t)(unit(&seed) * (few ? 15.0 : 150.0)),
        .width = 1 + (int64_t)(unit(&seed) * 140.0),
        .neighbors = few ? 20 : 1 + (int64_t)(unit(&seed) * 20.0),
        .matrix = (ll_matrix_type)(index_seed % 4),
        .features = index_seed / 4 % 3 != 0,
        .trained = true,
        .within = unit(&seed) < 0.25,
    };
    ll_error err = LL_ERROR_INIT;
    ll_sample sample;
    ll_query *query = NULL;

    ll_sample_make(path, &made, &sample);
    if (ll_query_open(path, &query, &err) != LL_OK) fail_msg("%s", err.text);
    for (int q = 0; q < QUESTIONS; q++) {
        const int64_t row = (int64_t)(unit(&seed) * (double)(made.items - 1) + 0.5);
        const char *where[MAX_WHERE];
        const ll_query_options options = draw_question(&sample, row, &seed, where);
        ll_query_answer *answer = NULL;
        if (q == QUESTIONS / 2 && ll_query_warm(query, &err) != LL_OK) fail_msg("%s", err.text);
        if (ll_query_similar(query, row, &options, &answer, &err) != LL_OK)
            fail_msg("%s", err.text);
        const char *const wrong = check_answer(&sample, &options, answer);
        if (wrong != NULL)
            fail_msg("%s; again: QUERY_SEED=%llu property_query (question %d: row %lld top %lld "
                     "min %.9g max %.9g, %lld items)",
                     wrong, (unsigned long long)index_seed, q, (long long)row,
                     (long long)options.top, options.min_score, options.max_score,
                     (long long)made.items);
        g_exact += answer->exact && answer->complete;
        g_inexact += !answer->exact;
        g_incomplete += !answer->complete;
        g_empty += answer->count == 0;
        ll_query_answer_free(answer);
    }
    ll_query_close(query);
    ll_sample_release(&sample);
}

static void answers_are_those_of_the_definition(void **state)
{
    (void)state;
    char folder[] = "/tmp/property_query.XXXXXX", path[64];
    const char *const again = getenv("QUERY_SEED");

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
    print_message("%lld exact and complete, %lld inexact, %lld incomplete, %lld empty\n",
                  (long long)g_exact, (long long)g_inexact, (long long)g_incomplete,
                  (long long)g_empty);
    assert_true(g_exact > 500 && g_inexact > 50 && g_incomplete > 50 && g_empty > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_are_those_of_the_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
