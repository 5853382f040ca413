/* host/base/text_write.h - printf into a buffer of a fixed size, which is told when it was too
 * small.
 *
 * What text.h and the text of an error (status.h) are both made with, and so below either. Floor 0.
 */
#ifndef LL_BASE_TEXT_WRITE_H
#define LL_BASE_TEXT_WRITE_H

#include "host/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/** printf into `out` of `size_bytes`, behind its first `used` bytes; false if it was cut, and ends
 *  in "...", never within a character of UTF-8. */
bool ll_text_write(char *out, size_t size_bytes, size_t used, const char *format, va_list args)
    LL_PRINTF(4, 0);

/** Put "..." at the end of a buffer that is full. */
void ll_text_end_in_dots(char *out, size_t size_bytes);

#endif
