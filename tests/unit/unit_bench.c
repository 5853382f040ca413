/* tests/unit/unit_bench.c - the loop every case shares, and the limit. */
#include "bench/bench.h"
#include "bench/limits.h"
#include "host/base/clock.h"
#include "tests/test.h"

#include <stdint.h>
#include <string.h>

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
    assert_int_equal(ll_bench_limit_multiply(1, LL_BENCH_PASS_NOTHING, &one, NULL), LL_OK);
    assert_int_equal(ll_bench_limit_multiply(1, LL_BENCH_PASS_SYMMETRY, &ten, NULL), LL_OK);
    assert_non_null(strstr(one.limit_name, " on 1 thread, "));
    assert_true(one.limit > 0.0 && one.may_pass == 1.0);
    assert_true(ten.limit > one.limit); /* a tenth of the work each; tenfold, but for noise */
    assert_non_null(strstr(ten.limit_name, "symmetry"));
    assert_true(ten.may_pass == 2.0);
}

/* 4 operations a cycle at the very least, of any processor that runs oneDNN; no core does 1000 GHz
 * of them: a loop that the compiler threw away would seem to. */
static void multiplying_is_a_plausible_rate(void **state)
{
    (void)state;
    double rate = 0.0;
    const char *vectors = NULL;
    assert_int_equal(ll_limit_multiply(1, &rate, &vectors, NULL), LL_OK);
    assert_true(rate > 1e9 && rate < 1e12);
    assert_true(vectors[0] != '\0');
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        assert_string_not_equal(vectors, "plain"); /* half as wide; avx may be as fast as avx2 where
                                                      products and sums have units of their own */
#endif
}

/* A library measured a limit for an older processor, and the network seemed to pass it 8.6 times.
 */
static void what_no_algorithm_explains_is_noticed(void **state)
{
    (void)state;
    ll_bench_result r = {.count = 86.0, .min_s = 1.0, .median_s = 2.0, .limit = 10.0};
    assert_false(ll_bench_beyond_limit(&r)); /* nobody said what is possible */
    r.may_pass = 4.0;
    assert_true(ll_bench_beyond_limit(&r));
    r.may_pass = 8.7;
    assert_false(ll_bench_beyond_limit(&r));
    r.limit = 0.0;
    assert_false(ll_bench_beyond_limit(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeats_until_the_time_is_up),
        cmocka_unit_test(repeats_three_times_at_least),
        cmocka_unit_test(failure_ends_it),
        cmocka_unit_test(limit_is_a_rate_in_the_case_s_units),
        cmocka_unit_test(multiplying_is_a_plausible_rate),
        cmocka_unit_test(what_no_algorithm_explains_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
