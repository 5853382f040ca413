/* host/backend/cuda/cuda_plain.c - engines that convolve and do no more (cuda_conv.h): their names,
 * and bias and ReLU after them. */
#include "host/backend/cuda/cuda_check.h"
#include "host/backend/cuda/cuda_conv.h"
#include "kernels/pool.h"

#include <string.h>

static const char k_plain[] = "plain ";
enum { PLAIN = sizeof k_plain - 1 };

void ll_conv_plain_mark(char (*engines)[LL_CONV_ENGINE_TEXT], int count)
{
    for (int i = 0; i < count; i++) {
        const size_t length = strlen(engines[i]);
        /* One that is cut at its end is no engine's text, and refused when it is tried. */
        const size_t kept =
            length < LL_CONV_ENGINE_TEXT - PLAIN ? length : LL_CONV_ENGINE_TEXT - PLAIN - 1;
        memmove(engines[i] + PLAIN, engines[i], kept);
        memcpy(engines[i], k_plain, PLAIN);
        engines[i][PLAIN + kept] = '\0';
    }
}

ll_status ll_conv_plain_read(const char **engine, ll_conv_shape *shape, ll_error *err)
{
    shape->plain = strncmp(*engine, k_plain, PLAIN) == 0;
    if (!shape->plain) return LL_OK;
    if (shape->type == LL_CONV_FP16 || shape->pool)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "engine: '%.40s' is for fp32 without a pool",
                       *engine);
    *engine += PLAIN;
    return LL_OK;
}

ll_status ll_conv_plain_finish(const ll_conv_shape *shape, const void *bias, void *y,
                               cudaStream_t stream, ll_error *err)
{
    const int64_t places = (int64_t)shape->batch * shape->side * shape->side;

    if (!shape->plain) return LL_OK;
    return LL_CUDA(ll_bias_relu_cuda(y, places, shape->out_channels, bias, stream));
}
