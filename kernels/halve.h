/* kernels/halve.h - converts unit rows to float16 and bounds the error of each row.
 *
 *   h[i][j]      = float16(64 u[i][j])            u (rows, cols) f32, |u| <= 1: no overflow
 *   residual[i] >= || u[i] - h[i] / 64 ||         both rounded up, and by hardly more than the
 *   length[i]   >= || h[i] / 64 ||                last bit of a f32
 *
 * so that |u_i . u_j - (h_i . h_j) / 4096| <= residual_i length_j + |u_i| residual_j holds with
 * the numbers as stored. 64 keeps the many small entries of a unit row out of float16's subnormals.
 *
 * In f64: sums in the fixed order of normalize.h, square root, times 1 + 2^-40, up to f32. A
 * difference has 24 bits at most, so squares are exact and only the additions round: cols / 64 + 6
 * of them, each by 2^-53 at most, which 2^-40 outweighs up to cols = 2^19. Each of the two numbers
 * has the same bits on cpu and cuda. Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_HALVE_H
#define LL_KERNELS_HALVE_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { LL_HALVE_SCALE = 64, LL_HALVE_LANES = 64, LL_HALVE_MAX_COLS = 1 << 19 };

/** @param half  (rows, cols) float16 bits
 *  @param residuals, lengths  (rows) f32 each */
void ll_halve_rows_cpu(const float *unit, int64_t rows, int64_t cols, uint16_t *half,
                       float *residuals, float *lengths);
#ifdef LL_WITH_CUDA
cudaError_t ll_halve_rows_cuda(const float *unit, int64_t rows, int64_t cols, uint16_t *half,
                               float *residuals, float *lengths, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
