/* host/backend/cuda/net/cuda_own.c - the last resort: a layer by its definition
 * (kernels/convolve.h), under the name of an engine, so that an index and the cache can name it
 * too. */
#include "host/backend/cuda/net/cuda_own.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/vgg16/vgg16.h"
#include "kernels/convolve.h"

#include <string.h>

static ll_convolve_type type_of(ll_pool_type type)
{
    return type == LL_POOL_FLOAT16 ? LL_CONVOLVE_FLOAT16 : LL_CONVOLVE_FLOAT32;
}

bool ll_cuda_own_is(const char *engine)
{
    return strcmp(engine, LL_CUDA_OWN_ENGINE) == 0;
}

ll_status ll_cuda_own_queue(const struct cuda_own_layer *own, const void *x, const void *kernel,
                            const void *bias, void *y, cudaStream_t stream, ll_error *err)
{
    const ll_vgg16_layer *const l = ll_vgg16_layer_at(own->layer);
    const bool product = l->kind == LL_VGG16_FC;
    const ll_convolve_shape shape = {
        .images = own->images,
        .side = product ? 1 : l->in_side,
        .window = product ? 1 : 3,
        .in = product           ? (int)(ll_vgg16_kernel_count(own->layer) / l->out_channels)
              : own->layer == 0 ? own->channels
                                : l->in_channels,
        .out = l->out_channels,
        .from = type_of(own->from),
        .to = type_of(own->to),
    };
    return LL_CUDA(ll_convolve_cuda(&shape, x, kernel, bias, y, stream));
}
