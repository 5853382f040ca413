/* host/base/clock.h - how long something took, and when it was. Floor 0. */
#ifndef LL_BASE_CLOCK_H
#define LL_BASE_CLOCK_H

enum { LL_CLOCK_TEXT = 32 };

/** Seconds of a clock that never jumps; only differences mean anything. */
double ll_clock_seconds(void);

/** Now as "2026-11-23T04:00:00Z" into `buffer`, which is returned. */
const char *ll_clock_utc(char buffer[LL_CLOCK_TEXT]);

#endif
