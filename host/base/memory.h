/* host/base/memory.h - the heap, with the error text filled in. Floor 0. */
#ifndef LL_BASE_MEMORY_H
#define LL_BASE_MEMORY_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** count * size_bytes zeroed bytes (at least 1), 64-byte aligned so that SIMD loads never split a
 *  cache line. `*out` is yours to free(); NULL on failure. LL_ERR_MEMORY names `what`. */
LL_NODISCARD ll_status ll_alloc(const char *what, int64_t count, size_t size_bytes, void *out,
                                ll_error *err);

/** Make room for `needed` elements in the growing array at `*items` (malloc'ed or NULL), doubling.
 *  `*capacity` counts elements. On LL_ERR_MEMORY the array is as it was. */
LL_NODISCARD ll_status ll_grow(const char *what, void *items, int64_t *capacity, int64_t needed,
                               size_t size_bytes, ll_error *err);

/** A copy of `text[0 .. length)` with a NUL after it, yours to free(). */
LL_NODISCARD ll_status ll_text_copy(const char *text, size_t length, char **out, ll_error *err);

/** printf into new memory, yours to free(). */
LL_NODISCARD ll_status ll_text_format(char **out, ll_error *err, const char *format, ...)
    LL_PRINTF(3, 4);

/** The same behind the text at `*text`, which is yours to free() or NULL and stays on failure. */
LL_NODISCARD ll_status ll_text_append(char **text, ll_error *err, const char *format, ...)
    LL_PRINTF(3, 4);

#endif
