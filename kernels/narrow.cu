/* kernels/narrow.cu - CUDA twin of narrow.c for whole tiles.
 *
 *   launch   blocks of 32 x 8 threads, each a square of 32 x 32 scores; grid.y counts rows: up to
 *            2 097 120 of them
 *   shared   4224 B, mirror_tile only: a square with one float to spare a row, so that a column of
 *            it lies in 32 banks
 *   traffic  4 B read, 2 or 4 B written a score, rows of a warp side by side both times: bound by
 *            memory, and long before that by the way to the host
 *   numbers  float16 by the card's rounding to nearest even, uint16 exact in f64: the same bits
 */
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"
#include "kernels/narrow.h"

#include <cuda_fp16.h>

enum { SIDE = LL_NARROW_SIDE, ROWS = LL_NARROW_ROWS };

struct as_float32 {
    typedef float stored;
    static __device__ __forceinline__ stored of(float score)
    {
        return score;
    }
};
struct as_float16 {
    typedef uint16_t stored;
    static __device__ __forceinline__ stored of(float score)
    {
        return __half_as_ushort(__float2half_rn(score));
    }
};
struct as_uint16 {
    typedef uint16_t stored;
    static __device__ __forceinline__ stored of(float score)
    {
        return (uint16_t)(int)((double)score * 65535.0 + 0.5); // fused or not: exact
    }
};

template <class Type>
__global__ void __launch_bounds__(SIDE *ROWS)
    narrow_tile(ll_narrow_tile tile, typename Type::stored *__restrict__ narrowed)
{
    const int64_t c = (int64_t)blockIdx.x * SIDE + threadIdx.x;
    const int64_t top = (int64_t)blockIdx.y * SIDE + threadIdx.y;

    if (c >= tile.columns) return;
#pragma unroll
    for (int i = 0; i < SIDE; i += ROWS) {
        const int64_t r = top + i;
        if (r < tile.rows)
            narrowed[r * tile.columns + c] =
                Type::of(__saturatef(tile.scores[r * tile.stride + c]));
    }
}

/* Reads above the diagonal, writes on and below it: no thread reads what another writes. */
__global__ void __launch_bounds__(SIDE *ROWS)
    mirror_tile(float *scores, int64_t stride, int64_t rows)
{
    __shared__ float square[SIDE][SIDE + 1];
    const int64_t left = (int64_t)blockIdx.x * SIDE, top = (int64_t)blockIdx.y * SIDE;
    const int x = (int)threadIdx.x, y = (int)threadIdx.y;

    if (left < top) return; // this square is written by the one across the diagonal
#pragma unroll
    for (int i = y; i < SIDE; i += ROWS)
        if (top + i < rows && left + x < rows) square[i][x] = scores[(top + i) * stride + left + x];
    __syncthreads();
#pragma unroll
    for (int i = y; i < SIDE; i += ROWS) {
        const int64_t r = left + i, c = top + x; // the transpose of square[x][i]
        if (r >= rows || c > r) continue;
        scores[r * stride + c] = r == c ? 1.0f : square[x][i];
    }
}

template <class Type>
static cudaError_t launch(const ll_narrow_tile *tile, void *narrowed, cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_narrow(tile->rows, tile->columns);
    const dim3 grid(shape.grid_x, shape.grid_y), block(shape.block_x, shape.block_y);
    typename Type::stored *const stored = static_cast<typename Type::stored *>(narrowed);
    const ll_narrow_tile whole = *tile;

    if (tile->rows == 0 || tile->columns == 0) return cudaSuccess;
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(narrow_tile<Type>, grid, block, 0, stream, whole, stored);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_narrow_tile_cuda(const ll_narrow_tile *tile, ll_matrix_type type,
                                           void *narrowed, cudaStream_t stream)
{
    switch (type) {
    case LL_MATRIX_FLOAT32: return launch<as_float32>(tile, narrowed, stream);
    case LL_MATRIX_FLOAT16: return launch<as_float16>(tile, narrowed, stream);
    case LL_MATRIX_UINT16: return launch<as_uint16>(tile, narrowed, stream);
    case LL_MATRIX_NONE: break;
    }
    return cudaErrorInvalidValue;
}

extern "C" cudaError_t ll_narrow_mirror_cuda(float *scores, int64_t stride, int64_t rows,
                                             cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_narrow(rows, rows);
    const dim3 grid(shape.grid_x, shape.grid_y), block(shape.block_x, shape.block_y);

    if (rows == 0) return cudaSuccess;
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    LL_LAUNCH(mirror_tile, grid, block, 0, stream, scores, stride, rows);
    return cudaGetLastError();
}
