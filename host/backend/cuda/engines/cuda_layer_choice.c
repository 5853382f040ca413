/* host/backend/cuda/engines/cuda_layer_choice.c - see cuda_layer_choice.h.
 *
 * Layers are timed in order on the calibration pictures, each on what the winner before it made:
 * real activations, half of them zero (all zeros would run faster than photos do). Where a pool
 * follows, engines that do it in the same graph compete with the others plus our pool kernel. A
 * winner must also be right (cuda_verify.h); one that is not is passed over with a line in the log.
 *
 * Every offer runs a few times; those close to the best once more, in turns (cuda_retime.c). */
#include "host/backend/cuda/engines/cuda_layer_choice.h"
#include "host/backend/cuda/engines/cuda_engine_set.h"
#include "host/backend/cuda/engines/cuda_offers.h"
#include "host/backend/cuda/engines/cuda_retime.h"
#include "host/backend/cuda/net/cuda_fallback.h"
#include "host/backend/cuda/net/cuda_layers.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <math.h>
#include <string.h>

/* Characters of a name without cuBLASLt's own description of the algorithm. */
static int printed_length(int layer, const char *engine)
{
    const bool product = ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC;
    return (int)(product ? strcspn(engine, " ") : strlen(engine));
}

static void log_choice(const struct cuda_timing *c, int layer, const struct cuda_offer *best)
{
    const double flops = ll_vgg16_flops(layer) - (layer > 0 ? ll_vgg16_flops(layer - 1) : 0.0);
    const bool product = ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC;

    ll_log_line(c->net->state->log, "%s: %.3f ms for %d images, %.1f TFLOP/s: %.*s%s, of %d %s",
                ll_vgg16_name(layer), (double)best->ms, c->net->batch,
                flops * c->net->batch / ((double)best->ms * 1e-3) / 1e12,
                printed_length(layer, best->engine), best->engine,
                best->pooled                          ? " with its pool"
                : ll_cuda_pool_follows(c->net, layer) ? " and our pool"
                                                      : "",
                c->count, product ? "algorithms" : "engines");
}

/* Log a line for every offer: its time, or why it was ruled out. */
static void log_offers(const struct cuda_timing *c, int layer)
{
    for (int i = 0; i < c->count; i++) {
        const struct cuda_offer *const offer = &c->offers[i];
        char number[LL_NUMBER_TEXT], ms[LL_NUMBER_TEXT + sizeof " ms"] = "-";
        if (isfinite(offer->ms))
            ll_text_exact(ms, sizeof ms, "%s ms", ll_number_fixed((double)offer->ms, 3, number));
        ll_log_detail(
            c->net->state->log, "engines: %-7s %11s %7.2f s  %.*s%s%s%s", ll_vgg16_name(layer), ms,
            offer->elapsed_s, printed_length(layer, offer->engine), offer->engine,
            offer->pooled ? " with its pool" : "", offer->why[0] == '\0' ? "" : ": ", offer->why);
    }
}

ll_status ll_cuda_layer_try(struct cuda_timing *c, int layer, const char *engine, bool pooled,
                            const char **wrong, char text[256], ll_error *err)
{
    const ll_net *const net = c->net;
    void *const x = net->activations[c->at], *const y = net->activations[1 - c->at];
    ll_error refused = LL_ERROR_INIT;

    *wrong = NULL;
    ll_status status = ll_cuda_engine_set(c->net, layer, engine, pooled, &refused);
    if (status == LL_OK) status = ll_cuda_layer_queue(net, layer, x, y, NULL, &refused);
    if (status == LL_OK) {
        LL_TRY(ll_cuda_verify_layer(&c->verify, pooled ? layer + 1 : layer, y, wrong, err));
        if (*wrong == NULL) c->at = 1 - c->at; /* what the next layer takes */
        return LL_OK;
    }
    LL_TRY(ll_cuda_timing_card_check(c, layer, &refused, err));
    if (status == LL_ERR_MEMORY) c->memory = status;
    c->last = refused;
    ll_text_say(text, 256, "%s", refused.text);
    *wrong = text;
    return LL_OK;
}

