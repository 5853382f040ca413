/* host/pipeline/previous.h - what the previous index means for this run. Floor 5.
 */
#ifndef LL_PIPELINE_PREVIOUS_H
#define LL_PIPELINE_PREVIOUS_H

#include "host/backend/backend.h"
#include "host/base/status.h"
#include "host/catalog/catalog.h"
#include "host/store/reader.h"

#include <stdint.h>

/** Open the index at `path` for comparison; `*out` is NULL if there is no file yet. LL_ERR_FORMAT
 *  if a file is there that is no index: publishing would overwrite it. */
LL_NODISCARD ll_status ll_previous_open(const char *path, ll_reader **out, ll_error *err);

/** `--backend auto` never changes the backend of an existing index: LL_ERR_DEVICE if it would. */
LL_NODISCARD ll_status ll_previous_check_backend(const ll_reader *previous, const char *asked,
                                                 const ll_backend_info *opened, ll_error *err);

/** The engines that made the index, for a backend that could take them over: of the same kind, on
 *  the same device, in the same precision; else NULL. Borrowed from `previous`, which may be NULL.
 */
const char *ll_previous_engines(const ll_reader *previous, const ll_backend_info *backend);

typedef struct ll_previous_change {
    int64_t added, kept, removed;
} ll_previous_change;

/** Ids of the catalogue against ids of the index; `previous` may be NULL. */
ll_previous_change ll_previous_compare(const ll_reader *previous, const ll_catalog *catalog);

#endif
