/* weights/synthetic.c - kernels from an integer generator, and the pictures to centre them on.
 *
 * A weight is the sum of the four 16-bit quarters of one random word, which is close to Gaussian,
 * times He's sqrt(2 / fan_in) over that sum's own deviation. IEEE 754 fixes the result of sqrt, of
 * / and of *, so the bytes are the same on every machine; a Gaussian by log or cos would not be. */
#include "weights/synthetic.h"
#include "host/base/random.h"
#include "host/vgg16/vgg16.h"
#include "weights/drawn_batch.h"

#include <math.h>
#include <stddef.h>

/* Variance of a uniform whole number in 0 .. 65535 is (65536^2 - 1) / 12; four of them are summed.
 */
static const double k_sum_variance = 4.0 * (65536.0 * 65536.0 - 1.0) / 12.0;
static const int k_sum_mean = 2 * 65535;

static double layer_scale(int layer)
{
    const double fan_in =
        (double)(ll_vgg16_kernel_count(layer) / ll_vgg16_layer_at(layer)->out_channels);
    return sqrt(2.0 / fan_in) / sqrt(k_sum_variance);
}

ll_status ll_synthetic_kernel(uint64_t seed, int layer, float *kernel, ll_error *err)
{
    if (layer < 0 || layer >= LL_VGG16_LAYERS || ll_vgg16_kernel_count(layer) == 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "layer %d has no kernel", layer);
    const double scale = layer_scale(layer);
    const uint64_t stream = ll_random_word(seed, (uint64_t)layer);
    const int64_t count = ll_vgg16_kernel_count(layer);
    for (int64_t i = 0; i < count; i++) {
        const uint64_t word = ll_random_word(stream, (uint64_t)i);
        const int sum = (int)(word & 0xFFFF) + (int)(word >> 16 & 0xFFFF) +
                        (int)(word >> 32 & 0xFFFF) + (int)(word >> 48);
        kernel[i] = (float)((double)(sum - k_sum_mean) * scale);
    }
    return LL_OK;
}

void ll_synthetic_pixels(uint8_t *pixels)
{
    for (int i = 0; i < LL_SYNTHETIC_BATCH; i++)
        ll_drawn_picture(i, pixels + (size_t)i * LL_DRAWN_BYTES);
}
