/* host/backend/cuda/cuda_contest.c - see cuda_contest.h.
 *
 * Layers are timed in order on the calibration pictures, each on what the winner before it made:
 * real activations, half of them zero (zeros throughout would be faster than photos). Where a pool
 * follows, engines that do it in the same graph compete with the others plus our pool kernel. A
 * winner must also be right (cuda_proof.h); one that is not is passed over with a line in the log.
 *
 * Every offer runs a few times; those within 5 % of the best go into a final: the card is kept busy
 * until its clocks are up, then they take turns, and their medians count. Of what is equal to 1 %
 * the library's better guess wins, so that a choice does not hang on noise.
 *
 * An engine may fail in many ways: cannot after all, cannot be compiled, wants more memory than
 * there is, cannot be launched. As long as the card goes on as if nothing had been, it is passed
 * over. Compiling engines may take long: once a layer has one and k_patience_s is over, those that
 * the library thinks less of than of its two best guesses are not tried. */
#include "host/backend/cuda/cuda_contest.h"
#include "host/backend/cuda/cuda_check.h"
#include "host/base/clock.h"
#include "host/base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BEST_GUESSES = 2,
    RUNS = 3,
    FINALISTS = 4,
    ROUNDS = 2,
    FINAL_RUNS = 10,
    ALGORITHMS = 8,
    MOST_WARMING = 256
};

static const double k_patience_s = 3.0; /* 14 layers: less than a minute, once */
static const double k_warming_s = 0.02;
static const float k_close = 1.05f, k_better = 0.99f;

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

static void offer_add(struct cuda_contest *c, const char *engine, bool pooled)
{
    struct cuda_offer *const offer = &c->offers[c->count++];

    snprintf(offer->engine, sizeof offer->engine, "%s", engine);
    offer->pooled = pooled;
    offer->ms = INFINITY;
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
    if (count == 0 && !pooled)
        status =
            ll_fail(err, LL_ERR_UNSUPPORTED, "%s: no engine: %.200s", ll_vgg16_name(layer), why);
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
    int count = 0;

    LL_TRY(ll_gemm_algorithms(c->net->state->gemm, &shape, LL_CUDA_WORKSPACE / 16, algorithms,
                              ALGORITHMS, &count, err));
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

static ll_status time_once(struct cuda_contest *c, int layer, float *ms, ll_error *err)
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
    float best = INFINITY;

    LL_TRY(ll_cuda_layer_take(c->net, layer, offer->engine, offer->pooled, err));
    LL_TRY(queue_once(c, layer, err)); /* loads and compiles */
    for (int run = 0; run < RUNS; run++) {
        float ms = 0.0f;
        LL_TRY(time_once(c, layer, &ms, err));
        if (ms < best) best = ms;
    }
    offer->ms = best;
    return LL_OK;
}

/* One offer could not: the others may. Fatal only if the card could not go on. */
static ll_status pass_over(struct cuda_contest *c, int layer, struct cuda_offer *offer,
                           ll_status why, const ll_error *refused, ll_error *err)
{
    offer->ms = INFINITY;
    LL_TRY(card_check(c, layer, refused, err));
    c->last = *refused;
    if (why == LL_ERR_MEMORY) c->memory = why;
    if (why != LL_ERR_UNSUPPORTED && why != LL_ERR_FORMAT)
        ll_log_line(c->net->state->log, "%s: engine %s passed over: %s", ll_vgg16_name(layer),
                    offer->engine, bare(layer, refused->text));
    return LL_OK;
}

static ll_status time_all(struct cuda_contest *c, int layer, ll_error *err)
{
    const double begin_s = ll_clock_seconds();
    const bool pool = ll_cuda_pool_follows(c->net, layer);
    int alone = 0;

    for (int i = 0; i < c->count; i++) {
        ll_error refused = LL_ERROR_INIT;
        /* Half of it for each kind, where there are two. */
        const double patience_s = pool && !c->offers[i].pooled ? k_patience_s / 2 : k_patience_s;
        const bool guess = i < BEST_GUESSES || (c->offers[i].pooled && i - alone < BEST_GUESSES);
        alone += !c->offers[i].pooled;
        if (!guess && ll_clock_seconds() - begin_s > patience_s && fastest(c) != NULL) continue;
        const ll_status status = time_offer(c, layer, &c->offers[i], &refused);
        if (status != LL_OK) LL_TRY(pass_over(c, layer, &c->offers[i], status, &refused, err));
    }
    return LL_OK;
}

