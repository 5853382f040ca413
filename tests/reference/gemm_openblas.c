/* tests/reference/gemm_openblas.c - cuda_gemm.h without a card: OpenBLAS, as the fake runtime does
 * everything at once. Takes the shapes a comparison has; sums in f32. */
#include "host/backend/cuda/cuda_check.h"
#include "host/backend/cuda/cuda_gemm.h"
#include "host/base/memory.h"
#include "kernels/half.h"
#include "tests/cuda_on_cpu/streams_at_once.h"

#include <assert.h>
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKSPACE = 256 };

struct ll_gemm {
    ll_gemm_shape shape;
    float *a, *b; /* widened */
};

ll_status ll_gemm_make(ll_gemm_library *library, const ll_gemm_shape *shape,
                       size_t max_workspace_bytes, ll_gemm **out, char algorithm[64], ll_error *err)
{
    ll_gemm *gemm = NULL;

    (void)library;
    assert(max_workspace_bytes >= WORKSPACE && !shape->bias_relu);
    assert(shape->type == LL_GEMM_FP16_FP32 || shape->type == LL_GEMM_FP32);
    *out = NULL;
    snprintf(algorithm, 64, "OpenBLAS");
    LL_TRY(LL_CUDA(ll_card_call("ll_gemm_make")));
    LL_TRY(ll_alloc("a product", 1, sizeof *gemm, &gemm, err));
    gemm->shape = *shape;
    *out = gemm;
    if (shape->type == LL_GEMM_FP32) return LL_OK;
    LL_TRY(ll_alloc("a product", shape->m * shape->k, sizeof *gemm->a, &gemm->a, err));
    return ll_alloc("a product", shape->n * shape->k, sizeof *gemm->b, &gemm->b, err);
}

size_t ll_gemm_workspace_bytes(const ll_gemm *gemm)
{
    (void)gemm;
    return WORKSPACE;
}

void ll_gemm_free(ll_gemm *gemm)
{
    if (gemm == NULL) return;
    free(gemm->a);
    free(gemm->b);
    free(gemm);
}

static const float *widen(const void *values, float *wide, int64_t count)
{
    if (wide == NULL) return values;
    for (int64_t i = 0; i < count; i++)
        wide[i] = ll_half_value(((const uint16_t *)values)[i]);
    return wide;
}

ll_status ll_gemm_run(ll_gemm *gemm, float alpha, const void *a, const void *b, const float *bias,
                      void *c, void *workspace, cudaStream_t stream, ll_error *err)
{
    const int m = (int)gemm->shape.m, n = (int)gemm->shape.n, k = (int)gemm->shape.k;

    (void)stream;
    (void)bias;
    assert(workspace != NULL);
    LL_TRY(LL_CUDA(ll_card_call("ll_gemm_run")));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, alpha,
                widen(a, gemm->a, gemm->shape.m * gemm->shape.k), k,
                widen(b, gemm->b, gemm->shape.n * gemm->shape.k), k, 0.0f, c, n);
    return LL_OK;
}
