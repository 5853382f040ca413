/* kernels/pool.cu - CUDA twins of pool.c.
 *
 *   launch   256 threads, 4096 blocks at most, each working through rows of the output (max_pool)
 *            or every so many-th value or 16 bytes (the others); a warp raises `largest` once at
 *            most
 *   shared   none
 *   traffic  max_pool: x once, a quarter of it written, 16 bytes a thread and access
 *            largest: x once, up to 4 loads of 16 bytes in flight a thread: of 2 bytes, one at a
 *            time, it would wait for memory most of the time
 *            widen: x once, f32 written; mean: x once; bias_relu: x once and back, 16 bytes a
 *            thread and access. All bound by memory.
 *   numbers  one comparison or one rounded operation at a time, in the order of pool.h
 */
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"
#include "kernels/pool.h"

#include <cuda_fp16.h>

enum { BLOCK = LL_POOL_BLOCK, UNIT_BYTES = 16, AT_ONCE = 4 /* units a thread asks for at once */ };

/* One value in the network's type, and as f32. */
struct as_float {
    typedef uint32_t bits;
    static __device__ __forceinline__ float value(bits b)
    {
        return __uint_as_float(b);
    }
    /* The largest size among words of values: bits order as sizes do. */
    struct sizes {
        uint32_t most = 0;
        __device__ __forceinline__ void see(uint32_t word)
        {
            const uint32_t size = word & 0x7FFFFFFFu;
            most = size > most ? size : most;
        }
        __device__ __forceinline__ uint32_t bits_of_float() const
        {
            return most;
        }
    };
};
struct as_half {
    typedef uint16_t bits;
    static __device__ __forceinline__ float value(bits b)
    {
        return __half2float(__ushort_as_half(b));
    }
    /* Two values per word, compared in place: for the upper value, the lower half of the word only
     * decides between equals; the lower value is shifted to the top, which removes its sign. */
    struct sizes {
        uint32_t upper = 0, lower = 0;
        __device__ __forceinline__ void see(uint32_t word)
        {
            const uint32_t up = word & 0x7FFFFFFFu, low = word << 17;
            upper = up > upper ? up : upper;
            lower = low > lower ? low : lower;
        }
        __device__ __forceinline__ uint32_t bits_of_float() const
        {
            const uint32_t up = upper >> 16, low = lower >> 17;
            return __float_as_uint(value((bits)(up > low ? up : low)));
        }
    };
};

/* 16 bytes as values. */
template <class Type> struct unit {
    enum { VALUES = UNIT_BYTES / sizeof(typename Type::bits) };
    union {
        uint4 whole;
        typename Type::bits values[VALUES];
    };
};

static __device__ __forceinline__ uint32_t size_bits(float value)
{
    return __float_as_uint(value) & 0x7FFFFFFFu;
}

static __device__ __forceinline__ uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Called by the whole warp. Most warps find a larger value already stored; they read before they
 * update, so that not all of them contend for one address. A stale value is only too small, which
 * is harmless.
 */
static __device__ __forceinline__ void raise(uint32_t *largest, uint32_t mine)
{
#pragma unroll
    for (int step = LL_WARP / 2; step > 0; step /= 2)
        mine = larger(mine, __shfl_xor_sync(0xffffffffu, mine, step));
    if (threadIdx.x % LL_WARP == 0 && mine > *static_cast<const volatile uint32_t *>(largest))
        atomicMax(largest, mine);
}

template <class Sizes> static __device__ __forceinline__ void see(const uint4 &v, Sizes *sizes)
{
    sizes->see(v.x);
    sizes->see(v.y);
    sizes->see(v.z);
    sizes->see(v.w);
}

