/* host/store/web_copy.h - the small copy for web servers (`--web`): items, attributes and
 * neighbours of a finished index under the same generation; no features, matrix, digests or
 * checksums a block. Floor 2; includes base, h5. */
#ifndef LL_STORE_WEB_COPY_H
#define LL_STORE_WEB_COPY_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/store/reader.h"

/** Write `path` (overwritten) from `reader`; publish it like any index (store/publish.h).
 *  On failure nothing is left at `path`. */
LL_NODISCARD ll_status ll_store_copy_web(ll_reader *reader, const char *path, const ll_log *log,
                                         ll_error *err);

#endif
