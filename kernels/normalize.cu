/* kernels/normalize.cu - CUDA twin of normalize.c.
 *
 *   launch   a block a row, 64 threads: one for each partial sum, so that a batch of 256 rows
 *            fills a card
 *   shared   264 B static: half of the sums, and the length
 *   traffic  2 reads + 1 write of x, the second read from cache: bound by memory
 *   numbers  the order of normalize.h, so its bits
 */
#include "kernels/launch_shape.h"
#include "kernels/normalize.h"
#include "kernels/warp_reduce.cuh"

__global__ void __launch_bounds__(LL_NORMALIZE_BLOCK)
    normalize_rows(float *__restrict__ x, int64_t cols, float *__restrict__ norms)
{
    __shared__ double upper[LL_WARP]; // partial sums 32 .. 63
    __shared__ double length;
    float *const row = x + blockIdx.x * cols;
    const int lane = (int)threadIdx.x;

    double partial = 0.0;
#pragma unroll 8
    for (int64_t j = lane; j < cols; j += LL_NORMALIZE_LANES)
        partial += (double)row[j] * (double)row[j];
    if (lane >= LL_WARP) upper[lane - LL_WARP] = partial;
    __syncthreads();
    if (lane < LL_WARP) {
        const double norm = __dsqrt_rn(ll_warp_tree(partial, upper[lane]));
        if (lane == 0) {
            length = norm;
            norms[blockIdx.x] = __double2float_rn(norm);
        }
    }
    __syncthreads();

    const double norm = length;
    if (norm == 0.0) return; // no direction to keep
#pragma unroll 4
    for (int64_t j = lane; j < cols; j += LL_NORMALIZE_LANES)
        row[j] = __double2float_rn(__ddiv_rn((double)row[j], norm));
}

extern "C" cudaError_t ll_normalize_rows_cuda(float *x, int64_t rows, int64_t cols, float *norms,
                                              cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_normalize(rows);
    if (rows == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(normalize_rows, shape.grid_x, shape.block_x, 0, stream, x, cols, norms);
    return cudaGetLastError();
}
