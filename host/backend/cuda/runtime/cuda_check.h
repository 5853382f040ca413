/* host/backend/cuda/runtime/cuda_check.h - translates the libraries' status codes to ll_status.
 * Each macro is an expression, so it composes with LL_TRY and LL_TRY_DONE:
 *     LL_TRY(LL_CUDA(cudaMalloc(&pixels, size_bytes)));
 * `err` is taken from the caller's scope; its text names the function, not what it was given.
 * Private to host/backend/cuda/. */
#ifndef LL_CUDA_CHECK_H
#define LL_CUDA_CHECK_H

#include "host/base/status.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <string.h>

#define LL_CUDA(call)   ll_cuda_status(err, (call), #call)
#define LL_CUBLAS(call) ll_cublas_status(err, (call), #call)

static inline ll_status ll_cuda_status(ll_error *err, cudaError_t code, const char *call)
{
    if (code == cudaSuccess) return LL_OK;
    const ll_status kind = code == cudaErrorMemoryAllocation ? LL_ERR_MEMORY : LL_ERR_DEVICE;
    return ll_fail(err, kind, "CUDA: %s in %.*s", cudaGetErrorString(code), (int)strcspn(call, "("),
                   call);
}

static inline ll_status ll_cublas_status(ll_error *err, cublasStatus_t code, const char *call)
{
    if (code == CUBLAS_STATUS_SUCCESS) return LL_OK;
    const ll_status kind = code == CUBLAS_STATUS_ALLOC_FAILED ? LL_ERR_MEMORY : LL_ERR_DEVICE;
    return ll_fail(err, kind, "cuBLASLt: %s in %.*s", cublasLtGetStatusString(code),
                   (int)strcspn(call, "("), call);
}

/** After what was queued on `stream` was `refused`: does the card go on as if nothing had been?
 * Then the failure was its own; else LL_ERR_DEVICE, with both in one line. Waits for what is left
 * of it. */
LL_NODISCARD ll_status ll_cuda_card_check(cudaStream_t stream, const ll_error *refused,
                                          ll_error *err);

#endif
