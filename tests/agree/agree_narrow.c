/* tests/agree/agree_narrow.c - narrowed scores against their definition: every float16 and uint16
 * there is, every tie between two of them, and the f32 on both sides of each tie. */
#include "kernels/narrow.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { ONE = 0x3C00, SIDES = 5 };

static double float16_value(int bits)
{
    const int exponent = bits >> 10, mantissa = bits & 0x3FF;
    return exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
}

/* The float16 nearest to `score`, ties to the even one, found by bisection over all of them. */
static int nearest_float16(double score)
{
    int low = 0, high = ONE;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (float16_value(middle) <= score)
            low = middle;
        else
            high = middle;
    }
    const double below = score - float16_value(low), above = float16_value(high) - score;
    return below < above ? low : above < below ? high : low % 2 == 0 ? low : high;
}

/* The value itself, its two neighbours and theirs, kept within [0, 1]. */
static void around(double value, float out[SIDES])
{
    out[2] = (float)value;
    out[1] = fmaxf(nextafterf(out[2], -1.0f), 0.0f);
    out[0] = fmaxf(nextafterf(out[1], -1.0f), 0.0f);
    out[3] = fminf(nextafterf(out[2], 2.0f), 1.0f);
    out[4] = fminf(nextafterf(out[3], 2.0f), 1.0f);
}

static void check_float16(const float *scores, int count)
{
    uint16_t got[SIDES + 1];

    got[count] = 0xABCD;
    ll_narrow_float16_cpu(scores, count, got);
    for (int i = 0; i < count; i++)
        if (got[i] != nearest_float16((double)scores[i]))
            fail_msg("float16 of %a: %#x", (double)scores[i], got[i]);
    assert_int_equal(got[count], 0xABCD);
}

static void check_uint16(const float *scores, int count)
{
    uint16_t got[SIDES + 1];

    got[count] = 0xABCD;
    ll_narrow_uint16_cpu(scores, count, got);
    for (int i = 0; i < count; i++) /* 64 bits of mantissa: the product and the sum are exact */
        if (got[i] != (int)floorl((long double)scores[i] * 65535.0L + 0.5L))
            fail_msg("uint16 of %a: %d", (double)scores[i], got[i]);
    assert_int_equal(got[count], 0xABCD);
}

static void float16_takes_the_nearest_and_ties_go_to_even(void **state)
{
    float scores[SIDES];

    (void)state;
    for (int bits = 0; bits <= ONE; bits++) {
        around(float16_value(bits), scores);
        check_float16(scores, SIDES);
        if (bits == ONE) break;
        around(0.5 * (float16_value(bits) + float16_value(bits + 1)), scores);
        check_float16(scores, SIDES);
    }
}

static void uint16_takes_the_nearest(void **state)
{
    float scores[SIDES];

    (void)state;
    for (int step = 0; step <= 65535; step++) {
        around(step / 65535.0, scores);
        check_uint16(scores, SIDES);
        around(fmin((step + 0.5) / 65535.0, 1.0), scores);
        check_uint16(scores, SIDES);
    }
}

/* Counts that leave a rest after any vector width; and the stated bounds. */
static void long_rows_and_the_stated_bounds(void **state)
{
    enum { MOST = 1100 };
    float scores[MOST] = {0.0f};
    uint16_t half[MOST], step[MOST];
    uint64_t seed = 5;

    (void)state;
    for (int count = 0; count < MOST; count += 1 + count / 9) {
        for (int i = 0; i < count; i++)
            scores[i] = fabsf(ll_random(&seed)) * (i % 5 == 0 ? 0x1p-13f : 1.0f);
        ll_narrow_float16_cpu(scores, count, half);
        ll_narrow_uint16_cpu(scores, count, step);
        for (int i = 0; i < count; i++) {
            assert_int_equal(half[i], nearest_float16((double)scores[i]));
            assert_true(fabs(float16_value(half[i]) - (double)scores[i]) <= 0x1p-12);
            assert_true(fabs(step[i] / 65535.0 - (double)scores[i]) <= 1.0 / 131070 + 1e-15);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float16_takes_the_nearest_and_ties_go_to_even),
        cmocka_unit_test(uint16_takes_the_nearest),
        cmocka_unit_test(long_rows_and_the_stated_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
