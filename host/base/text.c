/* host/base/text.c - see text.h. */
#include "host/base/text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char k_dots[] = "...";

/* The character that the dots would begin within goes too. */
static void end_in_dots(char *out, size_t size_bytes)
{
    const size_t count = size_bytes < sizeof k_dots ? size_bytes : sizeof k_dots;
    size_t at = size_bytes - count;

    while (at > 0 && ((unsigned char)out[at] & 0xC0) == 0x80)
        at--;
    memcpy(out + at, k_dots + sizeof k_dots - count, count);
}

/* Behind the first `used` bytes; false if it was cut, and ends in dots. */
static bool write_text(char *out, size_t size_bytes, size_t used, const char *format, va_list args)
    LL_PRINTF(4, 0);
static bool write_text(char *out, size_t size_bytes, size_t used, const char *format, va_list args)
{
    assert(used < size_bytes);
    const int length = vsnprintf(out + used, size_bytes - used, format, args);
    if (length >= 0 && (size_t)length < size_bytes - used) return true;
    if (length < 0) memset(out + used, '.', size_bytes - used); /* longer than INT_MAX */
    end_in_dots(out, size_bytes);
    return false;
}

const char *ll_text_exact(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const bool whole = write_text(out, size_bytes, 0, format, args);
    va_end(args);
    assert(whole);
    (void)whole;
    return out;
}

ll_status ll_text_fit(char *out, size_t size_bytes, ll_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const bool whole = write_text(out, size_bytes, 0, format, args);
    va_end(args);
    if (whole) return LL_OK;
    const ll_status status =
        ll_fail(err, LL_ERR_UNSUPPORTED, "%s: more than %zu bytes long", out, size_bytes - 1);
    out[0] = '\0';
    return status;
}

const char *ll_text_say_args(char *out, size_t size_bytes, const char *format, va_list args)
{
    (void)write_text(out, size_bytes, 0, format, args);
    return out;
}

const char *ll_text_say(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)write_text(out, size_bytes, 0, format, args);
    va_end(args);
    return out;
}

const char *ll_text_say_more(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)write_text(out, size_bytes, strlen(out), format, args);
    va_end(args);
    return out;
}

void ll_text_mark_truncated(char *out, size_t size_bytes)
{
    if (strlen(out) + 1 >= size_bytes) end_in_dots(out, size_bytes);
}
