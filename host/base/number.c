/* host/base/number.c - see number.h. */
#include "host/base/number.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
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
    if (errno == ERANGE || __builtin_mul_overflow(value, unit, &value) || value < low)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: %s is too %s", name, text,
                       text[0] != '-' && value >= low ? "large" : "small");
    *out = value;
    return LL_OK;
}

const char *ll_number_grouped(int64_t value, char buffer[LL_NUMBER_TEXT])
{
    char digits[LL_NUMBER_TEXT];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, value);
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
    size_t unit = 0;

    while (bytes >= 999.5 && unit + 1 < sizeof k_units / sizeof k_units[0]) {
        bytes /= 1000.0;
        unit++;
    }
    snprintf(buffer, LL_NUMBER_TEXT, bytes < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
             k_units[unit]);
    return buffer;
}
