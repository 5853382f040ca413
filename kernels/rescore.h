/* kernels/rescore.h - the score of two items, to the bit.
 *
 *   S(x, y)  = sum of x[k] * y[k] over k, f32 in, f64 arithmetic (each product is exact in f64), in
 *              one fixed order: partial[l] adds k = l, l + 64, l + 128, ... in ascending order for
 *              l = 0 .. 63, then partial[l] += partial[l + s] for s = 32, 16, 8, 4, 2, 1
 *   score    = clamp to [0, 1] of (float)(S(x, y) / sqrt(S(x, x) * S(y, y)))
 *
 * So the cpu and cuda twins agree on a score to the bit, and byte-equal photos score exactly 1
 * (S / sqrt(S * S) rounds to 1 in f32). Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_RESCORE_H
#define LL_KERNELS_RESCORE_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { LL_RESCORE_LANES = 64 };

/** S(x, y) of two rows of `cols` f32. */
double ll_rescore_dot_cpu(const float *x, const float *y, int64_t cols);

/** The score from its three sums; 0 if a row is all zeros. */
float ll_rescore_score(double xy, double xx, double yy);

/** squares[i] = S(row i, row i) for (rows, cols) f32. */
void ll_rescore_squares_cpu(const float *features, int64_t rows, int64_t cols, double *squares);

/** scores[c] = score(row, columns[c]) for `count` columns; 0xFFFFFFFF is skipped. */
void ll_rescore_cpu(const float *features, int64_t cols, const double *squares, int64_t row,
                    const uint32_t *columns, int64_t count, float *scores);

/** Some rows against all: scores[r][c] = score(rows[r], c) for c = first .. end - 1 of (count, all)
 *  scores; the others stay. A few hundred columns at once stay in cache for all `count` rows. */
void ll_rescore_rows_cpu(const float *features, int64_t all, int64_t cols, const double *squares,
                         const uint32_t *rows, int64_t count, int64_t first, int64_t end,
                         float *scores);

#ifdef LL_WITH_CUDA
cudaError_t ll_rescore_squares_cuda(const float *features, int64_t rows, int64_t cols,
                                    double *squares, cudaStream_t stream);

/** The twin for rows [row, row + rows), all on the device.
 * @param columns, scores  (rows, count) each */
cudaError_t ll_rescore_cuda(const float *features, int64_t cols, const double *squares, int64_t row,
                            int64_t rows, const uint32_t *columns, int64_t count, float *scores,
                            cudaStream_t stream);

/** The twin of ll_rescore_rows_cpu for all columns; everything on the device. */
cudaError_t ll_rescore_rows_cuda(const float *features, int64_t all, int64_t cols,
                                 const double *squares, const uint32_t *rows, int64_t count,
                                 float *scores, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
