/* tests/cuda_on_cpu/cublasLt.h - stands in for cuBLASLt's header where the backend's error codes
 * are translated (cuda_check.h); the library itself is called behind cuda_gemm.h only. */
#ifndef LL_CUDA_ON_CPU_CUBLASLT_H
#define LL_CUDA_ON_CPU_CUBLASLT_H

typedef enum cublasStatus_t {
    CUBLAS_STATUS_SUCCESS = 0,
    CUBLAS_STATUS_ALLOC_FAILED = 3,
} cublasStatus_t;

static inline const char *cublasLtGetStatusString(cublasStatus_t code)
{
    return code == CUBLAS_STATUS_ALLOC_FAILED ? "out of memory" : "a failure";
}
#endif
