/* kernels/pool.c - the CPU twin; see pool.h. */
#include "kernels/pool.h"
#include "kernels/half.h"

#include <stddef.h>
#include <string.h>

/* The value at `i`; infinities and NaN of a float16 included, which ll_half_value leaves out. */
static float value_at(ll_pool_type type, const void *x, int64_t i)
{
    if (type == LL_POOL_FLOAT32) return ((const float *)x)[i];
    const uint16_t half = ((const uint16_t *)x)[i];
    if ((half & 0x7C00u) != 0x7C00u) return ll_half_value(half);
    const uint32_t bits = (half & 0x8000u) << 16 | LL_POOL_INFINITE | (half & 0x3FFu) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void raise(uint32_t *largest, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits &= 0x7FFFFFFFu;
    if (bits > *largest) *largest = bits;
}

void ll_max_pool_cpu(ll_pool_type type, const void *x, int64_t images, int side, int channels,
                     void *y, uint32_t *largest)
{
    const int half = side / 2;
    const size_t size = type == LL_POOL_FLOAT16 ? 2 : 4;
    const int64_t rows = images * half;

    for (int64_t row = 0; row < rows; row++)
        for (int column = 0; column < half; column++)
            for (int c = 0; c < channels; c++) {
                const int64_t corner = ((2 * row) * side + 2 * column) * channels + c;
                const int64_t from[4] = {corner, corner + channels,
                                         corner + (int64_t)side * channels,
                                         corner + ((int64_t)side + 1) * channels};
                int best = 0;
                for (int k = 1; k < 4; k++)
                    if (value_at(type, x, from[k]) > value_at(type, x, from[best])) best = k;
                for (int k = 0; k < 4 && largest != NULL; k++)
                    raise(largest, value_at(type, x, from[k]));
                memcpy((char *)y + (size_t)((row * half + column) * channels + c) * size,
                       (const char *)x + (size_t)from[best] * size, size);
            }
}

void ll_mean_cpu(ll_pool_type type, const void *x, int64_t images, int positions, int channels,
                 float factor, float *y)
{
    for (int64_t image = 0; image < images; image++)
        for (int c = 0; c < channels; c++) {
            double sum = 0.0;
            for (int position = 0; position < positions; position++)
                sum += (double)value_at(type, x, (image * positions + position) * channels + c);
            y[image * channels + c] = (float)(sum / positions * (double)factor);
        }
}

void ll_widen_cpu(ll_pool_type type, const void *x, int64_t count, float factor, float *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = value_at(type, x, i) * factor;
}

void ll_largest_cpu(ll_pool_type type, const void *x, int64_t count, uint32_t *largest)
{
    for (int64_t i = 0; i < count; i++)
        raise(largest, value_at(type, x, i));
}

void ll_bias_relu_cpu(float *x, int64_t positions, int channels, const float *bias)
{
    for (int64_t i = 0; i < positions * channels; i++) {
        const float sum = x[i] + bias[i % channels];
        x[i] = sum < 0.0f ? 0.0f : sum;
    }
}
