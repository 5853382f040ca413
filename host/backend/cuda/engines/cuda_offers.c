/* host/backend/cuda/engines/cuda_offers.c - see cuda_offers.h. */
#include "host/backend/cuda/engines/cuda_offers.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <math.h>
#include <stdlib.h>

enum { ALGORITHMS = 8 };

_Static_assert((int)LL_GEMM_TEXT <= (int)LL_CONV_ENGINE_TEXT,
               "an offer has room for either's name");

void ll_cuda_offer_add(struct cuda_timing *c, const char *engine, bool pooled)
{
    struct cuda_offer *const offer = &c->offers[c->count++];

    ll_text_exact(offer->engine, sizeof offer->engine, "%s", engine);
    offer->pooled = pooled;
    offer->ms = INFINITY;
    offer->elapsed_s = 0.0;
    offer->why[0] = '\0';
}

const char *ll_cuda_known_engine(const struct cuda_timing *c, int layer)
{
    const ll_vgg16_layer *const to = ll_vgg16_layer_at(layer);

    for (int i = 0; i < layer; i++) {
        const ll_vgg16_layer *const l = ll_vgg16_layer_at(i);
        if (l->kind == LL_VGG16_CONV && l->in_side == to->in_side && i > 0 &&
            l->in_channels == to->in_channels && l->out_channels == to->out_channels &&
            !c->net->layers[i].pooled)
            return c->net->layers[i].engine;
    }
    return NULL;
}

static ll_status collect_convolutions(struct cuda_timing *c, int layer, bool pooled, int max,
                                      ll_error *err)
{
    ll_status status = LL_OK;
    const ll_conv_shape shape = ll_cuda_conv_shape(c->net, layer, pooled);
    const char *const known = pooled || !c->known ? NULL : ll_cuda_known_engine(c, layer);
    char(*engines)[LL_CONV_ENGINE_TEXT] = NULL;
    char why[256] = "";
    int count = 0;

    if (known != NULL) {
        ll_cuda_offer_add(c, known, false);
        return LL_OK;
    }
    LL_TRY(ll_alloc("engines", max, LL_CONV_ENGINE_TEXT, &engines, err));
    LL_TRY_DONE(ll_conv_engines(c->net->state->conv, &shape, engines, max, &count, why, err));
    ll_log_detail(c->net->state->log, "engines: %-7s%s %s", ll_vgg16_name(layer),
                  pooled ? " with its pool" : "", why);
    if (count == 0 && !pooled) (void)ll_fail(&c->last, LL_ERR_UNSUPPORTED, "no engine: %s", why);
    for (int i = 0; i < count; i++)
        ll_cuda_offer_add(c, engines[i], pooled);
done:
    free(engines);
    return status;
}

static ll_status collect_algorithms(struct cuda_timing *c, int layer, ll_error *err)
{
    const ll_gemm_shape shape = ll_cuda_product_shape(c->net, layer);
    char algorithms[ALGORITHMS][LL_GEMM_TEXT];
    ll_error refused = LL_ERROR_INIT;
    int count = 0;

    const ll_status status =
        ll_gemm_algorithms(c->net->state->gemm, &shape, LL_CUDA_PRODUCT_WORKSPACE, algorithms,
                           ALGORITHMS, &count, &refused);
    if (status != LL_OK && status != LL_ERR_UNSUPPORTED)
        return ll_fail(err, status, "%s", refused.text);
    if (status != LL_OK) c->last = refused;
    for (int i = 0; i < count; i++)
        ll_cuda_offer_add(c, algorithms[i], false);
    return LL_OK;
}

ll_status ll_cuda_offers_collect(struct cuda_timing *c, int layer, ll_error *err)
{
    c->count = 0;
    if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC) return collect_algorithms(c, layer, err);
    LL_TRY(collect_convolutions(c, layer, false, LL_CUDA_ENGINES, err));
    if (!ll_cuda_pool_follows(c->net, layer)) return LL_OK;
    /* That no engine pools is no failure, whatever the library says of it. */
    ll_error refused = LL_ERROR_INIT;
    const ll_status status = collect_convolutions(c, layer, true, LL_CUDA_POOLED, &refused);
    if (status == LL_OK) return LL_OK;
    if (status != LL_ERR_UNSUPPORTED)
        ll_log_line(c->net->state->log, "%s: engines that pool passed over: %s",
                    ll_vgg16_name(layer), ll_cuda_without_layer(layer, refused.text));
    return ll_cuda_timing_card_check(c, layer, &refused, err);
}
