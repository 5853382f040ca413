/* host/pipeline/memory_plan.h - what --memory has to hold: known before the work, and refused then.
 *
 * Counted is anonymous memory from the features on: texts, candidates, packed rows, tiles on their
 * way. Mapped files are not: features and the index are read and written through the page cache,
 * which gives way. Nor is the network, whose memory is its own (about 1.2 GB on the cpu) and given
 * back before anything is compared. Floor 5. */
#ifndef LL_PIPELINE_MEMORY_PLAN_H
#define LL_PIPELINE_MEMORY_PLAN_H

#include "host/backend/backend.h"
#include "host/pipeline/pipeline.h"
#include "host/store/schema.h"

#include <stdint.h>

typedef struct ll_memory_plan {
    int64_t limit_bytes;   /* --memory; not given: a quarter of the machine's, or least_bytes */
    int64_t catalog_bytes; /* texts, rows, digests, and what the process holds anyway */
    int64_t compare_bytes; /* candidates, packed rows, tiles */
    int64_t least_bytes;   /* the two together */
    int64_t spare_bytes; /* of the limit beyond that: three quarters for rows of the matrix on their
                            way, the rest for what comes early for the next of them */
} ll_memory_plan;

/** For a run that will write `extents` from features of `cols` columns; what the process holds at
 *  the moment of the call is taken to stay. */
ll_memory_plan ll_memory_plan_make(const ll_pipeline_options *options, const ll_backend *be,
                                   const ll_store_extents *extents, int64_t cols, int text_columns);

/** LL_ERR_MEMORY "--memory: 3.1 GB is the least for ..., 1.1 GB was given". */
LL_NODISCARD ll_status ll_memory_plan_check(const ll_memory_plan *plan,
                                            const ll_store_extents *extents, ll_error *err);

#endif
