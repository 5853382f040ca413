/* kernels/preprocess.cu - CUDA twin of ll_preprocess_nhwc_cpu.
 *
 *   launch   256 threads; 1024 blocks at most, each working through chunks of 1024 pixels
 *   shared   3 KB of pixels, and a table of 3 x 256 values: 3 KB as f32, 1.5 KB as float16
 *   traffic  3 B read, 8 to 32 B written a pixel: bound by memory. A chunk is read in units of
 *            16 B and written with one store of 8 or 16 B a thread, neighbours side by side.
 *   numbers  the table is made with the operations of preprocess.h, each rounded: the same bits
 */
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"
#include "kernels/preprocess.h"

#include <cuda_fp16.h>

enum {
    VALUES = 256,
    BLOCK = LL_PREPROCESS_BLOCK,
    CHUNK = LL_PREPROCESS_CHUNK,
    CHUNK_BYTES = CHUNK * LL_PREPROCESS_PLANES,
    UNIT_BYTES = 16,
};

/* What a value is in the network's type, and what a store of one pixel moves. */
struct as_float {
    typedef uint32_t bits;
    static __device__ __forceinline__ bits of(float value)
    {
        return __float_as_uint(value);
    }
};
struct as_half {
    typedef uint16_t bits;
    static __device__ __forceinline__ bits of(float value)
    {
        return __half_as_ushort(__float2half_rn(value));
    }
};

/* One pixel of 4 or 8 channels; those after the planes are zero. */
static __device__ __forceinline__ void store(uint32_t *y, uint32_t a, uint32_t b, uint32_t c,
                                             int channels)
{
    *reinterpret_cast<uint4 *>(y) = uint4{a, b, c, 0};
    if (channels == 8) *reinterpret_cast<uint4 *>(y + 4) = uint4{0, 0, 0, 0};
}

static __device__ __forceinline__ void store(uint16_t *y, uint16_t a, uint16_t b, uint16_t c,
                                             int channels)
{
    const uint32_t ab = (uint32_t)b << 16 | a;
    if (channels == 8)
        *reinterpret_cast<uint4 *>(y) = uint4{ab, c, 0, 0};
    else
        *reinterpret_cast<uint2 *>(y) = uint2{ab, c};
}

/* Bytes of a chunk, `count` of them there, to shared memory. x lies on a unit and so do chunks. */
static __device__ __forceinline__ void fetch(const uint8_t *x, int count, uint8_t *pixels)
{
    const int whole = count / UNIT_BYTES;

    for (int i = (int)threadIdx.x; i < whole; i += BLOCK)
        reinterpret_cast<uint4 *>(pixels)[i] = reinterpret_cast<const uint4 *>(x)[i];
    for (int i = whole * UNIT_BYTES + (int)threadIdx.x; i < count; i += BLOCK)
        pixels[i] = x[i];
}

template <class Type>
__global__ void __launch_bounds__(LL_PREPROCESS_BLOCK)
    preprocess(ll_preprocess_numbers numbers, float factor, const uint8_t *__restrict__ x,
               int64_t positions, int channels, typename Type::bits *__restrict__ y)
{
    __shared__ typename Type::bits table[LL_PREPROCESS_PLANES * VALUES];
    __shared__ uint4 units[CHUNK_BYTES / UNIT_BYTES];
    uint8_t *const pixels = reinterpret_cast<uint8_t *>(units);

#pragma unroll
    for (int plane = 0; plane < LL_PREPROCESS_PLANES; plane++) {
        const float scaled = __fdiv_rn((float)threadIdx.x, numbers.scale);
        const float centred = __fsub_rn(scaled, numbers.mean[plane]);
        table[plane * VALUES + threadIdx.x] =
            Type::of(__fdiv_rn(centred, numbers.deviation[plane]) * factor);
    }
    for (int64_t first = (int64_t)blockIdx.x * CHUNK; first < positions;
         first += (int64_t)gridDim.x * CHUNK) {
        const int count = positions - first < CHUNK ? (int)(positions - first) : CHUNK;
        __syncthreads(); // the chunk before has been used
        fetch(x + first * LL_PREPROCESS_PLANES, count * LL_PREPROCESS_PLANES, pixels);
        __syncthreads();
        for (int i = (int)threadIdx.x; i < count; i += BLOCK) {
            const uint8_t *const rgb = pixels + i * LL_PREPROCESS_PLANES;
            store(y + (first + i) * channels, table[rgb[numbers.channel[0]]],
                  table[VALUES + rgb[numbers.channel[1]]],
                  table[2 * VALUES + rgb[numbers.channel[2]]], channels);
        }
    }
}

extern "C" cudaError_t ll_preprocess_nhwc_cuda(ll_preprocess_kind kind, ll_preprocess_type type,
                                               float factor, const uint8_t *x, int64_t positions,
                                               int channels, void *y, cudaStream_t stream)
{
    static_assert(BLOCK == VALUES, "a thread makes one value of each plane's table");
    static_assert(CHUNK_BYTES % UNIT_BYTES == 0, "chunks lie on units");
    const ll_launch_shape shape = ll_launch_preprocess(positions);
    const ll_preprocess_numbers numbers = ll_preprocess_numbers_of(kind);

    if (positions == 0) return cudaSuccess; // a grid of 0 blocks is a launch error
    if (shape.grid_x == 0 || (channels != 4 && channels != 8) || (uintptr_t)x % UNIT_BYTES != 0 ||
        (uintptr_t)y % UNIT_BYTES != 0)
        return cudaErrorInvalidValue;
    if (type == LL_PREPROCESS_FLOAT16)
        LL_LAUNCH(preprocess<as_half>, shape.grid_x, shape.block_x, 0, stream, numbers, factor, x,
                  positions, channels, static_cast<uint16_t *>(y));
    else
        LL_LAUNCH(preprocess<as_float>, shape.grid_x, shape.block_x, 0, stream, numbers, factor, x,
                  positions, channels, static_cast<uint32_t *>(y));
    return cudaGetLastError();
}
