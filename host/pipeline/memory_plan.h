/* host/pipeline/memory_plan.h - how much of --memory a run needs, checked before the work.
 *
 * Counted is anonymous memory from the features on: texts, candidates, packed rows, tiles on their
 * way. Mapped files are not counted: features and the index go through the page cache, which the
 * system can shrink. Nor is the network (about 1.2 GB on the cpu), which is freed before anything
 * is compared. Floor 5. */
#ifndef LL_PIPELINE_MEMORY_PLAN_H
#define LL_PIPELINE_MEMORY_PLAN_H

#include "host/backend/backend.h"
#include "host/pipeline/pipeline.h"
#include "host/store/schema.h"

#include <stdint.h>

typedef struct ll_memory_plan {
    int64_t limit_bytes;   /* --memory; not given: a quarter of the machine's, or min_bytes */
    int64_t catalog_bytes; /* texts, rows, digests, and what the process holds anyway */
    int64_t compare_bytes; /* candidates, packed rows, tiles */
    int64_t min_bytes;     /* the two together */
    int64_t spare_bytes; /* what the limit leaves: three quarters for a band of the matrix, the rest
                            for tiles that arrive early for the next band */
} ll_memory_plan;

/** For a run that will write `extents` from features of `cols` columns; what the process holds at
 *  the moment of the call is taken to stay. */
ll_memory_plan ll_memory_plan_make(const ll_pipeline_options *options, const ll_backend *be,
                                   const ll_store_extents *extents, int64_t cols, int text_columns);

/** LL_ERR_MEMORY "--memory: 3.1 GB is the least for ..., 1.1 GB was given". */
LL_NODISCARD ll_status ll_memory_plan_check(const ll_memory_plan *plan,
                                            const ll_store_extents *extents, ll_error *err);

#endif
