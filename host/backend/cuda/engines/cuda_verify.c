/* host/backend/cuda/engines/cuda_verify.c - see cuda_verify.h.
 *
 * Every image of the batch is compared with the one `images` positions before it, so that all
 * copies of a picture are compared. 2 % would not notice errors at the borders of large pictures;
 * observed wrong engines are off by far more. */
#include "host/backend/cuda/engines/cuda_verify.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "kernels/periodic.h"

#include <math.h>
#include <string.h>

enum { IMAGE_BYTES = LL_VGG16_SIDE * LL_VGG16_SIDE * 3 };

static const float k_tolerance = 0.02f;
static const float k_enough = 32.0f; /* values a mean needs to be that near */

ll_status ll_cuda_verify_init(cuda_verify *verify, const ll_net *net, ll_error *err)
{
    *verify = (cuda_verify){.net = net, .images = ll_cuda_images(net)};
    const size_t pixels = (size_t)net->batch * IMAGE_BYTES;
    const size_t room = (size_t)verify->images * LL_CUDA_MAX_CHANNELS * sizeof *verify->room;

    LL_TRY(ll_cuda_memory("timing", pixels, &verify->pixels, err));
    LL_TRY(ll_cuda_memory("timing", sizeof verify->bits, &verify->found, err));
    LL_TRY(ll_cuda_memory("timing", room, &verify->room, err));
    return ll_cuda_pictures(net, net->batch, verify->images, verify->pixels, err);
}

void ll_cuda_verify_release(cuda_verify *verify)
{
    ll_cuda_free(verify->pixels);
    ll_cuda_free(verify->found);
    ll_cuda_free(verify->room);
}

static ll_status measure(cuda_verify *verify, int layer, const void *x, ll_error *err)
{
    const ll_net *const net = verify->net;
    const cudaStream_t stream = net->state->compute;
    const ll_pool_type type = ll_cuda_result_type(net, layer);
    const int64_t image_bytes = ll_vgg16_width(layer) * (type == LL_POOL_FLOAT16 ? 2 : 4);

    LL_TRY(LL_CUDA(cudaMemsetAsync(verify->found, 0, sizeof verify->bits, stream)));
    LL_TRY(LL_CUDA(
        ll_largest_cuda(type, x, net->batch * ll_vgg16_width(layer), &verify->found[0], stream)));
    LL_TRY(LL_CUDA(ll_check_periodic_cuda(x, net->batch * image_bytes, verify->images * image_bytes,
                                          &verify->found[1], stream)));
    LL_TRY(LL_CUDA(cudaMemcpyAsync(verify->bits, verify->found, sizeof verify->bits,
                                   cudaMemcpyDeviceToHost, stream)));
    return LL_CUDA(cudaStreamSynchronize(stream));
}

/* How close means in fp16 must be to those in fp32. A mean of few values (fc1 has one per image)
 * keeps rounding errors that many values would average out, so the tolerance grows with the square
 * root of what is missing.
 */
static float tolerance(int images, int layer)
{
    const float side = (float)ll_vgg16_layer_at(layer)->out_side;
    const float values = (float)images * side * side;
    return k_tolerance * (values < k_enough ? sqrtf(k_enough / values) : 1.0f);
}

/* Are the means those of fp32? The typical mean is added to the tolerance, since a small mean has
 * the rounding errors of larger channels. */
static ll_status same_means(cuda_verify *verify, int layer, const void *x, bool *same,
                            ll_error *err)
{
    const ll_net *const net = verify->net;
    const float *const want = net->layers[layer].means;
    const int channels = ll_vgg16_layer_at(layer)->out_channels;
    const float near = tolerance(verify->images, layer);
    float typical = 0.0f;

    LL_TRY(ll_cuda_channel_means(net, layer, ll_cuda_result_type(net, layer), x, verify->images,
                                 1.0f / net->factor, verify->room, verify->means, err));
    for (int c = 0; c < channels; c++)
        typical += want[c] / (float)channels;
    *same = true;
    for (int c = 0; c < channels; c++)
        *same = *same && fabsf(verify->means[c] - want[c]) <= near * (want[c] + typical);
    return LL_OK;
}

ll_status ll_cuda_verify_layer(cuda_verify *verify, int layer, const void *x, const char **wrong,
                               ll_error *err)
{
    const ll_net *const net = verify->net;
    const float want = net->layers[layer].largest * net->factor;
    float got = 0.0f;
    bool same = true;

    *wrong = NULL;
    LL_TRY(measure(verify, layer, x, err));
    memcpy(&got, &verify->bits[0], sizeof got);
    if (verify->bits[0] >= LL_POOL_INFINITE && net->type != LL_POOL_FLOAT16)
        return ll_fail(err, LL_ERR_FORMAT,
                       "weights: an activation of %s is infinite or not a number",
                       ll_vgg16_name(layer));
    if (net->layers[layer].means != NULL) LL_TRY(same_means(verify, layer, x, &same, err));
    if (verify->bits[1] != 0) *wrong = "gives one picture different bits in different places";
    if (net->type == LL_POOL_FLOAT16 && (!(fabsf(got - want) <= k_tolerance * want) || !same))
        *wrong = "gives other numbers than fp32";
    return LL_OK;
}
