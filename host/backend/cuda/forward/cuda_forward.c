/* host/backend/cuda/forward/cuda_forward.c - batches through the network on three streams.
 *
 *   in       pinned pixels -> the slot's pixels                      records `uploaded`
 *   compute  waits for it; the slot's CUDA graph, or its kernels     records `computed`
 *   out      waits for that; features, norms, ranges -> pinned       records `downloaded`
 *
 * The streams are ordered by events only: while one slot computes, the next uploads and the one
 * before downloads. Activations and workspace are shared by all slots and touched on `compute`
 * alone, in order. A slot is reused after its wait, when everything of it has ended, so nothing
 * more is needed. The whole batch always runs, whatever `n` is: the images after the first n are
 * left over from an earlier batch, and no image's result depends on another image. */
#include "host/backend/cuda/forward/cuda_forward.h"
#include "host/backend/cuda/net/cuda_layers.h"
#include "host/backend/cuda/runtime/cuda_check.h"

#include <math.h>
#include <string.h>

enum { IMAGE_BYTES = LL_VGG16_SIDE * LL_VGG16_SIDE * 3 };
#define LL_CUDA_HALF_MAX 0x477FE000u /* 65504 as a f32 */

/* ---- submit ----------------------------------------------------------------------------- */

static ll_status capture(const ll_net *net, struct cuda_slot *slot, ll_error *err)
{
    const cudaStream_t stream = net->state->compute;
    cudaGraph_t graph = NULL;

    LL_TRY(LL_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal)));
    ll_status status = ll_cuda_batch_queue(net, slot, err);
    /* A capture must be ended, also one that failed. */
    const ll_status ended = LL_CUDA(cudaStreamEndCapture(stream, &graph));
    if (status == LL_OK) status = ended;
    if (status == LL_OK) status = LL_CUDA(cudaGraphInstantiate(&slot->graph, graph, 0));
    if (status != LL_OK) slot->graph = NULL;
    if (graph != NULL && cudaGraphDestroy(graph) != cudaSuccess)
        (void)cudaGetLastError(); /* or the next launch would be blamed for it */
    return status;
}

/* Run a batch once before: kernels are loaded when they first run, which a capture may not allow.
 */
static ll_status warm_up(const ll_net *net, ll_error *err)
{
    LL_TRY(ll_cuda_batch_queue(net, &net->slots[0], err));
    return LL_CUDA(cudaStreamSynchronize(net->state->compute));
}

ll_status ll_cuda_graphs_make(ll_net *net, ll_error *err)
{
    const struct cuda_state *const state = net->state;

    LL_TRY(warm_up(net, err));
    for (int i = 0; i < state->slots; i++) {
        ll_error refused = LL_ERROR_INIT;
        const ll_status status = capture(net, &net->slots[i], &refused);
        if (status == LL_OK) continue;
        LL_TRY(ll_cuda_card_check(state->compute, &refused, err));
        if (status == LL_ERR_MEMORY) return ll_fail(err, status, "%s", refused.text);
        ll_log_line(state->log,
                    "a batch is no CUDA graph here (%s); its kernels are launched one by one",
                    refused.text);
        break; /* the next slot's batch is the same */
    }
    return LL_OK;
}

/* On the compute stream. The same kernels in the same order either way, so the same bits; a graph
 * is one launch instead of about forty. */
static ll_status run(const ll_net *net, const struct cuda_slot *slot, ll_error *err)
{
    if (slot->graph != NULL) return LL_CUDA(cudaGraphLaunch(slot->graph, net->state->compute));
    return ll_cuda_batch_queue(net, slot, err);
}

