/* host/backend/cuda/gemm/cuda_gemm.c - matrix products by cuBLASLt.
 *
 * cuBLASLt uses column-major matrices. A row-major matrix is the transpose of the column-major one
 * in the same memory, so c = a b^T is computed as c' = b a' with
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
 * sums k in one go. Kernels for Hopper say little through attributes; partial sums of theirs could
 * only lie in workspace, so those that want none come first and, if there are any, alone.
 *
 * A name is what people compare (id, tile, stages) and the library's own description of the
 * algorithm, which it lets be stored for the same version of it. */
#include "host/backend/cuda/gemm/cuda_gemm.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { OFFERS = 32, ALIGNMENT = 256, WORDS = 8, WORD_TEXT = 16 };
_Static_assert(sizeof(cublasLtMatmulAlgo_t) == WORDS * sizeof(uint64_t), "an algorithm in words");

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
    [LL_GEMM_FP32] = {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC},
};

/* ---- the library ------------------------------------------------------------------------ */

ll_status ll_gemm_library_open(ll_gemm_library **out, char version[32], ll_error *err)
{
    const size_t number = cublasLtGetVersion(); /* 130101: 13.1.1 */
    ll_gemm_library *library = NULL;

    *out = NULL;
    LL_TRY(ll_text_fit(version, 32, err, "cuBLASLt %zu.%zu.%zu", number / 10000, number / 100 % 100,
                       number % 100));
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

static ll_status describe_product(ll_gemm *gemm, const ll_gemm_shape *shape,
                                  cublasComputeType_t compute, ll_error *err)
{
    const cudaDataType_t in = k_types[shape->type].in, out = k_types[shape->type].out;
    const cublasOperation_t transposed = CUBLAS_OP_T, plain = CUBLAS_OP_N;
    const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_RELU_BIAS;
    const int64_t stride = shape->stride > 0 ? shape->stride : shape->k;
    const uint64_t m = (uint64_t)shape->m, n = (uint64_t)shape->n, k = (uint64_t)shape->k;

    LL_TRY(LL_CUBLAS(cublasLtMatmulDescCreate(&gemm->desc, compute, CUDA_R_32F)));
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

/* ---- names ------------------------------------------------------------------------------ */

/* "a66 t20 s36 " and 128 digits; nothing if its sums would be split. */
static ll_status name_algorithm(const cublasLtMatmulAlgo_t *algorithm, char text[LL_GEMM_TEXT],
                                ll_error *err)
{
    int32_t id = 0, tile = 0, stages = 0, split = 0, scheme = 0;

    text[0] = '\0';
    LL_TRY(algorithm_int(algorithm, CUBLASLT_ALGO_CONFIG_ID, &id, err));
    LL_TRY(algorithm_int(algorithm, CUBLASLT_ALGO_CONFIG_TILE_ID, &tile, err));
    LL_TRY(algorithm_int(algorithm, CUBLASLT_ALGO_CONFIG_STAGES_ID, &stages, err));
    LL_TRY(algorithm_int(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, err));
    LL_TRY(algorithm_int(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme, err));
    if ((split != 0 && split != 1) || scheme != CUBLASLT_REDUCTION_SCHEME_NONE) return LL_OK;
    size_t used = strlen(ll_text_exact(text, LL_GEMM_TEXT, "a%d t%d s%d ", id, tile, stages));
    for (int i = 0; i < WORDS; i++, used += WORD_TEXT)
        ll_text_exact(text + used, LL_GEMM_TEXT - used, "%016" PRIx64, algorithm->data[i]);
    return LL_OK;
}

static const char k_digits[] = "0123456789abcdef";

static bool read_word(const char *digits, uint64_t *word)
{
    *word = 0;
    for (int i = 0; i < WORD_TEXT; i++) {
        const char *const at = memchr(k_digits, digits[i], sizeof k_digits - 1);
        if (at == NULL) return false;
        *word = *word << 4 | (uint64_t)(at - k_digits);
    }
    return true;
}

static ll_status read_algorithm(const char *text, cublasLtMatmulAlgo_t *algorithm, ll_error *err)
{
    const char *const last = strrchr(text, ' ');
    bool good = last != NULL && strlen(last + 1) == WORDS * WORD_TEXT;

    for (int i = 0; good && i < WORDS; i++)
        good = read_word(last + 1 + i * WORD_TEXT, &algorithm->data[i]);
    if (!good) return ll_fail(err, LL_ERR_FORMAT, "product: no algorithm: '%s'", text);
    return LL_OK;
}

/* ---- offers ----------------------------------------------------------------------------- */

/* What the heuristics offer within so much workspace; that they offer nothing is an answer. */
static ll_status query_heuristics(const ll_gemm *gemm, uint64_t workspace,
                                  char (*algorithms)[LL_GEMM_TEXT], int max, int *count,
                                  ll_error *err)
{
    ll_status status = LL_OK;
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t offers[OFFERS];
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE, alignment = ALIGNMENT;
    const cublasLtMatmulPreferenceAttributes_t aligned[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    int offered = 0;

    LL_TRY(LL_CUBLAS(cublasLtMatmulPreferenceCreate(&preference)));
    LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace)));
    LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes)));
    for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++)
        LL_TRY_DONE(LL_CUBLAS(cublasLtMatmulPreferenceSetAttribute(preference, aligned[i],
                                                                   &alignment, sizeof alignment)));
    const cublasStatus_t code =
        cublasLtMatmulAlgoGetHeuristic(gemm->handle, gemm->desc, gemm->a, gemm->b, gemm->c, gemm->c,
                                       preference, OFFERS, offers, &offered);
    if (code == CUBLAS_STATUS_NOT_SUPPORTED) goto done;
    LL_TRY_DONE(ll_cublas_status(err, code, "cublasLtMatmulAlgoGetHeuristic"));
    for (int i = 0; i < offered && *count < max; i++) {
        if (offers[i].state != CUBLAS_STATUS_SUCCESS) continue;
        LL_TRY_DONE(name_algorithm(&offers[i].algo, algorithms[*count], err));
        *count += algorithms[*count][0] != '\0';
    }
