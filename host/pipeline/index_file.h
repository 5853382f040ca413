/* host/pipeline/index_file.h - from finished features to a finished, unpublished index file.
 * Floor 5. */
#ifndef LL_PIPELINE_INDEX_FILE_H
#define LL_PIPELINE_INDEX_FILE_H

#include "host/backend/backend.h"
#include "host/pipeline/collect.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/provenance.h"

/** Compare all items and write everything to `path`. Fills summary->similarity and puts
 *  rows_redone into `provenance`. Up to `spare_bytes` of memory are used to gather rows of the
 *  matrix before they are written. */
LL_NODISCARD ll_status ll_index_file_write(const char *path, const ll_pipeline_options *options,
                                           const ll_catalog *catalog, const ll_collect *collect,
                                           ll_backend *be, int64_t spare_bytes,
                                           ll_provenance *provenance, ll_pipeline_summary *summary,
                                           ll_error *err);

#endif
