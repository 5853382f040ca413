/* host/backend/cuda/net/cuda_layers.c - the work of one batch, queued on the compute stream.
 *
 * Nothing here waits or allocates, so that all of it can be captured into a CUDA graph. */
#include "host/backend/cuda/net/cuda_layers.h"
#include "host/backend/cuda/net/cuda_fallback.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "kernels/normalize.h"

enum { PIXELS = LL_VGG16_SIDE * LL_VGG16_SIDE };
static const float k_safe = 60000.0f; /* fp16 ends at 65504; sums and weights are rounded */

/* A failure says which layer it was. */
static ll_status name_layer(int layer, ll_status status, const ll_error *why, ll_error *err)
{
    if (status == LL_OK) return LL_OK;
    return ll_fail(err, status, "%s: %s", ll_vgg16_name(layer), why->text);
}

ll_status ll_cuda_input_queue(const ll_net *net, const uint8_t *pixels, void *input, ll_error *err)
{
    const ll_preprocess_type type =
        net->type == LL_POOL_FLOAT16 ? LL_PREPROCESS_FLOAT16 : LL_PREPROCESS_FLOAT32;
    return LL_CUDA(ll_preprocess_nhwc_cuda(net->kind, type, net->factor, pixels,
                                           (int64_t)net->batch * PIXELS, net->channels, input,
                                           net->state->compute));
}

/* Find the largest output of a convolution or product. Every stored activation has to be checked:
 * an infinite one may not show later, since sums of infinities are NaN and a ReLU may turn NaN into
 * 0. If our pool kernel comes next, it does the check; if no photo can make the layer overflow, no
 * check is needed. What remains is 8 MB of fp16 a photo, about a twentieth of the time the card
 * spends on it (calculated). */
static ll_status find_largest(const ll_net *net, int index, const void *y, uint32_t *largest,
                              ll_error *err)
{
    const struct cuda_layer *const layer = &net->layers[index];
    const ll_pool_type type = ll_cuda_result_type(net, index);
    const int64_t width = ll_vgg16_width(layer->pooled ? index + 1 : index);

    if (largest == NULL || (ll_cuda_pool_follows(net, index) && !layer->pooled)) return LL_OK;
    if (layer->bound > 0.0f && layer->bound * net->factor < k_safe) return LL_OK;
    return LL_CUDA(
        ll_largest_cuda(type, y, net->batch * width, largest + index, net->state->compute));
}

static ll_status queue_fallback(const ll_net *net, int index, const void *x, void *y, ll_error *err)
{
    const struct cuda_layer *const layer = &net->layers[index];
    const struct cuda_fallback_layer fallback = {.layer = index,
                                                 .images = net->batch,
                                                 .channels = net->channels,
                                                 .from = net->type,
                                                 .to = ll_cuda_result_type(net, index)};
    return ll_cuda_fallback_queue(&fallback, x, layer->kernel, layer->bias, y, net->state->compute,
                                  err);
}

static ll_status queue(const ll_net *net, int index, const void *x, void *y, uint32_t *largest,
                       ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(index);
    const struct cuda_layer *const layer = &net->layers[index];
    const cudaStream_t stream = net->state->compute;

    if (layer->fallback) {
        LL_TRY(queue_fallback(net, index, x, y, err));
        return find_largest(net, index, y, largest, err);
    }
    switch (shape->kind) {
    case LL_VGG16_CONV:
        LL_TRY(ll_conv_run(layer->conv, x, layer->kernel, layer->bias, y, net->workspace, stream,
                           err));
        return find_largest(net, index, y, largest, err);
    case LL_VGG16_POOL:
        /* It checks the output of the convolution before it. */
        return LL_CUDA(ll_max_pool_cuda(net->type, x, net->batch, shape->in_side,
                                        shape->in_channels, y,
                                        largest == NULL ? NULL : largest + index - 1, stream));
    case LL_VGG16_FC: break;
    }
    LL_TRY(ll_gemm_run(layer->gemm, 1.0f, x, layer->kernel, layer->bias, y, net->workspace, stream,
                       err));
    return find_largest(net, index, y, largest, err);
}

ll_status ll_cuda_layer_queue(const ll_net *net, int layer, const void *x, void *y,
                              uint32_t *largest, ll_error *err)
{
    ll_error why = LL_ERROR_INIT;
    return name_layer(layer, queue(net, layer, x, y, largest, &why), &why, err);
}

/* From the last activations to f32 features, and unit rows. */
static ll_status finish(const ll_net *net, const struct cuda_slot *slot, const void *x,
                        ll_error *err)
{
    const ll_vgg16_layer *const end = ll_vgg16_layer_at(net->last);
    const cudaStream_t stream = net->state->compute;
    const int64_t width = ll_vgg16_width(net->layer), count = net->batch * width;
    const ll_pool_type type = ll_cuda_result_type(net, net->last);
    const float undo = 1.0f / net->factor; /* exact: a power of two */

    if (net->layer == LL_VGG16_GAP)
        LL_TRY(LL_CUDA(ll_mean_cuda(type, x, net->batch, end->out_side * end->out_side,
                                    end->out_channels, undo, slot->features, stream)));
    else
        LL_TRY(LL_CUDA(ll_widen_cuda(type, x, count, undo, slot->features, stream)));
    if (!net->normalize) return LL_OK;
    return LL_CUDA(ll_normalize_rows_cuda(slot->features, net->batch, width, slot->norms, stream));
}

ll_status ll_cuda_batch_queue(const ll_net *net, const struct cuda_slot *slot, ll_error *err)
{
    int at = 0;

    LL_TRY(LL_CUDA(cudaMemsetAsync(slot->largest, 0, LL_CUDA_LAYERS * sizeof *slot->largest,
                                   net->state->compute)));
    LL_TRY(ll_cuda_input_queue(net, slot->device_pixels, net->activations[at], err));
    for (int i = 0; i <= net->last; i++) {
        LL_TRY(ll_cuda_layer_queue(net, i, net->activations[at], net->activations[1 - at],
                                   slot->largest, err));
        at = 1 - at;
        if (net->layers[i].pooled) i++;
    }
    return finish(net, slot, net->activations[at], err);
}
