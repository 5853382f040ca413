/* host/base/text_write.c - see text_write.h. */
#include "host/base/text_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char k_dots[] = "...";

/* The character that the dots would begin within goes too. */
void ll_text_end_in_dots(char *out, size_t size_bytes)
{
    const size_t count = size_bytes < sizeof k_dots ? size_bytes : sizeof k_dots;
    size_t at = size_bytes - count;

    while (at > 0 && ((unsigned char)out[at] & 0xC0) == 0x80)
        at--;
    memcpy(out + at, k_dots + sizeof k_dots - count, count);
}

bool ll_text_write(char *out, size_t size_bytes, size_t used, const char *format, va_list args)
{
    assert(used < size_bytes);
    const int length = vsnprintf(out + used, size_bytes - used, format, args);
    if (length >= 0 && (size_t)length < size_bytes - used) return true;
    if (length < 0) memset(out + used, '.', size_bytes - used); /* longer than INT_MAX */
    ll_text_end_in_dots(out, size_bytes);
    return false;
}
