/* host/backend/cuda/cuda_choice.c - which engine runs which convolution: the fastest of those on
 * offer, measured here, or what was chosen before: by the night that made the index, or the cache.
 *
 * Layers are timed in order on the calibration pictures, each on what the winner before it made:
 * real activations, half of them zero (zeros throughout would be faster than photos). Where a pool
 * follows, engines that do it in the same graph compete with the others plus our pool kernel. In
 * fp16 a winner must also give the largest activation that fp32 gave, to 2 %: an engine that is
 * quick and wrong is passed over with a line in the log. Compiling engines may take long: once a
 * layer has one and k_patience_s is over, those that the library thinks less of are not tried. */
#include "host/backend/cuda/cuda_check.h"
#include "host/backend/cuda/cuda_net.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "weights/synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENGINES = 32, MAX_POOLED = 16, RUNS = 3, CHOICES = MAX_ENGINES + MAX_POOLED };

static const float k_tolerance = 0.02f;
static const double k_patience_s = 3.0; /* 13 layers: less than a minute, once */

/* One engine of a layer, timed. */
struct offer {
    char engine[LL_CONV_ENGINE_TEXT];
    bool pooled;
    float ms; /* INFINITY: cannot, or was found wrong */
};

struct contest {
    ll_net *net;
    cudaEvent_t start, stop;
    uint32_t *largest; /* (LL_CUDA_LAYERS) device */
    uint8_t *pixels;
    void *spare;   /* room for a pool's result */
    uint32_t bits; /* of `largest`, back on the host; outlives what is queued */
    struct offer offers[CHOICES];
    int count, at;
};

/* ---- plans ------------------------------------------------------------------------------ */

/* More workspace for the plans made so far, if need be. Nothing may be running. */
static ll_status workspace_grow(ll_net *net, size_t bytes, ll_error *err)
{
    if (bytes <= net->workspace_bytes) return LL_OK;
    LL_TRY(LL_CUDA(cudaStreamSynchronize(net->state->compute)));
    ll_cuda_free(net->workspace);
    net->workspace = NULL;
    net->workspace_bytes = 0;
    LL_TRY(ll_cuda_memory("workspace", bytes, &net->workspace, err));
    net->workspace_bytes = bytes;
    return LL_OK;
}

/* Put an engine to work on a layer, in place of the one before. */
static ll_status layer_take(ll_net *net, int index, const char *engine, bool pooled, ll_error *err)
{
    struct cuda_layer *const layer = &net->layers[index];
    const ll_conv_shape shape = ll_cuda_conv_shape(net, index, pooled);

    ll_conv_free(layer->conv);
    layer->conv = NULL;
    LL_TRY(ll_conv_make(net->state->conv, &shape, engine, 1.0f, &layer->conv, err));
    layer->pooled = pooled;
    if (engine != layer->engine) snprintf(layer->engine, sizeof layer->engine, "%s", engine);
    if (ll_conv_workspace_bytes(layer->conv) > LL_CUDA_WORKSPACE)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: %s wants %zu bytes of workspace",
                       ll_vgg16_name(index), engine, ll_conv_workspace_bytes(layer->conv));
    return workspace_grow(net, ll_conv_workspace_bytes(layer->conv), err);
}

/* An engine that cannot after all is no failure; a broken device or full memory is. */
static bool only_unsupported(ll_status status)
{
    return status == LL_ERR_UNSUPPORTED || status == LL_ERR_FORMAT;
}

/* ---- timing ----------------------------------------------------------------------------- */

/* The layer, and the pool after it where both run; with what a night does besides, looking for the
 * largest activation, which a pool of ours does on the way and one of theirs costs a pass more. */
static ll_status queue_once(struct contest *c, int index, ll_error *err)
{
    const ll_net *const net = c->net;
    void *const x = net->activations[c->at], *const y = net->activations[1 - c->at];

    LL_TRY(ll_cuda_layer_queue(net, index, x, y, c->largest, err));
    /* Where the pool's result goes does not matter, but x must stay for the next run. */
    if (ll_cuda_pool_follows(net, index) && !net->layers[index].pooled)
        return ll_cuda_layer_queue(net, index + 1, y, c->spare, c->largest, err);
    return LL_OK;
}