static ll_status start(const ll_net *net, struct cuda_slot *slot, ll_error *err)
{
    const struct cuda_state *const state = net->state;
    const size_t norms = (size_t)slot->n * sizeof(float);
    const size_t features = norms * (size_t)ll_vgg16_width(net->layer);

    LL_TRY(LL_CUDA(cudaMemcpyAsync(slot->device_pixels, slot->pixels, (size_t)slot->n * IMAGE_BYTES,
                                   cudaMemcpyHostToDevice, state->in)));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->uploaded, state->in)));

    LL_TRY(LL_CUDA(cudaStreamWaitEvent(state->compute, slot->uploaded, 0)));
    LL_TRY(run(net, slot, err));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->computed, state->compute)));

    LL_TRY(LL_CUDA(cudaStreamWaitEvent(state->out, slot->computed, 0)));
    LL_TRY(LL_CUDA(cudaMemcpyAsync(slot->out_features, slot->features, features,
                                   cudaMemcpyDeviceToHost, state->out)));
    if (net->normalize)
        LL_TRY(LL_CUDA(cudaMemcpyAsync(slot->out_norms, slot->norms, norms, cudaMemcpyDeviceToHost,
                                       state->out)));
    LL_TRY(LL_CUDA(cudaMemcpyAsync(slot->out_largest, slot->largest,
                                   LL_CUDA_LAYERS * sizeof *slot->largest, cudaMemcpyDeviceToHost,
                                   state->out)));
    return LL_CUDA(cudaEventRecord(slot->downloaded, state->out));
}

/* After a failure: nothing of a half-queued batch may still use the slot. */
static void drain(const struct cuda_state *state)
{
    (void)cudaStreamSynchronize(state->in);
    (void)cudaStreamSynchronize(state->compute);
    (void)cudaStreamSynchronize(state->out);
    (void)cudaGetLastError();
}

ll_status ll_cuda_forward_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels,
                                 int n, ll_error *err)
{
    const struct cuda_state *const state = be->state;
    struct cuda_slot *const s = &net->slots[slot];

    if (s->n > 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "slot %d still holds a batch: wait for it first",
                       slot);
    LL_TRY(LL_CUDA(cudaSetDevice(state->device))); /* the caller's thread may be another */
    memcpy(s->pixels, pixels, (size_t)n * IMAGE_BYTES);
    s->n = n;
    const ll_status status = start(net, s, err);
    if (status != LL_OK) {
        drain(state);
        s->n = 0;
    }
    return status;
}

/* ---- wait ------------------------------------------------------------------------------- */

/* The largest activation a layer may have, as bits (kernels/pool.h): an engine may turn larger
 * values into infinity or, as some do, into the type's largest number. */
static uint32_t most_bits(const ll_net *net, int layer)
{
    const bool half = ll_cuda_result_type(net, layer) == LL_POOL_FLOAT16;
    return half ? LL_CUDA_HALF_MAX - 1 : LL_POOL_INFINITE - 1;
}

/* The first layer whose activations left the type. */
static ll_status check_ranges(const ll_net *net, const uint32_t *largest, ll_error *err)
{
    for (int i = 0; i <= net->last; i++)
        if (largest[i] > most_bits(net, i))
            return ll_fail(err, LL_ERR_FORMAT,
                           "weights: an activation of %s is infinite or not a number%s",
                           ll_vgg16_name(i),
                           net->type == LL_POOL_FLOAT16 ? " in fp16; use --precision tf32" : "");
    return LL_OK;
}

ll_status ll_cuda_forward_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                               ll_error *err)
{
    const struct cuda_state *const state = be->state;
    struct cuda_slot *const s = &net->slots[slot];
    const int64_t width = ll_vgg16_width(net->layer);
    const int n = s->n;

    if (n == 0) return ll_fail(err, LL_ERR_ARGUMENT, "slot %d holds no batch to wait for", slot);
    const ll_status status = LL_CUDA(cudaEventSynchronize(s->downloaded));
    if (status != LL_OK) drain(state);
    s->n = 0;
    LL_TRY(status);
    LL_TRY(check_ranges(net, s->out_largest, err));
    memcpy(features, s->out_features, (size_t)(n * width) * sizeof *features);
    if (!net->normalize) return LL_OK;
    memcpy(norms, s->out_norms, (size_t)n * sizeof *norms);
    for (int i = 0; i < n; i++)
        if (!isfinite(norms[i]))
            return ll_fail(err, LL_ERR_FORMAT, "weights: the length of a row of %s is infinite",
                           ll_vgg16_name(net->layer));
    return LL_OK;
}
