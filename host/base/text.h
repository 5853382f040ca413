/* host/base/text.h - formats text into buffers of a fixed size and never truncates it silently.
 *
 *   ll_text_exact   the buffer is large enough by construction: numbers, words from our own tables
 *   ll_text_fit     decides something (a path, a name, a key): what does not fit is a failure
 *   ll_text_say     is for a person: what does not fit ends in "..."
 *
 * What may be of any length is made by ll_text_format and ll_text_append (memory.h). Calls of the C
 * library that truncate silently (snprintf, strncpy, ...) are used nowhere else; tests/lint/banned
 * checks that. Floor 0. */
#ifndef LL_BASE_TEXT_H
#define LL_BASE_TEXT_H

#include "host/base/status.h"

#include <stdarg.h>
#include <stddef.h>

/** printf into `out`, which has room for whatever comes; returned. That it has is asserted; without
 *  assertions a text that does not fit ends in "...". Where the bound is not plain to see, a
 *  comment beside the size derives it. `size_bytes` counts the NUL, here and below. */
const char *ll_text_exact(char *out, size_t size_bytes, const char *format, ...) LL_PRINTF(3, 4);

/** printf into `out`, or LL_ERR_UNSUPPORTED with the text's beginning, and "" in `out`. */
LL_NODISCARD ll_status ll_text_fit(char *out, size_t size_bytes, ll_error *err, const char *format,
                                   ...) LL_PRINTF(4, 5);

/** printf into `out`, which is returned. A text that does not fit ends in "...", and never within a
 *  character of UTF-8. */
const char *ll_text_say(char *out, size_t size_bytes, const char *format, ...) LL_PRINTF(3, 4);
const char *ll_text_say_args(char *out, size_t size_bytes, const char *format, va_list args)
    LL_PRINTF(3, 0);

/** The same behind the text that `out` holds. */
const char *ll_text_say_more(char *out, size_t size_bytes, const char *format, ...) LL_PRINTF(3, 4);

/** For a text that a library has put into `out`: one that fills it may have been cut, and ends in
 *  "..." now. */
void ll_text_mark_truncated(char *out, size_t size_bytes);

#endif
