/* host/backend/cuda/conv/cuda_plain.c - plain engines, which only convolve (cuda_conv.h): their
 * names, and bias and ReLU after them. */
#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/text.h"
#include "kernels/pool.h"

#include <string.h>

enum { PLAIN = sizeof LL_CONV_PLAIN - 1 };

void ll_conv_plain_mark(char (*engines)[LL_CONV_ENGINE_TEXT], int count)
{
    for (int i = 0; i < count; i++) {
        char text[LL_CONV_ENGINE_TEXT];
        ll_text_exact(text, sizeof text, LL_CONV_PLAIN "%s", engines[i]);
        memcpy(engines[i], text, strlen(text) + 1);
    }
}

ll_status ll_conv_plain_read(const char **engine, ll_conv_shape *shape, ll_error *err)
{
    shape->plain = strncmp(*engine, LL_CONV_PLAIN, PLAIN) == 0;
    if (!shape->plain) return LL_OK;
    if (shape->type == LL_CONV_FP16 || shape->pool)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "engine: '%s' is for fp32 without a pool", *engine);
    *engine += PLAIN;
    return LL_OK;
}

ll_status ll_conv_plain_finish(const ll_conv_shape *shape, const void *bias, void *y,
                               cudaStream_t stream, ll_error *err)
{
    const int64_t positions = (int64_t)shape->batch * shape->side * shape->side;

    if (!shape->plain) return LL_OK;
    return LL_CUDA(ll_bias_relu_cuda(y, positions, shape->out_channels, bias, stream));
}
