/* tests/agree/agree_preprocess_cuda.c - the network's input of the cuda twin, to the bit; and that
 * of its cpu twin against the planes of ll_preprocess_cpu. */
#include "kernels/half.h"
#include "kernels/launch_shape.h"
#include "kernels/preprocess.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

/* Around the unit of 16 bytes, around a chunk of 1024 pixels. */
static const int64_t k_pixel_counts[] = {0, 1, 2, 5, 6, 16, 17, 255, 257, 1023, 1024, 1025, 3079};

static void draw(uint8_t *x, int64_t count, uint64_t *seed)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (uint8_t)(128.0f + 128.0f * ll_random(seed));
}

static void check(ll_preprocess_kind kind, ll_preprocess_type type, int64_t positions, int channels,
                  int order)
{
    const size_t value = type == LL_PREPROCESS_FLOAT16 ? 2 : 4;
    const size_t bytes = (size_t)positions * (size_t)channels * value,
                 pixels = (size_t)positions * 3;
    const float factor = positions % 2 == 0 ? 1.0f : 0x1p-6f;
    uint64_t seed = (uint64_t)positions + 7;
    uint8_t *const x = host_new(pixels, 1);
    unsigned char *const want = host_new(bytes, 1), *const got = host_new(bytes, 1);
    char repro[96];

    snprintf(repro, sizeof repro, "kind %d type %d places %d channels %d order %d", (int)kind,
             (int)type, (int)positions, channels, order);
    draw(x, 3 * positions, &seed);
    ll_preprocess_nhwc_cpu(kind, type, factor, x, positions, channels, want);
    device_order(order);
    device_array in = device_put(x, pixels), out = device_put(NULL, bytes);
    device_ok(ll_preprocess_nhwc_cuda(kind, type, factor, in.values, positions, channels,
                                      out.values, NULL));
    device_copy_back(&in, NULL);
    device_copy_back(&out, got);
    same_bytes(got, want, bytes, repro);
    free(got);
    free(want);
    free(x);
}

static void input_is_that_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_pixel_counts / sizeof k_pixel_counts[0]; i++)
        for (int which = 0; which < 8; which++)
            for (int order = 0; order < ORDERS; order++)
                check(which & 1 ? LL_PREPROCESS_TORCH : LL_PREPROCESS_CAFFE,
                      which & 2 ? LL_PREPROCESS_FLOAT16 : LL_PREPROCESS_FLOAT32, k_pixel_counts[i],
                      which & 4 ? 8 : 4, order);
}

/* More chunks than blocks: each block goes on to its next. */
static void blocks_go_on_to_further_chunks(void **state)
{
    const int64_t positions = (int64_t)LL_PREPROCESS_CHUNK * (LL_PREPROCESS_MAX_BLOCKS + 3) + 11;

    (void)state;
    check(LL_PREPROCESS_CAFFE, LL_PREPROCESS_FLOAT16, positions, 4, 2);
}

static void layouts_hold_the_same_numbers(void **state)
{
    enum { PIXELS = 1000, CHANNELS = 8 };
    static uint8_t x[PIXELS * 3];
    static float planes[PIXELS * 3], nhwc[PIXELS * CHANNELS];
    static uint16_t half[PIXELS * CHANNELS];
    uint64_t seed = 3;

    (void)state;
    draw(x, PIXELS * 3, &seed);
    for (int kind = 0; kind < 2; kind++) {
        ll_preprocess_cpu((ll_preprocess_kind)kind, x, 1, PIXELS, planes);
        ll_preprocess_nhwc_cpu((ll_preprocess_kind)kind, LL_PREPROCESS_FLOAT32, 1.0f, x, PIXELS,
                               CHANNELS, nhwc);
        ll_preprocess_nhwc_cpu((ll_preprocess_kind)kind, LL_PREPROCESS_FLOAT16, 1.0f, x, PIXELS,
                               CHANNELS, half);
        for (int i = 0; i < PIXELS; i++)
            for (int channel = 0; channel < CHANNELS; channel++) {
                const float want = channel < 3 ? planes[channel * PIXELS + i] : 0.0f;
                assert_true(nhwc[i * CHANNELS + channel] == want);
                assert_int_equal(half[i * CHANNELS + channel], ll_half_bits(want));
            }
    }
}

static void what_a_card_cannot_do_is_refused(void **state)
{
    char *const odd = (char *)NULL + 8;

    (void)state;
    assert_int_equal(ll_preprocess_nhwc_cuda(LL_PREPROCESS_CAFFE, LL_PREPROCESS_FLOAT16, 1.0f, NULL,
                                             1, 3, NULL, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_preprocess_nhwc_cuda(LL_PREPROCESS_CAFFE, LL_PREPROCESS_FLOAT16, 1.0f, NULL,
                                             1, 4, odd, NULL),
                     cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_is_that_of_the_cpu_to_the_bit),
        cmocka_unit_test(blocks_go_on_to_further_chunks),
        cmocka_unit_test(layouts_hold_the_same_numbers),
        cmocka_unit_test(what_a_card_cannot_do_is_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
