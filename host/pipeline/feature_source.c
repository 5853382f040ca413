/* host/pipeline/feature_source.c - see feature_source.h. */
#include "host/pipeline/feature_source.h"

#include "host/base/digest.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 256 };

struct drawing {
    const ll_feature_source *source;
    int64_t first;
    float *features; /* (ROWS_AT_ONCE, cols) */
};

static ll_status draw_one(void *context, int64_t task, int thread, ll_error *err)
{
    const struct drawing *const d = context;

    (void)thread, (void)err;
    d->source->row(d->source->of, d->first + task, d->features + task * d->source->cols);
    return LL_OK;
}

ll_status ll_feature_source_run(const ll_feature_source *source, int64_t rows, int threads,
                                ll_collect *collect, const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_extract_sink sink = ll_collect_sink(collect);
    const size_t row_bytes = (size_t)source->cols * sizeof(float);
    struct drawing d = {.source = source};

    LL_TRY_DONE(ll_alloc("features", ROWS_AT_ONCE, row_bytes, &d.features, err));
    for (; d.first < rows; d.first += ROWS_AT_ONCE) {
        const int64_t some = ll_min_i64(ROWS_AT_ONCE, rows - d.first);
        LL_TRY_DONE(ll_parallel_run(threads, some, draw_one, &d, err));
        for (int64_t r = 0; r < some; r++) {
            uint8_t digest[LL_DIGEST_BYTES];
            const float *const row = d.features + r * source->cols;
            ll_digest_bytes(row, row_bytes, digest);
            LL_TRY_DONE(sink.item(sink.to, d.first + r, digest, row, 1.0f, err));
        }
        ll_log_progress(log, "draw", d.first + some, rows);
    }
done:
    free(d.features);
    return status;
}
