/* host/backend/cuda/forward/cuda_net.c - make room on the card, bring the weights, choose the
 * plans.
 *
 * Where the card is too full for the batch, everything is given back and half the batch tried:
 * backend and description follow, since the batch belongs to what decides the bits. */
#include "host/backend/cuda/net/cuda_net.h"
#include "host/backend/cuda/conv/cuda_conv_shape.h"
#include "host/backend/cuda/engines/cuda_choice.h"
#include "host/backend/cuda/engines/cuda_engine_text.h"
#include "host/backend/cuda/forward/cuda_forward.h"
#include "host/backend/cuda/net/cuda_scale.h"
#include "host/backend/cuda/net/cuda_weights.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = LL_VGG16_SIDE * LL_VGG16_SIDE };

/* ---- room ------------------------------------------------------------------------------- */

static ll_status activations_create(ll_net *net, ll_error *err)
{
    int64_t most = (int64_t)PIXELS * net->channels; /* the input */

    for (int i = 0; i <= net->last; i++)
        most = ll_max_i64(most, ll_vgg16_width(i));
    /* A product that ends the network leaves f32, which is less than the convolutions before it. */
    const size_t bytes = (size_t)net->batch * (size_t)most * ll_cuda_value_bytes(net);
    LL_TRY(ll_cuda_memory("activations", bytes, &net->activations[0], err));
    return ll_cuda_memory("activations", bytes, &net->activations[1], err);
}

static ll_status slot_create(const ll_net *net, struct cuda_slot *slot, ll_error *err)
{
    const size_t pixels = (size_t)net->batch * PIXELS * 3;
    const size_t norms = (size_t)net->batch * sizeof(float);
    const size_t features = norms * (size_t)ll_vgg16_width(net->layer);
    const size_t largest = LL_CUDA_LAYERS * sizeof(uint32_t);

    LL_TRY(ll_cuda_pinned("pixels", pixels, &slot->pixels, err));
    LL_TRY(ll_cuda_pinned("features", features, &slot->out_features, err));
    LL_TRY(ll_cuda_pinned("norms", norms, &slot->out_norms, err));
    LL_TRY(ll_cuda_pinned("ranges", largest, &slot->out_largest, err));
    LL_TRY(ll_cuda_memory("pixels", pixels, &slot->device_pixels, err));
    LL_TRY(ll_cuda_memory("features", features, &slot->features, err));
    LL_TRY(ll_cuda_memory("norms", norms, &slot->norms, err));
    LL_TRY(ll_cuda_memory("ranges", largest, &slot->largest, err));
    /* The padding of a first batch: pictures nobody sees, but numbers all the same. */
    LL_TRY(LL_CUDA(cudaMemsetAsync(slot->device_pixels, 0, pixels, net->state->in)));
    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&slot->uploaded, cudaEventDisableTiming)));
    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&slot->computed, cudaEventDisableTiming)));
    /* The thread that waits for a batch sleeps instead of spinning: its core is needed for
     * decoding. */
    return LL_CUDA(cudaEventCreateWithFlags(&slot->downloaded,
                                            cudaEventDisableTiming | cudaEventBlockingSync));
}

static void slot_release(struct cuda_slot *slot)
{
    if (slot->graph != NULL) (void)cudaGraphExecDestroy(slot->graph);
    if (slot->uploaded != NULL) (void)cudaEventDestroy(slot->uploaded);
    if (slot->computed != NULL) (void)cudaEventDestroy(slot->computed);
    if (slot->downloaded != NULL) (void)cudaEventDestroy(slot->downloaded);
    ll_cuda_free(slot->largest);
    ll_cuda_free(slot->norms);
    ll_cuda_free(slot->features);
    ll_cuda_free(slot->device_pixels);
    if (slot->out_largest != NULL) (void)cudaFreeHost(slot->out_largest);
    if (slot->out_norms != NULL) (void)cudaFreeHost(slot->out_norms);
    if (slot->out_features != NULL) (void)cudaFreeHost(slot->out_features);
    if (slot->pixels != NULL) (void)cudaFreeHost(slot->pixels);
}

/* ---- the net ---------------------------------------------------------------------------- */

