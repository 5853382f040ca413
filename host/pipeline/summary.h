/* host/pipeline/summary.h - the night in figures, as the JSON text of /run. Floor 5. */
#ifndef LL_PIPELINE_SUMMARY_H
#define LL_PIPELINE_SUMMARY_H

#include "host/pipeline/collect.h"
#include "host/pipeline/pipeline.h"

/** `*out` is yours to free(). */
LL_NODISCARD ll_status ll_summary_json(const ll_pipeline_summary *summary,
                                       const ll_collect *collect, char **out, ll_error *err);

#endif
