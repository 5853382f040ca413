/* kernels/launch_shape.h - grids, blocks and shared memory of every launch, as plain arithmetic.
 *
 * Kernels and launchers take their sizes from here, so that a test without a card can show that
 * they hold for 2 000 000 rows (tests/unit/unit_launch_shape.c). Limits of every card we serve: a
 * grid of 2^31 - 1 x 65535 blocks, a block of 1024 threads, 48 KB of shared memory unasked.
 * Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_LAUNCH_SHAPE_H
#define LL_KERNELS_LAUNCH_SHAPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    LL_WARP = 32,
    LL_MAX_GRID_X = 0x7fffffff,
    LL_MAX_GRID_Y = 65535,

    /* preprocess: a block works through chunks of pixels, staged in shared memory */
    LL_PREPROCESS_BLOCK = 256,
    LL_PREPROCESS_CHUNK = 1024, /* pixels: 3072 bytes, a multiple of 16 */
    LL_PREPROCESS_MAX_BLOCKS = 1024,

    /* normalize: a block is a row's 64 sums */
    LL_NORMALIZE_BLOCK = 64,

    /* halve, rescore: warps */
    LL_ROWS_BLOCK = 256,
    LL_ROWS_WARPS = LL_ROWS_BLOCK / LL_WARP,
    LL_RESCORE_PAIRS = 4, /* pairs of one row that a warp sums at once */
    LL_RESCORE_SIDE = 4,  /* rows asked for, and rows of all, that a warp sums at once */

    /* narrow: squares of 32 x 32 */
    LL_NARROW_SIDE = 32,
    LL_NARROW_ROWS = 8, /* threads are 32 x 8, four positions each */

    /* pool: blocks work through rows or values */
    LL_POOL_BLOCK = 256,
    LL_POOL_MAX_BLOCKS = 4096,

    /* convolve: 64 positions x 64 outputs a block */
    LL_CONVOLVE_BLOCK = 256,
    LL_CONVOLVE_SIDE = 64,

    /* topk */
    LL_TOPK_BLOCK = 256,
    LL_TOPK_WARPS = LL_TOPK_BLOCK / LL_WARP,
    LL_TOPK_LANE_COLUMNS = 4, /* columns a lane watches */
    LL_TOPK_STRIP_COLUMNS = LL_WARP * LL_TOPK_LANE_COLUMNS,
    LL_TOPK_STRIP_ROWS = 16, /* rows a warp walks down */
    LL_TOPK_MAX_KEEP = 4096,
};

typedef struct ll_launch_shape {
    uint32_t grid_x, grid_y; /* grid_x is 0 where there is nothing to do, or too much */
    uint32_t block_x, block_y;
    uint32_t shared_bytes; /* dynamic */
} ll_launch_shape;

static inline int64_t ll_launch_divide_up(int64_t count, int64_t by)
{
    return count / by + (count % by != 0);
}

/** A grid of blocks of `x` x `y` threads; no grid at all beyond the limits. */
static inline ll_launch_shape ll_launch_blocks(int64_t grid_x, int64_t grid_y, uint32_t x,
                                               uint32_t y, int64_t shared_bytes)
{
    ll_launch_shape shape = {0, 0, x, y, (uint32_t)shared_bytes};
    if (grid_x < 1 || grid_x > LL_MAX_GRID_X || grid_y < 1 || grid_y > LL_MAX_GRID_Y) return shape;
    shape.grid_x = (uint32_t)grid_x;
    shape.grid_y = (uint32_t)grid_y;
    return shape;
}

/** Pixels in all, whatever images they belong to. */
static inline ll_launch_shape ll_launch_preprocess(int64_t positions)
{
    const int64_t chunks = ll_launch_divide_up(positions, LL_PREPROCESS_CHUNK);
    const int64_t most = LL_PREPROCESS_MAX_BLOCKS;
    return ll_launch_blocks(chunks < most ? chunks : most, 1, LL_PREPROCESS_BLOCK, 1, 0);
}

