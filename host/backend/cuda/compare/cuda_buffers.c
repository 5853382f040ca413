/* host/backend/cuda/compare/cuda_buffers.c - the buffers of a comparison's plan on the device. */
#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/number.h"
#include "host/base/size.h"

int64_t ll_cuda_block_rows(const struct cuda_compare *compare, int64_t block)
{
    return ll_min_i64(compare->plan.tile, compare->options.rows - block * compare->plan.tile);
}

ll_status ll_cuda_buffer_make(struct cuda_compare *compare, ll_cuda_buffer buffer, int64_t bytes,
                              ll_error *err)
{
    const cudaError_t code = cudaMalloc(&compare->device[buffer], (size_t)bytes);
    char size[LL_NUMBER_TEXT];

    if (code == cudaSuccess) return LL_OK;
    compare->device[buffer] = NULL;
    (void)cudaGetLastError(); /* or the next launch would report it once more */
    return ll_fail(err, code == cudaErrorMemoryAllocation ? LL_ERR_MEMORY : LL_ERR_DEVICE,
                   "CUDA: %s in cudaMalloc of %s", cudaGetErrorString(code),
                   ll_number_size((double)bytes, size));
}

ll_status ll_cuda_buffer_drop(struct cuda_compare *compare, ll_cuda_buffer buffer, ll_error *err)
{
    void *const memory = compare->device[buffer];

    compare->device[buffer] = NULL;
    return LL_CUDA(cudaFree(memory));
}
