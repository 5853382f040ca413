/* host/base/text.c - see text.h. */
#include "host/base/text.h"
#include "host/base/text_write.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

const char *ll_text_exact(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const bool whole = ll_text_write(out, size_bytes, 0, format, args);
    va_end(args);
    assert(whole);
    (void)whole;
    return out;
}

ll_status ll_text_fit(char *out, size_t size_bytes, ll_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const bool whole = ll_text_write(out, size_bytes, 0, format, args);
    va_end(args);
    if (whole) return LL_OK;
    const ll_status status =
        ll_fail(err, LL_ERR_UNSUPPORTED, "%s: more than %zu bytes long", out, size_bytes - 1);
    out[0] = '\0';
    return status;
}

const char *ll_text_say_args(char *out, size_t size_bytes, const char *format, va_list args)
{
    (void)ll_text_write(out, size_bytes, 0, format, args);
    return out;
}

const char *ll_text_say(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)ll_text_write(out, size_bytes, 0, format, args);
    va_end(args);
    return out;
}

const char *ll_text_say_more(char *out, size_t size_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)ll_text_write(out, size_bytes, strlen(out), format, args);
    va_end(args);
    return out;
}

void ll_text_mark_truncated(char *out, size_t size_bytes)
{
    if (strlen(out) + 1 >= size_bytes) ll_text_end_in_dots(out, size_bytes);
}