static ll_status time_offer(struct contest *c, int index, struct offer *offer, ll_error *err)
{
    const cudaStream_t stream = c->net->state->compute;
    float ms = INFINITY;

    LL_TRY(layer_take(c->net, index, offer->engine, offer->pooled, err));
    LL_TRY(queue_once(c, index, err)); /* loads and compiles */
    for (int run = 0; run < RUNS; run++) {
        float took = 0.0f;
        LL_TRY(LL_CUDA(cudaEventRecord(c->start, stream)));
        LL_TRY(queue_once(c, index, err));
        LL_TRY(LL_CUDA(cudaEventRecord(c->stop, stream)));
        LL_TRY(LL_CUDA(cudaEventSynchronize(c->stop)));
        LL_TRY(LL_CUDA(cudaEventElapsedTime(&took, c->start, c->stop)));
        if (took < ms) ms = took;
    }
    offer->ms = ms;
    return LL_OK;
}

static ll_status collect(struct contest *c, int index, bool pooled, int max, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_conv_shape shape = ll_cuda_conv_shape(c->net, index, pooled);
    char(*engines)[LL_CONV_ENGINE_TEXT] = NULL;
    char why[256] = "";
    int count = 0;

    LL_TRY(ll_alloc("engines", max, LL_CONV_ENGINE_TEXT, &engines, err));
    LL_TRY_DONE(ll_conv_engines(c->net->state->conv, &shape, engines, max, &count, why, err));
    if (count == 0 && !pooled)
        status =
            ll_fail(err, LL_ERR_UNSUPPORTED, "%s: no engine: %.200s", ll_vgg16_name(index), why);
    for (int i = 0; i < count; i++) {
        struct offer *const offer = &c->offers[c->count++];
        memcpy(offer->engine, engines[i], sizeof offer->engine);
        offer->pooled = pooled;
        offer->ms = INFINITY;
    }
done:
    free(engines);
    return status;
}

/* ---- the winner ------------------------------------------------------------------------- */

/* Of two that take the same, the one that pools: it leaves more of the memory to copies beside it.
 */
static bool is_before(const struct offer *a, const struct offer *b)
{
    return a->ms < b->ms || (a->ms == b->ms && a->pooled && !b->pooled);
}

static struct offer *fastest(struct contest *c)
{
    struct offer *best = NULL;
    for (int i = 0; i < c->count; i++)
        if (isfinite(c->offers[i].ms) && (best == NULL || is_before(&c->offers[i], best)))
            best = &c->offers[i];
    return best;
}

/* Is what lies in `x` as large as fp32 said? Without its word (tf32, fp32) anything finite is. */
static ll_status look(struct contest *c, int layer, const void *x, bool *right, ll_error *err)
{
    const ll_net *const net = c->net;
    const cudaStream_t stream = net->state->compute;
    const float want = net->layers[layer].largest * net->factor;
    float got = 0.0f;

    LL_TRY(LL_CUDA(cudaMemsetAsync(c->largest, 0, sizeof *c->largest, stream)));
    LL_TRY(LL_CUDA(
        ll_largest_cuda(net->type, x, net->batch * ll_vgg16_width(layer), c->largest, stream)));
    LL_TRY(LL_CUDA(
        cudaMemcpyAsync(&c->bits, c->largest, sizeof c->bits, cudaMemcpyDeviceToHost, stream)));
    LL_TRY(LL_CUDA(cudaStreamSynchronize(stream)));
    memcpy(&got, &c->bits, sizeof got);
    *right = c->bits < LL_POOL_INFINITE &&
             (net->type != LL_POOL_FLOAT16 || fabsf(got - want) <= k_tolerance * want);
    if (c->bits >= LL_POOL_INFINITE && net->type != LL_POOL_FLOAT16)
        return ll_fail(err, LL_ERR_FORMAT,
                       "weights: an activation of %s is infinite or not a number",
                       ll_vgg16_name(layer));
    return LL_OK;
}

static void tell(const struct contest *c, int index, const struct offer *best)
{
    const double flops = ll_vgg16_flops(index) - (index > 0 ? ll_vgg16_flops(index - 1) : 0.0);

    ll_log_line(c->net->state->log, "%s: %.3f ms for %d images, %.1f TFLOP/s: %s%s, of %d engines",
                ll_vgg16_name(index), (double)best->ms, c->net->batch,
                flops * c->net->batch / ((double)best->ms * 1e-3) / 1e12, best->engine,
                best->pooled                          ? " with its pool"
                : ll_cuda_pool_follows(c->net, index) ? " and our pool"
                                                      : "",
                c->count);
}