/** Rows of a pooled picture, of all images together. */
static inline ll_launch_shape ll_launch_pool(int64_t rows)
{
    const int64_t most = LL_POOL_MAX_BLOCKS;
    return ll_launch_blocks(rows < most ? rows : most, 1, LL_POOL_BLOCK, 1, 0);
}

/** Values, each on its own. */
static inline ll_launch_shape ll_launch_values(int64_t count)
{
    return ll_launch_pool(ll_launch_divide_up(count, LL_POOL_BLOCK));
}

static inline ll_launch_shape ll_launch_normalize(int64_t rows)
{
    return ll_launch_blocks(rows, 1, LL_NORMALIZE_BLOCK, 1, 0);
}

/** A warp a row: halve, and the squares of rescore. */
static inline ll_launch_shape ll_launch_warps(int64_t rows)
{
    return ll_launch_blocks(ll_launch_divide_up(rows, LL_ROWS_WARPS), 1, LL_ROWS_BLOCK, 1, 0);
}

/** A warp for every LL_RESCORE_PAIRS columns of a row. */
static inline ll_launch_shape ll_launch_rescore(int64_t rows, int64_t count)
{
    const int64_t groups = ll_launch_divide_up(count, LL_RESCORE_PAIRS);
    if (groups > 0 && rows > INT64_MAX / groups) return ll_launch_blocks(0, 0, LL_ROWS_BLOCK, 1, 0);
    return ll_launch_warps(rows * groups);
}

/** A warp for LL_RESCORE_SIDE of `count` rows against as many of `all`. */
static inline ll_launch_shape ll_launch_rescore_rows(int64_t all, int64_t count)
{
    const int64_t groups = ll_launch_divide_up(count, LL_RESCORE_SIDE);
    const int64_t columns = ll_launch_divide_up(all, LL_RESCORE_SIDE);
    if (groups > 0 && columns > INT64_MAX / groups)
        return ll_launch_blocks(0, 0, LL_ROWS_BLOCK, 1, 0);
    return ll_launch_warps(columns * groups);
}

static inline ll_launch_shape ll_launch_narrow(int64_t rows, int64_t columns)
{
    return ll_launch_blocks(ll_launch_divide_up(columns, LL_NARROW_SIDE),
                            ll_launch_divide_up(rows, LL_NARROW_SIDE), LL_NARROW_SIDE,
                            LL_NARROW_ROWS, 0);
}

/** Places of all images together, and outputs of each. */
static inline ll_launch_shape ll_launch_convolve(int64_t positions, int64_t outs)
{
    return ll_launch_blocks(ll_launch_divide_up(positions, LL_CONVOLVE_SIDE),
                            ll_launch_divide_up(outs, LL_CONVOLVE_SIDE), LL_CONVOLVE_BLOCK, 1, 0);
}

static inline ll_launch_shape ll_launch_topk_offer(int64_t rows, int64_t columns)
{
    return ll_launch_blocks(ll_launch_divide_up(columns, LL_TOPK_STRIP_COLUMNS),
                            ll_launch_divide_up(rows, (int64_t)LL_TOPK_WARPS * LL_TOPK_STRIP_ROWS),
                            LL_TOPK_BLOCK, 1, 0);
}

/** A warp a list. */
static inline ll_launch_shape ll_launch_topk_compact(int64_t lists)
{
    return ll_launch_blocks(ll_launch_divide_up(lists, LL_TOPK_WARPS), 1, LL_TOPK_BLOCK, 1, 0);
}

/** Keys a list is padded to for sorting: a power of two. */
static inline int ll_launch_topk_padded(int keep)
{
    int sorted = 1;
    while (sorted < keep)
        sorted *= 2;
    return sorted;
}

/** A block a list, sorted in shared memory: 8 bytes a key. */
static inline ll_launch_shape ll_launch_topk_sort(int64_t rows, int keep)
{
    if (keep < 1 || keep > LL_TOPK_MAX_KEEP) return ll_launch_blocks(0, 0, LL_TOPK_BLOCK, 1, 0);
    return ll_launch_blocks(rows, 1, LL_TOPK_BLOCK, 1, 8 * (int64_t)ll_launch_topk_padded(keep));
}

#ifdef __cplusplus
}
#endif
#endif
