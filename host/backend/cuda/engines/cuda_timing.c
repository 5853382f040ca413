/* host/backend/cuda/engines/cuda_timing.c - see cuda_timing.h.
 *
 * Among engines within 1 % of each other the one the library ranks higher is chosen, so that noise
 * does not decide.
 *
 * An engine may fail in many ways: cannot after all, cannot be compiled, wants more memory than
 * there is, cannot be launched. If the card still works afterwards, the engine is skipped.
 * Compiling engines may take long, and one that is being compiled cannot be stopped. So what is
 * left of the patience, less what the layers after this need for one engine each, is shared out
 * among the layers; a layer that has an engine tries another only if there is time for it by the
 * mean of those before. */
#include "host/backend/cuda/engines/cuda_timing.h"
#include "host/backend/cuda/engines/cuda_engine_set.h"
#include "host/backend/cuda/net/cuda_layers.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/clock.h"
#include "host/base/text.h"

#include <math.h>
#include <string.h>

enum {
    RUNS = 3,
    MAKINGS = 2 /* of an engine: to be tried, and to be put to work */
};

static const float k_better = 0.99f;

const char *ll_cuda_without_layer(int layer, const char *text)
{
    const size_t length = strlen(ll_vgg16_name(layer));
    const bool named = strncmp(text, ll_vgg16_name(layer), length) == 0 && text[length] == ':';
    return named && text[length + 1] == ' ' ? text + length + 2 : text;
}

ll_status ll_cuda_timing_card_check(const struct cuda_timing *c, int layer, const ll_error *refused,
                                    ll_error *err)
{
    ll_error both = LL_ERROR_INIT;
    const ll_status status = ll_cuda_card_check(c->net->state->compute, refused, &both);

    if (status == LL_OK) return LL_OK;
    return ll_fail(err, status, "%s: %s", ll_vgg16_name(layer),
                   ll_cuda_without_layer(layer, both.text));
}

/* Is `a` faster by more than noise? Of two equally fast engines the one that also pools is
 * preferred: it leaves more memory bandwidth to concurrent copies. */
static bool is_before(const struct cuda_offer *a, const struct cuda_offer *b)
{
    return a->ms <= (a->pooled && !b->pooled ? 1.0f : k_better) * b->ms;
}

struct cuda_offer *ll_cuda_timing_fastest(struct cuda_timing *c)
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
static ll_status queue_once(struct cuda_timing *c, int layer, ll_error *err)
{
    const ll_net *const net = c->net;
    void *const x = net->activations[c->at], *const y = net->activations[1 - c->at];

    LL_TRY(ll_cuda_layer_queue(net, layer, x, y, c->largest, err));
    /* Where the pool's result goes does not matter, but x must stay for the next run. */
    if (ll_cuda_pool_follows(net, layer) && !net->layers[layer].pooled)
        return ll_cuda_layer_queue(net, layer + 1, y, c->spare, c->largest, err);
    return LL_OK;
}

ll_status ll_cuda_timing_run(struct cuda_timing *c, int layer, float *ms, ll_error *err)
{
    const cudaStream_t stream = c->net->state->compute;

    LL_TRY(LL_CUDA(cudaEventRecord(c->start, stream)));
    LL_TRY(queue_once(c, layer, err));
    LL_TRY(LL_CUDA(cudaEventRecord(c->stop, stream)));
    LL_TRY(LL_CUDA(cudaEventSynchronize(c->stop)));
    return LL_CUDA(cudaEventElapsedTime(ms, c->start, c->stop));
}

static ll_status time_offer(struct cuda_timing *c, int layer, struct cuda_offer *offer,
                            ll_error *err)
{
    const int runs = c->count > 1 ? RUNS : 1; /* of one alone there is nothing to choose */
    float best = INFINITY;

    LL_TRY(ll_cuda_engine_set(c->net, layer, offer->engine, offer->pooled, err));
    LL_TRY(queue_once(c, layer, err)); /* loads and compiles */
    for (int run = 0; run < runs; run++) {
        float ms = 0.0f;
        LL_TRY(ll_cuda_timing_run(c, layer, &ms, err));
        if (ms < best) best = ms;
    }
    offer->ms = best;
    return LL_OK;
}