static ll_status net_build(ll_net *net, struct ll_weights *weights, ll_error *err)
{
    struct cuda_state *const state = net->state;

    net->factor = 1.0f;
    if (net->type == LL_POOL_FLOAT16)
        LL_TRY(ll_cuda_scale_find(net, weights, err));
    else
        LL_TRY(ll_cuda_weights_load(net, weights, NULL, NULL, err));
    LL_TRY(ll_cuda_biases_upload(net, err));
    LL_TRY(activations_create(net, err));
    LL_TRY(ll_cuda_engines_choose(net, err));
    LL_TRY(ll_alloc("slots", state->slots, sizeof *net->slots, &net->slots, err));
    for (int i = 0; i < state->slots; i++)
        LL_TRY(slot_create(net, &net->slots[i], err));
    LL_TRY(LL_CUDA(cudaStreamSynchronize(state->in)));
    /* Done here, not on first use, since graphs need memory too. */
    return ll_cuda_graphs_make(net, err);
}

static ll_status net_try(ll_backend *be, struct ll_weights *weights, const ll_net_options *options,
                         ll_net **out, ll_error *err)
{
    struct cuda_state *const state = be->state;
    ll_net *net = NULL;

    LL_TRY(ll_alloc("network", 1, sizeof *net, &net, err));
    net->be = be;
    net->state = state;
    net->layer = options->layer;
    net->last = options->layer == LL_VGG16_GAP ? LL_VGG16_POOL5 : options->layer;
    net->normalize = options->normalize;
    net->earlier = options->engines;
    net->batch = state->batch;
    net->type = state->precision == LL_CONV_FP16 ? LL_POOL_FLOAT16 : LL_POOL_FLOAT32;
    net->channels = ll_conv_channels(0, state->precision);
    net->kind = be->weights_describe(weights)->scale == LL_INPUT_TORCH ? LL_PREPROCESS_TORCH
                                                                       : LL_PREPROCESS_CAFFE;
    const ll_status status = net_build(net, weights, err);
    if (status != LL_OK) {
        ll_cuda_net_free(be, net);
        return status;
    }
    net->earlier = NULL;
    *out = net;
    return LL_OK;
}

ll_status ll_cuda_net_create(ll_backend *be, struct ll_weights *weights,
                             const ll_net_options *options, ll_net **out, ll_error *err)
{
    struct cuda_state *const state = be->state;
    char *engines = NULL;

    LL_TRY(LL_CUDA(cudaSetDevice(state->device)));
    for (;;) {
        ll_error full = LL_ERROR_INIT;
        const ll_status status = net_try(be, weights, options, out, &full);
        if (status == LL_OK) break;
        if (status != LL_ERR_MEMORY || state->batch == 1)
            return ll_fail(err, status, "%s", full.text);
        ll_log_line(state->log, "batch %d does not fit (%s); trying %d", state->batch, full.text,
                    state->batch / 2);
        state->batch /= 2;
        be->batch = state->batch;
    }
    const ll_status status = ll_cuda_engines_describe(*out, &engines, err);
    if (status != LL_OK) {
        ll_cuda_net_free(be, *out);
        *out = NULL;
        return status;
    }
    free(state->engines);
    state->engines = engines;
    state->engines_length = strlen(engines);
    return LL_OK;
}

void ll_cuda_net_free(ll_backend *be, ll_net *net)
{
    struct cuda_state *const state = be->state;

    if (net == NULL) return;
    /* A batch that nobody waited for may still use this memory; its result is ignored. */
    (void)cudaStreamSynchronize(state->in);
    (void)cudaStreamSynchronize(state->compute);
    (void)cudaStreamSynchronize(state->out);
    for (int i = 0; net->slots != NULL && i < state->slots; i++)
        slot_release(&net->slots[i]);
    for (int i = 0; i < LL_CUDA_LAYERS; i++) {
        struct cuda_layer *const layer = &net->layers[i];
        ll_conv_free(layer->conv);
        ll_gemm_free(layer->gemm);
        free(layer->means);
        ll_cuda_free(layer->kernel);
        ll_cuda_free(layer->bias);
    }
    ll_cuda_free(net->workspace);
    ll_cuda_free(net->activations[0]);
    ll_cuda_free(net->activations[1]);
    free(net->host_biases);
    free(net->slots);
    free(net);
}