template <class Type>
__global__ void __launch_bounds__(LL_POOL_BLOCK)
    max_pool(const uint4 *__restrict__ x, int64_t rows, int side, int units, uint4 *__restrict__ y,
             uint32_t *largest)
{
    const int half = side / 2, count = half * units; // units of 16 bytes a position, and a row of y
    const int64_t line = (int64_t)side * units;
    uint32_t most = 0;

    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const uint4 *const above = x + 2 * row * line; // rows of all images follow one another
        for (int i = (int)threadIdx.x; i < count; i += BLOCK) {
            const int column = i / units, at = 2 * column * units + i % units;
            unit<Type> v[4];
            v[0].whole = above[at];
            v[1].whole = above[at + units];
            v[2].whole = above[at + line];
            v[3].whole = above[at + line + units];
#pragma unroll
            for (int k = 0; k < unit<Type>::VALUES; k++) {
                typename Type::bits best = v[0].values[k];
                most = larger(most, size_bits(Type::value(best)));
#pragma unroll
                for (int square = 1; square < 4; square++) {
                    const typename Type::bits b = v[square].values[k];
                    most = larger(most, size_bits(Type::value(b)));
                    if (Type::value(b) > Type::value(best)) best = b;
                }
                v[0].values[k] = best;
            }
            y[row * count + i] = v[0].whole;
        }
    }
    if (largest != nullptr) raise(largest, most);
}

template <class Type>
__global__ void __launch_bounds__(LL_POOL_BLOCK)
    mean(const typename Type::bits *__restrict__ x, int64_t count, int positions, int channels,
         float factor, float *__restrict__ y)
{
    for (int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x; i < count;
         i += (int64_t)gridDim.x * BLOCK) {
        const int64_t image = i / channels;
        const typename Type::bits *const first = x + image * positions * channels + i % channels;
        double sum = 0.0;
        for (int position = 0; position < positions; position++)
            sum += (double)Type::value(first[(int64_t)position * channels]);
        y[i] = __double2float_rn(__ddiv_rn(sum, (double)positions) * (double)factor);
    }
}

template <class Type>
__global__ void __launch_bounds__(LL_POOL_BLOCK)
    widen(const typename Type::bits *__restrict__ x, int64_t count, float factor,
          float *__restrict__ y)
{
    for (int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x; i < count;
         i += (int64_t)gridDim.x * BLOCK)
        y[i] = Type::value(x[i]) * factor;
}

/* x in units of 16 bytes, then the `rest` values after them, fewer than a unit has. */
template <class Type>
__global__ void __launch_bounds__(LL_POOL_BLOCK)
    largest_of(const uint4 *__restrict__ x, int64_t units, int rest, uint32_t *largest)
{
    const int64_t thread = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    const int64_t threads = (int64_t)gridDim.x * BLOCK;
    const typename Type::bits *const end = reinterpret_cast<const typename Type::bits *>(x + units);
    typename Type::sizes sizes;
    int64_t i = thread;

    for (; i + (AT_ONCE - 1) * threads < units; i += AT_ONCE * threads) {
        uint4 v[AT_ONCE];
#pragma unroll
        for (int k = 0; k < AT_ONCE; k++)
            v[k] = x[i + k * threads];
#pragma unroll
        for (int k = 0; k < AT_ONCE; k++)
            see(v[k], &sizes);
    }
    for (; i < units; i += threads)
        see(x[i], &sizes);
    if (thread < rest) sizes.see(end[thread]);
    raise(largest, sizes.bits_of_float());
}

__global__ void __launch_bounds__(LL_POOL_BLOCK)
    bias_relu(uint4 *__restrict__ x, int64_t units, int channel_units,
              const uint4 *__restrict__ bias)
{
    for (int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x; i < units;
         i += (int64_t)gridDim.x * BLOCK) {
        unit<as_float> v, b;
        v.whole = x[i];
        b.whole = bias[i % channel_units];
#pragma unroll
        for (int k = 0; k < unit<as_float>::VALUES; k++) {
            const float sum = as_float::value(v.values[k]) + as_float::value(b.values[k]);
            v.values[k] = sum < 0.0f ? 0u : __float_as_uint(sum); // NaN stays
        }
        x[i] = v.whole;
    }
}

