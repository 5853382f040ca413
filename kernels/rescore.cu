/* kernels/rescore.cu - CUDA twin of rescore.c.
 *
 * - launch, pairs: a warp for 4 pairs of one row, 8 warps a block; the warps of a row follow each
 *   other, so its features come from cache.
 * - launch, rows: a warp for 4 of the rows asked for x 4 rows of all; the warps of the same 4 of
 * all follow each other, so each row of features comes from memory once for up to 32 rows.
 * - shared: none.
 * - traffic, pairs: a candidate's row of features a pair, 16 KB at cols = 4096, from all over
 * memory; 8 loads of 128 B in flight a warp and step. Bound by memory.
 * - traffic, rows: all features once; 16 loads in flight. A step of 16 pairs takes 32 additions and
 *   16 conversions to f64 a lane, of which a card does 64 and 16 a cycle: bound by the conversions
 *   from 8 rows on, 0.55 ms a row and million on a Hopper card by calculation, where one row alone
 *   takes the 4 ms of reading everything.
 * - numbers: a lane holds partial sums `lane` and `lane + 32`: the order of rescore.h, so its bits;
 *   fused or not, a product that is exact adds the same. */
#include "kernels/launch_shape.h"
#include "kernels/rescore.h"
#include "kernels/warp_reduce.cuh"

enum { PAIRS = LL_RESCORE_PAIRS, SIDE = LL_RESCORE_SIDE };

/* sums[q][p] = S(x[q], y[p]). */
template <int M, int N>
static __device__ __forceinline__ void dots(const float *const (&x)[M], const float *const (&y)[N],
                                            int64_t cols, double (&sums)[M][N])
{
    double low[M][N] = {}, high[M][N] = {};
    int64_t k = threadIdx.x % LL_WARP;

#pragma unroll(M > 1 ? 1 : 2)
    for (; k + LL_WARP < cols; k += LL_RESCORE_LANES) {
        double a[M], b[M];
#pragma unroll
        for (int q = 0; q < M; q++)
            a[q] = x[q][k], b[q] = x[q][k + LL_WARP];
#pragma unroll
        for (int p = 0; p < N; p++) {
            const double c = y[p][k], d = y[p][k + LL_WARP];
#pragma unroll
            for (int q = 0; q < M; q++) {
                low[q][p] += a[q] * c;
                high[q][p] += b[q] * d;
            }
        }
    }
#pragma unroll
    for (int q = 0; q < M; q++)
#pragma unroll
        for (int p = 0; p < N; p++) {
            if (k < cols) low[q][p] += (double)x[q][k] * (double)y[p][k];
            sums[q][p] = ll_warp_tree(low[q][p], high[q][p]);
        }
}

static __device__ __forceinline__ float score_of(double xy, double xx, double yy)
{
    const double lengths = __dsqrt_rn(__dmul_rn(xx, yy));
    if (!(lengths > 0.0)) return 0.0f;

    const float score = __double2float_rn(__ddiv_rn(xy, lengths));
    return !(score > 0.0f) ? 0.0f : score > 1.0f ? 1.0f : score; // -0 becomes 0 too
}

__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    rescore_squares(const float *__restrict__ features, int64_t rows, int64_t cols,
                    double *__restrict__ squares)
{
    const int64_t row = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    if (row >= rows) return;

    const float *const x[1] = {features + row * cols};
    double sums[1][1];
    dots(x, x, cols, sums);
    if (threadIdx.x % LL_WARP == 0) squares[row] = sums[0][0];
}

__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    rescore_pairs(const float *__restrict__ features, int64_t cols,
                  const double *__restrict__ squares, int64_t first_row, int64_t rows,
                  const uint32_t *__restrict__ columns, int64_t count, float *__restrict__ scores)
{
    const int64_t groups = (count + PAIRS - 1) / PAIRS;
    const int64_t warp = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    const int64_t r = warp / groups, start = warp % groups * PAIRS;
    if (r >= rows) return;

    const float *const x[1] = {features + (first_row + r) * cols};
    const float *y[PAIRS];
    int64_t column[PAIRS]; // -1: nobody asks
    double sums[1][PAIRS];
    bool any = false;
#pragma unroll
    for (int p = 0; p < PAIRS; p++) {
        const int64_t c = start + p;
        column[p] = c >= count ? -1 : (int64_t)columns[r * count + c];
        if (column[p] == UINT32_MAX) column[p] = -1;
        y[p] = column[p] < 0 ? x[0] : features + column[p] * cols;
        any |= column[p] >= 0;
    }
    if (!any) return; // the whole warp
    dots(x, y, cols, sums);
    if (threadIdx.x % LL_WARP != 0) return;
#pragma unroll
    for (int p = 0; p < PAIRS; p++)
        if (column[p] >= 0)
            scores[r * count + start + p] =
                score_of(sums[0][p], squares[first_row + r], squares[column[p]]);
}

/* Rows rows[0 .. count - 1] against all; scores (count, all). */
__global__ void __launch_bounds__(LL_ROWS_BLOCK)
    rescore_rows(const float *__restrict__ features, int64_t all, int64_t cols,
                 const double *__restrict__ squares, const uint32_t *__restrict__ rows,
                 int64_t count, float *__restrict__ scores)
{
    const int64_t groups = (count + SIDE - 1) / SIDE;
    const int64_t warp = (int64_t)blockIdx.x * LL_ROWS_WARPS + threadIdx.x / LL_WARP;
    const int64_t first = warp % groups * SIDE, column = warp / groups * SIDE;
    if (column >= all) return;

    const int lane = (int)threadIdx.x % LL_WARP;
    const float *x[SIDE], *y[SIDE];
    double sums[SIDE][SIDE], mine = 0.0;
#pragma unroll
    for (int p = 0; p < SIDE; p++) { // beyond the last is the last once more
        x[p] = features + (int64_t)rows[first + p < count ? first + p : count - 1] * cols;
        y[p] = features + (column + p < all ? column + p : all - 1) * cols;
    }
    dots(x, y, cols, sums);
#pragma unroll
    for (int p = 0; p < SIDE * SIDE; p++)
        if (lane == p) mine = sums[p / SIDE][p % SIDE];
    const int64_t r = first + lane / SIDE, c = column + lane % SIDE;
    if (lane < SIDE * SIDE && r < count && c < all)
        scores[r * all + c] = score_of(mine, squares[rows[r]], squares[c]);
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

extern "C" cudaError_t ll_rescore_rows_cuda(const float *features, int64_t all, int64_t cols,
                                            const double *squares, const uint32_t *rows,
                                            int64_t count, float *scores, cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_rescore_rows(all, count);
    if (all == 0 || count == 0) return cudaSuccess;
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(rescore_rows, shape.grid_x, shape.block_x, 0, stream, features, all, cols, squares,
              rows, count, scores);
    return cudaGetLastError();
}
