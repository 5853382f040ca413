/* kernels/convolve.c - see convolve.h: one output after the other. */
#include "kernels/convolve.h"
#include "kernels/half.h"

#include <math.h>

static float value_at(ll_convolve_type type, const void *values, int64_t at)
{
    return type == LL_CONVOLVE_FLOAT16 ? ll_half_value(((const uint16_t *)values)[at])
                                       : ((const float *)values)[at];
}

/* Channels of one tap, in parts; x and w begin with the tap's first. */
static float add_tap(const ll_convolve_shape *s, const void *x, int64_t x_at, const void *w,
                     int64_t w_at, float sum)
{
    for (int first = 0; first < s->in; first += LL_CONVOLVE_PART) {
        const int end = first + LL_CONVOLVE_PART < s->in ? first + LL_CONVOLVE_PART : s->in;
        float part = 0.0f;
        for (int c = first; c < end; c++)
            part = fmaf(value_at(s->from, x, x_at + c), value_at(s->from, w, w_at + c), part);
        sum += part;
    }
    return sum;
}

static float sum_at(const ll_convolve_shape *s, const void *x, const void *w, int64_t position,
                    int o)
{
    const int64_t squares = (int64_t)s->side * s->side, image = position / squares;
    const int row = (int)(position % squares) / s->side, column = (int)(position % s->side);
    const int taps = s->window * s->window, radius = s->window / 2;
    float sum = 0.0f;

    for (int t = 0; t < taps; t++) {
        const int r = row + t / s->window - radius, c = column + t % s->window - radius;
        if (r < 0 || r >= s->side || c < 0 || c >= s->side) continue;
        const int64_t under = image * squares + (int64_t)r * s->side + c;
        sum = add_tap(s, x, under * s->in, w, ((int64_t)o * taps + t) * s->in, sum);
    }
    return sum;
}

void ll_convolve_cpu(const ll_convolve_shape *shape, const void *x, const void *w, const void *bias,
                     void *y)
{
    const int64_t positions = shape->images * shape->side * shape->side;

    for (int64_t p = 0; p < positions; p++)
        for (int o = 0; o < shape->out; o++) {
            const float sum = sum_at(shape, x, w, p, o) + value_at(shape->to, bias, o);
            const float value = sum < 0.0f ? 0.0f : sum;
            if (shape->to == LL_CONVOLVE_FLOAT16)
                ((uint16_t *)y)[p * shape->out + o] = ll_half_bits(value);
            else
                ((float *)y)[p * shape->out + o] = value;
        }
}
