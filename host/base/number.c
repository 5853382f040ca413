/* host/base/number.c - see number.h. */
#include "host/base/number.h"
#include "host/base/text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

ll_status ll_number_int(const char *name, const char *text, int64_t low, int64_t high, int64_t *out,
                        ll_error *err)
{
    char *end = NULL;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: '%s' is not a whole number", name, text);
    if (errno == ERANGE || value < low || value > high)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: %s is not between %" PRId64 " and %" PRId64, name,
                       text, low, high);
    *out = value;
    return LL_OK;
}

ll_status ll_number_real(const char *name, const char *text, double low, double high, double *out,
                         ll_error *err)
{
    char *end = NULL;

    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || strspn(text, "+-.0123456789eE") != strlen(text))
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: '%s' is not a number", name, text);
    if (!(value >= low && value <= high))
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: %s is not between %g and %g", name, text, low,
                       high);
    *out = value;
    return LL_OK;
}

ll_status ll_number_bytes(const char *name, const char *text, int64_t low, int64_t *out,
                          ll_error *err)
{
    static const char k_suffixes[] = "KMGT";
    char *end = NULL;
    long long unit = 1;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    const char *const suffix = end != text && *end != '\0' ? strchr(k_suffixes, *end) : NULL;
    if (suffix != NULL) {
        unit = 1LL << (10 * (suffix - k_suffixes + 1));
        end++;
    }
    if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: '%s' is not a size; write 512M or 4G", name,
                       text);
    const bool beyond = errno == ERANGE || __builtin_mul_overflow(value, unit, &value);
    if (beyond || value < low)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: %s is too %s", name, text,
                       beyond && text[0] != '-' ? "large" : "small");
    *out = value;
    return LL_OK;
}

/* 20 characters at most. */
const char *ll_number_text(int64_t value, char buffer[LL_NUMBER_TEXT])
{
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%" PRId64, value);
}

/* Below 1e15: a sign, 16 digits when it is rounded up, a point and 9 decimals. */
const char *ll_number_fixed(double value, int decimals, char buffer[LL_NUMBER_TEXT])
{
    assert(decimals >= 0 && decimals <= 9);
    if (fabs(value) >= 1e15) return ll_number_digits(value, 9, buffer);
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%.*f", decimals, value);
}

/* A sign, 17 digits, a point, "e+308". */
const char *ll_number_digits(double value, int digits, char buffer[LL_NUMBER_TEXT])
{
    assert(digits >= 1 && digits <= 17);
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%.*g", digits, value);
}

const char *ll_number_grouped(int64_t value, char buffer[LL_NUMBER_TEXT])
{
    char digits[LL_NUMBER_TEXT];
    const int length = (int)strlen(ll_number_text(value, digits));
    size_t to = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0) buffer[to++] = ' ';
        buffer[to++] = digits[i];
    }
    buffer[to] = '\0';
    return buffer;
}

const char *ll_number_size(double bytes, char buffer[LL_NUMBER_TEXT])
{
    static const char *const k_units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
    char number[LL_NUMBER_TEXT];
    size_t unit = 0;

    while (bytes >= 999.5 && unit + 1 < sizeof k_units / sizeof k_units[0]) {
        bytes /= 1000.0;
        unit++;
    }
    ll_number_fixed(bytes, bytes < 9.95 && unit > 0 ? 1 : 0, number);
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%s %s", number, k_units[unit]);
}
