/* kernels/launch.cuh - how every kernel is launched, so that the same source runs under nvcc and,
 * for tests, on the CPU (tests/cuda_on_cpu/ defines both macros). Included by .cu files only. */
#pragma once
#include <cuda_runtime_api.h>

#ifndef LL_LAUNCH
#define LL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                  \
    kernel<<<(grid), (block), (shared_bytes), (stream)>>>(__VA_ARGS__)
#endif

/* Shared memory of the size given at the launch. */
#ifndef LL_DYNAMIC_SHARED
#define LL_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#endif
