/* host/backend/cpu/cpu_dots_block.h - the inner loop of cpu_dots.c; private to it.
 *
 * One source, LL_DOTS_BLOCK(bytes, rows), compiled by cpu_dots_avx512.c, _avx2.c and _plain.c with
 * the flags of their processors, and with -ffp-contract=fast: product and sum are one instruction
 * where there is one. Vectors are GCC's and clang's, so there is no line for one processor alone.
 */
#ifndef LL_CPU_DOTS_BLOCK_H
#define LL_CPU_DOTS_BLOCK_H

#include "host/backend/cpu/cpu_dots.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LL_DOTS_SLIVER = 16,      /* rows packed side by side */
    LL_DOTS_CHAIN = 16,       /* columns of the features summed in registers */
    LL_DOTS_GROUP = 128,      /* ... in a block on the stack, and groups in another */
    LL_DOTS_SLICE = 512,      /* a sliver of it is 32 KiB */
    LL_DOTS_STRETCH = 8 * 512 /* ... in `sums` */
};

/* sums (16, 16) = or += the products of two slivers over `cols` <= 512 columns: x[16 k + r] is
 * row r, y[16 k + c] column c. */
typedef void ll_dots_block_fn(const float *x, const float *y, int64_t cols, bool add, float *sums,
                              int64_t stride);

ll_dots_block_fn ll_cpu_dots_block_avx512, ll_cpu_dots_block_avx2, ll_cpu_dots_block_plain;

/* ll_cpu_dots_scores by the inner loop of another processor, which this one must be able to run. */
void ll_cpu_dots_scores_by(ll_dots_block_fn *block, const ll_dots_rows *x, const ll_dots_rows *y,
                           int64_t cols, bool upper, float *scores, double *totals, int64_t stride);

#endif

#ifdef LL_DOTS_BYTES /* of a vector; LL_DOTS_ROWS rows of LL_DOTS_VECTORS are summed at a time */
enum { LANES = LL_DOTS_BYTES / 4, ROWS = LL_DOTS_ROWS, VECTORS = LL_DOTS_VECTORS };
typedef float vector __attribute__((vector_size(LL_DOTS_BYTES)));

static inline vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store(float *to, vector v)
{
    memcpy(to, &v, sizeof v);
}

/* sums[r] = (first) or += the chain of `count` columns. */
static inline __attribute__((always_inline)) void
add_chain(const float *x, const float *y, int count, bool first, vector sums[ROWS][VECTORS])
{
    vector chain[ROWS][VECTORS] = {{{0}}};

#pragma GCC unroll 4
    for (int k = 0; k < count; k++) {
        const float *const row = x + k * LL_DOTS_SLIVER, *const column = y + k * LL_DOTS_SLIVER;
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++)
                chain[r][v] += row[r] * load(column + v * LANES);
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            sums[r][v] = first ? chain[r][v] : sums[r][v] + chain[r][v];
}

/* sums = (first) or += the chains of `cols` <= 128 columns. */
static inline __attribute__((always_inline)) void
add_group(const float *x, const float *y, int64_t cols, bool first, vector sums[ROWS][VECTORS])
{
    vector group[ROWS][VECTORS];
    int64_t k = LL_DOTS_CHAIN;

    if (cols >= LL_DOTS_CHAIN)
        add_chain(x, y, LL_DOTS_CHAIN, true, group);
    else
        add_chain(x, y, (int)cols, true, group);
    for (; k + LL_DOTS_CHAIN <= cols; k += LL_DOTS_CHAIN)
        add_chain(x + k * LL_DOTS_SLIVER, y + k * LL_DOTS_SLIVER, LL_DOTS_CHAIN, false, group);
    if (k < cols)
        add_chain(x + k * LL_DOTS_SLIVER, y + k * LL_DOTS_SLIVER, (int)(cols - k), false, group);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++)
            sums[r][v] = first ? group[r][v] : sums[r][v] + group[r][v];
}

static inline __attribute__((always_inline)) void
add_part(const float *x, const float *y, int64_t cols, bool add, float *sums, int64_t stride)
{
    vector slice[ROWS][VECTORS];
    int64_t k = LL_DOTS_GROUP;

    add_group(x, y, k < cols ? k : cols, true, slice);
    for (; k < cols; k += LL_DOTS_GROUP) {
        const int64_t left = cols - k, count = left < LL_DOTS_GROUP ? left : LL_DOTS_GROUP;
        add_group(x + k * LL_DOTS_SLIVER, y + k * LL_DOTS_SLIVER, count, false, slice);
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) {
            float *const to = sums + r * stride + v * LANES;
            store(to, add ? load(to) + slice[r][v] : slice[r][v]);
        }
}

static inline __attribute__((always_inline)) void
add_block(const float *x, const float *y, int64_t cols, bool add, float *sums, int64_t stride)
{
    for (int r = 0; r < LL_DOTS_SLIVER; r += ROWS)
        for (int c = 0; c < LL_DOTS_SLIVER; c += VECTORS * LANES)
            add_part(x + r, y + c, cols, add, sums + r * stride + c, stride);
}
#endif
