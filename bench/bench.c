/* bench/bench.c - the loop and the limit every case shares; see bench.h. */
#include "bench/bench.h"
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_RUNS = 3, MAX_RUNS = 100000 };

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

ll_status ll_bench_limit_multiply(int threads, ll_bench_passing passing, ll_bench_result *result,
                                  ll_error *err)
{
    static const struct {
        double times;
        const char *why;
    } k_passing[] = {
        [LL_BENCH_PASS_NOTHING] = {1.0, ""},
        [LL_BENCH_PASS_WINOGRAD_2] = {2.25, "; Winograd 2x2 needs 1/2.25"},
        [LL_BENCH_PASS_WINOGRAD_4] = {4.0, "; Winograd 4x4 needs 1/4"},
        [LL_BENCH_PASS_SYMMETRY] = {2.0, "; symmetry needs half"},
    };
    double rate = 0.0;
    const char *vectors = NULL;

    LL_TRY(ll_limit_multiply(threads, &rate, &vectors, err));
    LL_TRY(ll_text_fit(result->limit_name, sizeof result->limit_name, err,
                       "multiply-add %s on %d thread%s, %.0f GFLOP/s%s", vectors, threads,
                       threads == 1 ? "" : "s", rate / 1e9, k_passing[passing].why));
    result->limit = rate / (result->flops / result->count);
    result->may_pass = k_passing[passing].times;
    return LL_OK;
}

bool ll_bench_beyond_limit(const ll_bench_result *result)
{
    return result->limit > 0.0 && result->may_pass > 0.0 && result->min_s > 0.0 &&
           result->count / result->min_s > result->limit * result->may_pass;
}
