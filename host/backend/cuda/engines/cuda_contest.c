/* host/backend/cuda/engines/cuda_contest.c - see cuda_contest.h.
 *
 * Layers are timed in order on the calibration pictures, each on what the winner before it made:
 * real activations, half of them zero (zeros throughout would be faster than photos). Where a pool
 * follows, engines that do it in the same graph compete with the others plus our pool kernel. A
 * winner must also be right (cuda_proof.h); one that is not is passed over with a line in the log.
 *
 * Every offer runs a few times; those close to the best go into a final (cuda_final.c). Of what is
 * equal to 1 % the library's better guess wins, so that a choice does not hang on noise.
 *
 * An engine may fail in many ways: cannot after all, cannot be compiled, wants more memory than
 * there is, cannot be launched. As long as the card goes on as if nothing had been, it is passed
 * over. Compiling engines may take long, and one that is being compiled cannot be stopped. So what
 * is left of the patience, less what the layers after this need for one engine each, is shared out
 * among the layers; a layer that has an engine tries another only if there is time for it by the
 * mean of those before. */
#include "host/backend/cuda/engines/cuda_contest.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    RUNS = 3,
    ALGORITHMS = 8,
    MAKINGS = 2 /* of an engine: to be tried, and to be put to work */
};

static const float k_better = 0.99f;

/* What went wrong, without the layer, where that is said already. */
static const char *bare(int layer, const char *text)
{
    const size_t length = strlen(ll_vgg16_name(layer));
    const bool named = strncmp(text, ll_vgg16_name(layer), length) == 0 && text[length] == ':';
    return named && text[length + 1] == ' ' ? text + length + 2 : text;
}

/* LL_OK if the card goes on after an engine that did not; else both, and the layer. */
static ll_status card_check(const struct cuda_contest *c, int layer, const ll_error *refused,
                            ll_error *err)
{
    ll_error both = LL_ERROR_INIT;
    const ll_status status = ll_cuda_card_check(c->net->state, refused, &both);

    if (status == LL_OK) return LL_OK;
    return ll_fail(err, status, "%s: %s", ll_vgg16_name(layer), bare(layer, both.text));
}

/* ---- offers ----------------------------------------------------------------------------- */

_Static_assert((int)LL_GEMM_TEXT <= (int)LL_CONV_ENGINE_TEXT,
               "an offer has room for either's name");

static void offer_add(struct cuda_contest *c, const char *engine, bool pooled)
{
    struct cuda_offer *const offer = &c->offers[c->count++];

    ll_text_exact(offer->engine, sizeof offer->engine, "%s", engine);
    offer->pooled = pooled;
    offer->ms = INFINITY;
    offer->took_s = 0.0;
    offer->why[0] = '\0';
}

/* conv5_2 is conv5_1 once more: what won there need not be found again. NULL: nothing like it. */
static const char *known_engine(const struct cuda_contest *c, int layer)
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

static ll_status collect_convolutions(struct cuda_contest *c, int layer, bool pooled, int max,
                                      ll_error *err)
{
    ll_status status = LL_OK;
    const ll_conv_shape shape = ll_cuda_conv_shape(c->net, layer, pooled);
    const char *const known = pooled || !c->known ? NULL : known_engine(c, layer);
    char(*engines)[LL_CONV_ENGINE_TEXT] = NULL;
    char why[256] = "";
    int count = 0;

    if (known != NULL) {
        offer_add(c, known, false);
        return LL_OK;
    }
    LL_TRY(ll_alloc("engines", max, LL_CONV_ENGINE_TEXT, &engines, err));
    LL_TRY_DONE(ll_conv_engines(c->net->state->conv, &shape, engines, max, &count, why, err));
    ll_log_detail(c->net->state->log, "engines: %-7s%s %s", ll_vgg16_name(layer),
                  pooled ? " with its pool" : "", why);
    if (count == 0 && !pooled) (void)ll_fail(&c->last, LL_ERR_UNSUPPORTED, "no engine: %s", why);
    for (int i = 0; i < count; i++)
        offer_add(c, engines[i], pooled);
done:
    free(engines);
    return status;
}

static ll_status collect_algorithms(struct cuda_contest *c, int layer, ll_error *err)
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
        offer_add(c, algorithms[i], false);
    return LL_OK;
}

static ll_status collect(struct cuda_contest *c, int layer, ll_error *err)
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
                    ll_vgg16_name(layer), bare(layer, refused.text));
    return card_check(c, layer, &refused, err);
}

