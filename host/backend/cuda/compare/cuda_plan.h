/* host/backend/cuda/compare/cuda_plan.h - how a comparison uses a card's memory: tiles, chunks,
 * buffers.
 *
 * Plain arithmetic: no device, no memory of its own, so a test without a card can show that it
 * holds for 2 000 000 rows and 1024 neighbours (tests/unit/unit_cuda_plan.c).
 * Private to host/backend/cuda/. */
#ifndef LL_CUDA_PLAN_H
#define LL_CUDA_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LL_CUDA_TILE_MIN = 512,     /* smaller ones feed a card badly; halving ends here */
    LL_CUDA_TILE_FAST = 4096,   /* fp16: cuda_plan.c says why these two */
    LL_CUDA_TILE_STORED = 2048, /* fp32, on its way to the host */
    LL_CUDA_CHUNK_BYTES = 32 << 20,
    LL_CUDA_WORKSPACE_BYTES = 32 << 20, /* at most, for the matrix product */
    LL_CUDA_WHOLE_BYTES = 64 << 20,     /* of some rows' scores with all, or one row's if more */
    LL_CUDA_WHOLE_ROWS = 32,            /* more in one pass gain nothing: kernels/rescore.cu */
};

typedef enum ll_cuda_buffer {                  /* everything a comparison allocates on the device */
                              LL_CUDA_SQUARES, /* (rows) f64 */
                              LL_CUDA_RESIDUALS,   /* (rows) f32, fast products only */
                              LL_CUDA_LENGTHS,     /* (rows) f32, fast products only */
                              LL_CUDA_KEYS,        /* (rows, capacity) u64, kernels/topk.h */
                              LL_CUDA_WORST,       /* (rows) u64 */
                              LL_CUDA_COUNTS,      /* (rows) u32 */
                              LL_CUDA_BASE_COUNTS, /* (rows) u32 */
                              LL_CUDA_GROUP,       /* (rows) u32 */
                              LL_CUDA_ROW_SCORES,  /* (whole_rows, rows) f32: some rows against all
                                                    */
                              LL_CUDA_SCORES,      /* (tile, tile) f32 */
                              LL_CUDA_SCORES_2,    /* the same: one is selected from meanwhile */
                              LL_CUDA_WORKSPACE,   /* of the matrix product */
                              LL_CUDA_SLOT_0,      /* what is coming in or going out, twice */
                              LL_CUDA_SLOT_1,
                              LL_CUDA_HALVES, /* (padded rows, cols) float16 of 64 u */
                              LL_CUDA_EXACT,  /* (padded rows, cols) f32: the features */
                              LL_CUDA_BUFFERS,
} ll_cuda_buffer;

/* Where exact scores come from; each needs less memory than the one before. */
typedef enum ll_cuda_rescoring {
    LL_CUDA_RESCORE_BESIDE,  /* f32 features stay beside their halves, or are multiplied themselves
                              */
    LL_CUDA_RESCORE_IN_TURN, /* loaded into the memory of the halves when the tiles are done */
    LL_CUDA_RESCORE_ON_HOST, /* they never fit: the cpu twin, on all cores */
} ll_cuda_rescoring;

typedef struct ll_cuda_demand {
    int64_t rows, cols; /* rows 1 or more */
    int keep;           /* 0: no lists */
    bool group;
    int stored_bytes; /* of a stored score; 0: no matrix */
} ll_cuda_demand;

typedef struct ll_cuda_limits {
    int64_t tile_max;    /* a power of two */
    int64_t chunk_bytes; /* of a slot, or more where a row or a tile needs it */
    int64_t room_bytes;  /* of device memory to use */
} ll_cuda_limits;

typedef struct ll_cuda_plan {
    int64_t tile, blocks, padded_rows; /* padded_rows = blocks * tile */
    int64_t slot_bytes;
    int64_t whole_rows; /* scored against all in one go; 1 or more */
    int64_t chunk_rows; /* rows of f32 features that fit a slot; 1 or more */
    ll_cuda_rescoring rescoring;
    int64_t bytes[LL_CUDA_BUFFERS];
    int64_t total_bytes; /* the most that is held at once */
} ll_cuda_plan;

/** The plan and its memory for tiles of at most `tile_max` and this kind of rescoring. */
ll_cuda_plan ll_cuda_plan_of(const ll_cuda_demand *demand, int64_t tile_max, int64_t chunk_bytes,
                             ll_cuda_rescoring rescoring);

/** The fastest plan that fits. @return false: none does; *plan is then the smallest. */
bool ll_cuda_plan_make(const ll_cuda_demand *demand, const ll_cuda_limits *limits,
                       ll_cuda_plan *plan);

/** Limits of a card with `free_bytes` of free memory. */
ll_cuda_limits ll_cuda_limits_of(const ll_cuda_demand *demand, int64_t free_bytes);

/** M for K neighbours, as ll_compare_margin. */
int64_t ll_cuda_compare_margin(int64_t neighbors);

/** How far a tile's score can be from the exact one beyond what float16 costs its two rows.
 * @param capability  of the card, major * 10 + minor
 * @param stored      the tile is a product of f32 features, without tensor cores */
double ll_cuda_plan_slack(int64_t cols, int capability, bool stored);

/** Rows of `count` 4-byte values that a slot holds, at least 1; and how many of a row at once. */
int64_t ll_cuda_plan_rows_at_once(const ll_cuda_plan *plan, int64_t count);
int64_t ll_cuda_plan_values_at_once(const ll_cuda_plan *plan, int64_t count);

#endif
