/* host/backend/cuda/runtime/cuda_memory.c - see cuda_memory.h. */
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/number.h"

#include <cuda_runtime_api.h>

ll_status ll_cuda_memory(const char *what, size_t bytes, void *out, ll_error *err)
{
    char size[LL_NUMBER_TEXT];
    void **const memory = out;

    *memory = NULL;
    const cudaError_t code = cudaMalloc(memory, bytes > 0 ? bytes : 1);
    if (code == cudaSuccess) return LL_OK;
    *memory = NULL;
    (void)cudaGetLastError(); /* or the next launch would be blamed for it */
    return ll_fail(err, code == cudaErrorMemoryAllocation ? LL_ERR_MEMORY : LL_ERR_DEVICE,
                   "CUDA: %s in cudaMalloc of %s for %s", cudaGetErrorString(code),
                   ll_number_size((double)bytes, size), what);
}

void ll_cuda_free(void *memory)
{
    if (cudaFree(memory) != cudaSuccess) (void)cudaGetLastError();
}

ll_status ll_cuda_pinned(const char *what, size_t bytes, void *out, ll_error *err)
{
    void **const memory = out;

    *memory = NULL;
    const cudaError_t code = cudaHostAlloc(memory, bytes, cudaHostAllocDefault);
    if (code == cudaSuccess) return LL_OK;
    *memory = NULL;
    (void)cudaGetLastError();
    return ll_fail(err, code == cudaErrorMemoryAllocation ? LL_ERR_MEMORY : LL_ERR_DEVICE,
                   "CUDA: %s in cudaHostAlloc of %zu bytes for %s", cudaGetErrorString(code), bytes,
                   what);
}
