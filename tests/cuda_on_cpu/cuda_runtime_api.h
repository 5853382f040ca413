/* tests/cuda_on_cpu/cuda_runtime_api.h - run our kernels, as written, on the CPU.
 *
 * Stands in for CUDA's header of this name when a test puts this folder on its include path and
 * defines LL_CUDA_ON_CPU; nothing else ever sees it. C sees the few runtime calls tests make
 * (device_memory.c); a .cu file, compiled as C++, also sees the device language (fibers.h). */
#ifndef LL_CUDA_ON_CPU_RUNTIME_API_H
#define LL_CUDA_ON_CPU_RUNTIME_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
} cudaError_t;
typedef struct CUstream_st *cudaStream_t;
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };

/** What the last launch was refused for, once. */
cudaError_t cudaGetLastError(void);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaMalloc(void **out, size_t size_bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMemcpy(void *dst, const void *src, size_t size_bytes, enum cudaMemcpyKind kind);
cudaError_t cudaMemset(void *memory, int value, size_t size_bytes);
cudaError_t cudaDeviceSynchronize(void);
const char *cudaGetErrorString(cudaError_t code);

/** In which order the threads of the next launches run between two barriers: 0 as numbered, 1 the
 *  other way round, any other number drawn from it, with pauses at atomics. Blocks: odd numbers
 *  backwards. A kernel whose result depends on it lacks a barrier. */
void ll_fibers_order(uint64_t order);

/** What LL_LAUNCH comes to: call run(data), now or when the stream gets there, then drop(data).
 *  Or, where `error` says what is wrong with the launch, neither. Whoever stands in for the runtime
 *  has it: device_memory.c runs at once, tests/cuda_emulated queues. */
void ll_fibers_submit(cudaStream_t stream, const char *kernel, cudaError_t error,
                      void (*run)(void *data), void (*drop)(void *data), void *data);

#ifdef __cplusplus
}
#include "tests/cuda_on_cpu/fibers.h"
#endif
#endif
