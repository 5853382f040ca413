/* host/backend/cuda/cuda_gemm.c - matrix products by cuBLASLt.
 *
 * cuBLASLt thinks in columns. A row-major matrix is the transpose of the column-major one in the
 * same memory, so c = a b^T is computed as c' = b a' with
 *
 *   c'  (n, m) column-major, ld n   the memory of c (m, n) row-major
 *   A   (k, n) column-major, ld k   the memory of b (n, k) row-major, used transposed
 *   B   (k, m) column-major, ld k   the memory of a (m, k) row-major, as it is
 *
 * and the bias runs along the n rows of c', which is what the epilogue wants. A and B in this form
 * are also what tensor cores like best.
 *
 * The algorithm is chosen once and passed to every run: the same bits. Split-K is left out, which
 * adds parts in an order of its own or through memory: an algorithm without any reduction scheme
 * sums k in one go. */
#include "host/backend/cuda/cuda_gemm.h"
#include "host/backend/cuda/cuda_check.h"
#include "host/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { OFFERS = 32, ALIGNMENT = 256 };

struct ll_gemm_library {
    cublasLtHandle_t handle;
};

struct ll_gemm {
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c; /* of b, a and c: see above */
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace_bytes;
    bool bias_relu;
    float beta;
};

static const struct {
    cudaDataType_t in, out;
    cublasComputeType_t compute;
} k_types[] = {
    [LL_GEMM_FP16] = {CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F},
    [LL_GEMM_FP16_FP32] = {CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F},
    [LL_GEMM_TF32] = {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32},
    [LL_GEMM_FP32] = {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F},
};

/* ---- the library ------------------------------------------------------------------------ */

ll_status ll_gemm_library_open(ll_gemm_library **out, char version[32], ll_error *err)
{
    const size_t number = cublasLtGetVersion(); /* 130101: 13.1.1 */
    ll_gemm_library *library = NULL;

    *out = NULL;
    snprintf(version, 32, "cuBLASLt %zu.%zu.%zu", number / 10000, number / 100 % 100, number % 100);
    LL_TRY(ll_alloc("cuBLASLt", 1, sizeof *library, &library, err));
    const ll_status status = LL_CUBLAS(cublasLtCreate(&library->handle));
    if (status != LL_OK) {
        free(library);
        return status;
    }
    *out = library;
    return LL_OK;
}

void ll_gemm_library_close(ll_gemm_library *library)
{
    if (library == NULL) return;
    if (library->handle != NULL) (void)cublasLtDestroy(library->handle);
    free(library);
}

/* ---- choosing --------------------------------------------------------------------------- */

static ll_status describe_product(ll_gemm *gemm, const ll_gemm_shape *shape, ll_error *err)
{
    const cudaDataType_t in = k_types[shape->type].in, out = k_types[shape->type].out;
    const cublasOperation_t transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
    const int64_t stride = shape->stride > 0 ? shape->stride : shape->k;
    const uint64_t m = (uint64_t)shape->m, n = (uint64_t)shape->n, k = (uint64_t)shape->k;

    LL_TRY(
        LL_CUBLAS(cublasLtMatmulDescCreate(&gemm->desc, k_types[shape->type].compute, CUDA_R_32F)));
    LL_TRY(LL_CUBLAS(cublasLtMatmulDescSetAttribute(gemm->desc, CUBLASLT_MATMUL_DESC_TRANSA,
                                                    &transposed, sizeof transposed)));
    LL_TRY(LL_CUBLAS(cublasLtMatmulDescSetAttribute(gemm->desc, CUBLASLT_MATMUL_DESC_TRANSB, &plain,
                                                    sizeof plain)));
    if (shape->bias_relu) {
        LL_TRY(LL_CUBLAS(cublasLtMatmulDescSetAttribute(gemm->desc, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                                        &epilogue, sizeof epilogue)));
        LL_TRY(LL_CUBLAS(cublasLtMatmulDescSetAttribute(
            gemm->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &out, sizeof out)));
    }
    LL_TRY(LL_CUBLAS(cublasLtMatrixLayoutCreate(&gemm->a, in, k, n, stride)));
    LL_TRY(LL_CUBLAS(cublasLtMatrixLayoutCreate(&gemm->b, in, k, m, stride)));
    return LL_CUBLAS(cublasLtMatrixLayoutCreate(&gemm->c, out, n, m, shape->n));
}

static ll_status algorithm_int(const cublasLtMatmulAlgo_t *algorithm,
                               cublasLtMatmulAlgoConfigAttributes_t name, int32_t *value,
                               ll_error *err)
{
    size_t written = 0;
    return LL_CUBLAS(
        cublasLtMatmulAlgoConfigGetAttribute(algorithm, name, value, sizeof *value, &written));
}

