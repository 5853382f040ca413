/* kernels/periodic.cu - CUDA twin of periodic.c.
 *
 *   launch   256 threads, 4096 blocks at most, each thread every so many-th 16 bytes
 *   shared   none
 *   traffic  x once, and once more what of it is no longer in the level-2 cache: bound by memory
 *   numbers  none: bits are compared
 */
#include "kernels/launch.cuh"
#include "kernels/launch_shape.h"
#include "kernels/periodic.h"

enum { BLOCK = LL_POOL_BLOCK, UNIT_BYTES = 16 };

static __device__ __forceinline__ bool same(const uint4 &a, const uint4 &b)
{
    return a.x == b.x && a.y == b.y && a.z == b.z && a.w == b.w;
}

/* `count` units from `later` on, each beside the one a period earlier. Many threads may write the
 * same 1. */
__global__ void __launch_bounds__(LL_POOL_BLOCK)
    check_periodic(const uint4 *__restrict__ earlier, const uint4 *__restrict__ later,
                   int64_t count, uint32_t *differs)
{
    bool all = true;

    for (int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x; i < count;
         i += (int64_t)gridDim.x * BLOCK)
        all = all && same(earlier[i], later[i]);
    if (!all) *static_cast<volatile uint32_t *>(differs) = 1;
}

extern "C" cudaError_t ll_check_periodic_cuda(const void *x, int64_t size_bytes,
                                              int64_t period_bytes, uint32_t *differs,
                                              cudaStream_t stream)
{
    const int64_t count = (size_bytes - period_bytes) / UNIT_BYTES;
    const uint4 *const units = static_cast<const uint4 *>(x);

    if (count <= 0) return cudaSuccess;
    const ll_launch_shape shape = ll_launch_values(count);
    if (shape.grid_x == 0 || (uintptr_t)x % UNIT_BYTES != 0 || size_bytes % UNIT_BYTES != 0 ||
        period_bytes % UNIT_BYTES != 0)
        return cudaErrorInvalidValue;
    LL_LAUNCH(check_periodic, shape.grid_x, shape.block_x, 0, stream, units,
              units + period_bytes / UNIT_BYTES, count, differs);
    return cudaGetLastError();
}
