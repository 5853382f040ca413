/* host/backend/cuda/net/cuda_fallback.c - the fallback kernel: computes a layer by its definition
 * (kernels/convolve.h). It has a name like an engine, so that an index and the cache can record
 * it. */
#include "host/backend/cuda/net/cuda_fallback.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/vgg16/vgg16.h"
#include "kernels/convolve.h"

#include <string.h>

static ll_convolve_type type_of(ll_pool_type type)
{
    return type == LL_POOL_FLOAT16 ? LL_CONVOLVE_FLOAT16 : LL_CONVOLVE_FLOAT32;
}

bool ll_cuda_is_fallback(const char *engine)
{
    return strcmp(engine, LL_CUDA_FALLBACK_ENGINE) == 0;
}

ll_status ll_cuda_fallback_queue(const struct cuda_fallback_layer *fallback, const void *x,
                                 const void *kernel, const void *bias, void *y, cudaStream_t stream,
                                 ll_error *err)
{
    const ll_vgg16_layer *const l = ll_vgg16_layer_at(fallback->layer);
    const bool product = l->kind == LL_VGG16_FC;
    const ll_convolve_shape shape = {
        .images = fallback->images,
        .side = product ? 1 : l->in_side,
        .window = product ? 1 : 3,
        .in = product ? (int)(ll_vgg16_kernel_count(fallback->layer) / l->out_channels)
              : fallback->layer == 0 ? fallback->channels
                                     : l->in_channels,
        .out = l->out_channels,
        .from = type_of(fallback->from),
        .to = type_of(fallback->to),
    };
    return LL_CUDA(ll_convolve_cuda(&shape, x, kernel, bias, y, stream));
}
