/* host/backend/cpu/cpu_dots.h - cosine scores of many pairs of rows: our own matrix product.
 *
 * Rows are packed once into a panel and multiplied with many others. Unlike a library's product,
 * this one adds every pair's products in one order that depends on nothing but `cols`, so the bits
 * of a score depend neither on shapes nor on threads, and how far it can be off is known:
 *
 *   chains of 16 columns; 8 of them in a group of 128; 4 of those in a slice of 512; 8 of those in
 *   a stretch of 4096, all in f32; stretches in f64; times 1 / ||x|| ||y|| in f64, rounded to f32
 *   and clamped to [0, 1]
 *
 * 16 + 7 + 3 + 7 = 33 roundings (34 on a processor without fused multiply-add) at u = 2^-24, so a
 * sum is off by at most 34 u sum |x_k y_k| (1 + 2e-6) <= 34.01 u ||x|| ||y||, and a score by at
 * most 34.01 u and half a unit in its last place, u / 2; the exact score is rounded by u / 2 as
 * well: together below LL_DOTS_BOUND = 40 u = 2.4e-6, for any rows. (f64 adds 2^-53 a column;
 * products below 2^-126 lose 2^-150 each: both vanish beside u.)
 *
 * That bound assumes that every rounding is as large as possible and in the same direction, and
 * that partial sums exceed 1. If they stay below 1, as sums of non-negative products nearly always
 * do, the bound halves: 17.5 u = 1.04e-6. So 1e-6 is not proven, but observed errors are far
 * smaller: about 2 u for activations. tests/property/property_dots.c searches for rows whose
 * roundings add up (one value throughout, or one large and many small) and finds up to 11 u; with
 * chains of 32 it was 23 u. Shorter chains cost no time: the additions run in parallel with the
 * fused multiply-adds.
 */
#ifndef LL_CPU_DOTS_H
#define LL_CPU_DOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LL_DOTS_BOUND (40 * 0x1p-24)

/** Floats in the panel of `rows` rows. */
int64_t ll_cpu_dots_panel_floats(int64_t rows, int64_t cols);

/** Pack x (rows, cols). @param panel  64-byte aligned */
void ll_cpu_dots_pack(const float *x, int64_t rows, int64_t cols, float *panel);

/* Rows as ll_cpu_dots_scores wants them. */
typedef struct ll_dots_rows {
    const float *panel;
    const double *inverses; /* (rows) 1 / length; 0 for a row of zeros */
    int64_t rows;
} ll_dots_rows;

/** Whether ll_cpu_dots_scores needs `totals`. */
bool ll_cpu_dots_needs_totals(int64_t cols);

/** scores[r][c] of x's row r and y's row c.
 * @param upper   x is y: below the diagonal the result means nothing
 * @param stride  of scores and totals; a multiple of 16, and both have room for the rows of x
 *                rounded up to 16
 * @param scores  64-byte aligned, like totals
 * @param totals  scratch, or NULL if it needs none */
void ll_cpu_dots_scores(const ll_dots_rows *x, const ll_dots_rows *y, int64_t cols, bool upper,
                        float *scores, double *totals, int64_t stride);

/** Which vectors do it: "avx512", "avx2" or "plain". avx512 and avx2 give the same bits. */
const char *ll_cpu_dots_name(void);

#endif