/* Run the winner for good: its result is what the next layer is timed on. */
static ll_status settle(struct contest *c, int index, ll_error *err)
{
    ll_net *const net = c->net;
    bool right = false;
    struct offer *best = NULL;

    while (!right) {
        best = fastest(c);
        if (best == NULL)
            return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: none of %d engines gives what fp32 gives",
                           ll_vgg16_name(index), c->count);
        LL_TRY(layer_take(net, index, best->engine, best->pooled, err));
        LL_TRY(ll_cuda_layer_queue(net, index, net->activations[c->at], net->activations[1 - c->at],
                                   NULL, err));
        LL_TRY(look(c, best->pooled ? index + 1 : index, net->activations[1 - c->at], &right, err));
        if (right) break;
        best->ms = INFINITY;
        ll_log_line(net->state->log, "%s: engine %s gives other numbers than fp32; passed over",
                    ll_vgg16_name(index), best->engine);
    }
    tell(c, index, best);
    c->at = 1 - c->at;
    return LL_OK;
}

/* A failure says which layer it was, once. */
static ll_status in_layer(int index, ll_status status, const ll_error *why, ll_error *err)
{
    const char *const name = ll_vgg16_name(index);
    if (strncmp(why->text, name, strlen(name)) == 0) return ll_fail(err, status, "%s", why->text);
    return ll_fail(err, status, "%s: %s", name, why->text);
}

static ll_status choose_layer(struct contest *c, int index, ll_error *err)
{
    const double begin_s = ll_clock_seconds();
    const bool pool = ll_cuda_pool_follows(c->net, index);

    c->count = 0;
    LL_TRY(collect(c, index, false, MAX_ENGINES, err));
    if (pool) LL_TRY(collect(c, index, true, MAX_POOLED, err));
    for (int i = 0; i < c->count; i++) {
        ll_error refused = LL_ERROR_INIT;
        /* Half of it for each kind, where there are two. */
        const double patience_s = pool && !c->offers[i].pooled ? k_patience_s / 2 : k_patience_s;
        if (ll_clock_seconds() - begin_s > patience_s && fastest(c) != NULL) continue;
        const ll_status status = time_offer(c, index, &c->offers[i], &refused);
        if (status == LL_OK) continue;
        (void)cudaGetLastError(); /* what an engine was refused for is not the next one's error */
        if (only_unsupported(status)) continue;
        return in_layer(index, status, &refused, err);
    }
    return settle(c, index, err);
}

static ll_status contest_run(struct contest *c, ll_error *err)
{
    ll_net *const net = c->net;
    const int images = (int)ll_min_i64(net->batch, LL_SYNTHETIC_BATCH);
    const size_t pixels = (size_t)net->batch * LL_VGG16_SIDE * LL_VGG16_SIDE * 3;
    const size_t spare = /* the first pool's is the largest */
        (size_t)net->batch * (size_t)ll_vgg16_width(2) * ll_cuda_value_bytes(net);

    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&c->start, cudaEventDefault)));
    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&c->stop, cudaEventDefault)));
    LL_TRY(ll_cuda_memory("timing", LL_CUDA_LAYERS * sizeof *c->largest, &c->largest, err));
    LL_TRY(ll_cuda_memory("timing", pixels, &c->pixels, err));
    LL_TRY(ll_cuda_memory("timing", spare, &c->spare, err));
    LL_TRY(ll_cuda_pictures(net, net->batch, images, c->pixels, err));
    LL_TRY(ll_cuda_input_queue(net, c->pixels, net->activations[0], err));
    for (int i = 0; i <= net->last && i < LL_VGG16_FC1; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_CONV) {
            LL_TRY(choose_layer(c, i, err));
            if (net->layers[i].pooled) i++;
            continue;
        }
        LL_TRY(ll_cuda_layer_queue(net, i, net->activations[c->at], net->activations[1 - c->at],
                                   NULL, err));
        c->at = 1 - c->at;
    }
    return LL_CUDA(cudaStreamSynchronize(net->state->compute));
}