/* No offer is left. */
static ll_status fail_no_engine(const struct cuda_timing *c, int layer, ll_error *err)
{
    if (c->memory != LL_OK)
        return ll_fail(err, c->memory, "%s: %s", ll_vgg16_name(layer),
                       ll_cuda_without_layer(layer, c->last.text));
    if (c->wrong || c->last.text[0] == '\0')
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: none of %d engines computes it right",
                       ll_vgg16_name(layer), c->count);
    return ll_fail(err, c->last.code, "%s: none of %d engines runs: %s", ll_vgg16_name(layer),
                   c->count, ll_cuda_without_layer(layer, c->last.text));
}

/* `*confirmed` is false if no offer is left. */
static ll_status confirm_fastest(struct cuda_timing *c, int layer, bool *confirmed, ll_error *err)
{
    const char *wrong = NULL;
    char text[256];
    struct cuda_offer *best;

    *confirmed = false;
    while (!*confirmed && (best = ll_cuda_timing_fastest(c)) != NULL) {
        LL_TRY(ll_cuda_layer_try(c, layer, best->engine, best->pooled, &wrong, text, err));
        *confirmed = wrong == NULL;
        if (*confirmed) {
            log_choice(c, layer, best);
            break;
        }
        best->ms = INFINITY;
        ll_text_say(best->why, sizeof best->why, "%s", wrong);
        c->wrong = c->wrong || wrong != text;
        ll_log_line(c->net->state->log, "%s: engine %s %s; passed over", ll_vgg16_name(layer),
                    best->engine, wrong);
    }
    return LL_OK;
}

static ll_status use_fallback(struct cuda_timing *c, int layer, bool *confirmed, ll_error *err)
{
    ll_log_line(c->net->state->log,
                "%s: no engine of the library computes it right here (%d tried; %s); a kernel "
                "of ours does, slowly",
                ll_vgg16_name(layer), c->count,
                c->last.text[0] == '\0' ? "all wrong" : c->last.text);
    c->count = 0;
    ll_cuda_offer_add(c, LL_CUDA_FALLBACK_ENGINE, false);
    LL_TRY(ll_cuda_timing_all(c, layer, err));
    return confirm_fastest(c, layer, confirmed, err);
}

ll_status ll_cuda_layer_choose(struct cuda_timing *c, int layer, ll_error *err)
{
    bool confirmed = false;

    c->memory = LL_OK;
    c->wrong = false;
    c->last = (ll_error)LL_ERROR_INIT;
    /* First with what won for an equal layer; where that will not do, with everything. */
    for (int turn = 0; turn < 2 && !confirmed; turn++) {
        if (turn > 0 && ll_cuda_known_engine(c, layer) == NULL) break;
        c->known = turn == 0;
        LL_TRY(ll_cuda_offers_collect(c, layer, err));
        ll_cuda_timing_share(c, layer);
        LL_TRY(ll_cuda_timing_all(c, layer, err));
        LL_TRY(ll_cuda_retime_fastest(c, layer, err));
        LL_TRY(confirm_fastest(c, layer, &confirmed, err));
        log_offers(c, layer);
    }
    /* If memory was short, the caller tries half the batch; else our own kernel always works. */
    if (!confirmed && c->memory == LL_OK) LL_TRY(use_fallback(c, layer, &confirmed, err));
    return confirmed ? LL_OK : fail_no_engine(c, layer, err);
}

ll_status ll_cuda_layer_pool(struct cuda_timing *c, int layer, ll_error *err)
{
    LL_TRY(ll_cuda_layer_queue(c->net, layer, c->net->activations[c->at],
                               c->net->activations[1 - c->at], NULL, err));
    c->at = 1 - c->at;
    return LL_OK;
}
