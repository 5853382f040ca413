/* bench/gpu_ceilings.c - what a card does at best: matrix products and copies, by CUDA's own
 * libraries. bench/gpu sets lookloom's figures beside these.
 *
 *   gpu-ceilings [DEVICE]
 *
 * Prints the device's properties as `#` lines, then one line a measurement, tab-separated: name,
 * rate at the median, unit, milliseconds at the least, at the median, runs. Products are
 * 8192 x 8192 x 8192 of random numbers (zeros multiply faster than data does), the best of
 * cuBLASLt's candidates; a copy on the device counts the bytes read and those written. Exit 3 and
 * one line where there is no device or a call fails. */
#include "host/base/number.h"
#include "host/base/status.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER = 8192, CANDIDATES = 8, TRIES = 3, RUNS = 30, WARM_UP = 3 };
static const size_t k_workspace = (size_t)64 << 20;
static const size_t k_host_copy = (size_t)256 << 20, k_device_copy = (size_t)2 << 30;

#define CUDA(call)   cuda_status(err, (call), #call)
#define CUBLAS(call) cublas_status(err, (call), #call)

static ll_status cuda_status(ll_error *err, cudaError_t code, const char *call)
{
    if (code == cudaSuccess) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "CUDA: %s in %s", cudaGetErrorString(code), call);
}

static ll_status cublas_status(ll_error *err, cublasStatus_t code, const char *call)
{
    if (code == CUBLAS_STATUS_SUCCESS) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "cuBLASLt: %s in %s", cublasLtGetStatusString(code), call);
}

/* ---- timing ---- */

struct timer {
    cudaEvent_t begin, end;
    float times[RUNS]; /* milliseconds, ascending once measured */
};

typedef ll_status (*work_fn)(void *context, ll_error *err);

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* `runs` of them, by events on the default stream; the caller has warmed up. */
static ll_status measure(struct timer *t, int runs, work_fn work, void *context, ll_error *err)
{
    for (int i = 0; i < runs; i++) {
        LL_TRY(CUDA(cudaEventRecord(t->begin, NULL)));
        LL_TRY(work(context, err));
        LL_TRY(CUDA(cudaEventRecord(t->end, NULL)));
        LL_TRY(CUDA(cudaEventSynchronize(t->end)));
        LL_TRY(CUDA(cudaEventElapsedTime(&t->times[i], t->begin, t->end)));
    }
    qsort(t->times, (size_t)runs, sizeof t->times[0], by_size);
    return LL_OK;
}

/* Warm up, measure, print; `amount` over seconds is a rate in `unit`. */
static ll_status report(struct timer *t, const char *name, double amount, const char *unit,
                        work_fn work, void *context, ll_error *err)
{
    LL_TRY(measure(t, WARM_UP, work, context, err));
    LL_TRY(measure(t, RUNS, work, context, err));
    const double median = 0.5 * ((double)t->times[RUNS / 2 - 1] + (double)t->times[RUNS / 2]);
    printf("%s\t%.1f\t%s\t%.4f\t%.4f\t%d\n", name, amount / (median * 1e-3), unit,
           (double)t->times[0], median, RUNS);
    fflush(stdout);
    return LL_OK;
}

/* ---- matrix products ---- */

struct product {
    cublasLtHandle_t library;
    cublasLtMatmulDesc_t operation;
    cublasLtMatrixLayout_t layout; /* the same for all three: square, column-major */
    cublasLtMatmulAlgo_t algorithm;
    void *a, *b, *c, *workspace;
};

static const struct {
    const char *name;
    cudaDataType_t type;
    cublasComputeType_t compute;
    size_t bytes;
} k_products[] = {
    {"gemm_fp16", CUDA_R_16F, CUBLAS_COMPUTE_32F, 2},
    {"gemm_tf32", CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, 4},
    {"gemm_fp32", CUDA_R_32F, CUBLAS_COMPUTE_32F, 4},
};

static ll_status multiply(void *context, ll_error *err)
{
    const struct product *const p = context;
    const float one = 1.0f, zero = 0.0f;

    return CUBLAS(cublasLtMatmul(p->library, p->operation, &one, p->a, p->layout, p->b, p->layout,
                                 &zero, p->c, p->layout, p->c, p->layout, &p->algorithm,
                                 p->workspace, k_workspace, NULL));
}