/* Better, and not by noise alone? Of two that take the same, the one that pools: it leaves more of
 * the memory to copies beside it. */
static bool is_before(const struct cuda_offer *a, const struct cuda_offer *b)
{
    return a->ms <= (a->pooled && !b->pooled ? 1.0f : k_better) * b->ms;
}

static struct cuda_offer *fastest(struct cuda_contest *c)
{
    struct cuda_offer *best = NULL;

    for (int i = 0; i < c->count; i++)
        if (isfinite(c->offers[i].ms) && (best == NULL || is_before(&c->offers[i], best)))
            best = &c->offers[i];
    return best;
}

/* ---- timing ----------------------------------------------------------------------------- */

/* The layer, and the pool after it where both run; with what a night does besides, looking for the
 * largest activation, which a pool of ours does on the way and one of theirs costs a pass more. */
static ll_status queue_once(struct cuda_contest *c, int layer, ll_error *err)
{
    const ll_net *const net = c->net;
    void *const x = net->activations[c->at], *const y = net->activations[1 - c->at];

    LL_TRY(ll_cuda_layer_queue(net, layer, x, y, c->largest, err));
    /* Where the pool's result goes does not matter, but x must stay for the next run. */
    if (ll_cuda_pool_follows(net, layer) && !net->layers[layer].pooled)
        return ll_cuda_layer_queue(net, layer + 1, y, c->spare, c->largest, err);
    return LL_OK;
}

ll_status ll_cuda_contest_time(struct cuda_contest *c, int layer, float *ms, ll_error *err)
{
    const cudaStream_t stream = c->net->state->compute;

    LL_TRY(LL_CUDA(cudaEventRecord(c->start, stream)));
    LL_TRY(queue_once(c, layer, err));
    LL_TRY(LL_CUDA(cudaEventRecord(c->stop, stream)));
    LL_TRY(LL_CUDA(cudaEventSynchronize(c->stop)));
    return LL_CUDA(cudaEventElapsedTime(ms, c->start, c->stop));
}

static ll_status time_offer(struct cuda_contest *c, int layer, struct cuda_offer *offer,
                            ll_error *err)
{
    const int runs = c->count > 1 ? RUNS : 1; /* of one alone there is nothing to choose */
    float best = INFINITY;

    LL_TRY(ll_cuda_layer_take(c->net, layer, offer->engine, offer->pooled, err));
    LL_TRY(queue_once(c, layer, err)); /* loads and compiles */
    for (int run = 0; run < runs; run++) {
        float ms = 0.0f;
        LL_TRY(ll_cuda_contest_time(c, layer, &ms, err));
        if (ms < best) best = ms;
    }
    offer->ms = best;
    return LL_OK;
}

/* One offer could not: the others may. Fatal only if the card could not go on. */
ll_status ll_cuda_contest_pass_over(struct cuda_contest *c, int layer, struct cuda_offer *offer,
                                    ll_status why, const ll_error *refused, ll_error *err)
{
    offer->ms = INFINITY;
    ll_text_say(offer->why, sizeof offer->why, "%s", bare(layer, refused->text));
    LL_TRY(card_check(c, layer, refused, err));
    c->last = *refused;
    if (why == LL_ERR_MEMORY) c->memory = why;
    if (why != LL_ERR_UNSUPPORTED && why != LL_ERR_FORMAT)
        ll_log_line(c->net->state->log, "%s: engine %s passed over: %s", ll_vgg16_name(layer),
                    offer->engine, bare(layer, refused->text));
    return LL_OK;
}

/* ---- patience --------------------------------------------------------------------------- */

/* What trying one more engine takes, and putting it to work; 0 as long as none has been tried. */
static double next_s(const struct cuda_contest *c)
{
    return c->tried > 0 ? MAKINGS * c->trying_s / c->tried : 0.0;
}

/* This layer's share of what is left. Layers that need less leave the more to those after them. */
static void share_time(struct cuda_contest *c, int layer)
{
    const double now_s = ll_clock_seconds();
    int after = 0;

    for (int i = layer + 1; i <= c->net->last; i++)
        after += ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL;
    c->layer_end_s = now_s + (c->end_s - now_s - after * next_s(c)) / (after + 1);
}

bool ll_cuda_contest_has_time(const struct cuda_contest *c, double seconds)
{
    return ll_clock_seconds() + seconds <= c->layer_end_s;
}

