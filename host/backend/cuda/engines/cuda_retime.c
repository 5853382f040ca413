/* host/backend/cuda/engines/cuda_retime.c - time the few fastest engines of a layer once more.
 *
 * Those within 5 % of the best, in the library's order: the card is kept busy until its clocks are
 * up, then they take turns, and their medians count. Each is made once more, so this is
 * left out where the patience does not reach for that. */
#include "host/backend/cuda/engines/cuda_retime.h"
#include "host/backend/cuda/engines/cuda_engine_set.h"
#include "host/base/clock.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_RETIMED = 4, ROUNDS = 2, RUNS = 10, MAX_WARMING = 256 };

static const double k_warming_s = 0.02;
static const float k_close = 1.05f;

struct contender {
    struct cuda_offer *offer;
    ll_conv *conv; /* its plan, kept while it is not in the layer */
    ll_gemm *gemm;
    float ms[ROUNDS * RUNS];
    int runs;
};

/* What the layer runs on, in exchange for what `f` holds. */
static void swap_plans(struct cuda_layer *layer, struct contender *f)
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

/* Runs of one engine in a row; the first few of them, where clocks may still rise, unseen. */
static ll_status run_contender(struct cuda_timing *c, int layer, struct contender *f, bool warming,
                               ll_error *err)
{
    const double begin_s = ll_clock_seconds();
    float ms = 0.0f;

    for (int i = 0; warming && i < MAX_WARMING && ll_clock_seconds() - begin_s < k_warming_s; i++)
        LL_TRY(ll_cuda_timing_run(c, layer, &ms, err));
    for (int run = 0; run < RUNS; run++) {
        LL_TRY(ll_cuda_timing_run(c, layer, &ms, err));
        f->ms[f->runs++] = ms;
    }
    return LL_OK;
}

static ll_status time_in_turns(struct cuda_timing *c, int layer, struct contender *all, int count,
                               ll_error *err)
{
    struct cuda_layer *const at = &c->net->layers[layer];

    for (int i = 0; i < count; i++) {
        ll_error refused = LL_ERROR_INIT;
        const ll_status status =
            ll_cuda_engine_set(c->net, layer, all[i].offer->engine, all[i].offer->pooled, &refused);
        if (status != LL_OK)
            LL_TRY(ll_cuda_timing_pass_over(c, layer, all[i].offer, status, &refused, err));
        else
            swap_plans(at, &all[i]);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++) {
            ll_error refused = LL_ERROR_INIT;
            if (!isfinite(all[i].offer->ms)) continue;
            swap_plans(at, &all[i]);
            const ll_status status = run_contender(c, layer, &all[i], i == 0, &refused);
            swap_plans(at, &all[i]);
            if (status != LL_OK)
                LL_TRY(ll_cuda_timing_pass_over(c, layer, all[i].offer, status, &refused, err));
        }
    for (int i = 0; i < count; i++) {
        if (!isfinite(all[i].offer->ms)) continue;
        qsort(all[i].ms, (size_t)all[i].runs, sizeof all[i].ms[0], by_size);
        all[i].offer->ms = all[i].ms[all[i].runs / 2];
    }
    return LL_OK;
}

/* The few best that are close to the best of all, in the library's order. */
static int find_close(struct cuda_timing *c, struct contender *all)
{
    float best = INFINITY;
    int count = 0;

    for (int i = 0; i < c->count; i++)
        if (c->offers[i].ms < best) best = c->offers[i].ms;
    for (int i = 0; i < c->count; i++) {
        int better = 0;
        for (int j = 0; j < c->count; j++)
            better += c->offers[j].ms < c->offers[i].ms;
        if (c->offers[i].ms <= k_close * best && better < MAX_RETIMED && count < MAX_RETIMED)
            all[count++] = (struct contender){.offer = &c->offers[i]};
    }
    return count;
}

ll_status ll_cuda_retime_fastest(struct cuda_timing *c, int layer, ll_error *err)
{
    struct contender all[MAX_RETIMED];
    const int count = find_close(c, all);
    double makings_s = 0.0;

    for (int i = 0; i < count; i++)
        makings_s += all[i].offer->elapsed_s;
    if (count < 2 || !ll_cuda_timing_has_time(c, makings_s + makings_s / count)) return LL_OK;
    const ll_status status = time_in_turns(c, layer, all, count, err);
    if (status != LL_OK) (void)cudaStreamSynchronize(c->net->state->compute);
    for (int i = 0; i < count; i++) {
        ll_conv_free(all[i].conv);
        ll_gemm_free(all[i].gemm);
    }
    return status;
}
