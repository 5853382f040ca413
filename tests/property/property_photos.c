/* tests/property/property_photos.c - what is listed for photos that are no items is that of the
 * plain definition: score everything, filter, sort, cut; an item's own photo scores exactly 1.
 * Drawn from a seed; a failure prints the line that repeats it. */
#include "host/query/photo_rank.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INDEXES = 60, QUESTIONS = 12, PHOTOS = 4 };

static int64_t g_listed, g_empty, g_own, g_distinct;

static double unit(uint64_t *seed)
{
    return ((double)ll_random(seed) + 1.0) / 2.0;
}

/* Photos: an item's own features, a little off them, and nothing like them. */
static void draw_photos(const ll_sample *sample, uint64_t *seed, float *features, int64_t *own)
{
    const int64_t width = sample->options.width;

    for (int p = 0; p < PHOTOS; p++) {
        const int64_t row = (int64_t)(unit(seed) * (double)(sample->options.items - 1) + 0.5);
        const float spread = p == 0 ? 0.0f : p == 1 ? 0.001f : 0.7f;
        own[p] = p == 0 ? row : -1;
        for (int64_t k = 0; k < width; k++) {
            features[p * width + k] =
                sample->features[row * width + k] * (1.0f + spread * ll_random(seed));
            if (p == PHOTOS - 1) features[p * width + k] = (float)unit(seed);
        }
    }
}

static bool accepts(const ll_sample *sample, const ll_query_options *options, int64_t row)
{
    for (int64_t i = 0; i < options->where_count; i++)
        if (strcmp(options->where[i] + strlen("stock="), sample->values[2][row]) != 0) return false;
    return true;
}

/* Next best row by score, ties by row, after (score, row); -1 if none. */
static int64_t next_best(const float *scores, int64_t items, float score, int64_t row)
{
    int64_t best = -1;
    for (int64_t i = 0; i < items; i++) {
        if (isnan(scores[i]) || scores[i] > score || (scores[i] == score && i <= row)) continue;
        if (best < 0 || scores[i] > scores[best]) best = i;
    }
    return best;
}

/* NULL if the answer is right. */
static const char *check(const ll_sample *sample, const ll_query_options *options,
                         const float *photo, const ll_query_answer *answer)
{
    const int64_t items = sample->options.items, width = sample->options.width;
    float *const scores = calloc((size_t)items + 1, sizeof *scores);
    int64_t listed = 0, others = 0, best = -1, row = -1;
    const char *wrong = NULL;

    assert_non_null(scores);
    for (int64_t i = 0; i < items; i++) {
        const float *const x = sample->features + i * width;
        const float score = ll_rescore_score(ll_rescore_dot_cpu(photo, x, width),
                                             ll_rescore_dot_cpu(photo, photo, width),
                                             ll_rescore_dot_cpu(x, x, width));
        const bool accepted = accepts(sample, options, i);
        others += accepted;
        scores[i] = accepted && score <= (float)options->max_score ? score : NAN;
    }
    float score = 2.0f;
    while (wrong == NULL && (row = next_best(scores, items, score, row)) >= 0) {
        bool first = true;
        score = scores[row];
        if (best < 0) best = row;
        if (score < (float)options->min_score || listed == options->top) break;
        for (int64_t i = 0; i < listed && options->distinct != NULL; i++)
            first = first &&
                    strcmp(sample->values[1][answer->hits[i].row], sample->values[1][row]) != 0;
        if (!first) continue;
        if (listed == answer->count || answer->hits[listed].row != row ||
            answer->hits[listed].score != score ||
            strcmp(answer->hits[listed].id, sample->ids[row]) != 0)
            wrong = "listed";
        listed++;
    }
    if (wrong == NULL && listed != answer->count) wrong = "count";
    if (wrong == NULL && answer->others != others) wrong = "others";
    if (wrong == NULL && best < 0 && !isnan(answer->best_score)) wrong = "a best of none";
    if (wrong == NULL && best >= 0 &&
        (answer->best_score != (double)scores[best] ||
         strcmp(answer->best_id, sample->ids[best]) != 0))
        wrong = "best";
    if (!answer->complete || !answer->exact || answer->row != -1) wrong = "doubts";
    free(scores);
    return wrong;
}