/* The first offer that sums k in one go. */
static ll_status take_offer(ll_gemm *gemm, const cublasLtMatmulHeuristicResult_t *offers, int count,
                            char algorithm[64], ll_error *err)
{
    for (int i = 0; i < count; i++) {
        const cublasLtMatmulAlgo_t *const offer = &offers[i].algo;
        int32_t id = 0, tile = 0, stages = 0, split = 0, scheme = 0;
        if (offers[i].state != CUBLAS_STATUS_SUCCESS) continue;
        LL_TRY(algorithm_int(offer, CUBLASLT_ALGO_CONFIG_ID, &id, err));
        LL_TRY(algorithm_int(offer, CUBLASLT_ALGO_CONFIG_TILE_ID, &tile, err));
        LL_TRY(algorithm_int(offer, CUBLASLT_ALGO_CONFIG_STAGES_ID, &stages, err));
        LL_TRY(algorithm_int(offer, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, err));
        LL_TRY(algorithm_int(offer, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, err));
        if ((split != 0 && split != 1) || scheme != CUBLASLT_REDUCTION_SCHEME_NONE) continue;
        gemm->algorithm = *offer;
        gemm->workspace_bytes = offers[i].workspaceSize;
        snprintf(algorithm, 64, "a%d t%d s%d", id, tile, stages);
        return LL_OK;
    }
    return ll_fail(err, LL_ERR_UNSUPPORTED,
                   "cuBLASLt: none of %d algorithms does without split-K here", count);
}

static ll_status choose(ll_gemm *gemm, size_t max_workspace_bytes, char algorithm[64],
                        ll_error *err)
{
    ll_status status = LL_OK;
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t offers[OFFERS];
    const uint64_t workspace = max_workspace_bytes;
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE, alignment = ALIGNMENT;
    const cublasLtMatmulPreferenceAttributes_t aligned[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    int count = 0;

    LL_TRY(LL_CUBLAS(cublasLtMatmulPreferenceCreate(&preference)));
    LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace)));
    LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes)));
    for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++)
        LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(preference, aligned[i],
                                                                   &alignment, sizeof alignment)));
    LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulAlgoGetHeuristic(gemm->handle, gemm->desc, gemm->a, gemm->b,
                                                         gemm->c, gemm->c, preference, OFFERS,
                                                         offers, &count)));
    LL_TRY_DONE(take_offer(gemm, offers, count, algorithm, err));
done:
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

/* ---- one product ------------------------------------------------------------------------ */

ll_status ll_gemm_make(ll_gemm_library *library, const ll_gemm_shape *shape,
                       size_t max_workspace_bytes, ll_gemm **out, char algorithm[64], ll_error *err)
{
    ll_status status = LL_OK;
    ll_gemm *gemm = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("matrix product", 1, sizeof *gemm, &gemm, err));
    gemm->handle = library->handle;
    gemm->bias_relu = shape->bias_relu;
    gemm->beta = shape->accumulate ? 1.0f : 0.0f;
    LL_TRY_DONE(describe_product(gemm, shape, err));
    LL_TRY_DONE(choose(gemm, max_workspace_bytes, algorithm, err));
    *out = gemm;
    return LL_OK;
done:
    ll_gemm_free(gemm);
    return status;
}

size_t ll_gemm_workspace_bytes(const ll_gemm *gemm)
{
    return gemm->workspace_bytes;
}

void ll_gemm_free(ll_gemm *gemm)
{
    if (gemm == NULL) return;
    if (gemm->c != NULL) (void)cublasLtMatrixLayoutDestroy(gemm->c);
    if (gemm->b != NULL) (void)cublasLtMatrixLayoutDestroy(gemm->b);
    if (gemm->a != NULL) (void)cublasLtMatrixLayoutDestroy(gemm->a);
    if (gemm->desc != NULL) (void)cublasLtMatmulDescDestroy(gemm->desc);
    free(gemm);
}

ll_status ll_gemm_run(ll_gemm *gemm, float alpha, const void *a, const void *b, const void *bias,
                      void *c, void *workspace, cudaStream_t stream, ll_error *err)
{
    if (gemm->bias_relu)
        LL_TRY(LL_CUBLAS(cublasLtMatmulDescSetAttribute(
            gemm->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias)));
    return LL_CUBLAS(cublasLtMatmul(gemm->handle, gemm->desc, &alpha, b, gemm->a, a, gemm->b,
                                    &gemm->beta, c, gemm->c, c, gemm->c, &gemm->algorithm,
                                    workspace, gemm->workspace_bytes, stream));
}
