/* kernels/normalize.h - scales rows to unit length and returns their lengths.
 *
 *   x      (rows, cols) f32, row-major, in place:  x[i][j] = f32(x[i][j] / length(i)) in f64
 *   norms  (rows) f32:  f32(length(i)),  length(i) = sqrt(sum of x[i][j]^2) in f64
 *
 * The sum has one fixed order: partial[l] adds j = l, l + 64, l + 128, ... ascending for l = 0 ..
 * 63, then partial[l] += partial[l + s] for s = 32, 16, 8, 4, 2, 1. Squares of f32 are exact in f64
 * and cannot overflow there. A row of zeros stays zeros, with norm 0. Floor 1. Includes nothing of
 * ours. */
#ifndef LL_KERNELS_NORMALIZE_H
#define LL_KERNELS_NORMALIZE_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { LL_NORMALIZE_LANES = 64 };

void ll_normalize_rows_cpu(float *x, int64_t rows, int64_t cols, float *norms);
#ifdef LL_WITH_CUDA
cudaError_t ll_normalize_rows_cuda(float *x, int64_t rows, int64_t cols, float *norms,
                                   cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
