/* host/query/bootstrap.h - confidence intervals of means over items. Floor 3; includes base.
 *
 * The percentile bootstrap: draw as many rows as there are, with replacement, take the means of the
 * columns, `resamples` times; the 2.5 % and 97.5 % quantiles of each mean (interpolated linearly)
 * are the interval. Draws come from SplitMix64, started afresh for each resample r at
 * mix(mix(mix(seed) + stream) + r), and a draw x picks row floor((x >> 32) * rows / 2^32): any
 * program can repeat them, and threads do not change them. */
#ifndef LL_QUERY_BOOTSTRAP_H
#define LL_QUERY_BOOTSTRAP_H

#include "host/base/status.h"

#include <stdint.h>

enum { LL_BOOTSTRAP_COLUMNS = 64 };

typedef struct ll_bootstrap {
    const double *values; /* (rows, columns) */
    int64_t rows;         /* 1 .. 2^32 - 1 */
    int columns;          /* 1 .. LL_BOOTSTRAP_COLUMNS */
    int64_t resamples;    /* 1 or more */
    uint64_t seed, stream;
    int threads;
    void *to; /* for `done`, called after every resample, from any thread; may be NULL */
    void (*done)(void *to);
} ll_bootstrap;

/** Into `low` and `high`, (columns) each. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_bootstrap_intervals(const ll_bootstrap *bootstrap, double *low,
                                              double *high, ll_error *err);

#endif