static ll_status time_all(ll_net *net, ll_error *err)
{
    struct contest *c = NULL;

    LL_TRY(ll_alloc("engines", 1, sizeof *c, &c, err));
    c->net = net;
    const ll_status status = contest_run(c, err);
    (void)cudaStreamSynchronize(net->state->compute);
    if (c->start != NULL) (void)cudaEventDestroy(c->start);
    if (c->stop != NULL) (void)cudaEventDestroy(c->stop);
    (void)cudaGetLastError(); /* or the next launch would be blamed for it */
    ll_cuda_free(c->largest);
    ll_cuda_free(c->pixels);
    ll_cuda_free(c->spare);
    free(c);
    return status;
}

/* ---- all layers ------------------------------------------------------------------------- */

/* Plans of what was kept; `*made` is false if one of them cannot be built any more. */
static ll_status take_kept(ll_net *net, const struct cuda_layer kept[], bool *made, ll_error *err)
{
    *made = false;
    for (int i = 0; i <= net->last && i < LL_VGG16_POOL5; i++) {
        ll_error refused = LL_ERROR_INIT;
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_CONV) continue;
        const ll_status status = layer_take(net, i, kept[i].engine, kept[i].pooled, &refused);
        if (status == LL_OK) continue;
        if (!only_unsupported(status))
            return ll_fail(err, status, "%s: %s", ll_vgg16_name(i), refused.text);
        ll_log_line(net->state->log, "%s: engine %s is gone; engines are chosen anew",
                    ll_vgg16_name(i), kept[i].engine);
        return LL_OK;
    }
    *made = true;
    return LL_OK;
}

/* First what an earlier index says, so that its features can be told to be ours too; then the
 * cache, which also serves an index that is new. */
static ll_status from_kept(ll_net *net, bool *made, ll_error *err)
{
    struct cuda_layer *kept = NULL;
    ll_status status = LL_OK;
    bool found = false;

    *made = false;
    LL_TRY(ll_alloc("engines", LL_CUDA_LAYERS, sizeof *kept, &kept, err));
    if (net->earlier != NULL) ll_cuda_engines_read(net, net->earlier, kept, &found);
    if (found) LL_TRY_DONE(take_kept(net, kept, made, err));
    if (*made) goto done;
    LL_TRY_DONE(ll_cuda_cache_read(net, kept, &found, err));
    if (found) LL_TRY_DONE(take_kept(net, kept, made, err));
done:
    free(kept);
    return status;
}

static ll_status make_product(ll_net *net, int layer, ll_error *err)
{
    static const ll_gemm_type k_types[] = {LL_GEMM_FP16, LL_GEMM_TF32, LL_GEMM_FP32};
    const ll_vgg16_layer *const to = ll_vgg16_layer_at(layer);
    const ll_gemm_type type = k_types[net->state->precision];
    const ll_gemm_shape shape = {
        .m = net->batch,
        .n = to->out_channels,
        .k = ll_vgg16_kernel_count(layer) / to->out_channels,
        /* what ends the network keeps the bits of its fp32 sums */
        .type = type == LL_GEMM_FP16 && layer == net->last ? LL_GEMM_FP16_FP32 : type,
        .bias_relu = true,
    };
    ll_gemm **const gemm = &net->layers[layer].gemm;

    LL_TRY(ll_gemm_make(net->state->gemm, &shape, LL_CUDA_WORKSPACE / 16, gemm,
                        net->algorithms[layer - LL_VGG16_FC1], err));
    return workspace_grow(net, ll_gemm_workspace_bytes(*gemm), err);
}

ll_status ll_cuda_plans_choose(ll_net *net, ll_error *err)
{
    ll_error unwritten = LL_ERROR_INIT;
    bool made = false;

    for (int i = LL_VGG16_FC1; i <= net->last; i++)
        LL_TRY(make_product(net, i, err));
    LL_TRY(from_kept(net, &made, err));
    if (made) return LL_OK;
    LL_TRY(time_all(net, err));
    if (ll_cuda_cache_write(net, &unwritten) != LL_OK)
        ll_log_line(net->state->log, "engines are not kept: %s", unwritten.text);
    return LL_OK;
}
