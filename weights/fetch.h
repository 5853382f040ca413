/* weights/fetch.h - download a published weights file: resumed, checked, published whole.
 * Floor 2; includes base. */
#ifndef LL_WEIGHTS_FETCH_H
#define LL_WEIGHTS_FETCH_H

#include "host/base/log.h"
#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_weights_source {
    const char *name; /* "keras" */
    const char *url;
    const char *file; /* name it gets in the data folder, e.g. "keras.h5" */
    const char *md5;  /* pinned digest */
    int64_t size_bytes;
    const char *license; /* said when it is fetched */
} ll_weights_source;

/** A known source by name, or NULL. */
const ll_weights_source *ll_weights_source_find(const char *name);

/** Download `source` to `target`. What an earlier try left in `target`.part is resumed; a wrong
 *  digest removes it and fails with LL_ERR_FORMAT; no network is LL_ERR_IO and keeps the part.
 *  `timeout_s` bounds the whole transfer (0: none). */
LL_NODISCARD ll_status ll_weights_fetch(const ll_weights_source *source, const char *target,
                                        long timeout_s, const ll_log *log, ll_error *err);

#endif
