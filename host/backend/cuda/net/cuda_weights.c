/* host/backend/cuda/net/cuda_weights.c - the network's numbers, brought to the card once.
 *
 * OHWI is cuDNN's KRSC, and fc1 as (4096, 7 x 7 x 512) is the b of a product with NHWC activations:
 * nothing is reordered here. The input's channels are padded with zeros, so conv1_1's are too. */
#include "host/backend/cuda/net/cuda_weights.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "kernels/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RGB = 3, PIECE = 1 << 20 /* weights of a task */ };

static int64_t bias_start(int layer)
{
    int64_t start = 0;
    for (int i = 0; i < layer; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            start += ll_vgg16_layer_at(i)->out_channels;
    return start;
}

/* fc1 has 102 million weights: all cores round them. */
struct packing {
    const float *kernel;
    int inner, padded; /* channels of a place, before and after */
    int64_t positions;
    ll_pool_type type;
    void *packed;
};

static ll_status pack_piece(void *context, int64_t task, int thread, ll_error *err)
{
    const struct packing *const p = context;
    const int64_t first = task * PIECE, end = ll_min_i64(first + PIECE, p->positions);
    float *const floats = p->packed;
    uint16_t *const halves = p->packed;

    (void)thread, (void)err;
    for (int64_t i = first; i < end; i++)
        for (int c = 0; c < p->padded; c++) {
            const float value = c < p->inner ? p->kernel[i * p->inner + c] : 0.0f;
            if (p->type == LL_POOL_FLOAT16)
                halves[i * p->padded + c] = ll_half_bits(value);
            else
                floats[i * p->padded + c] = value;
        }
    return LL_OK;
}

ll_status ll_cuda_kernel_pack(const float *kernel, int layer, int channels, ll_pool_type type,
                              void *packed, ll_error *err)
{
    const int inner = layer == 0 ? RGB : 1;
    struct packing p = {.kernel = kernel,
                        .inner = inner,
                        .padded = layer == 0 ? channels : 1,
                        .positions = ll_vgg16_kernel_count(layer) / inner,
                        .type = type,
                        .packed = packed};
    const int64_t pieces = ll_ceil_div(p.positions, PIECE);

    return ll_parallel_run((int)ll_min_i64(ll_parallel_cores(), pieces), pieces, pack_piece, &p,
                           err);
}

/* fp16 ends at 65504; such a weight is no weight of a trained network. */
static ll_status check_range(const ll_net *net, int layer, const float *kernel, ll_error *err)
{
    if (net->type != LL_POOL_FLOAT16) return LL_OK;
    for (int64_t i = 0; i < ll_vgg16_kernel_count(layer); i++)
        if (fabsf(kernel[i]) > 65504.0f)
            return ll_fail(err, LL_ERR_FORMAT,
                           "weights: %g in %s is more than fp16 can hold; use --precision tf32",
                           (double)kernel[i], ll_vgg16_name(layer));
    return LL_OK;
}

/* The first layer's input is known: a channel of a photo is at most 151.1 after caffe's means, 2.65
 * after torch's. */
static float bound_of(const ll_net *net, const float *kernel, const float *bias)
{
    const int outs = ll_vgg16_layer_at(0)->out_channels;
    const int64_t taps = ll_vgg16_kernel_count(0) / outs;
    const double most = net->kind == LL_PREPROCESS_TORCH ? 2.65 : 151.1;
    double bound = 0.0;

    for (int o = 0; o < outs; o++) {
        double sum = fabs((double)bias[o]);
        for (int64_t i = 0; i < taps; i++)
            sum += most * fabs((double)kernel[o * taps + i]);
        if (sum > bound) bound = sum;
    }
    return (float)bound;
}

static ll_status load_layer(ll_net *net, struct ll_weights *weights, int layer,
                            ll_cuda_layer_fn seen, void *to, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t count = ll_vgg16_kernel_count(layer);
    const int64_t padded = layer == 0 ? count / RGB * net->channels : count;
    const size_t bytes = (size_t)padded * ll_cuda_value_bytes(net);
    float *const bias = net->host_biases + bias_start(layer);
    struct cuda_layer *const on_card = &net->layers[layer];
    const cudaStream_t stream = net->state->compute;
    float *kernel = NULL;
    void *packed = NULL;

    LL_TRY_DONE(ll_alloc("weights", count, sizeof *kernel, &kernel, err));
    LL_TRY_DONE(ll_alloc("weights", padded, ll_cuda_value_bytes(net), &packed, err));
    LL_TRY_DONE(net->be->weights_load(weights, layer, kernel, bias, err));
    LL_TRY_DONE(check_range(net, layer, kernel, err));
    if (layer == 0) on_card->bound = bound_of(net, kernel, bias);
    LL_TRY_DONE(ll_cuda_kernel_pack(kernel, layer, net->channels, net->type, packed, err));
    LL_TRY_DONE(ll_cuda_memory(ll_vgg16_name(layer), bytes, &on_card->kernel, err));
    LL_TRY_DONE(
        LL_CUDA(cudaMemcpyAsync(on_card->kernel, packed, bytes, cudaMemcpyHostToDevice, stream)));
    LL_TRY_DONE(LL_CUDA(cudaStreamSynchronize(stream))); /* before `packed` goes */
    if (seen != NULL) LL_TRY_DONE(seen(to, layer, kernel, bias, err));
done:
    if (status != LL_OK) (void)cudaStreamSynchronize(stream);
    free(packed);
    free(kernel);
    return status;
}

/* Which layer was being prepared. */
static ll_status prepared(int layer, ll_status status, const ll_error *cause, ll_error *err)
{
    if (status == LL_OK) return LL_OK;
    if (status == LL_ERR_IO || status == LL_ERR_FORMAT)
        return ll_fail(err, status, "%s", cause->text);
    return ll_fail(err, status, "preparing %s: %s", ll_vgg16_name(layer), cause->text);
}

ll_status ll_cuda_weights_load(ll_net *net, struct ll_weights *weights, ll_cuda_layer_fn seen,
                               void *to, ll_error *err)
{
    LL_TRY(ll_alloc("biases", bias_start(LL_VGG16_LAYERS), sizeof *net->host_biases,
                    &net->host_biases, err));
    for (int i = 0; i <= net->last; i++) {
        ll_error cause = LL_ERROR_INIT;
        ll_status status = LL_OK;
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            status = load_layer(net, weights, i, seen, to, &cause);
        else if (seen != NULL)
            status = seen(to, i, NULL, NULL, &cause);
        LL_TRY(prepared(i, status, &cause, err));
    }
    return LL_OK;
}

/* A bias has the type of what it is added to. */
static ll_status upload_bias(ll_net *net, int layer, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);
    const float *const bias = net->host_biases + bias_start(layer);
    const ll_pool_type type = ll_cuda_result_type(net, layer);
    const size_t bytes = (size_t)shape->out_channels * (type == LL_POOL_FLOAT16 ? 2 : 4);
    const cudaStream_t stream = net->state->compute;
    float *scaled = NULL;

    LL_TRY(ll_alloc("bias", shape->out_channels, sizeof *scaled, &scaled, err));
    for (int i = 0; i < shape->out_channels; i++) {
        const float value = bias[i] * net->factor;
        if (type == LL_POOL_FLOAT16) {
            const uint16_t half = ll_half_bits(value);
            memcpy((uint16_t *)(void *)scaled + i, &half, sizeof half);
        } else {
            scaled[i] = value;
        }
    }
    LL_TRY_DONE(ll_cuda_memory("bias", bytes, &net->layers[layer].bias, err));
    LL_TRY_DONE(LL_CUDA(
        cudaMemcpyAsync(net->layers[layer].bias, scaled, bytes, cudaMemcpyHostToDevice, stream)));
    LL_TRY_DONE(LL_CUDA(cudaStreamSynchronize(stream)));
done:
    if (status != LL_OK) (void)cudaStreamSynchronize(stream);
    free(scaled);
    return status;
}

ll_status ll_cuda_biases_upload(ll_net *net, ll_error *err)
{
    for (int i = 0; i <= net->last; i++) {
        ll_error cause = LL_ERROR_INIT;
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        LL_TRY(prepared(i, upload_bias(net, i, &cause), &cause, err));
    }
    return LL_OK;
}
