/* host/backend/cuda/compare/cuda_compare.h - what a comparison on a card holds between its calls.
 *
 * cuda_compare.c begins and ends it; cuda_features.c brings features to the card; cuda_tile.c
 * multiplies, selects and delivers; cuda_candidates.c takes lists and rescores. Work runs on
 * state->compute. The streams `in` and `out` copy the two slots, ordered with `compute` by events;
 * `out` also selects candidates where tiles are not copied to the host. Private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_COMPARE_H
#define LL_CUDA_COMPARE_H

#include "host/backend/cuda/compare/cuda_plan.h"
#include "host/backend/cuda/device/cuda_state.h"
#include "kernels/topk.h"

enum {
    LL_CUDA_SLOTS = 2,
    LL_CUDA_PART_COLS = 256, /* of f32 features summed in one go: cuda_tile.c */
};

/* One of two transfer buffers: pinned memory on the host and its counterpart on the device. */
struct cuda_slot {
    void *host;
    void *device;      /* = compare->device[LL_CUDA_SLOT_0 or _1] */
    cudaEvent_t moved; /* the copy between the two is done */
    cudaEvent_t made;  /* compute is done with `device` */
    bool pending;      /* tile (i, j) is on its way to the sink */
    int64_t i, j;
};

/* The rescoring in flight: scores that arrive in slot 1. */
struct cuda_pairs {
    const uint32_t *columns; /* (count) 0xFFFFFFFF: nobody asked */
    float *scores;
    int64_t count; /* 0: nothing is under way */
};

struct cuda_compare {
    struct cuda_state *state;
    ll_compare_options options;
    ll_cuda_demand demand;
    ll_cuda_plan plan;
    void *device[LL_CUDA_BUFFERS]; /* NULL: not held now */
    struct cuda_slot slots[LL_CUDA_SLOTS];
    ll_gemm *gemm;                    /* of halves, or of one part of f32 features: cuda_tile.c */
    ll_gemm *tail;                    /* of the last part, if it is shorter; else NULL */
    char algorithms[2][LL_GEMM_TEXT]; /* of the two */
    double *squares;                  /* (rows), on the host */
    float *residuals, *lengths;       /* (rows), on the host; NULL for a stored matrix */
    double max_residual, max_length;
    struct cuda_pairs pairs;
    int64_t submitted; /* tiles */
    bool begun;        /* everything above is there */
};

/* ---- cuda_buffers.c */

/** Allocate one buffer of the plan. */
LL_NODISCARD ll_status ll_cuda_buffer_make(struct cuda_compare *compare, ll_cuda_buffer buffer,
                                           int64_t bytes, ll_error *err);
LL_NODISCARD ll_status ll_cuda_buffer_drop(struct cuda_compare *compare, ll_cuda_buffer buffer,
                                           ll_error *err);

/** Rows of block `block`, without padding. */
int64_t ll_cuda_block_rows(const struct cuda_compare *compare, int64_t block);

/* ---- cuda_compare.c */

/** ll_cuda_compare_begin with sizes other than the card's (tests, bench).
 * @param limits  NULL: what the card has */
LL_NODISCARD ll_status ll_cuda_compare_begin_within(ll_backend *be,
                                                    const ll_compare_options *options,
                                                    const ll_cuda_limits *limits, ll_error *err);

/** Propagate a failure; if a device or memory is the cause, with the stage in its text. */
LL_NODISCARD ll_status ll_cuda_compare_failed(ll_status status, const ll_error *cause,
                                              const char *stage, ll_error *err);

/** Deliver what is pending, oldest first. */
LL_NODISCARD ll_status ll_cuda_compare_drain(struct cuda_compare *compare, ll_error *err);

/* ---- cuda_features.c */

/** Upload, as the plan says: halves, or f32 features, or both; and measure every row. */
LL_NODISCARD ll_status ll_cuda_features_bind(struct cuda_compare *compare, ll_error *err);

/** For LL_CUDA_RESCORE_IN_TURN: make sure that the device holds what tiles need, or what rescoring
 *  needs. The second may switch to LL_CUDA_RESCORE_ON_HOST. Both wait for all work before they free
 *  a buffer. */
LL_NODISCARD ll_status ll_cuda_features_for_tiles(struct cuda_compare *compare, ll_error *err);
LL_NODISCARD ll_status ll_cuda_features_for_rescoring(struct cuda_compare *compare, ll_error *err);

/** Through the pinned slots, on `compute`, done on return. Nothing may be pending. */
LL_NODISCARD ll_status ll_cuda_download(struct cuda_compare *compare, void *dst, const void *src,
                                        int64_t bytes, ll_error *err);
LL_NODISCARD ll_status ll_cuda_upload(struct cuda_compare *compare, void *dst, const void *src,
                                      int64_t bytes, ll_error *err);

/* ---- cuda_tile.c */

LL_NODISCARD ll_status ll_cuda_tile_queue(struct cuda_compare *compare, int64_t i, int64_t j,
                                          struct cuda_slot *slot, ll_error *err);

/** Wait for a slot's tile and hand it to the sink. Does nothing if none is pending. */
LL_NODISCARD ll_status ll_cuda_tile_deliver(struct cuda_compare *compare, struct cuda_slot *slot,
                                            ll_error *err);

ll_topk_card ll_cuda_lists(const struct cuda_compare *compare);

#endif
