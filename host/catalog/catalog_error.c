/* host/catalog/catalog_error.c - see catalog_error.h. */
#include "host/catalog/catalog_error.h"
#include "host/base/text.h"
#include "host/base/utf8.h"

#include <stdarg.h>
#include <string.h>

static int is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

const char *ll_catalog_excerpt(const char *text, char out[LL_CATALOG_EXCERPT])
{
    static const char dots[] = "...";
    size_t length = strlen(text);
    const int cut = length >= LL_CATALOG_EXCERPT;

    if (cut) {
        length = LL_CATALOG_EXCERPT - sizeof dots;
        while (length > 0 && is_continuation(text[length]))
            length--;
    }
    memcpy(out, text, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7F) out[i] = '?';
    for (size_t at = 0; (at += ll_utf8_check(out + at, length - at)) < length; at++)
        out[at] = '?';
    memcpy(out + length, cut ? dots : "", cut ? sizeof dots : 1);
    return out;
}

const char *ll_catalog_list_names(const char *const *names, int count, char *out, size_t size_bytes)
{
    static const char more[] = ", ...";
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        char name[LL_CATALOG_EXCERPT];
        const size_t length = strlen(ll_catalog_excerpt(names[i], name)) + (i > 0 ? 2 : 0);
        if (used + length + sizeof more > size_bytes) {
            ll_text_say_more(out, size_bytes, "%s", more);
            break;
        }
        ll_text_say_more(out, size_bytes, "%s%s", i > 0 ? ", " : "", name);
        used += length;
    }
    return out;
}

ll_status ll_catalog_fail(ll_error *err, ll_status code, const char *file, int64_t line,
                          const char *column, const char *format, ...)
{
    enum { FILE_MAX = 90 }; /* of 256; a column takes up to 47, the cause the rest */
    const size_t length = strlen(file);
    const char *dots = "";
    char name[LL_CATALOG_EXCERPT], cause[256];
    va_list args;

    va_start(args, format);
    ll_text_say_args(cause, sizeof cause, format, args);
    va_end(args);
    if (length > FILE_MAX) {
        file += length - FILE_MAX;
        while (is_continuation(*file))
            file++;
        dots = "...";
    }
    return ll_fail(err, code, "%s%s:%lld: column %s: %s", dots, file, (long long)line,
                   ll_catalog_excerpt(column, name), cause);
}
