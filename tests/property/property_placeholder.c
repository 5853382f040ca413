/* tests/property/property_placeholder.c - "no image yet": one picture 5 000 times among 300 others,
 * far beyond K + M. Each of its rows has the K lowest other rows of it, at 1; the others'
 * neighbours are those of the definition. */
#include "host/similarity/similarity.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { PLACEHOLDERS = 5000, OTHERS = 300, ROWS = PLACEHOLDERS + OTHERS, COLS = 16, K = 20 };

struct result {
    uint32_t index[ROWS * K];
    float score[ROWS * K];
    int64_t rows;
    ll_similarity_summary summary;
};

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    struct result *const result = to;

    (void)err;
    assert_int_equal(row, result->rows);
    memcpy(result->index + row * K, index, (size_t)(rows * K) * sizeof *index);
    memcpy(result->score + row * K, score, (size_t)(rows * K) * sizeof *score);
    result->rows += rows;
    return LL_OK;
}

static void run(const float *features, struct result *result)
{
    const ll_backend_options backend = {.name = "cpu", .threads = 2, .slots = 1};
    const ll_similarity_options options = {.features = features,
                                           .rows = ROWS,
                                           .cols = COLS,
                                           .neighbors = K,
                                           .neighbor_sink = {result, receive_neighbors}};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    if (ll_backend_open(&backend, &be, &err) != LL_OK) fail_msg("%s", err.text);
    if (ll_similarity_run(be, &options, &result->summary, &err) != LL_OK) fail_msg("%s", err.text);
    ll_backend_close(be);
}

static void draw_row(float *row, uint64_t *seed)
{
    double sum = 0.0;

    for (int64_t k = 0; k < COLS; k++) {
        row[k] = fabsf(ll_random(seed));
        sum += (double)row[k] * (double)row[k];
    }
    for (int64_t k = 0; k < COLS; k++)
        row[k] = (float)((double)row[k] / sqrt(sum));
}

static void check_placeholder(const struct result *result, const int64_t *place, int64_t row)
{
    int64_t other = 0;

    for (int c = 0; c < K; c++, other++) {
        if (place[other] == row) other++;
        assert_int_equal(result->index[row * K + c], place[other]);
        assert_true(result->score[row * K + c] == 1.0f);
    }
}

/* Row `row` by the definition: nobody left out comes before the last, and the order is right. */
static void check_row(const float *features, const struct result *result, int64_t row)
{
    const uint32_t *const index = result->index + row * K;
    const float *const score = result->score + row * K;
    const float *const x = features + row * COLS;
    const double xx = ll_rescore_dot_cpu(x, x, COLS);
    int64_t before = 0;

    for (int64_t c = 0; c < ROWS; c++) {
        const float *const y = features + c * COLS;
        const float exact =
            ll_rescore_score(ll_rescore_dot_cpu(x, y, COLS), xx, ll_rescore_dot_cpu(y, y, COLS));
        const float last = score[K - 1];
        if (c == row) continue;
        before += exact > last || (exact == last && c <= (int64_t)index[K - 1]);
        for (int k = 0; k < K; k++)
            if ((int64_t)index[k] == c) assert_true(score[k] == exact);
    }
    assert_int_equal(before, K);
    for (int k = 1; k < K; k++)
        assert_true(score[k] < score[k - 1] ||
                    (score[k] == score[k - 1] && index[k] > index[k - 1]));
}

static void one_picture_five_thousand_times(void **state)
{
    uint64_t seed = 5;
    float *const features = calloc((size_t)ROWS * COLS, sizeof *features);
    int64_t *const place = calloc(PLACEHOLDERS, sizeof *place);
    struct result *const result = calloc(1, sizeof *result);
    int64_t places = 0;

    (void)state;
    assert_true(features != NULL && place != NULL && result != NULL);
    for (int64_t i = 0; i < ROWS; i++) {
        const bool other = i % 17 == 3 && i / 17 < OTHERS;
        if (!other && places > 0)
            memcpy(features + i * COLS, features + place[0] * COLS, COLS * sizeof *features);
        else
            draw_row(features + i * COLS, &seed);
        if (!other) place[places++] = i;
    }
    assert_int_equal(places, PLACEHOLDERS);
    run(features, result);
    for (int64_t i = 0; i < PLACEHOLDERS; i++)
        check_placeholder(result, place, place[i]);
    for (int64_t i = 3; i < 17 * OTHERS; i += 17)
        check_row(features, result, i);
    assert_true(result->summary.rows_redone >= PLACEHOLDERS);
    assert_true(result->summary.rows_with_ten >= PLACEHOLDERS);
    free(features);
    free(place);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_picture_five_thousand_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
