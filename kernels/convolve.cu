/* kernels/convolve.cu - CUDA twin of convolve.c.
 *
 *   launch   a block of 256 threads for 64 positions x 64 outputs, a thread 4 x 4 of them
 *   shared   8 KB static: 16 channels of 64 positions and of 64 outputs, as f32
 *   bound    by shared memory: 8 values read for 16 multiply-adds; without tensor cores. A last
 *            resort: some 30 times slower than an engine that has them (calculated)
 *   numbers  the order of convolve.h: channels that are not there are zeros, and add nothing
 */
#include "kernels/convolve.h"
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"

#include <cuda_fp16.h>

enum {
    SIDE = LL_CONVOLVE_SIDE,
    BLOCK = LL_CONVOLVE_BLOCK,
    SLICE = 16,           /* channels in shared memory at a time */
    EACH = 4,             /* positions, and outputs, of a thread */
    ACROSS = SIDE / EACH, /* threads beside one another */
    STEP = BLOCK / SLICE, /* lines that the block loads at once */
    LINES = SIDE / STEP,  /* that a thread loads */
    PART_SLICES = LL_CONVOLVE_PART / SLICE,
};

struct as_float {
    typedef float stored;
    static __device__ __forceinline__ float value(stored v)
    {
        return v;
    }
    static __device__ __forceinline__ stored of(float v)
    {
        return v;
    }
};
struct as_half {
    typedef uint16_t stored;
    static __device__ __forceinline__ float value(stored v)
    {
        return __half2float(__ushort_as_half(v));
    }
    static __device__ __forceinline__ stored of(float v)
    {
        return __half_as_ushort(__float2half_rn(v));
    }
};

/* Where the positions a thread loads lie, once for all taps. */
struct positions {
    int64_t at[LINES]; /* -1: beyond the last */
    int row[LINES], column[LINES];
};

static __device__ __forceinline__ struct positions find_positions(const ll_convolve_shape &s,
                                                                  int line)
{
    const int64_t all = s.images * s.side * s.side;
    struct positions found;
#pragma unroll
    for (int i = 0; i < LINES; i++) {
        const int64_t p = (int64_t)blockIdx.x * SIDE + line + i * STEP;
        found.at[i] = p < all ? p : -1;
        found.row[i] = (int)(p / s.side % s.side);
        found.column[i] = (int)(p % s.side);
    }
    return found;
}

/* Channel `c` of the positions under tap (dr, dc), and of the outputs' weights at the tap. */
template <class From>
static __device__ __forceinline__ void
fetch(const ll_convolve_shape &s, const struct positions &found,
      const typename From::stored *__restrict__ x, const typename From::stored *__restrict__ w,
      int tap, int c, int lane, int line, float (*xs)[SIDE], float (*ws)[SIDE])
{
    const int taps = s.window * s.window, radius = s.window / 2;
    const int dr = tap / s.window - radius, dc = tap % s.window - radius;
#pragma unroll
    for (int i = 0; i < LINES; i++) {
        const int r = found.row[i] + dr, column = found.column[i] + dc;
        const bool there =
            c < s.in && found.at[i] >= 0 && r >= 0 && r < s.side && column >= 0 && column < s.side;
        const int64_t under = found.at[i] + (int64_t)dr * s.side + dc;
        xs[lane][line + i * STEP] = there ? From::value(x[under * s.in + c]) : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < LINES; i++) {
        const int64_t o = (int64_t)blockIdx.y * SIDE + line + i * STEP;
        ws[lane][line + i * STEP] =
            c < s.in && o < s.out ? From::value(w[(o * taps + tap) * s.in + c]) : 0.0f;
    }
}

static __device__ __forceinline__ void multiply(float (*xs)[SIDE], float (*ws)[SIDE], int across,
                                                int down, float (&part)[EACH][EACH])
{
    for (int c = 0; c < SLICE; c++)
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++)
                part[i][j] =
                    __fmaf_rn(xs[c][down + i * ACROSS], ws[c][across + j * ACROSS], part[i][j]);
}

