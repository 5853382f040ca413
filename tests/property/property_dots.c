/* tests/property/property_dots.c - the float32 matrix keeps its promise for rows made to break it.
 *
 * Sums go wrong most where all roundings agree: in rows of one value, or nearly. The columns such a
 * row fills are drawn, for every number gives another value and other roundings. Cosines of rows
 * with but one value apart from zero are what the exact scores say, pair by pair; so are those of
 * two, sorted, one-hot and nearly constant rows, beside ordinary ones. `property_dots SEED` runs
 * one case. */
#include "host/backend/cpu/cpu_dots.h"
#include "host/backend/cpu/cpu_dots_block.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 24, ROWS = 50, STRIDE = 64 };
static const double k_promise = 1e-6;

static int64_t below(uint64_t *seed, int64_t limit)
{
    return (int64_t)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

static float *room(int64_t count)
{
    float *const memory = aligned_alloc(64, ((size_t)count * sizeof *memory + 127) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0, (size_t)count * sizeof *memory);
    return memory;
}

static float draw_value(uint64_t *seed, int kind, int64_t k, int64_t filled, int64_t cols)
{
    switch (kind) {
    case 0: return k < filled ? 1.0f : 0.0f;                   /* constant, then zero */
    case 1: return 1.0f + 1e-4f * ll_random(seed);             /* nearly constant */
    case 2: return k % 2 ? 1.0f : (float)filled / (float)cols; /* two values in turn */
    case 3: return k == filled ? 1.0f : 0.0f;                  /* one-hot */
    case 4: return (float)k / (float)cols;                     /* sorted, upwards */
    case 5: return k < filled ? 1.0f : 1e-3f;                  /* two values in a row */
    case 6: return 1.0f + 1e-7f * (float)below(seed, 4);       /* constant but for noise */
    default: return fmaxf(ll_random(seed), 0.0f);              /* activations */
    }
}

/* Unit rows, but scaled a little off unit length as compare_begin lets pass. */
static void draw_rows(uint64_t *seed, int64_t cols, float *rows, double *inverses)
{
    const int only = (int)below(seed, 10); /* all rows of one kind, or of all kinds */

    for (int64_t r = 0; r < ROWS; r++) {
        float *const row = rows + r * cols;
        const int kind = only < 8 ? only : (int)below(seed, 8);
        const int64_t filled = below(seed, cols);
        double sum = 0.0;
        for (int64_t k = 0; k < cols; k++) {
            row[k] = draw_value(seed, kind, k, filled, cols);
            sum += (double)row[k] * (double)row[k];
        }
        const double scale = (1.0 + 5e-6 * (double)ll_random(seed)) / sqrt(sum > 0.0 ? sum : 1.0);
        for (int64_t k = 0; k < cols; k++)
            row[k] = (float)((double)row[k] * scale);
        const double square = ll_rescore_dot_cpu(row, row, cols);
        inverses[r] = square > 0.0 ? 1.0 / sqrt(square) : 0.0;
    }
}

static void check_case(uint64_t number, ll_dots_block_fn *block, const char *name)
{
    static const int64_t all_cols[] = {1, 31, 33, 64, 511, 513, 4096, 4097, 25088};
    uint64_t draws = number * 0x9E3779B97F4A7C15u + 1;
    const int64_t cols = all_cols[number % 9];
    double inverses[ROWS], worst = 0.0;
    float *const rows = room(ROWS * cols);
    float *const panel = room(ll_cpu_dots_panel_floats(ROWS, cols));
    float *const scores = room(STRIDE * STRIDE), *const upper = room(STRIDE * STRIDE);
    double *const totals =
        ll_cpu_dots_needs_totals(cols) ? (double *)room(2 * STRIDE * STRIDE) : NULL;

    draw_rows(&draws, cols, rows, inverses);
    ll_cpu_dots_pack(rows, ROWS, cols, panel);
    const ll_dots_rows packed = {panel, inverses, ROWS};
    ll_cpu_dots_scores_by(block, &packed, &packed, cols, false, scores, totals, STRIDE);
    ll_cpu_dots_scores_by(block, &packed, &packed, cols, true, upper, totals, STRIDE);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t c = 0; c < ROWS; c++) {
            const float *const x = rows + r * cols, *const y = rows + c * cols;
            const float exact =
                ll_rescore_score(ll_rescore_dot_cpu(x, y, cols), ll_rescore_dot_cpu(x, x, cols),
                                 ll_rescore_dot_cpu(y, y, cols));
            worst = fmax(worst, fabs((double)scores[r * STRIDE + c] - (double)exact));
            assert_true(scores[r * STRIDE + c] == scores[c * STRIDE + r]);
            assert_true(c < r || upper[r * STRIDE + c] == scores[r * STRIDE + c]);
        }
    fprintf(stderr, "repro: property_dots %llu (%s, cols %lld) worst %.3g\n",
            (unsigned long long)number, name, (long long)cols, worst);
    assert_true(worst <= k_promise);
    free(totals);
    free(upper);
    free(scores);
    free(panel);
    free(rows);
}

