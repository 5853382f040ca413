/* host/backend/cuda/engines/cuda_engine_set.c - put an engine to work on a layer, and the workspace
 * that all layers share. */
#include "host/backend/cuda/engines/cuda_engine_set.h"
#include "host/backend/cuda/net/cuda_fallback.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/text.h"

/* Enlarge the workspace. If there is no memory, the old one stays: the engine that needs more is
 * skipped, and those before it can still run. */
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

ll_status ll_cuda_workspace_fit(ll_net *net, ll_error *err)
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

ll_status ll_cuda_engine_set(ll_net *net, int index, const char *engine, bool pooled, ll_error *err)
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
    layer->fallback = ll_cuda_is_fallback(engine);
    if (layer->fallback) return LL_OK;
    if (ll_vgg16_layer_at(index)->kind == LL_VGG16_FC) {
        const ll_gemm_shape shape = ll_cuda_product_shape(net, index);
        LL_TRY(ll_gemm_make(net->state->gemm, &shape, engine, &layer->gemm, err));
        bytes = ll_gemm_workspace_bytes(layer->gemm);
    } else {
        const ll_conv_shape shape = ll_cuda_conv_shape(net, index, pooled);
        LL_TRY(ll_conv_make(net->state->conv, &shape, engine, 1.0f, &layer->conv, err));
        bytes = ll_conv_workspace_bytes(layer->conv);
    }
    if (bytes > net->state->workspace_max)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s wants %zu bytes of workspace", engine, bytes);
    return workspace_grow(net, bytes, err);
}
