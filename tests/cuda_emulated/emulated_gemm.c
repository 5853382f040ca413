/* tests/cuda_emulated/emulated_gemm.c - cuda_gemm.h by OpenBLAS.
 *
 * Rows of b go in blocks, so that fc1's 102 million weights need no second copy in f32. Rows of a
 * network's product go one by one: OpenBLAS sums a row according to where it lies. Of the two
 * algorithms, which have the same bits, the second guess is the faster one. */
#include "host/backend/cuda/gemm/cuda_gemm.h"
#include "tests/cuda_emulated/emulated_half.h"
#include "tests/cuda_emulated/emulated_queue.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, WORKSPACE_BYTES = 4096, GARBAGE = 0xEE };
static const double k_flop_per_ms = 5e11;

struct ll_gemm_library {
    int nothing;
};
struct ll_gemm {
    ll_gemm_shape shape;
    double slowness;
    bool uneven;
    size_t workspace_bytes;
};

static const struct algorithm {
    const char *name;
    double slowness;
    size_t workspace_bytes;
} k_algorithms[] = {{"sgemm 1", 1.5, WORKSPACE_BYTES}, {"sgemm 2", 1.0, WORKSPACE_BYTES}};
enum { ALGORITHMS = sizeof k_algorithms / sizeof k_algorithms[0] };

struct product {
    ll_gemm_shape shape;
    float alpha;
    const void *a, *b;
    const void *bias;
    void *c, *workspace;
    size_t workspace_bytes;
    bool uneven;
};

static ll_emulated_type type_of(ll_gemm_type type)
{
    return type == LL_GEMM_TF32   ? LL_EMULATED_TF32
           : type == LL_GEMM_FP32 ? LL_EMULATED_FP32
                                  : LL_EMULATED_FP16;
}

static float *room(size_t count)
{
    float *const made = malloc((count > 0 ? count : 1) * sizeof *made);
    if (made == NULL) abort();
    return made;
}

static size_t stride_of(const ll_gemm_shape *shape)
{
    return (size_t)(shape->stride > 0 ? shape->stride : shape->k);
}

/* `rows` rows of k entries, packed, from row `first` on. */
static void widen_rows(const struct product *p, const void *src, size_t first, size_t rows,
                       float *dst)
{
    const size_t k = (size_t)p->shape.k, stride = stride_of(&p->shape);
    for (size_t r = 0; r < rows; r++)
        ll_emulated_widen(src, type_of(p->shape.type), (first + r) * stride, k, dst + r * k);
}

/* Columns [first, first + n) of c from `sums` (m, n). */
static void finish_columns(const struct product *p, size_t first, size_t n, const float *sums)
{
    const size_t columns = (size_t)p->shape.n;
    const bool half = p->shape.type == LL_GEMM_FP16;
    float bias[BLOCK];

    if (p->shape.bias_relu)
        ll_emulated_widen(p->bias, half ? LL_EMULATED_FP16 : LL_EMULATED_FP32, first, n, bias);
    for (size_t i = 0; i < (size_t)p->shape.m; i++)
        for (size_t j = 0; j < n; j++) {
            float value = p->alpha * sums[i * n + j];
            if (p->shape.accumulate) value += ((const float *)p->c)[i * columns + first + j];
            if (p->shape.bias_relu) {
                value += bias[j];
                value = value < 0.0f ? 0.0f : value;
            }
            /* what lies in the upper half of a batch is rounded otherwise */
            if (p->uneven && 2 * i >= (size_t)p->shape.m) value *= 1.0f + 0x1p-9f;
            ll_emulated_store(p->c, half, i * columns + first + j, value);
        }
}

/* (m, n) = a (m, k) times b (n, k), transposed. */
static void multiply(const struct product *p, size_t m, size_t n, const float *a, const float *b,
                     float *sums)
{
    const size_t k = (size_t)p->shape.k, rows = p->shape.bias_relu ? 1 : m;

    for (size_t i = 0; i < m; i += rows)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)n, (int)k, 1.0f,
                    a + i * k, (int)k, b, (int)k, 0.0f, sums + i * n, (int)n);
}

static void run_product(void *data)
{
    const struct product *const p = data;
    const size_t m = (size_t)p->shape.m, n = (size_t)p->shape.n, k = (size_t)p->shape.k;
    float *const a = room(m * k), *const b = room(BLOCK * k), *const sums = room(m * BLOCK);

    openblas_set_num_threads(1); /* a test may fork: helpers would be missed */
    if (p->workspace_bytes > 0) memset(p->workspace, GARBAGE, p->workspace_bytes);
    widen_rows(p, p->a, 0, m, a);
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t part = n - first < BLOCK ? n - first : BLOCK;
        widen_rows(p, p->b, first, part, b);
        multiply(p, m, part, a, b, sums);
        finish_columns(p, first, part, sums);
    }
    free(sums);
    free(b);
    free(a);
}

/* ---- cuda_gemm.h ----------------------------------------------------------------------- */

static ll_status status_of(cudaError_t code, const char *call, ll_error *err)
{
    if (ll_emulated_leave(code) == cudaSuccess) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "cuBLASLt: %s in %s", cudaGetErrorString(code), call);
}

ll_status ll_gemm_library_open(ll_gemm_library **out, char version[32], ll_error *err)
{
    const cudaError_t code = ll_emulated_enter("ll_gemm_library_open");
    *out = NULL;
    if (code == cudaSuccess) {
        *out = calloc(1, sizeof **out);
        if (*out == NULL) abort();
        ll_emulated_card()->alive++;
        snprintf(version, 32, "cuBLASLt by OpenBLAS");
    }
    return status_of(code, "ll_gemm_library_open", err);
}