template <class To>
static __device__ __forceinline__ void
store(const ll_convolve_shape &s, const float (&sum)[EACH][EACH],
      const typename To::stored *__restrict__ bias, int across, int down,
      typename To::stored *__restrict__ y)
{
    const int64_t all = s.images * s.side * s.side;
#pragma unroll
    for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            const int64_t p = (int64_t)blockIdx.x * SIDE + down + i * ACROSS;
            const int64_t o = (int64_t)blockIdx.y * SIDE + across + j * ACROSS;
            if (p >= all || o >= s.out) continue;
            const float value = __fadd_rn(sum[i][j], To::value(bias[o]));
            y[p * s.out + o] = To::of(value < 0.0f ? 0.0f : value);
        }
}

template <class From, class To>
__global__ void __launch_bounds__(LL_CONVOLVE_BLOCK)
    convolve(ll_convolve_shape s, const typename From::stored *__restrict__ x,
             const typename From::stored *__restrict__ w,
             const typename To::stored *__restrict__ bias, typename To::stored *__restrict__ y)
{
    __shared__ float xs[SLICE][SIDE], ws[SLICE][SIDE];
    const int lane = (int)threadIdx.x % SLICE, line = (int)threadIdx.x / SLICE;
    const int across = (int)threadIdx.x % ACROSS, down = (int)threadIdx.x / ACROSS;
    const struct positions found = find_positions(s, line);
    float sum[EACH][EACH] = {}, part[EACH][EACH] = {};

    for (int tap = 0; tap < s.window * s.window; tap++)
        for (int first = 0, slice = 1; first < s.in; first += SLICE, slice++) {
            __syncthreads(); // the slice before has been used
            fetch<From>(s, found, x, w, tap, first + lane, lane, line, xs, ws);
            __syncthreads();
            multiply(xs, ws, across, down, part);
            if (slice % PART_SLICES != 0 && first + SLICE < s.in) continue;
#pragma unroll
            for (int k = 0; k < EACH * EACH; k++) {
                sum[k / EACH][k % EACH] =
                    __fadd_rn(sum[k / EACH][k % EACH], part[k / EACH][k % EACH]);
                part[k / EACH][k % EACH] = 0.0f;
            }
        }
    store<To>(s, sum, bias, across, down, y);
}

template <class From, class To>
static cudaError_t launch(const ll_convolve_shape *shape, const void *x, const void *w,
                          const void *bias, void *y, cudaStream_t stream)
{
    const ll_launch_shape l =
        ll_launch_convolve(shape->images * shape->side * shape->side, shape->out);
    const dim3 grid(l.grid_x, l.grid_y);
    const ll_convolve_shape s = *shape;

    if (shape->images == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (l.grid_x == 0 || (shape->window != 1 && shape->window != 3)) return cudaErrorInvalidValue;
    LL_LAUNCH((convolve<From, To>), grid, l.block_x, 0, stream, s,
              static_cast<const typename From::stored *>(x),
              static_cast<const typename From::stored *>(w),
              static_cast<const typename To::stored *>(bias),
              static_cast<typename To::stored *>(y));
    return cudaGetLastError();
}

extern "C" cudaError_t ll_convolve_cuda(const ll_convolve_shape *shape, const void *x,
                                        const void *w, const void *bias, void *y,
                                        cudaStream_t stream)
{
    static_assert(BLOCK == ACROSS * ACROSS && SIDE % STEP == 0, "threads cover places and outputs");
    const bool from_half = shape->from == LL_CONVOLVE_FLOAT16;
    const bool to_half = shape->to == LL_CONVOLVE_FLOAT16;

    if (from_half)
        return to_half ? launch<as_half, as_half>(shape, x, w, bias, y, stream)
                       : launch<as_half, as_float>(shape, x, w, bias, y, stream);
    if (to_half) return cudaErrorInvalidValue; // no layer asks for it
    return launch<as_float, as_float>(shape, x, w, bias, y, stream);
}
