/* host/backend/cuda/engines/cuda_choice.c - which engine runs which layer: what was chosen before,
 * by the night that made the index or the cache's, as long as it is all still there and right; else
 * the fastest on offer, measured (cuda_contest.c).
 *
 * Whatever an engine's origin, its result on the calibration pictures is looked at before it is
 * believed (cuda_proof.h): a pass of the network, once, when it is made. */
#include "host/backend/cuda/engines/cuda_contest.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <stdlib.h>

/* ---- plans ------------------------------------------------------------------------------ */

/* Room for the plans made so far. The old stays if there is none for the new: the engine in need of
 * it is then passed over, and those before it keep theirs. */
static ll_status workspace_grow(ll_net *net, size_t bytes, ll_error *err)
{
    void *larger = NULL;

    if (bytes <= net->workspace_bytes) return LL_OK;
    LL_TRY(LL_CUDA(cudaStreamSynchronize(net->state->compute)));
    LL_TRY(ll_cuda_memory("workspace", bytes, &larger, err));
    ll_cuda_free(net->workspace);
    net->workspace = larger;
    net->workspace_bytes = bytes;
    return LL_OK;
}

/* What the plans that are left need, and no more. */
static ll_status workspace_fit(ll_net *net, ll_error *err)
{
    size_t most = 0;

    for (int i = 0; i <= net->last; i++) {
        const struct cuda_layer *const layer = &net->layers[i];
        const size_t bytes = layer->conv != NULL   ? ll_conv_workspace_bytes(layer->conv)
                             : layer->gemm != NULL ? ll_gemm_workspace_bytes(layer->gemm)
                                                   : 0;
        if (bytes > most) most = bytes;
    }
    if (most == net->workspace_bytes) return LL_OK;
    LL_TRY(LL_CUDA(cudaStreamSynchronize(net->state->compute)));
    ll_cuda_free(net->workspace);
    net->workspace = NULL;
    net->workspace_bytes = 0;
    if (most > 0) LL_TRY(ll_cuda_memory("workspace", most, &net->workspace, err));
    net->workspace_bytes = most;
    return LL_OK;
}

ll_gemm_shape ll_cuda_product_shape(const ll_net *net, int layer)
{
    static const ll_gemm_type k_types[] = {LL_GEMM_FP16, LL_GEMM_TF32, LL_GEMM_FP32};
    const ll_vgg16_layer *const to = ll_vgg16_layer_at(layer);
    const ll_gemm_type type = k_types[net->state->precision];

    return (ll_gemm_shape){
        .m = net->batch,
        .n = to->out_channels,
        .k = ll_vgg16_kernel_count(layer) / to->out_channels,
        /* what ends the network keeps the bits of its fp32 sums */
        .type = type == LL_GEMM_FP16 && layer == net->last ? LL_GEMM_FP16_FP32 : type,
        .bias_relu = true,
    };
}

ll_status ll_cuda_layer_take(ll_net *net, int index, const char *engine, bool pooled, ll_error *err)
{
    struct cuda_layer *const layer = &net->layers[index];
    size_t bytes;

    ll_conv_free(layer->conv);
    ll_gemm_free(layer->gemm);
    layer->conv = NULL;
    layer->gemm = NULL;
    layer->pooled = pooled;
    if (engine != layer->engine)
        LL_TRY(ll_text_fit(layer->engine, sizeof layer->engine, err, "%s", engine));
    layer->own = ll_cuda_own_is(engine);
    if (layer->own) return LL_OK;
    if (ll_vgg16_layer_at(index)->kind == LL_VGG16_FC) {
        const ll_gemm_shape shape = ll_cuda_product_shape(net, index);
        LL_TRY(ll_gemm_make(net->state->gemm, &shape, engine, &layer->gemm, err));
        bytes = ll_gemm_workspace_bytes(layer->gemm);
    } else {
        const ll_conv_shape shape = ll_cuda_conv_shape(net, index, pooled);
        LL_TRY(ll_conv_make(net->state->conv, &shape, engine, 1.0f, &layer->conv, err));
        bytes = ll_conv_workspace_bytes(layer->conv);
    }
    if (bytes > net->state->workspace_most)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s wants %zu bytes of workspace", engine, bytes);
    return workspace_grow(net, bytes, err);
}