static ll_status time_all(struct cuda_contest *c, int layer, ll_error *err)
{
    /* Half of it for each kind of engine, where there are two. */
    const double half_s =
        ll_cuda_pool_follows(c->net, layer) ? 0.5 * (c->layer_end_s - ll_clock_seconds()) : 0.0;

    for (int i = 0; i < c->count; i++) {
        struct cuda_offer *const offer = &c->offers[i];
        ll_error refused = LL_ERROR_INIT;
        const double kept_s = offer->pooled ? 0.0 : half_s;
        if (fastest(c) != NULL && !ll_cuda_contest_has_time(c, next_s(c) + kept_s)) {
            ll_text_say(offer->why, sizeof offer->why, "not tried: patience is over");
            continue;
        }
        const double begin_s = ll_clock_seconds();
        const ll_status status = time_offer(c, layer, offer, &refused);
        offer->took_s = ll_clock_seconds() - begin_s;
        c->trying_s += offer->took_s;
        c->tried++;
        if (status != LL_OK)
            LL_TRY(ll_cuda_contest_pass_over(c, layer, offer, status, &refused, err));
    }
    return LL_OK;
}

/* ---- the winner ------------------------------------------------------------------------- */

static void tell(const struct cuda_contest *c, int layer, const struct cuda_offer *best)
{
    const double flops = ll_vgg16_flops(layer) - (layer > 0 ? ll_vgg16_flops(layer - 1) : 0.0);
    const bool product = ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC;

    ll_log_line(c->net->state->log, "%s: %.3f ms for %d images, %.1f TFLOP/s: %.*s%s, of %d %s",
                ll_vgg16_name(layer), (double)best->ms, c->net->batch,
                flops * c->net->batch / ((double)best->ms * 1e-3) / 1e12,
                product ? (int)strcspn(best->engine, " ") : (int)strlen(best->engine), best->engine,
                best->pooled                          ? " with its pool"
                : ll_cuda_pool_follows(c->net, layer) ? " and our pool"
                                                      : "",
                c->count, product ? "algorithms" : "engines");
}

/* A line for every offer: what it took, or why it takes no part. */
static void tell_offers(const struct cuda_contest *c, int layer)
{
    for (int i = 0; i < c->count; i++) {
        const struct cuda_offer *const offer = &c->offers[i];
        const bool product = ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC;
        const int length = (int)(product ? strcspn(offer->engine, " ") : strlen(offer->engine));
        char number[LL_NUMBER_TEXT], ms[LL_NUMBER_TEXT + sizeof " ms"] = "-";
        if (isfinite(offer->ms))
            ll_text_exact(ms, sizeof ms, "%s ms", ll_number_fixed((double)offer->ms, 3, number));
        ll_log_detail(c->net->state->log, "engines: %-7s %11s %7.2f s  %.*s%s%s%s",
                      ll_vgg16_name(layer), ms, offer->took_s, length, offer->engine,
                      offer->pooled ? " with its pool" : "", offer->why[0] == '\0' ? "" : ": ",
                      offer->why);
    }
}

ll_status ll_cuda_contest_take(struct cuda_contest *c, int layer, const char *engine, bool pooled,
                               const char **wrong, char text[256], ll_error *err)
{
    const ll_net *const net = c->net;
    void *const x = net->activations[c->at], *const y = net->activations[1 - c->at];
    ll_error refused = LL_ERROR_INIT;

    *wrong = NULL;
    ll_status status = ll_cuda_layer_take(c->net, layer, engine, pooled, &refused);
    if (status == LL_OK) status = ll_cuda_layer_queue(net, layer, x, y, NULL, &refused);
    if (status == LL_OK) {
        LL_TRY(ll_cuda_proof_look(&c->proof, pooled ? layer + 1 : layer, y, wrong, err));
        if (*wrong == NULL) c->at = 1 - c->at; /* what the next layer takes */
        return LL_OK;
    }
    LL_TRY(card_check(c, layer, &refused, err));
    if (status == LL_ERR_MEMORY) c->memory = status;
    c->last = refused;
    ll_text_say(text, 256, "%s", refused.text);
    *wrong = text;
    return LL_OK;
}

