/* tests/agree/agree_halve.c - float16 against its definition, and that the two costs of a halved
 * row bound what they are said to bound. */
#include "kernels/half.h"
#include "kernels/halve.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>

enum { INFINITE = 0x7C00, SIGN = 0x8000 };

static double value_of(int half)
{
    const int exponent = half >> 10, mantissa = half & 0x3FF;
    return exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
}

static void expect(double size, int half)
{
    const float x = (float)size;
    if (ll_half_bits(x) != half || ll_half_bits(-x) != (half | SIGN))
        fail_msg("float16 of %a: %#x and %#x, not %#x", size, ll_half_bits(x), ll_half_bits(-x),
                 half);
}

/* Each value, the tie above it, and the f32 on both sides of the tie. The one above the last is
 * where infinity begins. */
static void float16_takes_the_nearest_and_ties_go_to_even(void **state)
{
    (void)state;
    for (int half = 0; half < INFINITE; half++) {
        const double value = value_of(half), next = value_of(half + 1);
        const float tie = (float)(0.5 * (value + next));
        assert_true((double)ll_half_value((uint16_t)half) == value);
        assert_true((double)ll_half_value((uint16_t)(half | SIGN)) == -value);
        expect(value, half);
        expect((double)tie, half + half % 2);
        expect((double)nextafterf(tie, 0.0f), half);
        expect((double)nextafterf(tie, 1e9f), half + 1);
    }
    expect((double)INFINITY, INFINITE);
    expect(1e30, INFINITE);
    assert_int_equal(ll_half_bits(NAN), 0x7FFF);
}

static double length(const float *x, const uint16_t *half, int64_t cols)
{
    long double sum = 0.0L;
    for (int64_t j = 0; j < cols; j++) {
        const long double value = (long double)value_of(half[j]) / LL_HALVE_SCALE;
        const long double part = x != NULL ? (long double)x[j] - value : value;
        sum += part * part;
    }
    return (double)sqrtl(sum);
}

static void check_row(int64_t cols, float scale, uint64_t *seed)
{
    float *const unit = calloc((size_t)cols, sizeof *unit);
    uint16_t *const half = calloc((size_t)cols, sizeof *half);
    float residual = -1.0f, size = -1.0f;

    assert_true(unit != NULL && half != NULL);
    for (int64_t j = 0; j < cols; j++)
        unit[j] = fabsf(ll_random(seed)) * scale;
    ll_halve_rows_cpu(unit, 1, cols, half, &residual, &size);
    for (int64_t j = 0; j < cols; j++)
        assert_int_equal(half[j], ll_half_bits(64.0f * unit[j]));
    const double want_residual = length(unit, half, cols), want_size = length(NULL, half, cols);
    /* At least the length, and no more than two of the last bit above it. */
    assert_true((double)residual >= want_residual);
    assert_true((double)size >= want_size);
    assert_true((double)residual <= want_residual * (1.0 + 0x1p-22) + 0x1p-149);
    assert_true((double)size <= want_size * (1.0 + 0x1p-22) + 0x1p-149);
    free(half);
    free(unit);
}

static void costs_are_lengths_rounded_up(void **state)
{
    static const int64_t cols[] = {1, 2, 63, 64, 65, 1000, 4096, 25088};
    static const float scales[] = {1.0f, 0.02f, 1e-4f, 1e-9f, 0.0f};
    uint64_t seed = 17;

    (void)state;
    for (size_t i = 0; i < sizeof cols / sizeof cols[0]; i++)
        for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++)
            check_row(cols[i], scales[k], &seed);
}

/* What section 6 of the design builds on: |u_i . u_j - h_i . h_j / 4096| is within the bound. */
static void products_stay_within_the_bound(void **state)
{
    enum { ROWS = 12, COLS = 300 };
    float unit[ROWS * COLS], residual[ROWS], size[ROWS];
    uint16_t half[ROWS * COLS];
    uint64_t seed = 23;

    (void)state;
    for (int i = 0; i < ROWS * COLS; i++)
        unit[i] = fmaxf(ll_random(&seed), 0.0f) * (i % 13 == 0 ? 0.1f : 0.001f);
    ll_halve_rows_cpu(unit, ROWS, COLS, half, residual, size);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            long double exact = 0.0L, fast = 0.0L, own = 0.0L;
            for (int k = 0; k < COLS; k++) {
                exact += (long double)unit[i * COLS + k] * (long double)unit[j * COLS + k];
                own += (long double)unit[i * COLS + k] * (long double)unit[i * COLS + k];
                fast += (long double)value_of(half[i * COLS + k]) *
                        (long double)value_of(half[j * COLS + k]) / 4096.0L;
            }
            assert_true(fabsl(exact - fast) <= (long double)residual[i] * (long double)size[j] +
                                                   sqrtl(own) * (long double)residual[j]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float16_takes_the_nearest_and_ties_go_to_even),
        cmocka_unit_test(costs_are_lengths_rounded_up),
        cmocka_unit_test(products_stay_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
