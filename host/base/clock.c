/* host/base/clock.c - see clock.h. */
#include "host/base/clock.h"

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
    strftime(buffer, LL_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return buffer;
}
