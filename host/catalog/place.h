/* host/catalog/place.h - where in a catalogue something is wrong: file, line and column, in the one
 * line an ll_error has. Texts of a catalogue are long, or hold newlines; here they are cut and
 * tamed. Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_PLACE_H
#define LL_CATALOG_PLACE_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { LL_PLACE_TEXT = 48 }; /* bytes an excerpt may take, its NUL included */

/** `text` as it can stand in an error: cut between characters with "..." behind; control characters
 *  and what is no UTF-8 as '?'. Returns `out`. */
const char *ll_place_excerpt(const char *text, char out[LL_PLACE_TEXT]);

/** "a, b, c" of `count` names into `out`, which is returned; ", ..." where there is no room. */
const char *ll_place_names(const char *const *names, int count, char *out, size_t size_bytes);

/** ll_fail with "FILE:LINE: column COLUMN: " in front. A very long file name loses its beginning,
 *  so that the cause is never what gets cut. */
ll_status ll_place_fail(ll_error *err, ll_status code, const char *file, int64_t line,
                        const char *column, const char *format, ...) LL_PRINTF(6, 7);

#endif
