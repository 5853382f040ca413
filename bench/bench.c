/* bench/bench.c - the loop and the limit every case shares; see bench.h. */
#include "bench/bench.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_RUNS = 3, MAX_RUNS = 100000, GEMM = 1024, GEMM_ROUNDS = 5 };

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ll_bench_median(double *times, int count, double *least)
{
    qsort(times, (size_t)count, sizeof *times, by_size);
    *least = times[0];
    return count % 2 == 1 ? times[count / 2] : 0.5 * (times[count / 2 - 1] + times[count / 2]);
}

ll_status ll_bench_repeat(ll_bench_fn run, void *context, double seconds, ll_bench_result *result,
                          ll_error *err)
{
    ll_status status = LL_OK;
    double *times = NULL, total = 0.0;
    int64_t capacity = 0;
    int runs = 0;

    if (seconds <= 0.0) seconds = 1.0;
    LL_TRY_DONE(run(context, err));
    while (runs < MAX_RUNS && (runs < MIN_RUNS || total < seconds)) {
        LL_TRY_DONE(ll_grow("times", &times, &capacity, runs + 1, sizeof *times, err));
        const double start = ll_clock_seconds();
        LL_TRY_DONE(run(context, err));
        times[runs] = ll_clock_seconds() - start;
        total += times[runs++];
    }
    result->runs = runs;
    result->median_s = ll_bench_median(times, runs, &result->min_s);
done:
    free(times);
    return status;
}

struct gemm {
    float *matrices; /* (threads, 3, 1024, 1024) */
};

static ll_status multiply(void *context, int64_t task, int thread, ll_error *err)
{
    const struct gemm *const gemm = context;
    float *const a = gemm->matrices + task * 3 * GEMM * GEMM;
    float *const b = a + GEMM * GEMM, *const c = b + GEMM * GEMM;
    (void)thread, (void)err;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, GEMM, GEMM, GEMM, 1.0f, a, GEMM, b, GEMM,
                0.0f, c, GEMM);
    return LL_OK;
}

ll_status ll_bench_limit_gemm(int threads, ll_bench_result *result, ll_error *err)
{
    ll_status status = LL_OK;
    struct gemm gemm = {0};
    double best = 0.0;
    const int64_t values = (int64_t)threads * 3 * GEMM * GEMM;
    const int before = openblas_get_num_threads();

    LL_TRY(ll_alloc("matrices", values, sizeof *gemm.matrices, &gemm.matrices, err));
    for (int64_t i = 0; i < values; i++)
        gemm.matrices[i] = (float)(i % 251) * 0x1p-8f;
    openblas_set_num_threads(1);
    for (int round = 0; round < GEMM_ROUNDS; round++) {
        const double start = ll_clock_seconds();
        LL_TRY_DONE(ll_parallel_run(threads, threads, multiply, &gemm, err));
        const double rate = 2.0 * GEMM * GEMM * GEMM * threads / (ll_clock_seconds() - start);
        if (rate > best) best = rate;
    }
    snprintf(result->limit_name, sizeof result->limit_name, "sgemm %d on %d threads, %.0f GFLOP/s",
             GEMM, threads, best / 1e9);
    result->limit = best / (result->flops / result->count);
done:
    openblas_set_num_threads(before);
    free(gemm.matrices);
    return status;
}