static void ask_photos(ll_query *query, const ll_sample *sample, const ll_query_photos *photos,
                       const int64_t *own, uint64_t *seed, uint64_t index_seed)
{
    static const char *const k_where[] = {"stock=yes", "stock=none of these"};
    ll_query_options options = {.top = 1 + (int64_t)(unit(seed) * 12.0), .max_score = 1.0};
    const double draw = unit(seed);
    ll_query_answer *answers[PHOTOS] = {NULL};
    ll_error err = LL_ERROR_INIT;

    if (unit(seed) < 0.2) options.top = sample->options.items + 5;
    if (unit(seed) < 0.5) options.min_score = unit(seed);
    if (unit(seed) < 0.3) options.max_score = 0.5 + unit(seed) / 2.0;
    options.where = draw < 0.3 ? &k_where[0] : &k_where[1];
    options.where_count = draw < 0.4;
    if (unit(seed) < 0.4) options.distinct = "product";
    const int threads = 1 + (int)(unit(seed) * 3.99);
    if (ll_query_photos_similar(query, photos, &options, threads, NULL, answers, &err) != LL_OK)
        fail_msg("%s", err.text);
    for (int p = 0; p < PHOTOS; p++) {
        const char *const wrong =
            check(sample, &options, photos->features + p * sample->options.width, answers[p]);
        if (wrong != NULL)
            fail_msg("%s; again: PHOTOS_SEED=%llu property_photos (photo %d, top %lld, %lld items, "
                     "%d threads)",
                     wrong, (unsigned long long)index_seed, p, (long long)options.top,
                     (long long)sample->options.items, threads);
        if (own[p] >= 0 && options.max_score == 1.0 && accepts(sample, &options, own[p])) {
            assert_true(answers[p]->best_score == 1.0);
            g_own++;
        }
        assert_string_equal(answers[p]->id, photos->names[p]);
        g_listed += answers[p]->count;
        g_empty += answers[p]->count == 0;
        g_distinct += options.distinct != NULL;
        ll_query_answer_free(answers[p]);
    }
}

static void ask_index(const char *path, uint64_t index_seed)
{
    uint64_t seed = index_seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < 8; i++)
        (void)ll_random(&seed);
    const ll_sample_options made = {
        .seed = index_seed,
        .items = index_seed % 13 == 0 ? 1 : 2 + (int64_t)(unit(&seed) * 400.0),
        .width = 1 + (int64_t)(unit(&seed) * 140.0),
        .neighbors = 1,
        .matrix = LL_MATRIX_NONE,
        .features = true,
        .trained = true,
        .within = unit(&seed) < 0.25,
    };
    static const char *const k_names[PHOTOS] = {"own", "near", "like", "other"};
    ll_error err = LL_ERROR_INIT;
    ll_sample sample;
    ll_query *query = NULL;
    int64_t own[PHOTOS];
    float *const features = calloc((size_t)(PHOTOS * made.width), sizeof *features);

    assert_non_null(features);
    ll_sample_make(path, &made, &sample);
    if (ll_query_open(path, &query, &err) != LL_OK) fail_msg("%s", err.text);
    for (int q = 0; q < QUESTIONS; q++) {
        const ll_query_photos photos = {k_names, features, PHOTOS};
        draw_photos(&sample, &seed, features, own);
        ask_photos(query, &sample, &photos, own, &seed, index_seed);
    }
    ll_query_close(query);
    ll_sample_release(&sample);
    free(features);
}

static void photos_are_answered_by_the_definition(void **state)
{
    (void)state;
    char folder[] = "/tmp/property_photos.XXXXXX", path[64];
    const char *const again = getenv("PHOTOS_SEED");

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
    print_message("%lld listed, %lld empty, %lld own photos, %lld distinct\n", (long long)g_listed,
                  (long long)g_empty, (long long)g_own, (long long)g_distinct);
    assert_true(g_listed > 5000 && g_empty > 50 && g_own > 50 && g_distinct > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(photos_are_answered_by_the_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
