/* host/pipeline/forecast.h - how much disk space a run will need, checked before hours of work.
 *
 * Counts every row of the catalogue except those whose image is a URL or empty: how many photos
 * will be rejected is not known before they are decoded. Floor 5. */
#ifndef LL_PIPELINE_FORECAST_H
#define LL_PIPELINE_FORECAST_H

#include "host/pipeline/memory_plan.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/probe.h"
#include "host/store/store_size.h"

#include <stdint.h>

typedef struct ll_forecast {
    ll_store_extents extents; /* of the new file */
    int64_t cols;             /* of a feature */
    ll_store_text_size texts;
    ll_store_size file;
    int64_t scratch_bytes; /* features waiting in the work folder beside it */
    int64_t old_bytes;     /* the index there now, which stays as INDEX.previous.h5; 0: none */
    int64_t needed_bytes;  /* of free space: file, scratch and a margin */
    int64_t room_bytes;    /* free space, plus what a killed run left behind */

    /* Only set by a dry run. */
    char refused[256]; /* why nothing would be published, or "" */
    ll_memory_plan memory;
    ll_probe probe;
} ll_forecast;

/** Sizes and room. `cols` is the width of a feature. */
LL_NODISCARD ll_status ll_forecast_make(const ll_pipeline_options *options,
                                        const ll_catalog *catalog, int64_t cols, ll_forecast *out,
                                        ll_error *err);

/** LL_ERR_IO "INDEX.h5: needs 4.0 TB, the disk has 61 GB free; --matrix uint16 needs ..." */
LL_NODISCARD ll_status ll_forecast_check(const ll_forecast *forecast,
                                         const ll_pipeline_options *options, ll_error *err);

/** What ll_pipeline_index would do and take, without doing it: nothing is written. Where the disk
 *  cannot hold it, the failure of ll_forecast_check, with all of `out` but memory and probe. */
LL_NODISCARD ll_status ll_pipeline_forecast(const ll_pipeline_options *options, ll_forecast *out,
                                            ll_error *err);

#endif
