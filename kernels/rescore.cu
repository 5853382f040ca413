/* kernels/rescore.cu - CUDA twin of rescore.c.
 *
 *   launch   a warp for 4 pairs of one row, 8 warps a block; the warps of a row follow each other,
 *            so its features come from cache
 *   shared   none
 *   traffic  a candidate's row of features a pair: 16 KB at cols = 4096, from all over memory;
 *            8 loads of 128 B in flight a warp and step. Bound by memory.
 *   numbers  a lane holds partial sums `lane` and `lane + 32`: the order of rescore.h, so its bits;
 *            fused or not, a product that is exact adds the same
 */
#include "kernels/launch_shape.h"
#include "kernels/rescore.h"
#include "kernels/warp_reduce.cuh"

enum { PAIRS = LL_RESCORE_PAIRS };

/* sums[p] = S(x, y[p]). */
template <int N>
static __device__ __forceinline__ void dots(const float *x, const float *const (&y)[N],
                                            int64_t cols, double (&sums)[N])
{
    double low[N] = {}, high[N] = {};
    int64_t k = threadIdx.x % LL_WARP;

#pragma unroll 2
    for (; k + LL_WARP < cols; k += LL_RESCORE_LANES) {
        const double a = x[k], b = x[k + LL_WARP];
#pragma unroll
        for (int p = 0; p < N; p++) {
            low[p] += a * (double)y[p][k];
            high[p] += b * (double)y[p][k + LL_WARP];
        }
    }
#pragma unroll
    for (int p = 0; p < N; p++) {
        if (k < cols) low[p] += (double)x[k] * (double)y[p][k];
        sums[p] = ll_warp_tree(low[p], high[p]);
    }
}

static __device__ __forceinline__ float score_of(double xy, double xx, double yy)
{
    const double lengths = __dsqrt_rn(__dmul_rn(xx, yy));
    if (!(lengths > 0.0)) return 0.0f;

    const float score = __double2float_rn(__ddiv_rn(xy, lengths));
    return score < 0.0f ? 0.0f : score > 1.0f ? 1.0f : score;
}

__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    rescore_squares(const float *__restrict__ features, int64_t rows, int64_t cols,
                    double *__restrict__ squares)
{
    const int64_t row = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    if (row >= rows) return;

    const float *const x = features + row * cols;
    const float *const y[1] = {x};
    double sums[1];
    dots(x, y, cols, sums);
    if (threadIdx.x % LL_WARP == 0) squares[row] = sums[0];
}

/* columns (rows, count), or NULL: column c is row c of the features. */
__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    rescore_pairs(const float *__restrict__ features, int64_t cols,
                  const double *__restrict__ squares, int64_t first_row, int64_t rows,
                  const uint32_t *__restrict__ columns, int64_t count, float *__restrict__ scores)
{
    const int64_t groups = (count + PAIRS - 1) / PAIRS;
    const int64_t warp = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    const int64_t r = warp / groups, start = warp % groups * PAIRS;
    if (r >= rows) return;

    const float *const x = features + (first_row + r) * cols;
    const float *y[PAIRS];
    int64_t column[PAIRS]; // -1: nobody asks
    double sums[PAIRS];
#pragma unroll
    for (int p = 0; p < PAIRS; p++) {
        const int64_t c = start + p;
        column[p] = c >= count ? -1 : columns == NULL ? c : (int64_t)columns[r * count + c];
        if (column[p] == UINT32_MAX) column[p] = -1;
        y[p] = column[p] < 0 ? x : features + column[p] * cols;
    }
    dots(x, y, cols, sums);
    if (threadIdx.x % LL_WARP != 0) return;
#pragma unroll
    for (int p = 0; p < PAIRS; p++)
        if (column[p] >= 0)
            scores[r * count + start + p] =
                score_of(sums[p], squares[first_row + r], squares[column[p]]);
}

extern "C" cudaError_t ll_rescore_squares_cuda(const float *features, int64_t rows, int64_t cols,
                                               double *squares, cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_warps(rows);
    if (rows == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(rescore_squares, shape.grid_x, shape.block_x, 0, stream, features, rows, cols,
              squares);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_rescore_cuda(const float *features, int64_t cols, const double *squares,
                                       int64_t row, int64_t rows, const uint32_t *columns,
                                       int64_t count, float *scores, cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_rescore(rows, count);
    if (rows == 0 || count == 0) return cudaSuccess;
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(rescore_pairs, shape.grid_x, shape.block_x, 0, stream, features, cols, squares, row,
              rows, columns, count, scores);
    return cudaGetLastError();
}
