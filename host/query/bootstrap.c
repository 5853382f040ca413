/* host/query/bootstrap.c - see bootstrap.h. */
#include "host/query/bootstrap.h"

#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/random.h"

#include <stdlib.h>

typedef struct resampling {
    const ll_bootstrap *asked;
    double *means; /* (columns, resamples) */
} resampling;

static ll_status resample(void *context, int64_t task, int thread, ll_error *err)
{
    const resampling *const to = context;
    const ll_bootstrap *const b = to->asked;
    uint64_t state =
        ll_random_mix(ll_random_mix(ll_random_mix(b->seed) + b->stream) + (uint64_t)task);
    double sums[LL_BOOTSTRAP_COLUMNS] = {0.0};

    (void)thread;
    (void)err;
    for (int64_t i = 0; i < b->rows; i++) {
        const uint64_t row = (ll_random_next(&state) >> 32) * (uint64_t)b->rows >> 32;
        const double *const values = b->values + (int64_t)row * b->columns;
        for (int c = 0; c < b->columns; c++)
            sums[c] += values[c];
    }
    for (int c = 0; c < b->columns; c++)
        to->means[c * b->resamples + task] = sums[c] / (double)b->rows;
    if (b->done != NULL) b->done(b->to);
    return LL_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t count, double part)
{
    const double position = part * (double)(count - 1);
    const int64_t below = (int64_t)position, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (position - (double)below) * (sorted[above] - sorted[below]);
}

ll_status ll_bootstrap_intervals(const ll_bootstrap *bootstrap, double *low, double *high,
                                 ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t resamples = bootstrap->resamples;
    resampling to = {.asked = bootstrap};

    LL_TRY_DONE(
        ll_alloc("resamples", resamples * bootstrap->columns, sizeof *to.means, &to.means, err));
    LL_TRY_DONE(ll_parallel_run(bootstrap->threads, resamples, resample, &to, err));
    for (int c = 0; c < bootstrap->columns; c++) {
        double *const means = to.means + c * resamples;
        qsort(means, (size_t)resamples, sizeof *means, ascending);
        low[c] = quantile(means, resamples, 0.025);
        high[c] = quantile(means, resamples, 0.975);
    }
done:
    free(to.means);
    return status;
}
