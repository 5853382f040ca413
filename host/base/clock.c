/* host/base/clock.c - see clock.h. */
#include "host/base/clock.h"
#include "host/base/text.h"

#include <time.h>

double ll_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock on Linux */
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *ll_clock_utc(char buffer[LL_CLOCK_TEXT])
{
    struct tm utc;
    const time_t now = time(NULL);
    gmtime_r(&now, &utc);
    /* as many digits as an int has, of the year alone: 26 characters */
    return ll_text_exact(buffer, LL_CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                         utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                         utc.tm_sec);
}
