/* tests/unit/unit_bench.c - the loop every case shares, and the limit. */
#include "bench/bench.h"
#include "host/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above it */

struct counter {
    int calls, fail_at;
};

static ll_status wait_a_little(void *context, ll_error *err)
{
    struct counter *const c = context;
    const double start = ll_clock_seconds();
    if (++c->calls == c->fail_at) return ll_fail(err, LL_ERR_DEVICE, "call %d", c->calls);
    while (ll_clock_seconds() - start < 0.001)
        ;
    return LL_OK;
}

static void repeats_until_the_time_is_up(void **state)
{
    (void)state;
    struct counter c = {0};
    ll_bench_result result = {0};
    assert_int_equal(ll_bench_repeat(wait_a_little, &c, 0.02, &result, NULL), LL_OK);
    assert_int_equal(result.runs, c.calls - 1); /* the warm-up is not counted */
    assert_true(result.runs >= 3 && result.runs <= 20);
    assert_true(result.min_s >= 0.001 && result.min_s <= result.median_s);
}

static void repeats_three_times_at_least(void **state)
{
    (void)state;
    struct counter c = {0};
    ll_bench_result result = {0};
    assert_int_equal(ll_bench_repeat(wait_a_little, &c, 1e-9, &result, NULL), LL_OK);
    assert_int_equal(result.runs, 3);
}

static void failure_ends_it(void **state)
{
    (void)state;
    struct counter c = {.fail_at = 2};
    ll_bench_result result = {0};
    ll_error err = LL_ERROR_INIT;
    assert_int_equal(ll_bench_repeat(wait_a_little, &c, 1.0, &result, &err), LL_ERR_DEVICE);
    assert_string_equal(err.text, "call 2");
    assert_int_equal(c.calls, 2);
}

static void limit_is_a_rate_in_the_case_s_units(void **state)
{
    (void)state;
    ll_bench_result one = {.count = 1.0, .flops = 1e9}, ten = {.count = 10.0, .flops = 1e9};
    assert_int_equal(ll_bench_limit_gemm(1, &one, NULL), LL_OK);
    assert_int_equal(ll_bench_limit_gemm(1, &ten, NULL), LL_OK);
    assert_true(one.limit > 0.0 && one.limit_name[0] != '\0');
    assert_true(ten.limit > one.limit); /* a tenth of the work each; tenfold, but for noise */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_until_the_time_is_up),
        cmocka_unit_test(repeats_three_times_at_least),
        cmocka_unit_test(failure_ends_it),
        cmocka_unit_test(limit_is_a_rate_in_the_case_s_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