ll_status ll_cuda_card_check(const struct cuda_state *state, const ll_error *refused, ll_error *err)
{
    const cudaError_t code = cudaStreamSynchronize(state->compute);

    (void)cudaGetLastError(); /* what an engine failed for is not the next one's error */
    if (code == cudaSuccess) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "%s; then CUDA: %s in cudaStreamSynchronize", refused->text,
                   cudaGetErrorString(code));
}

/* ---- all layers ------------------------------------------------------------------------- */

/* `*good` is false if what was kept for a layer is no longer there, or not right. */
static ll_status take_kept(struct cuda_contest *c, int layer, const struct cuda_layer *kept,
                           bool *good, ll_error *err)
{
    const char *wrong = NULL;
    char text[256];

    LL_TRY(ll_cuda_contest_take(c, layer, kept->engine, kept->pooled, &wrong, text, err));
    *good = wrong == NULL;
    if (wrong == text)
        ll_log_line(c->net->state->log, "%s: engine %s is gone; engines are chosen anew",
                    ll_vgg16_name(layer), kept->engine);
    else if (wrong != NULL)
        ll_log_line(c->net->state->log, "%s: engine %s %s; engines are chosen anew",
                    ll_vgg16_name(layer), kept->engine, wrong);
    return LL_OK;
}

/* Layer after layer: with what was kept, or by timing where `kept` is NULL. */
static ll_status go_through(struct cuda_contest *c, const struct cuda_layer kept[], bool *good,
                            ll_error *err)
{
    ll_net *const net = c->net;

    *good = true;
    LL_TRY(ll_cuda_contest_init(c, net, err));
    for (int i = 0; i <= net->last && *good; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL)
            LL_TRY(ll_cuda_contest_pool(c, i, err));
        else if (kept != NULL)
            LL_TRY(take_kept(c, i, &kept[i], good, err));
        else
            LL_TRY(ll_cuda_contest_choose(c, i, err));
        if (net->layers[i].pooled) i++;
    }
    return LL_CUDA(cudaStreamSynchronize(net->state->compute));
}

static ll_status choose_all(ll_net *net, const struct cuda_layer kept[], bool *good, ll_error *err)
{
    struct cuda_contest *c = NULL;

    *good = false;
    LL_TRY(ll_alloc("engines", 1, sizeof *c, &c, err));
    c->net = net;
    const ll_status status = go_through(c, kept, good, err);
    ll_cuda_contest_release(c);
    free(c);
    return status;
}

/* First what an earlier index says, so that its features can be told to be ours too; then the
 * cache, which also serves an index that is new. */
static ll_status from_kept(ll_net *net, bool *good, ll_error *err)
{
    struct cuda_layer *kept = NULL;
    ll_status status = LL_OK;
    bool found = false;

    *good = false;
    LL_TRY(ll_alloc("engines", LL_CUDA_LAYERS, sizeof *kept, &kept, err));
    if (net->earlier != NULL)
        LL_TRY_DONE(ll_cuda_engines_read(net, net->earlier, kept, &found, err));
    if (found) LL_TRY_DONE(choose_all(net, kept, good, err));
    if (*good) goto done;
    LL_TRY_DONE(ll_cuda_cache_read(net, kept, &found, err));
    if (found) LL_TRY_DONE(choose_all(net, kept, good, err));
done:
    free(kept);
    return status;
}

ll_status ll_cuda_plans_choose(ll_net *net, ll_error *err)
{
    ll_error unwritten = LL_ERROR_INIT;
    bool good = false;

    LL_TRY(from_kept(net, &good, err));
    if (!good) {
        LL_TRY(choose_all(net, NULL, &good, err));
        if (ll_cuda_cache_write(net, &unwritten) != LL_OK)
            ll_log_line(net->state->log, "engines are not kept: %s", unwritten.text);
    }
    return workspace_fit(net, err);
}
