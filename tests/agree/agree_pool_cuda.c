/* tests/agree/agree_pool_cuda.c - pool, mean, widen and largest of the cuda twin, to the bit; and
 * the cpu twin of max_pool against its definition. */
#include "kernels/half.h"
#include "kernels/launch_shape.h"
#include "kernels/pool.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

#include <math.h>

/* images, side, channels: nothing, one square, more units than threads, the real last pools */
static const int k_shapes[][3] = {{0, 2, 8},  {1, 2, 8},   {2, 4, 16}, {3, 6, 24},
                                  {1, 2, 72}, {1, 8, 600}, {2, 14, 64}};
static const int64_t k_counts[] = {0, 1, 7, 8, 9, 31, 32, 33, 255, 256, 257, 4097};

/* Activations: half zeros, with -0 and, where asked for, an infinity or a NaN. */
static void draw(ll_pool_type type, void *x, int64_t count, int odd, uint64_t *seed)
{
    static const float k_odd[] = {0.0f, INFINITY, NAN};

    for (int64_t i = 0; i < count; i++) {
        float value = 300.0f * ll_random(seed);
        if (value < 0.0f) value = i % 3 == 0 ? -0.0f : 0.0f;
        if (odd > 0 && i == count / 2) value = k_odd[odd];
        if (type == LL_POOL_FLOAT16)
            ((uint16_t *)x)[i] = ll_half_bits(value);
        else
            ((float *)x)[i] = value;
    }
}

static size_t value_bytes(ll_pool_type type)
{
    return type == LL_POOL_FLOAT16 ? 2 : 4;
}

/* NaN are equal whatever their bits; everything else to the bit. */
static void same_largest(uint32_t got, uint32_t want, const char *repro)
{
    if (got > LL_POOL_INFINITE && want > LL_POOL_INFINITE) return;
    if (got != want) fail_msg("%s: largest %#x instead of %#x", repro, got, want);
}

static void check_pool(ll_pool_type type, const int shape[3], int odd, int order)
{
    const int side = shape[1], channels = shape[2];
    const int64_t from = (int64_t)shape[0] * side * side * channels;
    const size_t bytes = (size_t)from * value_bytes(type);
    uint64_t seed = (uint64_t)from + 5;
    void *const x = host_new(bytes, 1), *const want = host_new(bytes / 4, 1),
                *const got = host_new(bytes / 4, 1);
    uint32_t largest = 7, want_largest = 7;
    char repro[96];

    snprintf(repro, sizeof repro, "type %d images %d side %d channels %d odd %d order %d",
             (int)type, shape[0], side, channels, odd, order);
    draw(type, x, from, odd, &seed);
    ll_max_pool_cpu(type, x, shape[0], side, channels, want, &want_largest);
    device_order(order);
    device_array in = device_put(x, bytes), out = device_put(NULL, bytes / 4);
    device_array most = device_put(&largest, sizeof largest);
    device_ok(
        ll_max_pool_cuda(type, in.values, shape[0], side, channels, out.values, most.values, NULL));
    device_copy_back(&in, NULL);
    device_copy_back(&out, got);
    device_copy_back(&most, &largest);
    same_bytes(got, want, bytes / 4, repro);
    same_largest(largest, want_largest, repro);
    free(got);
    free(want);
    free(x);
}

static void pools_are_those_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++)
        for (int which = 0; which < 6; which++)
            for (int order = 0; order < ORDERS; order++)
                check_pool(which % 2 ? LL_POOL_FLOAT16 : LL_POOL_FLOAT32, k_shapes[i], which / 2,
                           order);
}

/* More rows than blocks: each block goes on to its next. */
static void blocks_go_on_to_further_rows(void **state)
{
    const int shape[3] = {LL_POOL_MAX_BLOCKS + 3, 2, 8};

    (void)state;
    check_pool(LL_POOL_FLOAT16, shape, 0, 2);
}

