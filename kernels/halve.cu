/* kernels/halve.cu - CUDA twin of halve.c.
 *
 *   launch   a warp a row, 8 rows a block of 256 threads
 *   shared   none
 *   traffic  4 B read, 2 B written an entry: bound by memory; once in a comparison
 *   numbers  a lane holds partial sums `lane` and `lane + 32`: the order of halve.h, so its bits;
 *            fused or not, a product that is exact adds the same
 */
#include "kernels/halve.h"
#include "kernels/launch_shape.h"
#include "kernels/warp_reduce.cuh"

#include <cuda_fp16.h>

struct cost {
    double missing, kept; /* sums of squares */
};

/* One entry: written as float16, and its part of both sums. */
static __device__ __forceinline__ void halve(float unit, uint16_t *half, struct cost *cost)
{
    const __half bits = __float2half_rn(unit * (float)LL_HALVE_SCALE);
    const double value = (double)__half2float(bits) * (1.0 / LL_HALVE_SCALE);
    const double gone = (double)unit - value;

    *half = __half_as_ushort(bits);
    cost->missing += gone * gone;
    cost->kept += value * value;
}

static __device__ __forceinline__ float length_up(double squares)
{
    return __double2float_ru(__dmul_rn(__dsqrt_rn(squares), 1.0 + 0x1p-40));
}

__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    halve_rows(const float *__restrict__ unit, int64_t rows, int64_t cols,
               uint16_t *__restrict__ half, float *__restrict__ residuals,
               float *__restrict__ lengths)
{
    const int lane = (int)threadIdx.x % LL_WARP;
    const int64_t row = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    if (row >= rows) return;

    struct cost low = {0.0, 0.0}, high = {0.0, 0.0};
    int64_t at = row * cols + lane;
    const int64_t end = (row + 1) * cols;
#pragma unroll 4
    for (; at + LL_WARP < end; at += LL_HALVE_LANES) {
        halve(unit[at], half + at, &low);
        halve(unit[at + LL_WARP], half + at + LL_WARP, &high);
    }
    if (at < end) halve(unit[at], half + at, &low);

    const double missing = ll_warp_tree(low.missing, high.missing);
    const double kept = ll_warp_tree(low.kept, high.kept);
    if (lane == 0) {
        residuals[row] = length_up(missing);
        lengths[row] = length_up(kept);
    }
}

extern "C" cudaError_t ll_halve_rows_cuda(const float *unit, int64_t rows, int64_t cols,
                                          uint16_t *half, float *residuals, float *lengths,
                                          cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_warps(rows);
    if (rows == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (shape.grid_x == 0 || cols > LL_HALVE_MAX_COLS) return cudaErrorInvalidValue;
    LL_LAUNCH(halve_rows, shape.grid_x, shape.block_x, 0, stream, unit, rows, cols, half, residuals,
              lengths);
    return cudaGetLastError();
}