/* By the inner loop of this processor, and by those of lesser ones. */
static void check_case_by_all(uint64_t number)
{
    check_case(number, ll_cpu_dots_block_plain, "plain");
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check_case(number, ll_cpu_dots_block_avx2, "avx2");
    if (__builtin_cpu_supports("avx512f")) check_case(number, ll_cpu_dots_block_avx512, "avx512");
#endif
}

static void hostile_rows_stay_within_a_millionth(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= CASES; number++)
        check_case_by_all(number);
}

/* A pair's bits do not depend on what stands beside it: the same rows, fewer and moved. */
static void a_score_does_not_depend_on_its_neighbours(void **state)
{
    enum { COLS = 1500, FIRST = 13, FEW = 7 };
    uint64_t seed = 77;
    double inverses[ROWS];
    float *const rows = room(ROWS * COLS), *const scores = room(STRIDE * STRIDE);
    float *const panel = room(ll_cpu_dots_panel_floats(ROWS, COLS)), *const few = room(STRIDE * 16);
    float *const few_panel = room(ll_cpu_dots_panel_floats(FEW, COLS));

    (void)state;
    draw_rows(&seed, COLS, rows, inverses);
    ll_cpu_dots_pack(rows, ROWS, COLS, panel);
    ll_cpu_dots_pack(rows + FIRST * COLS, FEW, COLS, few_panel);
    const ll_dots_rows all = {panel, inverses, ROWS}, some = {few_panel, inverses + FIRST, FEW};
    ll_cpu_dots_scores(&all, &all, COLS, false, scores, NULL, STRIDE);
    ll_cpu_dots_scores(&some, &all, COLS, false, few, NULL, STRIDE);
    for (int r = 0; r < FEW; r++)
        assert_memory_equal(few + r * STRIDE, scores + (FIRST + r) * STRIDE, ROWS * sizeof *few);
    free(few_panel);
    free(few);
    free(panel);
    free(scores);
    free(rows);
}

#ifdef __x86_64__
/* A fused product and sum is the same whatever the vectors' width. */
static void avx2_and_avx512_give_the_same_bits(void **state)
{
    enum { COLS = 300, SLIVER = LL_DOTS_SLIVER };
    uint64_t seed = 99;
    float *const x = room(COLS * SLIVER), *const y = room(COLS * SLIVER);
    float *const narrow = room(SLIVER * SLIVER), *const wide = room(SLIVER * SLIVER);
    float *const plain = room(SLIVER * SLIVER);

    (void)state;
    for (int i = 0; i < COLS * SLIVER; i++) {
        x[i] = ll_random(&seed);
        y[i] = ll_random(&seed);
    }
    ll_cpu_dots_block_plain(x, y, COLS, false, plain, SLIVER);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        ll_cpu_dots_block_avx2(x, y, COLS, false, narrow, SLIVER);
        for (int i = 0; i < SLIVER * SLIVER; i++)
            assert_true(fabsf(narrow[i] - plain[i]) <= 1e-3f);
    }
    if (__builtin_cpu_supports("avx512f")) {
        ll_cpu_dots_block_avx512(x, y, COLS, false, wide, SLIVER);
        assert_memory_equal(wide, narrow, SLIVER * SLIVER * sizeof *wide);
    }
    free(plain);
    free(wide);
    free(narrow);
    free(y);
    free(x);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_rows_stay_within_a_millionth),
        cmocka_unit_test(a_score_does_not_depend_on_its_neighbours),
#ifdef __x86_64__
        cmocka_unit_test(avx2_and_avx512_give_the_same_bits),
#endif
    };

    if (argc == 2) {
        check_case_by_all(strtoull(argv[1], NULL, 10));
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
