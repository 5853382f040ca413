/* host/backend/cpu/cpu_dots_block.h - the inner loop of cpu_dots.c; private to it.
 *
 * One source, LL_DOTS_BLOCK(bytes, rows), compiled by cpu_dots_avx512.c, _avx2.c and _plain.c with
 * the flags of their processors, and with -ffp-contract=fast: product and sum are one instruction
 * where there is one. Vectors are GCC's and clang's, so there is no line for one processor alone.
 */
#ifndef LL_CPU_DOTS_BLOCK_H
#define LL_CPU_DOTS_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    LL_DOTS_SLIVER = 16,      /* rows packed side by side */
    LL_DOTS_HIGH = 8,         /* rows of a block */
    LL_DOTS_WIDE = 32,        /* columns of a block: two slivers */
    LL_DOTS_CHAIN = 32,       /* columns of the features summed in registers */
    LL_DOTS_SLICE = 512,      /* ... in a block on the stack: a sliver of it is 32 KiB */
    LL_DOTS_STRETCH = 8 * 512 /* ... in `sums` */
};

/* sums (8, 32) = or += the products of 8 rows and 32 rows over `cols` <= 512 columns.
 * x[16 k + r] is row r, y[16 k + c] row c, and row 16 + c at 16 cols floats behind it. */
typedef void ll_dots_block_fn(const float *x, const float *y, int64_t cols, bool add, float *sums,
                              int64_t stride);

ll_dots_block_fn ll_cpu_dots_block_avx512, ll_cpu_dots_block_avx2, ll_cpu_dots_block_plain;

#endif

#ifdef LL_DOTS_BYTES /* of a vector; LL_DOTS_ROWS x 2 of them are summed at a time */
enum { LANES = LL_DOTS_BYTES / 4, ROWS = LL_DOTS_ROWS, PAIR = 2 * LANES };
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
static inline __attribute__((always_inline)) void add_chain(const float *x, const float *y0,
                                                            const float *y1, int count, bool first,
                                                            float sums[ROWS][PAIR])
{
    vector chain[ROWS][2] = {{{0}}};

#pragma GCC unroll 2
    for (int k = 0; k < count; k++) {
        const vector a = load(y0 + k * LL_DOTS_SLIVER), b = load(y1 + k * LL_DOTS_SLIVER);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const float value = x[k * LL_DOTS_SLIVER + r];
            chain[r][0] += value * a;
            chain[r][1] += value * b;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        store(sums[r], first ? chain[r][0] : load(sums[r]) + chain[r][0]);
        store(sums[r] + LANES, first ? chain[r][1] : load(sums[r] + LANES) + chain[r][1]);
    }
}

static inline __attribute__((always_inline)) void add_part(const float *x, const float *y0,
                                                           const float *y1, int64_t cols, bool add,
                                                           float *sums, int64_t stride)
{
    _Alignas(64) float slice[ROWS][PAIR];
    int64_t k = LL_DOTS_CHAIN;

    if (cols >= LL_DOTS_CHAIN)
        add_chain(x, y0, y1, LL_DOTS_CHAIN, true, slice);
    else
        add_chain(x, y0, y1, (int)cols, true, slice);
    for (; k + LL_DOTS_CHAIN <= cols; k += LL_DOTS_CHAIN) {
        const int64_t at = k * LL_DOTS_SLIVER;
        add_chain(x + at, y0 + at, y1 + at, LL_DOTS_CHAIN, false, slice);
    }
    if (k < cols) {
        const int64_t at = k * LL_DOTS_SLIVER;
        add_chain(x + at, y0 + at, y1 + at, (int)(cols - k), false, slice);
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        float *const to = sums + r * stride;
        store(to, add ? load(to) + load(slice[r]) : load(slice[r]));
        store(to + LANES, add ? load(to + LANES) + load(slice[r] + LANES) : load(slice[r] + LANES));
    }
}

static inline __attribute__((always_inline)) void
add_block(const float *x, const float *y, int64_t cols, bool add, float *sums, int64_t stride)
{
    const float *const halves[] = {y, y + cols * LL_DOTS_SLIVER};

    for (int r = 0; r < LL_DOTS_HIGH; r += ROWS)
        for (int c = 0; c < LL_DOTS_WIDE; c += PAIR) {
            const int d = c + LANES;
            add_part(x + r, halves[c / LL_DOTS_SLIVER] + c % LL_DOTS_SLIVER,
                     halves[d / LL_DOTS_SLIVER] + d % LL_DOTS_SLIVER, cols, add,
                     sums + r * stride + c, stride);
        }
}
#endif
