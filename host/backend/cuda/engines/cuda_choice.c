/* host/backend/cuda/engines/cuda_choice.c - selects the engine of each layer: the one recorded in
 * the previous index or in the cache, if all of them still exist and give correct results; else the
 * fastest, by measurement (cuda_layer_choice.c).
 *
 * Wherever an engine comes from, its result on the calibration pictures is checked before it is
 * used (cuda_verify.h): a pass of the network, once, when it is made. */
#include "host/backend/cuda/engines/cuda_choice.h"
#include "host/backend/cuda/engines/cuda_engine_set.h"
#include "host/backend/cuda/engines/cuda_engine_text.h"
#include "host/backend/cuda/engines/cuda_layer_choice.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <stdlib.h>

/* ---- all layers ------------------------------------------------------------------------- */

/* `*good` is false if what was kept for a layer is no longer there, or not right. */
static ll_status use_kept(struct cuda_timing *c, int layer, const struct cuda_layer *kept,
                          bool *good, ll_error *err)
{
    const char *wrong = NULL;
    char text[256];

    LL_TRY(ll_cuda_layer_try(c, layer, kept->engine, kept->pooled, &wrong, text, err));
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
static ll_status go_through(struct cuda_timing *c, const struct cuda_layer kept[], bool *good,
                            ll_error *err)
{
    ll_net *const net = c->net;

    *good = true;
    LL_TRY(ll_cuda_timing_init(c, net, err));
    for (int i = 0; i <= net->last && *good; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL)
            LL_TRY(ll_cuda_layer_pool(c, i, err));
        else if (kept != NULL)
            LL_TRY(use_kept(c, i, &kept[i], good, err));
        else
            LL_TRY(ll_cuda_layer_choose(c, i, err));
        if (net->layers[i].pooled) i++;
    }
    return LL_CUDA(cudaStreamSynchronize(net->state->compute));
}

static ll_status choose_all(ll_net *net, const struct cuda_layer kept[], bool *good, ll_error *err)
{
    struct cuda_timing *c = NULL;

    *good = false;
    LL_TRY(ll_alloc("engines", 1, sizeof *c, &c, err));
    c->net = net;
    const ll_status status = go_through(c, kept, good, err);
    ll_cuda_timing_release(c);
    free(c);
    return status;
}

/* First the engines of the previous index, so that the fingerprints can be equal; then the cache,
 * which also helps when there is no previous index. */
static ll_status use_recorded_engines(ll_net *net, bool *good, ll_error *err)
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

ll_status ll_cuda_engines_choose(ll_net *net, ll_error *err)
{
    ll_error unwritten = LL_ERROR_INIT;
    bool good = false;

    LL_TRY(use_recorded_engines(net, &good, err));
    if (!good) {
        LL_TRY(choose_all(net, NULL, &good, err));
        if (ll_cuda_cache_write(net, &unwritten) != LL_OK)
            ll_log_line(net->state->log, "engines are not kept: %s", unwritten.text);
    }
    return ll_cuda_workspace_fit(net, err);
}
