/* host/catalog/catalog_error.h - errors in a catalogue, with file, line and column in the one line
 * of an ll_error. Texts of a catalogue may be long or hold newlines: they are truncated and control
 * characters are replaced. Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_ERROR_H
#define LL_CATALOG_ERROR_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { LL_CATALOG_EXCERPT = 48 }; /* bytes an excerpt may take, its NUL included */

/** `text` as it can stand in an error: cut between characters with "..." behind; control characters
 *  and what is no UTF-8 as '?'. Returns `out`. */
const char *ll_catalog_excerpt(const char *text, char out[LL_CATALOG_EXCERPT]);

/** "a, b, c" of `count` names into `out`, which is returned; ", ..." where there is no room. */
const char *ll_catalog_list_names(const char *const *names, int count, char *out,
                                  size_t size_bytes);

/** ll_fail with "FILE:LINE: column COLUMN: " in front. A very long file name loses its beginning,
 *  so that the cause is never what gets cut. */
ll_status ll_catalog_fail(ll_error *err, ll_status code, const char *file, int64_t line,
                          const char *column, const char *format, ...) LL_PRINTF(6, 7);

#endif