static void check_values(ll_pool_type type, int64_t count, int odd, int order)
{
    const float factor = 0x1p5f;
    const size_t bytes = (size_t)count * value_bytes(type);
    uint64_t seed = (uint64_t)count + 9;
    void *const x = host_new(bytes, 1);
    float *const want = host_new((size_t)count, 4), *const got = host_new((size_t)count, 4);
    uint32_t largest = 0, want_largest = 0;
    char repro[96];

    snprintf(repro, sizeof repro, "type %d count %d odd %d order %d", (int)type, (int)count, odd,
             order);
    draw(type, x, count, odd, &seed);
    ll_widen_cpu(type, x, count, factor, want);
    ll_largest_cpu(type, x, count, &want_largest);
    device_order(order);
    device_array in = device_put(x, bytes), out = device_put(NULL, (size_t)count * 4);
    device_array most = device_put(&largest, sizeof largest);
    device_ok(ll_widen_cuda(type, in.values, count, factor, out.values, NULL));
    device_ok(ll_largest_cuda(type, in.values, count, most.values, NULL));
    device_copy_back(&in, NULL);
    device_copy_back(&out, got);
    device_copy_back(&most, &largest);
    if (odd != 2) same_bytes(got, want, (size_t)count * 4, repro);
    same_largest(largest, want_largest, repro);
    free(got);
    free(want);
    free(x);
}

static void values_are_widened_and_the_largest_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_counts / sizeof k_counts[0]; i++)
        for (int which = 0; which < 6; which++)
            for (int order = 0; order < ORDERS; order++)
                check_values(which % 2 ? LL_POOL_FLOAT16 : LL_POOL_FLOAT32, k_counts[i], which / 2,
                             order);
}

/* Wherever the largest lies, and whatever lies beside it in the same 4 bytes: in small counts, and
 * where a thread of one block or of two asks for several units at once and then for the rest. */
static void the_largest_is_found_everywhere(void **state)
{
    enum { MOST = 16003 };
    static const struct {
        int count, step;
    } k_few[] = {{1, 1}, {9, 1}, {67, 1}, {8005, 667}, {MOST, 2001}};
    uint16_t *const x = host_new(MOST, sizeof *x);

    (void)state;
    for (size_t n = 0; n < sizeof k_few / sizeof k_few[0]; n++)
        for (int at = k_few[n].count - 1; at >= 0; at -= k_few[n].step) {
            const int count = k_few[n].count;
            uint32_t largest = 0, want = 0;
            for (int i = 0; i < count; i++)
                x[i] = i == at ? 0xC101 : i % 2 ? 0x40FF : 0x4100; /* -2.502, 2.498, 2.5 */
            ll_largest_cpu(LL_POOL_FLOAT16, x, count, &want);
            device_array in = device_put(x, (size_t)count * sizeof *x);
            device_array most = device_put(&largest, sizeof largest);
            device_ok(ll_largest_cuda(LL_POOL_FLOAT16, in.values, count, most.values, NULL));
            device_copy_back(&in, NULL);
            device_copy_back(&most, &largest);
            assert_int_equal(largest, want);
            assert_int_equal(want, 0x40202000); /* 2.502 */
        }
    free(x);
}

static void means_are_those_of_the_cpu_to_the_bit(void **state)
{
    enum { IMAGES = 3, POSITIONS = 49, CHANNELS = 200, COUNT = IMAGES * POSITIONS * CHANNELS };
    static float x[COUNT], want[IMAGES * CHANNELS], got[IMAGES * CHANNELS];

    (void)state;
    for (int type = 0; type < 2; type++)
        for (int order = 0; order < ORDERS; order++) {
            uint64_t seed = 21;
            draw((ll_pool_type)type, x, COUNT, 0, &seed);
            ll_mean_cpu((ll_pool_type)type, x, IMAGES, POSITIONS, CHANNELS, 4.0f, want);
            device_order(order);
            device_array in = device_put(x, COUNT * value_bytes((ll_pool_type)type));
            device_array out = device_put(NULL, sizeof got);
            device_ok(ll_mean_cuda((ll_pool_type)type, in.values, IMAGES, POSITIONS, CHANNELS, 4.0f,
                                   out.values, NULL));
            device_copy_back(&in, NULL);
            device_copy_back(&out, got);
            same_bytes(got, want, sizeof got, "mean");
        }
}

