/* host/backend/cuda/gemm/cuda_gemm.h - matrix products by cuBLASLt: one fixed shape, created once,
 * run often.
 *
 *   c = epilogue( alpha * a b^T ),  a (m, k), b (n, k), c (m, n), all row-major
 *   c = c + alpha * a b^T           with `accumulate`: a long k in parts, so that sums stay short
 *
 * No split-K and a fixed algorithm: the same bits every run. Shapes are padded by the caller.
 * Private to host/backend/cuda/. */
#ifndef LL_CUDA_GEMM_H
#define LL_CUDA_GEMM_H

#include "host/base/status.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ll_gemm_type {
    LL_GEMM_FP16,      /* a, b fp16, sums fp32, c fp16 */
    LL_GEMM_FP16_FP32, /* a, b fp16, sums fp32, c fp32 */
    LL_GEMM_TF32,      /* a, b, c fp32, tensor cores in TF32 */
    LL_GEMM_FP32,      /* a, b, c fp32, no reduced precision */
} ll_gemm_type;

typedef struct ll_gemm_shape {
    int64_t m, n, k;
    ll_gemm_type type;
    bool bias_relu;  /* c = relu(alpha * a b^T + bias), bias (n) of the type of c */
    bool accumulate; /* onto what c holds; c fp32, no bias */
    int64_t stride;  /* entries from row to row of a and b; 0: k */
} ll_gemm_shape;

typedef struct ll_gemm_library ll_gemm_library;
typedef struct ll_gemm ll_gemm;

LL_NODISCARD ll_status ll_gemm_library_open(ll_gemm_library **out, char version[32], ll_error *err);
void ll_gemm_library_close(ll_gemm_library *library); /* accepts NULL */

/* "a66 t20 s36 0123...": three ints and 128 digits, enough to find the same algorithm again. */
enum { LL_GEMM_TEXT = 192 };

/** Algorithms worth trying for a shape, best guess first; at most `max` are written. None splits
 *  sums; where any does without workspace, none takes some. LL_ERR_UNSUPPORTED if there is none. */
LL_NODISCARD ll_status ll_gemm_algorithms(ll_gemm_library *library, const ll_gemm_shape *shape,
                                          size_t max_workspace_bytes,
                                          char (*algorithms)[LL_GEMM_TEXT], int max, int *count,
                                          ll_error *err);

/** Make a product of one of them. LL_ERR_UNSUPPORTED or LL_ERR_FORMAT if there is no such thing. */
LL_NODISCARD ll_status ll_gemm_make(ll_gemm_library *library, const ll_gemm_shape *shape,
                                    const char *algorithm, ll_gemm **out, ll_error *err);

/** Of the best guess, whose name is written. */
LL_NODISCARD ll_status ll_gemm_make_first(ll_gemm_library *library, const ll_gemm_shape *shape,
                                          size_t max_workspace_bytes, ll_gemm **out,
                                          char algorithm[LL_GEMM_TEXT], ll_error *err);
size_t ll_gemm_workspace_bytes(const ll_gemm *gemm);
void ll_gemm_free(ll_gemm *gemm); /* accepts NULL */

/** Queue it on `stream` and return. `bias` NULL unless the shape has bias_relu. */
LL_NODISCARD ll_status ll_gemm_run(ll_gemm *gemm, float alpha, const void *a, const void *b,
                                   const void *bias, void *c, void *workspace, cudaStream_t stream,
                                   ll_error *err);

#endif