/* Random values of magnitude 1/2 to 1, made of bits: a sign, the exponent of 1/2, any fraction. */
static ll_status draw(void *device, size_t bytes_each, ll_error *err)
{
    ll_status status = LL_OK;
    const size_t count = (size_t)ORDER * ORDER;
    uint32_t state = 1;
    unsigned char *const values = malloc(count * bytes_each);

    if (values == NULL) return ll_fail(err, LL_ERR_MEMORY, "no memory for a matrix");
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes; its high bits are the best */
        const uint32_t single = (state & 0x807FFFFFu) | 0x3F000000u;
        const uint16_t half = (uint16_t)(((state >> 16) & 0x83FFu) | 0x3800u);
        memcpy(values + i * bytes_each, bytes_each == 4 ? (const void *)&single : &half,
               bytes_each);
    }
    LL_TRY_DONE(CUDA(cudaMemcpy(device, values, count * bytes_each, cudaMemcpyHostToDevice)));
done:
    free(values);
    return status;
}

/* The fastest of the library's first candidates. */
static ll_status choose(struct product *p, struct timer *t, ll_error *err)
{
    ll_status status = LL_OK;
    cublasLtMatmulPreference_t preference = NULL;
    cublasLtMatmulHeuristicResult_t found[CANDIDATES];
    float best = 0.0f;
    int count = 0, chosen = -1;

    LL_TRY_DONE(CUBLAS(cublasLtMatmulPreferenceCreate(&preference)));
    LL_TRY_DONE(CUBLAS(cublasLtMatmulPreferenceSetAttribute(
        preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &k_workspace, sizeof k_workspace)));
    LL_TRY_DONE(CUBLAS(cublasLtMatmulAlgoGetHeuristic(p->library, p->operation, p->layout,
                                                      p->layout, p->layout, p->layout, preference,
                                                      CANDIDATES, found, &count)));
    for (int i = 0; i < count; i++) {
        if (found[i].state != CUBLAS_STATUS_SUCCESS) continue;
        p->algorithm = found[i].algo;
        if (measure(t, TRIES, multiply, p, err) != LL_OK) continue;
        if (chosen < 0 || t->times[0] < best) chosen = i, best = t->times[0];
    }
    if (chosen < 0) {
        status = ll_fail(err, LL_ERR_DEVICE, "cuBLASLt: no algorithm for a product");
        goto done;
    }
    p->algorithm = found[chosen].algo;
done:
    if (preference != NULL) cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

static ll_status run_product(size_t which, struct timer *t, ll_error *err)
{
    ll_status status = LL_OK;
    struct product p = {0};
    const cublasOperation_t transposed = CUBLAS_OP_T; /* as in all pairs: both row-major */
    const size_t bytes = (size_t)ORDER * ORDER * k_products[which].bytes;
    const cudaDataType_t type = k_products[which].type;

    LL_TRY_DONE(CUBLAS(cublasLtCreate(&p.library)));
    LL_TRY_DONE(
        CUBLAS(cublasLtMatmulDescCreate(&p.operation, k_products[which].compute, CUDA_R_32F)));
    LL_TRY_DONE(CUBLAS(cublasLtMatmulDescSetAttribute(p.operation, CUBLASLT_MATMUL_DESC_TRANSA,
                                                      &transposed, sizeof transposed)));
    LL_TRY_DONE(CUBLAS(cublasLtMatrixLayoutCreate(&p.layout, type, ORDER, ORDER, ORDER)));
    LL_TRY_DONE(CUDA(cudaMalloc(&p.a, bytes)));
    LL_TRY_DONE(CUDA(cudaMalloc(&p.b, bytes)));
    LL_TRY_DONE(CUDA(cudaMalloc(&p.c, bytes)));
    LL_TRY_DONE(CUDA(cudaMalloc(&p.workspace, k_workspace)));
    LL_TRY_DONE(draw(p.a, k_products[which].bytes, err));
    LL_TRY_DONE(draw(p.b, k_products[which].bytes, err));
    LL_TRY_DONE(choose(&p, t, err));
    LL_TRY_DONE(report(t, k_products[which].name, 2.0 * ORDER * ORDER * ORDER / 1e12, "TFLOP/s",
                       multiply, &p, err));
done:
    (void)cudaFree(p.workspace);
    (void)cudaFree(p.c);
    (void)cudaFree(p.b);
    (void)cudaFree(p.a);
    if (p.layout != NULL) cublasLtMatrixLayoutDestroy(p.layout);
    if (p.operation != NULL) cublasLtMatmulDescDestroy(p.operation);
    if (p.library != NULL) cublasLtDestroy(p.library);
    return status;
}

/* ---- copies ---- */

struct copy {
    void *to;
    const void *from;
    size_t bytes;
    enum cudaMemcpyKind kind;
};

static ll_status copy_once(void *context, ll_error *err)
{
    const struct copy *const c = context;
    return CUDA(cudaMemcpyAsync(c->to, c->from, c->bytes, c->kind, NULL));
}

static ll_status run_copies(struct timer *t, ll_error *err)
{
    ll_status status = LL_OK;
    void *host = NULL, *one = NULL, *two = NULL;

    LL_TRY_DONE(CUDA(cudaMallocHost(&host, k_host_copy)));
    memset(host, 0xA5, k_host_copy);
    LL_TRY_DONE(CUDA(cudaMalloc(&one, k_device_copy)));
    LL_TRY_DONE(CUDA(cudaMalloc(&two, k_device_copy)));
    LL_TRY_DONE(CUDA(cudaMemset(one, 0x5A, k_device_copy)));
    struct copy in = {one, host, k_host_copy, cudaMemcpyHostToDevice};
    struct copy out = {host, one, k_host_copy, cudaMemcpyDeviceToHost};
    struct copy within = {two, one, k_device_copy, cudaMemcpyDeviceToDevice};
    LL_TRY_DONE(report(t, "copy_in", (double)k_host_copy / 1e9, "GB/s", copy_once, &in, err));
    LL_TRY_DONE(report(t, "copy_out", (double)k_host_copy / 1e9, "GB/s", copy_once, &out, err));
    LL_TRY_DONE(report(t, "copy_within", 2.0 * (double)k_device_copy / 1e9, "GB/s", copy_once,
                       &within, err));
done:
    (void)cudaFree(two);
    (void)cudaFree(one);
    (void)cudaFreeHost(host);
    return status;
}

/* ---- the program ---- */

static ll_status describe(int device, ll_error *err)
{
    struct cudaDeviceProp p;
    int driver = 0, runtime = 0;

    LL_TRY(CUDA(cudaGetDeviceProperties(&p, device)));
    LL_TRY(CUDA(cudaDriverGetVersion(&driver)));
    LL_TRY(CUDA(cudaRuntimeGetVersion(&runtime)));
    printf("# device\t%s\n# compute_capability\t%d.%d\n", p.name, p.major, p.minor);
    printf("# multiprocessors\t%d\n# memory_bytes\t%zu\n# l2_bytes\t%d\n", p.multiProcessorCount,
           p.totalGlobalMem, p.l2CacheSize);
    printf("# shared_bytes_per_multiprocessor\t%zu\n# shared_bytes_per_block\t%zu\n",
           p.sharedMemPerMultiprocessor, p.sharedMemPerBlockOptin);
    printf("# registers_per_multiprocessor\t%d\n# threads_per_multiprocessor\t%d\n",
           p.regsPerMultiprocessor, p.maxThreadsPerMultiProcessor);
    printf("# memory_bus_bits\t%d\n# copy_engines\t%d\n", p.memoryBusWidth, p.asyncEngineCount);
    printf("# cuda_driver\t%d\n# cuda_runtime\t%d\n# cublaslt\t%zu\n", driver, runtime,
           cublasLtGetVersion());
    return LL_OK;
}

/* What cannot be measured does not keep the rest from it. */
static ll_status first_of(ll_status before, ll_status now)
{
    return before != LL_OK ? before : now;
}

static ll_status run(int device, ll_error *err)
{
    ll_status status = LL_OK;
    struct timer timer = {0};
    int devices = 0;

    if (cudaGetDeviceCount(&devices) != cudaSuccess || device >= devices)
        return ll_fail(err, LL_ERR_DEVICE, "no device");
    LL_TRY(CUDA(cudaSetDevice(device)));
    LL_TRY(describe(device, err));
    LL_TRY_DONE(CUDA(cudaEventCreate(&timer.begin)));
    LL_TRY_DONE(CUDA(cudaEventCreate(&timer.end)));
    for (size_t i = 0; i < sizeof k_products / sizeof k_products[0]; i++)
        status = first_of(status, run_product(i, &timer, err));
    status = first_of(status, run_copies(&timer, err));
done:
    if (timer.begin != NULL) (void)cudaEventDestroy(timer.begin);
    if (timer.end != NULL) (void)cudaEventDestroy(timer.end);
    return status;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int64_t device = 0;

    if (argc > 1) LL_TRY_DONE(ll_number_int("DEVICE", argv[1], 0, 1023, &device, &err));
    LL_TRY_DONE(run((int)device, &err));
done:
    if (status != LL_OK) fprintf(stderr, "gpu-ceilings: %s\n", err.text);
    return status == LL_OK ? 0 : status == LL_ERR_ARGUMENT ? 2 : 3;
}
