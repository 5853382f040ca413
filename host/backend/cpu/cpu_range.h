/* host/backend/cpu/cpu_range.h - how large activations can become, whatever the photo; private to
 * host/backend/cpu/.
 *
 * Checking every activation for infinities would read 54 MB more per image. The weights give a
 * bound instead: limit(out) = |bias| + sum |weight| * limit(in), starting with the largest input
 * value. */
#ifndef LL_CPU_RANGE_H
#define LL_CPU_RANGE_H

#include "kernels/preprocess.h"

#include <stdbool.h>
#include <stdint.h>

enum { LL_CPU_RANGE_CHANNELS = 4096 };

typedef struct ll_cpu_range {
    double limit[LL_CPU_RANGE_CHANNELS]; /* of |activation|, per channel of the layer before */
    double next[LL_CPU_RANGE_CHANNELS];  /* of the layer at hand, while its chunks are added */
} ll_cpu_range;

/** The network's input. */
void ll_cpu_range_input(ll_cpu_range *range, ll_preprocess_kind kind);

/** Output channels [first, first + channels) of a conv or fc layer, kernel OHWI and bias of the
 * whole layer. Different channels may be added by different threads. */
void ll_cpu_range_add(ll_cpu_range *range, int layer, const float *kernel, const float *bias,
                      int first, int channels);

/** The layer is done: its limits become those of the input of the next one. */
void ll_cpu_range_advance(ll_cpu_range *range, int layer);

/** No activation of the layer just advanced to, nor anything on the way to it, can leave f32. */
bool ll_cpu_range_safe(const ll_cpu_range *range, int layer);

#endif