done:
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

/* ---- one product ------------------------------------------------------------------------ */

/* A product without an algorithm yet. */
static ll_status begin(ll_gemm_library *library, const ll_gemm_shape *shape,
                       cublasComputeType_t compute, ll_gemm **out, ll_error *err)
{
    ll_gemm *gemm = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("matrix product", 1, sizeof *gemm, &gemm, err));
    gemm->handle = library->handle;
    gemm->bias_relu = shape->bias_relu;
    gemm->beta = shape->accumulate ? 1.0f : 0.0f;
    const ll_status status = describe_product(gemm, shape, compute, err);
    if (status == LL_OK)
        *out = gemm;
    else
        ll_gemm_free(gemm);
    return status;
}

/* The first way to compute is the strict one. Where no algorithm knows it, there is another. */
static cublasComputeType_t compute_type_of(ll_gemm_type type, int attempt)
{
    return attempt == 1 && type == LL_GEMM_FP32 ? CUBLAS_COMPUTE_32F : k_types[type].compute;
}

static int compute_type_count(ll_gemm_type type)
{
    return type == LL_GEMM_FP32 ? 2 : 1;
}

ll_status ll_gemm_algorithms(ll_gemm_library *library, const ll_gemm_shape *shape,
                             size_t max_workspace_bytes, char (*algorithms)[LL_GEMM_TEXT], int max,
                             int *count, ll_error *err)
{
    *count = 0;
    for (int attempt = 0; attempt < compute_type_count(shape->type) && *count == 0; attempt++) {
        ll_gemm *gemm = NULL;
        LL_TRY(begin(library, shape, compute_type_of(shape->type, attempt), &gemm, err));
        ll_status status = query_heuristics(gemm, 0, algorithms, max, count, err);
        if (status == LL_OK && *count == 0)
            status = query_heuristics(gemm, max_workspace_bytes, algorithms, max, count, err);
        ll_gemm_free(gemm);
        LL_TRY(status);
    }
    if (*count > 0) return LL_OK;
    return ll_fail(err, LL_ERR_UNSUPPORTED, "cuBLASLt: no algorithm does without split-K here");
}

/* Is it one that can do this product? */
static ll_status set_algorithm(ll_gemm *gemm, const char *text, ll_error *err)
{
    cublasLtMatmulHeuristicResult_t result = {0};
    char name[LL_GEMM_TEXT];

    LL_TRY(read_algorithm(text, &gemm->algorithm, err));
    const cublasStatus_t code = cublasLtMatmulAlgoCheck(
        gemm->handle, gemm->desc, gemm->a, gemm->b, gemm->c, gemm->c, &gemm->algorithm, &result);
    if (code == CUBLAS_STATUS_NOT_SUPPORTED || code == CUBLAS_STATUS_INVALID_VALUE ||
        code == CUBLAS_STATUS_ARCH_MISMATCH ||
        (code == CUBLAS_STATUS_SUCCESS && result.state != CUBLAS_STATUS_SUCCESS))
        return ll_fail(err, LL_ERR_UNSUPPORTED, "cuBLASLt: cannot do this: algorithm %s", text);
    LL_TRY(ll_cublas_status(err, code, "cublasLtMatmulAlgoCheck"));
    LL_TRY(name_algorithm(&gemm->algorithm, name, err));
    if (strcmp(name, text) != 0)
        return ll_fail(err, LL_ERR_FORMAT, "product: no algorithm of ours: '%s'", text);
    gemm->workspace_bytes = result.workspaceSize;
    return LL_OK;
}

ll_status ll_gemm_make(ll_gemm_library *library, const ll_gemm_shape *shape, const char *algorithm,
                       ll_gemm **out, ll_error *err)
{
    ll_status status = LL_ERR_UNSUPPORTED;
    ll_error refused = LL_ERROR_INIT;

    *out = NULL;
    for (int attempt = 0; attempt < compute_type_count(shape->type) && status == LL_ERR_UNSUPPORTED;
         attempt++) {
        refused = (ll_error)LL_ERROR_INIT;
        LL_TRY(begin(library, shape, compute_type_of(shape->type, attempt), out, err));
        status = set_algorithm(*out, algorithm, &refused);
        if (status == LL_OK) return LL_OK;
        ll_gemm_free(*out);
        *out = NULL;
    }
    return ll_fail(err, status, "%s", refused.text);
}

ll_status ll_gemm_make_first(ll_gemm_library *library, const ll_gemm_shape *shape,
                             size_t max_workspace_bytes, ll_gemm **out,
                             char algorithm[LL_GEMM_TEXT], ll_error *err)
{
    char first[1][LL_GEMM_TEXT];
    int count = 0;

    *out = NULL;
    LL_TRY(ll_gemm_algorithms(library, shape, max_workspace_bytes, first, 1, &count, err));
    memcpy(algorithm, first[0], strlen(first[0]) + 1);
    return ll_gemm_make(library, shape, algorithm, out, err);
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
