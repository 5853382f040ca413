/* host/backend/cuda/engines/cuda_proof.c - see cuda_proof.h.
 *
 * Every image of the batch is compared with the one `images` places before it, so all that show one
 * picture are equal, wherever they lie. What 2 % leaves out are borders of large pictures; engines
 * that are wrong are wrong by far more. */
#include "host/backend/cuda/engines/cuda_proof.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "kernels/repeat.h"

#include <math.h>
#include <string.h>

enum { IMAGE_BYTES = LL_VGG16_SIDE * LL_VGG16_SIDE * 3 };

static const float k_tolerance = 0.02f;
static const float k_enough = 32.0f; /* values a mean needs to be that near */

ll_status ll_cuda_proof_init(cuda_proof *proof, const ll_net *net, ll_error *err)
{
    *proof = (cuda_proof){.net = net, .images = ll_cuda_images(net)};
    const size_t pixels = (size_t)net->batch * IMAGE_BYTES;
    const size_t room = (size_t)proof->images * LL_CUDA_MOST_CHANNELS * sizeof *proof->room;

    LL_TRY(ll_cuda_memory("timing", pixels, &proof->pixels, err));
    LL_TRY(ll_cuda_memory("timing", sizeof proof->bits, &proof->found, err));
    LL_TRY(ll_cuda_memory("timing", room, &proof->room, err));
    return ll_cuda_pictures(net, net->batch, proof->images, proof->pixels, err);
}

void ll_cuda_proof_release(cuda_proof *proof)
{
    ll_cuda_free(proof->pixels);
    ll_cuda_free(proof->found);
    ll_cuda_free(proof->room);
}

static ll_status measure(cuda_proof *proof, int layer, const void *x, ll_error *err)
{
    const ll_net *const net = proof->net;
    const cudaStream_t stream = net->state->compute;
    const ll_pool_type type = ll_cuda_result_type(net, layer);
    const int64_t image_bytes = ll_vgg16_width(layer) * (type == LL_POOL_FLOAT16 ? 2 : 4);

    LL_TRY(LL_CUDA(cudaMemsetAsync(proof->found, 0, sizeof proof->bits, stream)));
    LL_TRY(LL_CUDA(
        ll_largest_cuda(type, x, net->batch * ll_vgg16_width(layer), &proof->found[0], stream)));
    LL_TRY(LL_CUDA(ll_repeat_cuda(x, net->batch * image_bytes, proof->images * image_bytes,
                                  &proof->found[1], stream)));
    LL_TRY(LL_CUDA(cudaMemcpyAsync(proof->bits, proof->found, sizeof proof->bits,
                                   cudaMemcpyDeviceToHost, stream)));
    return LL_CUDA(cudaStreamSynchronize(stream));
}

/* How near means of fp16 must be: of few values (fc1 has one an image) they keep the roundings that
 * many values would average out, so the tolerance grows as the square root of how many are missing.
 */
static float tolerance(int images, int layer)
{
    const float side = (float)ll_vgg16_layer_at(layer)->out_side;
    const float values = (float)images * side * side;
    return k_tolerance * (values < k_enough ? sqrtf(k_enough / values) : 1.0f);
}

/* As fp32 had them? A mean may be small beside those of other channels, whose roundings it has. */
static ll_status same_means(cuda_proof *proof, int layer, const void *x, bool *same, ll_error *err)
{
    const ll_net *const net = proof->net;
    const float *const want = net->layers[layer].means;
    const int channels = ll_vgg16_layer_at(layer)->out_channels;
    const float near = tolerance(proof->images, layer);
    float typical = 0.0f;

    LL_TRY(ll_cuda_channel_means(net, layer, ll_cuda_result_type(net, layer), x, proof->images,
                                 1.0f / net->factor, proof->room, proof->means, err));
    for (int c = 0; c < channels; c++)
        typical += want[c] / (float)channels;
    *same = true;
    for (int c = 0; c < channels; c++)
        *same = *same && fabsf(proof->means[c] - want[c]) <= near * (want[c] + typical);
    return LL_OK;
}

ll_status ll_cuda_proof_look(cuda_proof *proof, int layer, const void *x, const char **wrong,
                             ll_error *err)
{
    const ll_net *const net = proof->net;
    const float want = net->layers[layer].largest * net->factor;
    float got = 0.0f;
    bool same = true;

    *wrong = NULL;
    LL_TRY(measure(proof, layer, x, err));
    memcpy(&got, &proof->bits[0], sizeof got);
    if (proof->bits[0] >= LL_POOL_INFINITE && net->type != LL_POOL_FLOAT16)
        return ll_fail(err, LL_ERR_FORMAT,
                       "weights: an activation of %s is infinite or not a number",
                       ll_vgg16_name(layer));
    if (net->layers[layer].means != NULL) LL_TRY(same_means(proof, layer, x, &same, err));
    if (proof->bits[1] != 0) *wrong = "gives one picture different bits in different places";
    if (net->type == LL_POOL_FLOAT16 && (!(fabsf(got - want) <= k_tolerance * want) || !same))
        *wrong = "gives other numbers than fp32";
    return LL_OK;
}