ll_status ll_cuda_timing_pass_over(struct cuda_timing *c, int layer, struct cuda_offer *offer,
                                   ll_status why, const ll_error *refused, ll_error *err)
{
    offer->ms = INFINITY;
    ll_text_say(offer->why, sizeof offer->why, "%s", ll_cuda_without_layer(layer, refused->text));
    LL_TRY(ll_cuda_timing_card_check(c, layer, refused, err));
    c->last = *refused;
    if (why == LL_ERR_MEMORY) c->memory = why;
    if (why != LL_ERR_UNSUPPORTED && why != LL_ERR_FORMAT)
        ll_log_line(c->net->state->log, "%s: engine %s passed over: %s", ll_vgg16_name(layer),
                    offer->engine, ll_cuda_without_layer(layer, refused->text));
    return LL_OK;
}

/* ---- patience --------------------------------------------------------------------------- */

/* What trying one more engine takes, and putting it to work; 0 as long as none has been tried. */
static double next_engine_s(const struct cuda_timing *c)
{
    return c->tried > 0 ? MAKINGS * c->trying_s / c->tried : 0.0;
}

/* This layer's share of what is left. What a layer does not use is shared among the layers after
 * it. */
void ll_cuda_timing_share(struct cuda_timing *c, int layer)
{
    const double now_s = ll_clock_seconds();
    int after = 0;

    for (int i = layer + 1; i <= c->net->last; i++)
        after += ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL;
    c->layer_end_s = now_s + (c->end_s - now_s - after * next_engine_s(c)) / (after + 1);
}

bool ll_cuda_timing_has_time(const struct cuda_timing *c, double seconds)
{
    return ll_clock_seconds() + seconds <= c->layer_end_s;
}

ll_status ll_cuda_timing_all(struct cuda_timing *c, int layer, ll_error *err)
{
    /* Half of it for each kind of engine, where there are two. */
    const double half_s =
        ll_cuda_pool_follows(c->net, layer) ? 0.5 * (c->layer_end_s - ll_clock_seconds()) : 0.0;

    for (int i = 0; i < c->count; i++) {
        struct cuda_offer *const offer = &c->offers[i];
        ll_error refused = LL_ERROR_INIT;
        const double kept_s = offer->pooled ? 0.0 : half_s;
        if (ll_cuda_timing_fastest(c) != NULL &&
            !ll_cuda_timing_has_time(c, next_engine_s(c) + kept_s)) {
            ll_text_say(offer->why, sizeof offer->why, "not tried: patience is over");
            continue;
        }
        const double begin_s = ll_clock_seconds();
        const ll_status status = time_offer(c, layer, offer, &refused);
        offer->elapsed_s = ll_clock_seconds() - begin_s;
        c->trying_s += offer->elapsed_s;
        c->tried++;
        if (status != LL_OK)
            LL_TRY(ll_cuda_timing_pass_over(c, layer, offer, status, &refused, err));
    }
    return LL_OK;
}

/* ---- room ------------------------------------------------------------------------------- */

ll_status ll_cuda_timing_init(struct cuda_timing *c, ll_net *net, ll_error *err)
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
    LL_TRY(ll_cuda_verify_init(&c->verify, net, err));
    return ll_cuda_input_queue(net, c->verify.pixels, net->activations[0], err);
}

void ll_cuda_timing_release(struct cuda_timing *c)
{
    (void)cudaStreamSynchronize(c->net->state->compute);
    if (c->start != NULL) (void)cudaEventDestroy(c->start);
    if (c->stop != NULL) (void)cudaEventDestroy(c->stop);
    (void)cudaGetLastError(); /* or the next launch would be blamed for it */
    ll_cuda_verify_release(&c->verify);
    ll_cuda_free(c->largest);
    ll_cuda_free(c->spare);
}
