/* host/backend/cuda/net/cuda_fallback.h - a convolution or product, with bias and ReLU, by a kernel
 * of ours. Private to host/backend/cuda/. */
#ifndef LL_CUDA_FALLBACK_H
#define LL_CUDA_FALLBACK_H

#include "host/base/status.h"
#include "kernels/pool.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>

#define LL_CUDA_FALLBACK_ENGINE "own"
bool ll_cuda_is_fallback(const char *engine);

struct cuda_fallback_layer {
    int layer, images;
    int channels;          /* of the input, where `layer` is the first */
    ll_pool_type from, to; /* of x and kernel; of bias and y */
};
LL_NODISCARD ll_status ll_cuda_fallback_queue(const struct cuda_fallback_layer *fallback,
                                              const void *x, const void *kernel, const void *bias,
                                              void *y, cudaStream_t stream, ll_error *err);

#endif