/* ---- the final -------------------------------------------------------------------------- */

struct finalist {
    struct cuda_offer *offer;
    ll_conv *conv; /* its plan, kept while it is not in the layer */
    ll_gemm *gemm;
    float ms[ROUNDS * FINAL_RUNS];
    int runs;
};

/* What the layer runs on, in exchange for what the finalist holds. */
static void change_places(struct cuda_layer *layer, struct finalist *f)
{
    ll_conv *const conv = layer->conv;
    ll_gemm *const gemm = layer->gemm;

    layer->conv = f->conv, layer->gemm = f->gemm;
    f->conv = conv, f->gemm = gemm;
    layer->pooled = f->offer->pooled;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Runs of one finalist in a row; the first few of them, where clocks may still rise, unseen. */
static ll_status run_finalist(struct cuda_contest *c, int layer, struct finalist *f, bool warming,
                              ll_error *err)
{
    const double begin_s = ll_clock_seconds();
    float ms = 0.0f;

    for (int i = 0; warming && i < MOST_WARMING && ll_clock_seconds() - begin_s < k_warming_s; i++)
        LL_TRY(time_once(c, layer, &ms, err));
    for (int run = 0; run < FINAL_RUNS; run++) {
        LL_TRY(time_once(c, layer, &ms, err));
        f->ms[f->runs++] = ms;
    }
    return LL_OK;
}

static ll_status play_final(struct cuda_contest *c, int layer, struct finalist *all, int count,
                            ll_error *err)
{
    struct cuda_layer *const at = &c->net->layers[layer];

    for (int i = 0; i < count; i++) {
        ll_error refused = LL_ERROR_INIT;
        const ll_status status =
            ll_cuda_layer_take(c->net, layer, all[i].offer->engine, all[i].offer->pooled, &refused);
        if (status != LL_OK)
            LL_TRY(pass_over(c, layer, all[i].offer, status, &refused, err));
        else
            change_places(at, &all[i]);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++) {
            ll_error refused = LL_ERROR_INIT;
            if (!isfinite(all[i].offer->ms)) continue;
            change_places(at, &all[i]);
            const ll_status status = run_finalist(c, layer, &all[i], i == 0, &refused);
            change_places(at, &all[i]);
            if (status != LL_OK) LL_TRY(pass_over(c, layer, all[i].offer, status, &refused, err));
        }
    for (int i = 0; i < count; i++) {
        if (!isfinite(all[i].offer->ms)) continue;
        qsort(all[i].ms, (size_t)all[i].runs, sizeof all[i].ms[0], by_size);
        all[i].offer->ms = all[i].ms[all[i].runs / 2];
    }
    return LL_OK;
}

/* The few best that are close to the best of all, in the library's order. */
static int invite(struct cuda_contest *c, struct finalist *all)
{
    float best = INFINITY;
    int count = 0;

    for (int i = 0; i < c->count; i++)
        if (c->offers[i].ms < best) best = c->offers[i].ms;
    for (int i = 0; i < c->count; i++) {
        int better = 0;
        for (int j = 0; j < c->count; j++)
            better += c->offers[j].ms < c->offers[i].ms;
        if (c->offers[i].ms <= k_close * best && better < FINALISTS && count < FINALISTS)
            all[count++] = (struct finalist){.offer = &c->offers[i]};
    }
    return count;
}

static ll_status hold_final(struct cuda_contest *c, int layer, ll_error *err)
{
    struct finalist all[FINALISTS];
    const int count = invite(c, all);

    if (count < 2) return LL_OK;
    const ll_status status = play_final(c, layer, all, count, err);
    if (status != LL_OK) (void)cudaStreamSynchronize(c->net->state->compute);
    for (int i = 0; i < count; i++) {
        ll_conv_free(all[i].conv);
        ll_gemm_free(all[i].gemm);
    }
    return status;
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
    snprintf(text, 256, "%.255s", refused.text);
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
    return ll_fail(err, c->last.code, "%s: none of %d engines runs: %.200s", ll_vgg16_name(layer),
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
        c->wrong = c->wrong || wrong != text;
        ll_log_line(c->net->state->log, "%s: engine %s %s; passed over", ll_vgg16_name(layer),
                    best->engine, wrong);
    }
    return LL_OK;
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
        LL_TRY(time_all(c, layer, err));
        LL_TRY(hold_final(c, layer, err));
        LL_TRY(settle(c, layer, &settled, err));
    }
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