static void bias_and_relu_are_those_of_the_cpu_to_the_bit(void **state)
{
    enum { POSITIONS = 301, CHANNELS = 12, COUNT = POSITIONS * CHANNELS };
    static float x[COUNT], got[COUNT], bias[CHANNELS];
    uint64_t seed = 23;

    (void)state;
    for (int order = 0; order < ORDERS; order++) {
        draw(LL_POOL_FLOAT32, x, COUNT, order % 3, &seed); /* 1: infinities; 2: NaN */
        draw(LL_POOL_FLOAT32, bias, CHANNELS, 0, &seed);
        for (int c = 0; c < CHANNELS; c++) /* sums on either side of 0 */
            bias[c] -= 200.0f;
        device_order(order);
        device_array in = device_put(x, sizeof x), added = device_put(bias, sizeof bias);
        device_ok(ll_bias_relu_cuda(in.values, POSITIONS, CHANNELS, added.values, NULL));
        device_copy_back(&in, got);
        device_copy_back(&added, NULL);
        ll_bias_relu_cpu(x, POSITIONS, CHANNELS, bias);
        for (int i = 0; i < COUNT; i++) /* which NaN is left open */
            if (!isnan(got[i]) || !isnan(x[i])) same_bytes(&got[i], &x[i], sizeof x[i], "bias");
    }
    assert_int_equal(ll_bias_relu_cuda(NULL, 0, CHANNELS, NULL, NULL), cudaSuccess);
}

/* Each value of the pool is the largest of its four, found by looking. */
static void pools_keep_the_largest_of_four(void **state)
{
    enum { SIDE = 4, CHANNELS = 8 };
    float x[SIDE][SIDE][CHANNELS], y[SIDE / 2][SIDE / 2][CHANNELS];
    uint64_t seed = 2;
    uint32_t largest = 0;
    float most = 0.0f;

    (void)state;
    draw(LL_POOL_FLOAT32, x, SIDE * SIDE * CHANNELS, 0, &seed);
    ll_max_pool_cpu(LL_POOL_FLOAT32, x, 1, SIDE, CHANNELS, y, &largest);
    for (int r = 0; r < SIDE / 2; r++)
        for (int c = 0; c < SIDE / 2; c++)
            for (int k = 0; k < CHANNELS; k++) {
                const float above = fmaxf(x[2 * r][2 * c][k], x[2 * r][2 * c + 1][k]);
                const float below = fmaxf(x[2 * r + 1][2 * c][k], x[2 * r + 1][2 * c + 1][k]);
                assert_true(y[r][c][k] == fmaxf(above, below));
                most = fmaxf(most, y[r][c][k]);
            }
    assert_memory_equal(&most, &largest, sizeof most);
}

static void what_a_card_cannot_do_is_refused(void **state)
{
    char *const odd = (char *)NULL + 8;

    (void)state;
    assert_int_equal(ll_max_pool_cuda(LL_POOL_FLOAT16, NULL, 1, 3, 8, NULL, NULL, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_max_pool_cuda(LL_POOL_FLOAT16, NULL, 1, 2, 12, NULL, NULL, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_max_pool_cuda(LL_POOL_FLOAT32, odd, 1, 2, 8, NULL, NULL, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_largest_cuda(LL_POOL_FLOAT16, odd, 8, NULL, NULL), cudaErrorInvalidValue);
    assert_int_equal(ll_bias_relu_cuda(NULL, 1, 6, NULL, NULL), cudaErrorInvalidValue);
    assert_int_equal(ll_mean_cuda(LL_POOL_FLOAT32, NULL, 1, 0, 8, 1.0f, NULL, NULL),
                     cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(blocks_go_on_to_further_rows),
        cmocka_unit_test(values_are_widened_and_the_largest_found),
        cmocka_unit_test(the_largest_is_found_everywhere),
        cmocka_unit_test(means_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(bias_and_relu_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(pools_keep_the_largest_of_four),
        cmocka_unit_test(what_a_card_cannot_do_is_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
