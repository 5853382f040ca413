/* kernels/preprocess.c - the CPU twin; see preprocess.h.
 *
 * A pixel has 256 values, so each plane is one table: the divisions of the torch kind cost nothing
 * and every pixel gets the same bits wherever it sits. */
#include "kernels/preprocess.h"
#include "kernels/half.h"

enum { PLANES = LL_PREPROCESS_PLANES, VALUES = 256 };

static const ll_preprocess_numbers k_kinds[] = {
    [LL_PREPROCESS_CAFFE] = {{2, 1, 0}, 1.0f, {103.939f, 116.779f, 123.68f}, {1.0f, 1.0f, 1.0f}},
    [LL_PREPROCESS_TORCH] = {{0, 1, 2}, 255.0f, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
};

ll_preprocess_numbers ll_preprocess_numbers_of(ll_preprocess_kind kind)
{
    return k_kinds[kind];
}

float ll_preprocess_value(ll_preprocess_kind kind, int plane, int value)
{
    const float scaled = (float)value / k_kinds[kind].scale;
    const float centred = scaled - k_kinds[kind].mean[plane];
    return centred / k_kinds[kind].deviation[plane];
}

void ll_preprocess_cpu(ll_preprocess_kind kind, const uint8_t *x, int64_t images, int64_t positions,
                       float *y)
{
    float table[PLANES][VALUES];

    for (int plane = 0; plane < PLANES; plane++)
        for (int value = 0; value < VALUES; value++)
            table[plane][value] = ll_preprocess_value(kind, plane, value);
    for (int64_t image = 0; image < images; image++)
        for (int plane = 0; plane < PLANES; plane++) {
            const uint8_t *const src =
                x + image * positions * PLANES + k_kinds[kind].channel[plane];
            float *const dst = y + (image * PLANES + plane) * positions;
            for (int64_t i = 0; i < positions; i++)
                dst[i] = table[plane][src[i * PLANES]];
        }
}

void ll_preprocess_nhwc_cpu(ll_preprocess_kind kind, ll_preprocess_type type, float factor,
                            const uint8_t *x, int64_t positions, int channels, void *y)
{
    float *const floats = y;
    uint16_t *const halves = y;

    for (int64_t i = 0; i < positions; i++)
        for (int channel = 0; channel < channels; channel++) {
            float value = 0.0f;
            if (channel < PLANES)
                value = ll_preprocess_value(kind, channel,
                                            x[i * PLANES + k_kinds[kind].channel[channel]]) *
                        factor;
            if (type == LL_PREPROCESS_FLOAT16)
                halves[i * channels + channel] = ll_half_bits(value);
            else
                floats[i * channels + channel] = value;
        }
}
