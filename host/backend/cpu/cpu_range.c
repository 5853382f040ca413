/* host/backend/cpu/cpu_range.c - see cpu_range.h. */
#include "host/backend/cpu/cpu_range.h"
#include "host/vgg16/vgg16.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Winograd's transforms and the partial sums of a blocked product pass through values larger than
 * the result; their matrices' entries are below 2^5, applied on both sides to input and output. */
static const double k_headroom = 0x1p24;

void ll_cpu_range_input(ll_cpu_range *range, ll_preprocess_kind kind)
{
    for (int plane = 0; plane < 3; plane++)
        range->limit[plane] = fmax(fabs((double)ll_preprocess_value(kind, plane, 0)),
                                   fabs((double)ll_preprocess_value(kind, plane, 255)));
}

void ll_cpu_range_add(ll_cpu_range *range, int layer, const float *kernel, const float *bias,
                      int first, int channels)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);
    const int64_t in = shape->in_channels;
    const int64_t row = ll_vgg16_kernel_count(layer) / shape->out_channels; /* taps * in */

    for (int o = first; o < first + channels; o++) {
        const float *const weights = kernel + o * row;
        double sum = fabs((double)bias[o]);
        for (int64_t tap = 0; tap < row; tap += in)
            for (int64_t i = 0; i < in; i++)
                sum += fabs((double)weights[tap + i]) * range->limit[i];
        range->next[o] = sum;
    }
}

void ll_cpu_range_advance(ll_cpu_range *range, int layer)
{
    const int channels = ll_vgg16_layer_at(layer)->out_channels;
    memcpy(range->limit, range->next, (size_t)channels * sizeof *range->limit);
}

bool ll_cpu_range_safe(const ll_cpu_range *range, int layer)
{
    for (int i = 0; i < ll_vgg16_layer_at(layer)->out_channels; i++)
        if (!(range->limit[i] * k_headroom <= (double)FLT_MAX)) return false; /* NaN is not safe */
    return true;
}
