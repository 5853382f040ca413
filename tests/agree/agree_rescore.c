/* tests/agree/agree_rescore.c - the score against its definition, to the bit. */
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

/* As kernels/rescore.h says it, one addition at a time. `volatile` keeps the order. */
static double naive_dot(const float *x, const float *y, int64_t cols)
{
    volatile double partial[64] = {0.0};

    for (int64_t k = 0; k < cols; k++)
        partial[k % 64] = partial[k % 64] + (double)x[k] * (double)y[k];
    for (int s = 32; s > 0; s /= 2)
        for (int l = 0; l < s; l++)
            partial[l] = partial[l] + partial[l + s];
    return partial[0];
}

static float naive_score(const float *x, const float *y, int64_t cols)
{
    const double lengths = sqrt(naive_dot(x, x, cols) * naive_dot(y, y, cols));
    const float score = lengths == 0.0 ? 0.0f : (float)(naive_dot(x, y, cols) / lengths);
    return score < 0.0f ? 0.0f : score > 1.0f ? 1.0f : score;
}

/* Like activations: half of them zero, sizes over many powers of two; or of both signs. */
static void draw(float *x, int64_t n, int positive, uint64_t *seed)
{
    for (int64_t k = 0; k < n; k++) {
        const float value = ll_random(seed) * ldexpf(1.0f, (int)(20.0f * ll_random(seed)));
        x[k] = positive && value < 0.0f ? 0.0f : value;
    }
}

static void check(int64_t cols, int positive)
{
    enum { ROWS = 9, COUNT = 12, GUARD = 4 };
    const float untouched = -7.0f;
    uint64_t seed = (uint64_t)cols * 2654435761u + 1;
    float *const x = calloc((size_t)(ROWS * cols), sizeof *x);
    double squares[ROWS];
    float scores[COUNT + GUARD];
    uint32_t columns[COUNT] = {3, 0, 1, 2, UINT32_MAX, 4, 8, 7, 6, 5, UINT32_MAX, UINT32_MAX};

    assert_non_null(x);
    draw(x, ROWS * cols, positive, &seed);
    memcpy(x + 5 * cols, x + 2 * cols, (size_t)cols * sizeof *x); /* twins */
    memset(x + 7 * cols, 0, (size_t)cols * sizeof *x);            /* nothing at all */
    ll_rescore_squares_cpu(x, ROWS, cols, squares);
    for (int i = 0; i < ROWS; i++) {
        const double want = naive_dot(x + i * cols, x + i * cols, cols);
        assert_memory_equal(&squares[i], &want, sizeof want);
        for (int c = 0; c < COUNT + GUARD; c++)
            scores[c] = untouched;
        ll_rescore_cpu(x, cols, squares, i, columns, COUNT, scores);
        for (int c = 0; c < COUNT + GUARD; c++) {
            float score = untouched;
            if (c < COUNT && columns[c] != UINT32_MAX)
                score = naive_score(x + i * cols, x + columns[c] * cols, cols);
            if (memcmp(&scores[c], &score, sizeof score) != 0)
                fail_msg("cols %lld positive %d row %d place %d: %a instead of %a", (long long)cols,
                         positive, i, c, (double)scores[c], (double)score);
        }
    }
    free(x);
}

/* Parts of some rows against all: what the scores of pairs are, and nothing beside them. */
static void rows_against_all_are_their_pairs(void **state)
{
    enum { ALL = 21, COLS = 130, COUNT = 4 };
    static const uint32_t k_rows[COUNT] = {20, 0, 7, 7};
    float x[ALL * COLS], got[COUNT * ALL], want[COUNT * ALL];
    uint32_t columns[ALL];
    double squares[ALL];
    uint64_t seed = 6;

    (void)state;
    draw(x, ALL * COLS, 1, &seed);
    ll_rescore_squares_cpu(x, ALL, COLS, squares);
    for (uint32_t c = 0; c < ALL; c++)
        columns[c] = c >= 3 && c < 17 ? c : UINT32_MAX;
    for (int i = 0; i < COUNT * ALL; i++)
        got[i] = want[i] = -7.0f;
    ll_rescore_rows_cpu(x, ALL, COLS, squares, k_rows, COUNT, 3, 9, got);
    ll_rescore_rows_cpu(x, ALL, COLS, squares, k_rows, COUNT, 9, 17, got);
    ll_rescore_rows_cpu(x, ALL, COLS, squares, k_rows, COUNT, 17, 17, got);
    for (int r = 0; r < COUNT; r++)
        ll_rescore_cpu(x, COLS, squares, k_rows[r], columns, ALL, want + r * ALL);
    assert_memory_equal(got, want, sizeof got);
}

static void scores_are_the_definition_to_the_bit(void **state)
{
    static const int64_t cols[] = {1, 2, 3, 31, 63, 64, 65, 127, 128, 129, 200, 4095, 4096, 25088};
    (void)state;
    for (size_t i = 0; i < sizeof cols / sizeof cols[0]; i++) {
        check(cols[i], 1);
        check(cols[i], 0);
    }
}

static void twins_score_one_and_nothing_scores_nothing(void **state)
{
    uint64_t seed = 99;
    float x[77];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        const int64_t cols = 1 + i % 77;
        draw(x, cols, i % 2, &seed);
        x[0] += 1.0f;
        const double xx = ll_rescore_dot_cpu(x, x, cols);
        assert_true(ll_rescore_score(xx, xx, xx) == 1.0f);
    }
    assert_true(ll_rescore_score(0.0, 0.0, 1.0) == 0.0f);
    assert_true(ll_rescore_score(0.0, 1.0, 0.0) == 0.0f);
    assert_true(ll_rescore_score(-0.5, 1.0, 1.0) == 0.0f);
    assert_true(!signbit(ll_rescore_score(-1e-300, 1.0, 1.0)));
    assert_true(ll_rescore_score(1.0000001, 1.0, 1.0) == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_the_definition_to_the_bit),
        cmocka_unit_test(rows_against_all_are_their_pairs),
        cmocka_unit_test(twins_score_one_and_nothing_scores_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
