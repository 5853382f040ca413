/* tests/agree/agree_normalize.c - unit rows against the definition in long double; hostile shapes
 * and values, a guard behind the matrix. */
#include "kernels/normalize.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int64_t rows, cols;
} k_shapes[] = {
    {0, 4096}, {1, 1}, {3, 31}, {5, 33}, {4, 63}, {4, 64}, {4, 65}, {7, 257}, {64, 4096},
};
static const double k_max_nmse = 1e-14; /* one rounding to f32 */
enum { GUARD = 16 };

static long double length(const float *row, int64_t cols)
{
    long double sum = 0.0L;
    for (int64_t j = 0; j < cols; j++)
        sum += (long double)row[j] * row[j];
    return sqrtl(sum);
}

static void check_shape(int64_t rows, int64_t cols, float scale)
{
    const int64_t n = rows * cols;
    uint64_t seed = 1;
    float *const got = calloc((size_t)(n + GUARD), sizeof *got);
    float *const want = calloc((size_t)(n + GUARD), sizeof *want);
    float *const norms = calloc((size_t)(rows + GUARD), sizeof *norms);
    assert_non_null(got);
    assert_non_null(want);
    assert_non_null(norms);

    for (int64_t i = cols; i < n; i++)
        got[i] = ll_random(&seed) * scale; /* row 0 stays zero */
    for (int i = 0; i < GUARD; i++)
        got[n + i] = want[n + i] = norms[rows + i] = 42.0f;
    memcpy(want, got, (size_t)n * sizeof *got);
    ll_normalize_rows_cpu(got, rows, cols, norms);
    for (int64_t i = 0; i < rows; i++) {
        const long double norm = length(want + i * cols, cols);
        assert_true(fabsl(norms[i] - norm) <= 1e-7L * norm);
        for (int64_t j = 0; j < cols; j++)
            want[i * cols + j] = norm > 0.0L ? (float)(want[i * cols + j] / norm) : 0.0f;
    }
    const double nmse = ll_nmse(got, want, n);
    if (!(nmse <= k_max_nmse))
        fail_msg("normalize rows=%lld cols=%lld scale=%g seed=1: nmse %.2e", (long long)rows,
                 (long long)cols, (double)scale, nmse);
    assert_memory_equal(got + n, want + n, GUARD * sizeof *got);
    assert_true(norms[rows] == 42.0f);
    free(norms);
    free(want);
    free(got);
}

static void rows_agree_with_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++) {
        check_shape(k_shapes[i].rows, k_shapes[i].cols, 1.0f);
        check_shape(k_shapes[i].rows, k_shapes[i].cols, 1e30f);  /* squares leave f32 */
        check_shape(k_shapes[i].rows, k_shapes[i].cols, 1e-30f); /* and vanish in it */
    }
}

static void zero_row_stays_zero(void **state)
{
    (void)state;
    float x[3][5] = {{0}, {3.0f, 4.0f}, {FLT_TRUE_MIN}}, norms[3];
    const float zero[5] = {0};
    ll_normalize_rows_cpu(&x[0][0], 3, 5, norms);
    assert_memory_equal(x[0], zero, sizeof zero);
    assert_true(norms[0] == 0.0f && norms[1] == 5.0f && norms[2] == FLT_TRUE_MIN);
    assert_true(x[1][0] == 0.6f && x[1][1] == 0.8f && x[2][0] == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_agree_with_the_definition),
        cmocka_unit_test(zero_row_stays_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
