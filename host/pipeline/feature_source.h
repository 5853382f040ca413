/* host/pipeline/feature_source.h - features that do not come from photos: the run then only
 * compares, writes and publishes. For benchmarks and tests. Floor 5. */
#ifndef LL_PIPELINE_FEATURE_SOURCE_H
#define LL_PIPELINE_FEATURE_SOURCE_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/pipeline/collect.h"

#include <stdint.h>

typedef struct ll_feature_source {
    const void *of;
    int64_t cols;
    /* Unit features (cols) of a catalogue row. Called from several threads. */
    void (*row)(const void *of, int64_t row, float *features);
} ll_feature_source;

/** All rows into `collect`; no photo is looked at. A row's digest is that of its features. */
LL_NODISCARD ll_status ll_feature_source_run(const ll_feature_source *source, int64_t rows,
                                             int threads, ll_collect *collect, const ll_log *log,
                                             ll_error *err);

#endif
