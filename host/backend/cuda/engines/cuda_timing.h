/* host/backend/cuda/engines/cuda_timing.h - how long a layer takes with each engine on offer.
 * Private to host/backend/cuda/engines. */
#ifndef LL_CUDA_TIMING_H
#define LL_CUDA_TIMING_H

#include "host/backend/cuda/engines/cuda_verify.h"

enum { LL_CUDA_ENGINES = 48, LL_CUDA_POOLED = 16 };

/* One engine of a layer, or one algorithm of a product. */
struct cuda_offer {
    char engine[LL_CONV_ENGINE_TEXT];
    bool pooled;
    float ms;         /* INFINITY: failed, gave wrong results, or was not tried */
    double elapsed_s; /* to be made and timed */
    char why[128];    /* of INFINITY; else "" */
};

struct cuda_timing {
    ll_net *net;
    cuda_verify verify;
    cudaEvent_t start, stop;
    uint32_t *largest; /* (LL_CUDA_LAYERS) device: computed as in a real batch, so that it is timed
                          too; not used */
    void *spare;       /* room for a pool's result */
    struct cuda_offer offers[LL_CUDA_ENGINES + LL_CUDA_POOLED];
    int count;
    bool known; /* try only the engine that was chosen for a layer of the same shape */
    bool wrong; /* an offer ran but gave wrong results */
    double end_s, layer_end_s; /* of ll_clock_seconds(): patience, and the layer's share of it */
    double trying_s;           /* that offers took so far, all layers */
    int tried;
    int at;           /* which of the net's activations the next layer takes */
    ll_status memory; /* LL_ERR_MEMORY if that is what an offer failed for */
    ll_error last;    /* why the last offer that failed did */
};

LL_NODISCARD ll_status ll_cuda_timing_init(struct cuda_timing *c, ll_net *net, ll_error *err);
void ll_cuda_timing_release(struct cuda_timing *c);

/** Give a layer its share of the patience that is left. What a layer does not use is shared among
 *  the layers after it. */
void ll_cuda_timing_share(struct cuda_timing *c, int layer);

/** Does the layer's share reach for so much more? */
bool ll_cuda_timing_has_time(const struct cuda_timing *c, double seconds);

/** Every offer of the layer, a few times, as far as there is time. */
LL_NODISCARD ll_status ll_cuda_timing_all(struct cuda_timing *c, int layer, ll_error *err);

/** Time one run of what the layer is made of now, with its pool. */
LL_NODISCARD ll_status ll_cuda_timing_run(struct cuda_timing *c, int layer, float *ms,
                                          ll_error *err);

/** NULL: nobody is left. */
struct cuda_offer *ll_cuda_timing_fastest(struct cuda_timing *c);

/** Rule out `offer`, with `refused` as the reason. An error only if the card no longer works
 *  afterwards. */
LL_NODISCARD ll_status ll_cuda_timing_pass_over(struct cuda_timing *c, int layer,
                                                struct cuda_offer *offer, ll_status why,
                                                const ll_error *refused, ll_error *err);

/** LL_OK if the card goes on after an engine that did not; else both errors, and the layer. */
LL_NODISCARD ll_status ll_cuda_timing_card_check(const struct cuda_timing *c, int layer,
                                                 const ll_error *refused, ll_error *err);

/** What went wrong, without the layer's name before it, where that is said already. */
const char *ll_cuda_without_layer(int layer, const char *text);

#endif
