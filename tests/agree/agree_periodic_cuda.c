/* tests/agree/agree_periodic_cuda.c - a batch of the same pictures again and again, with a bit
 * turned nowhere or anywhere: the cuda twin says what the cpu twin says, and what is true. */
#include "host/base/size.h"
#include "kernels/launch_shape.h"
#include "kernels/periodic.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

enum { UNIT = 16 };

/* images, bytes of each, images that differ: one alone, none, the end of a batch within a round */
static const int k_shapes[][3] = {{0, 16, 1},  {1, 48, 1},     {2, 16, 1},  {3, 4112, 1},
                                  {7, 144, 3}, {64, 1600, 32}, {5, 4096, 9}};

static uint32_t ask_card(const void *x, int64_t bytes, int64_t period, uint32_t was, int order)
{
    device_order(order);
    device_array in = device_put(x, (size_t)bytes), out = device_put(&was, sizeof was);
    device_ok(ll_check_periodic_cuda(in.values, bytes, period, out.values, NULL));
    device_copy_back(&in, NULL);
    device_copy_back(&out, &was);
    return was;
}

/* One bit turned at byte `at`, or none if that is negative. */
static void check(const int shape[3], int64_t at, int order)
{
    const int64_t bytes = (int64_t)shape[0] * shape[1], period = (int64_t)shape[2] * shape[1];
    uint8_t *const x = host_new((size_t)bytes, 1);
    uint64_t seed = (uint64_t)bytes;

    for (int64_t i = 0; i < bytes; i++)
        x[i] = i < period ? (uint8_t)(128.0f + 100.0f * ll_random(&seed)) : x[i - period];
    if (at >= 0) x[at] ^= 0x40;
    /* A byte that nothing repeats may be anything. */
    const uint32_t want = at >= 0 && bytes > period && (at >= period || at + period < bytes);
    uint32_t got = 0;
    ll_check_periodic_cpu(x, bytes, period, &got);
    if (got != want)
        fail_msg("cpu: images %d of %d bytes, byte %d: %u", shape[0], shape[1], (int)at, got);
    got = ask_card(x, bytes, period, 0, order);
    if (got != want)
        fail_msg("images %d of %d bytes, byte %d, order %d: %u", shape[0], shape[1], (int)at, order,
                 got);
    assert_int_equal(ask_card(x, bytes, period, 1, order), 1); /* what was found stays */
    free(x);
}

static void any_bit_anywhere_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++)
        for (int order = 0; order < ORDERS; order++) {
            const int64_t bytes = (int64_t)k_shapes[i][0] * k_shapes[i][1];
            check(k_shapes[i], -1, order);
            for (int part = 0; part < 5 && bytes > 0; part++)
                check(k_shapes[i], ll_min_i64(bytes * part / 4, bytes - 1), order);
            for (int at = 0; at < UNIT && at < bytes; at++)
                check(k_shapes[i], bytes - 1 - at, order);
        }
}

/* More units than threads: each goes on to its next. */
static void threads_go_on_to_further_units(void **state)
{
    const int shape[3] = {2, UNIT * (LL_POOL_BLOCK * LL_POOL_MAX_BLOCKS + 3), 1};

    (void)state;
    check(shape, (int64_t)2 * shape[1] - 5, 2);
}

static void what_does_not_lie_on_16_bytes_is_refused(void **state)
{
    uint32_t differs = 0;
    device_array in = device_put(NULL, 64), out = device_put(&differs, sizeof differs);

    (void)state;
    assert_int_equal(ll_check_periodic_cuda((char *)in.values + 8, 32, 16, out.values, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_check_periodic_cuda(in.values, 40, 16, out.values, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_check_periodic_cuda(in.values, 64, 24, out.values, NULL),
                     cudaErrorInvalidValue);
    device_copy_back(&in, NULL);
    device_copy_back(&out, &differs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_bit_anywhere_is_found),
        cmocka_unit_test(threads_go_on_to_further_units),
        cmocka_unit_test(what_does_not_lie_on_16_bytes_is_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
