/* host/backend/cpu/cpu_dots.h - cosine scores of many pairs of rows: our own matrix product.
 *
 * Rows are packed once into a panel and multiplied with many others. Unlike a library's product,
 * this one adds every pair's products in one order that depends on nothing but `cols`, so the bits
 * of a score depend neither on shapes nor on threads, and how far it can be off is known:
 *
 *   chains of 32 columns, added up over a slice of 512, added up over a stretch of 4096, all in
 * f32; stretches are added up in f64; times 1 / ||x|| ||y|| in f64, rounded to f32, clamped to [0,
 * 1]
 *
 *   32 + 15 + 7 = 54 roundings (55 on a processor without fused multiply-add) at u = 2^-24, so a
 * sum is off by at most 55 u sum |x_k y_k| (1 + 4e-6) <= 55.01 u ||x|| ||y||, and a score by at
 * most 55.01 u and half a unit in its last place, u / 2: together below LL_DOTS_BOUND = 64 u. (f64
 *   adds 2^-53 a column; sums of products below 2^-126 lose 2^-150 each: both vanish beside u.)
 *
 * What is met lies far below. Roundings to all sides end up around 1 u. Rows with but one value
 * are the worst: then all roundings inside a power of two of the running sum agree, and a chain of
 * n is off by up to n / 3 u, here (32 + 16 + 8) / 3 u + u / 2 = 1.14e-6 if all were as bad as can
 * be. tests/property/property_dots.c looks for the worst of them. */
#ifndef LL_CPU_DOTS_H
#define LL_CPU_DOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LL_DOTS_BOUND 0x1p-18

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
