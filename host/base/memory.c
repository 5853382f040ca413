/* host/base/memory.c - see memory.h. */
#include "host/base/memory.h"
#include "host/base/size.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* `out` and `items` are void * to a T *, so that callers need no cast; memcpy moves the pointer
 * without pretending that every T * is a void *. */
ll_status ll_alloc(const char *what, int64_t count, size_t size_bytes, void *out, ll_error *err)
{
    size_t bytes = 0;
    void *memory = NULL;

    memcpy(out, &memory, sizeof memory);
    LL_TRY(ll_size_mul(count, (int64_t)size_bytes, &bytes, err));
    if (bytes == 0) bytes = 1;
    if (posix_memalign(&memory, ALIGNMENT, bytes) != 0)
        return ll_fail(err, LL_ERR_MEMORY, "%s: no memory for %zu bytes", what, bytes);
    memset(memory, 0, bytes);
    memcpy(out, &memory, sizeof memory);
    return LL_OK;
}

ll_status ll_grow(const char *what, void *items, int64_t *capacity, int64_t needed,
                  size_t size_bytes, ll_error *err)
{
    int64_t wanted = ll_max_i64(*capacity, 16);
    size_t bytes = 0;
    void *memory = NULL;

    if (needed <= *capacity) return LL_OK;
    while (wanted < needed && wanted <= INT64_MAX / 2)
        wanted *= 2;
    LL_TRY(ll_size_mul(wanted, (int64_t)size_bytes, &bytes, err));
    memcpy(&memory, items, sizeof memory);
    memory = realloc(memory, bytes);
    if (memory == NULL)
        return ll_fail(err, LL_ERR_MEMORY, "%s: no memory for %zu bytes", what, bytes);
    memcpy(items, &memory, sizeof memory);
    *capacity = wanted;
    return LL_OK;
}

ll_status ll_text_copy(const char *text, size_t length, char **out, ll_error *err)
{
    *out = malloc(length + 1);
    if (*out == NULL) return ll_fail(err, LL_ERR_MEMORY, "text: no memory for %zu bytes", length);
    if (length > 0) memcpy(*out, text, length);
    (*out)[length] = '\0';
    return LL_OK;
}

/* Behind the `used` bytes that `*text` has; it stays as it is where there is no memory. */
static ll_status format_at(char **text, size_t used, ll_error *err, const char *format,
                           va_list args) LL_PRINTF(4, 0);
static ll_status format_at(char **text, size_t used, ll_error *err, const char *format,
                           va_list args)
{
    char *longer = NULL;
    va_list again;

    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length >= 0) longer = realloc(*text, used + (size_t)length + 1);
    if (longer == NULL) return ll_fail(err, LL_ERR_MEMORY, "text: no memory");
    vsnprintf(longer + used, (size_t)length + 1, format, args);
    *text = longer;
    return LL_OK;
}

ll_status ll_text_format(char **out, ll_error *err, const char *format, ...)
{
    va_list args;

    *out = NULL;
    va_start(args, format);
    const ll_status status = format_at(out, 0, err, format, args);
    va_end(args);
    return status;
}

ll_status ll_text_append(char **text, ll_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    const ll_status status = format_at(text, *text != NULL ? strlen(*text) : 0, err, format, args);
    va_end(args);
    return status;
}
