/* host/backend/cuda/engines/cuda_contest.h - which engine of a layer is the fastest that is right.
 * Private to cuda_choice.c, which takes the layers in turn, and cuda_final.c. */
#ifndef LL_CUDA_CONTEST_H
#define LL_CUDA_CONTEST_H

#include "host/backend/cuda/engines/cuda_proof.h"

enum { LL_CUDA_ENGINES = 48, LL_CUDA_POOLED = 16 };

/* One engine of a layer, or one algorithm of a product. */
struct cuda_offer {
    char engine[LL_CONV_ENGINE_TEXT];
    bool pooled;
    float ms;      /* INFINITY: cannot, was found wrong or not tried */
    double took_s; /* to be made and timed */
    char why[128]; /* of INFINITY; else "" */
};

struct cuda_contest {
    ll_net *net;
    cuda_proof proof;
    cudaEvent_t start, stop;
    uint32_t *largest; /* (LL_CUDA_LAYERS) device: looked for as at night, and forgotten */
    void *spare;       /* room for a pool's result */
    struct cuda_offer offers[LL_CUDA_ENGINES + LL_CUDA_POOLED];
    int count;
    bool known;                /* what won for an equal layer may stand for all */
    bool wrong;                /* an offer was, that ran */
    double end_s, layer_end_s; /* of ll_clock_seconds(): patience, and the layer's share of it */
    double trying_s;           /* that offers took so far, all layers */
    int tried;
    int at;           /* which of the net's activations the next layer takes */
    ll_status memory; /* LL_ERR_MEMORY if that is what an offer failed for */
    ll_error last;    /* why the last offer that failed did */
};

LL_NODISCARD ll_status ll_cuda_contest_init(struct cuda_contest *c, ll_net *net, ll_error *err);
void ll_cuda_contest_release(struct cuda_contest *c);

/** Time one run of what the layer is made of now, with its pool. */
LL_NODISCARD ll_status ll_cuda_contest_time(struct cuda_contest *c, int layer, float *ms,
                                            ll_error *err);

/** `offer` is out, for `refused`; an error only if the card does not go on after it. */
LL_NODISCARD ll_status ll_cuda_contest_pass_over(struct cuda_contest *c, int layer,
                                                 struct cuda_offer *offer, ll_status why,
                                                 const ll_error *refused, ll_error *err);

/** Does the layer's share of the patience reach for so much more? */
bool ll_cuda_contest_has_time(const struct cuda_contest *c, double seconds);

/** cuda_final.c: measure the fastest offers once more, in turns. */
LL_NODISCARD ll_status ll_cuda_final_hold(struct cuda_contest *c, int layer, ll_error *err);

/** Choose for a layer, run it for good and go on to its result. */
LL_NODISCARD ll_status ll_cuda_contest_choose(struct cuda_contest *c, int layer, ll_error *err);

/** The same with an engine that is given. `*wrong` is NULL, or why it will not do (in `text`). */
LL_NODISCARD ll_status ll_cuda_contest_take(struct cuda_contest *c, int layer, const char *engine,
                                            bool pooled, const char **wrong, char text[256],
                                            ll_error *err);

/** A pool of ours. */
LL_NODISCARD ll_status ll_cuda_contest_pool(struct cuda_contest *c, int layer, ll_error *err);

#endif