/* Nobody is left. */
static ll_status give_up(const struct cuda_contest *c, int layer, ll_error *err)
{
    if (c->memory != LL_OK)
        return ll_fail(err, c->memory, "%s: %s", ll_vgg16_name(layer), bare(layer, c->last.text));
    if (c->wrong || c->last.text[0] == '\0')
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: none of %d engines computes it right",
                       ll_vgg16_name(layer), c->count);
    return ll_fail(err, c->last.code, "%s: none of %d engines runs: %s", ll_vgg16_name(layer),
                   c->count, bare(layer, c->last.text));
}

/* `*settled` is false if nobody is left. */
static ll_status settle(struct cuda_contest *c, int layer, bool *settled, ll_error *err)
{
    const char *wrong = NULL;
    char text[256];
    struct cuda_offer *best;

    *settled = false;
    while (!*settled && (best = fastest(c)) != NULL) {
        LL_TRY(ll_cuda_contest_take(c, layer, best->engine, best->pooled, &wrong, text, err));
        *settled = wrong == NULL;
        if (*settled) {
            tell(c, layer, best);
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

static ll_status last_resort(struct cuda_contest *c, int layer, bool *settled, ll_error *err)
{
    ll_log_line(c->net->state->log,
                "%s: no engine of the library computes it right here (%d tried; %s); a kernel "
                "of ours does, slowly",
                ll_vgg16_name(layer), c->count,
                c->last.text[0] == '\0' ? "all wrong" : c->last.text);
    c->count = 0;
    offer_add(c, LL_CUDA_OWN_ENGINE, false);
    LL_TRY(time_all(c, layer, err));
    return settle(c, layer, settled, err);
}

ll_status ll_cuda_contest_choose(struct cuda_contest *c, int layer, ll_error *err)
{
    bool settled = false;

    c->memory = LL_OK;
    c->wrong = false;
    c->last = (ll_error)LL_ERROR_INIT;
    /* First with what won for an equal layer; where that will not do, with everything. */
    for (int turn = 0; turn < 2 && !settled; turn++) {
        if (turn > 0 && known_engine(c, layer) == NULL) break;
        c->known = turn == 0;
        LL_TRY(collect(c, layer, err));
        share_time(c, layer);
        LL_TRY(time_all(c, layer, err));
        LL_TRY(ll_cuda_final_hold(c, layer, err));
        LL_TRY(settle(c, layer, &settled, err));
        tell_offers(c, layer);
    }
    /* Half the batch may do where memory was short; else there is one more that always can. */
    if (!settled && c->memory == LL_OK) LL_TRY(last_resort(c, layer, &settled, err));
    return settled ? LL_OK : give_up(c, layer, err);
}

ll_status ll_cuda_contest_pool(struct cuda_contest *c, int layer, ll_error *err)
{
    LL_TRY(ll_cuda_layer_queue(c->net, layer, c->net->activations[c->at],
                               c->net->activations[1 - c->at], NULL, err));
    c->at = 1 - c->at;
    return LL_OK;
}

/* ---- room ------------------------------------------------------------------------------- */

ll_status ll_cuda_contest_init(struct cuda_contest *c, ll_net *net, ll_error *err)
{
    const size_t spare = /* the first pool's is the largest */
        (size_t)net->batch * (size_t)ll_vgg16_width(2) * ll_cuda_value_bytes(net);

    c->net = net;
    c->at = 0;
    c->end_s = ll_clock_seconds() + net->state->patience_s - net->engines_s;
    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&c->start, cudaEventDefault)));
    LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&c->stop, cudaEventDefault)));
    LL_TRY(ll_cuda_memory("timing", LL_CUDA_LAYERS * sizeof *c->largest, &c->largest, err));
    LL_TRY(LL_CUDA(
        cudaMemsetAsync(c->largest, 0, LL_CUDA_LAYERS * sizeof *c->largest, net->state->compute)));
    LL_TRY(ll_cuda_memory("timing", spare, &c->spare, err));
    LL_TRY(ll_cuda_proof_init(&c->proof, net, err));
    return ll_cuda_input_queue(net, c->proof.pixels, net->activations[0], err);
}

void ll_cuda_contest_release(struct cuda_contest *c)
{
    (void)cudaStreamSynchronize(c->net->state->compute);
    if (c->start != NULL) (void)cudaEventDestroy(c->start);
    if (c->stop != NULL) (void)cudaEventDestroy(c->stop);
    (void)cudaGetLastError(); /* or the next launch would be blamed for it */
    ll_cuda_proof_release(&c->proof);
    ll_cuda_free(c->largest);
    ll_cuda_free(c->spare);
}