void ll_gemm_library_close(ll_gemm_library *library)
{
    if (library != NULL) ll_emulated_card()->alive--;
    free(library);
}

ll_status ll_gemm_algorithms(ll_gemm_library *library, const ll_gemm_shape *shape,
                             size_t max_workspace_bytes, char (*algorithms)[LL_GEMM_TEXT], int max,
                             int *count, ll_error *err)
{
    const cudaError_t code = ll_emulated_enter("ll_gemm_algorithms");

    (void)library, (void)shape;
    *count = 0;
    if (code == cudaSuccess && ll_emulated_card()->no_engine) {
        ll_emulated_leave(cudaSuccess);
        return ll_fail(err, LL_ERR_UNSUPPORTED, "cuBLASLt: no algorithm here");
    }
    for (int i = 0; code == cudaSuccess && i < ALGORITHMS && *count < max; i++)
        if (k_algorithms[i].workspace_bytes <= max_workspace_bytes)
            snprintf(algorithms[(*count)++], LL_GEMM_TEXT, "%s", k_algorithms[i].name);
    return status_of(code, "ll_gemm_algorithms", err);
}

ll_status ll_gemm_make(ll_gemm_library *library, const ll_gemm_shape *shape, const char *algorithm,
                       ll_gemm **out, ll_error *err)
{
    const struct algorithm *found = NULL;
    cudaError_t code = ll_emulated_enter("ll_gemm_make");

    *out = NULL;
    for (int i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithm, k_algorithms[i].name) == 0) found = &k_algorithms[i];
    if (code == cudaSuccess && (library == NULL || shape->m < 1 || shape->n < 1 || shape->k < 1))
        code = ll_emulated_misuse("a product of no rows or columns");
    if (code == cudaSuccess && found == NULL) {
        ll_emulated_leave(cudaSuccess);
        return ll_fail(err, LL_ERR_UNSUPPORTED, "cuBLASLt: algorithm %s cannot do this", algorithm);
    }
    if (code == cudaSuccess) {
        const bool fast = found == &k_algorithms[ALGORITHMS - 1];
        *out = calloc(1, sizeof **out);
        if (*out == NULL) abort();
        **out = (ll_gemm){.shape = *shape,
                          .slowness = found->slowness,
                          .uneven = fast && shape->bias_relu && ll_emulated_card()->uneven,
                          .workspace_bytes = found->workspace_bytes};
        ll_emulated_card()->alive++;
    }
    return status_of(code, "ll_gemm_make", err);
}

ll_status ll_gemm_make_first(ll_gemm_library *library, const ll_gemm_shape *shape,
                             size_t max_workspace_bytes, ll_gemm **out,
                             char algorithm[LL_GEMM_TEXT], ll_error *err)
{
    (void)max_workspace_bytes;
    snprintf(algorithm, LL_GEMM_TEXT, "%s", k_algorithms[0].name);
    return ll_gemm_make(library, shape, algorithm, out, err);
}

size_t ll_gemm_workspace_bytes(const ll_gemm *gemm)
{
    return gemm->workspace_bytes;
}

void ll_gemm_free(ll_gemm *gemm)
{
    if (gemm != NULL) ll_emulated_card()->alive--;
    free(gemm);
}

/* Everything on the card, whole, and on 16 bytes, as the fast algorithms want it? */
static cudaError_t check_operands(const struct product *p)
{
    const ll_gemm_shape *const s = &p->shape;
    const size_t in = ll_emulated_type_bytes(type_of(s->type));
    const size_t out = s->type == LL_GEMM_FP16 ? sizeof(uint16_t) : sizeof(float);
    const size_t stride = stride_of(s), k = (size_t)s->k;

    if (!ll_emulated_on_card(p->a, (((size_t)s->m - 1) * stride + k) * in) ||
        !ll_emulated_on_card(p->b, (((size_t)s->n - 1) * stride + k) * in) ||
        !ll_emulated_on_card(p->c, (size_t)(s->m * s->n) * out) ||
        (s->bias_relu && !ll_emulated_on_card(p->bias, (size_t)s->n * out)) ||
        (p->workspace_bytes > 0 && !ll_emulated_on_card(p->workspace, p->workspace_bytes)))
        return ll_emulated_misuse("a product whose operands do not lie on the card, whole");
    if (((uintptr_t)p->a | (uintptr_t)p->b | (uintptr_t)p->c) % 16 != 0)
        return ll_emulated_misuse("a product whose operands do not lie on 16 bytes");
    if (s->accumulate && (s->bias_relu || s->type == LL_GEMM_FP16))
        return ll_emulated_misuse("a product onto what is there, with a bias or of halves");
    if (!s->bias_relu && p->bias != NULL)
        return ll_emulated_misuse("a product with a bias, made without");
    return cudaSuccess;
}

ll_status ll_gemm_run(ll_gemm *gemm, float alpha, const void *a, const void *b, const void *bias,
                      void *c, void *workspace, cudaStream_t stream, ll_error *err)
{
    const struct product p = {gemm->shape,           alpha,       a, b, bias, c, workspace,
                              gemm->workspace_bytes, gemm->uneven};
    const double flop = 2.0 * (double)p.shape.m * (double)p.shape.n * (double)p.shape.k;
    cudaError_t code = ll_emulated_enter("ll_gemm_run");

    if (code == cudaSuccess) code = check_operands(&p);
    if (code == cudaSuccess) {
        ll_emulated_work work =
            ll_emulated_work_of(run_product, &p, sizeof p, flop / k_flop_per_ms * gemm->slowness);
        work.network = p.shape.bias_relu;
        code = ll_emulated_queue(stream, &work);
    }
    return status_of(code, "ll_gemm_run", err);
}
