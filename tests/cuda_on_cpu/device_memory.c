/* tests/cuda_on_cpu/device_memory.c - device memory is memory, a launch runs at once: the runtime
 * calls tests of single kernels make. (tests/cuda_emulated is a whole one.)
 *
 * What was never written is a pattern, as on a card it would be whatever lay there; blocks are of
 * the very size asked for, so that AddressSanitizer sees a kernel leave them. */
#include <cuda_runtime_api.h>

#include <stdlib.h>
#include <string.h>

enum { NEVER_WRITTEN = 0xA5 };

static cudaError_t last_error = cudaSuccess;

void ll_fibers_submit(cudaStream_t stream, const char *kernel, cudaError_t error,
                      void (*run)(void *data), void (*drop)(void *data), void *data)
{
    (void)stream, (void)kernel;
    if (error != cudaSuccess) {
        last_error = error;
        return;
    }
    run(data);
    drop(data);
}

cudaError_t cudaGetLastError(void)
{
    const cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t size_bytes)
{
    *out = malloc(size_bytes > 0 ? size_bytes : 1);
    if (*out == NULL) return cudaErrorMemoryAllocation;
    memset(*out, NEVER_WRITTEN, size_bytes);
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory)
{
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t size_bytes, enum cudaMemcpyKind kind)
{
    (void)kind;
    if (size_bytes > 0) memcpy(dst, src, size_bytes);
    return cudaSuccess;
}

cudaError_t cudaMemset(void *memory, int value, size_t size_bytes)
{
    if (size_bytes > 0) memset(memory, value, size_bytes);
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t code)
{
    return code == cudaSuccess ? "no error" : "an error";
}