extern "C" cudaError_t ll_max_pool_cuda(ll_pool_type type, const void *x, int64_t images, int side,
                                        int channels, void *y, uint32_t *largest,
                                        cudaStream_t stream)
{
    const int64_t rows = images * (side / 2);
    const ll_launch_shape shape = ll_launch_pool(rows);
    const int units = channels / (type == LL_POOL_FLOAT16 ? 8 : 4);
    const uint4 *const from = static_cast<const uint4 *>(x);
    uint4 *const to = static_cast<uint4 *>(y);

    if (rows == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (shape.grid_x == 0 || side % 2 != 0 || channels % 8 != 0 || (uintptr_t)x % UNIT_BYTES != 0 ||
        (uintptr_t)y % UNIT_BYTES != 0)
        return cudaErrorInvalidValue;
    if (type == LL_POOL_FLOAT16)
        LL_LAUNCH(max_pool<as_half>, shape.grid_x, shape.block_x, 0, stream, from, rows, side,
                  units, to, largest);
    else
        LL_LAUNCH(max_pool<as_float>, shape.grid_x, shape.block_x, 0, stream, from, rows, side,
                  units, to, largest);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_mean_cuda(ll_pool_type type, const void *x, int64_t images, int positions,
                                    int channels, float factor, float *y, cudaStream_t stream)
{
    const int64_t count = images * channels;
    const ll_launch_shape shape = ll_launch_values(count);

    if (count == 0) return cudaSuccess;
    if (shape.grid_x == 0 || positions < 1) return cudaErrorInvalidValue;
    if (type == LL_POOL_FLOAT16)
        LL_LAUNCH(mean<as_half>, shape.grid_x, shape.block_x, 0, stream,
                  static_cast<const uint16_t *>(x), count, positions, channels, factor, y);
    else
        LL_LAUNCH(mean<as_float>, shape.grid_x, shape.block_x, 0, stream,
                  static_cast<const uint32_t *>(x), count, positions, channels, factor, y);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_widen_cuda(ll_pool_type type, const void *x, int64_t count, float factor,
                                     float *y, cudaStream_t stream)
{
    const ll_launch_shape shape = ll_launch_values(count);

    if (count == 0) return cudaSuccess;
    if (shape.grid_x == 0) return cudaErrorInvalidValue;
    if (type == LL_POOL_FLOAT16)
        LL_LAUNCH(widen<as_half>, shape.grid_x, shape.block_x, 0, stream,
                  static_cast<const uint16_t *>(x), count, factor, y);
    else
        LL_LAUNCH(widen<as_float>, shape.grid_x, shape.block_x, 0, stream,
                  static_cast<const uint32_t *>(x), count, factor, y);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_largest_cuda(ll_pool_type type, const void *x, int64_t count,
                                       uint32_t *largest, cudaStream_t stream)
{
    const int in_unit = type == LL_POOL_FLOAT16 ? 8 : 4, rest = (int)(count % in_unit);
    const int64_t units = count / in_unit;
    const ll_launch_shape shape = ll_launch_values(ll_launch_divide_up(count, in_unit * AT_ONCE));
    const uint4 *const from = static_cast<const uint4 *>(x);

    if (count == 0) return cudaSuccess;
    if (shape.grid_x == 0 || (uintptr_t)x % UNIT_BYTES != 0) return cudaErrorInvalidValue;
    if (type == LL_POOL_FLOAT16)
        LL_LAUNCH(largest_of<as_half>, shape.grid_x, shape.block_x, 0, stream, from, units, rest,
                  largest);
    else
        LL_LAUNCH(largest_of<as_float>, shape.grid_x, shape.block_x, 0, stream, from, units, rest,
                  largest);
    return cudaGetLastError();
}

extern "C" cudaError_t ll_bias_relu_cuda(float *x, int64_t positions, int channels,
                                         const float *bias, cudaStream_t stream)
{
    const int channel_units = channels / unit<as_float>::VALUES;
    const int64_t units = positions * channel_units;
    const ll_launch_shape shape = ll_launch_values(units);

    if (positions == 0) return cudaSuccess;
    if (shape.grid_x == 0 || channels % unit<as_float>::VALUES != 0 ||
        (uintptr_t)x % UNIT_BYTES != 0 || (uintptr_t)bias % UNIT_BYTES != 0)
        return cudaErrorInvalidValue;
    LL_LAUNCH(bias_relu, shape.grid_x, shape.block_x, 0, stream, (uint4 *)(void *)x, units,
              channel_units, (const uint4 *)(const void *)bias);
    return cudaGetLastError();
}
