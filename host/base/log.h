/* host/base/log.h - messages and progress from code that must not print.
 *
 * main owns stderr; everyone below gets a ll_log and calls it. A NULL ll_log is silent.
 * Calls may come from any thread; the receiver takes care of that. Floor 0. */
#ifndef LL_BASE_LOG_H
#define LL_BASE_LOG_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_log {
    void *to;
    /* One line for a person, without newline; one of more than a page ends in "...". */
    void (*line)(void *to, const char *text);
    /* The same, for --verbose; NULL without it. */
    void (*detail)(void *to, const char *text);
    /* `done` of `total` (0: unknown) units of `stage` are finished, e.g. ("embed", 64, 600). */
    void (*progress)(void *to, const char *stage, int64_t done, int64_t total);
    /* Is this the first call with this `text`? NULL: nothing is remembered, always true. */
    bool (*first)(void *to, const char *text);
} ll_log;

void ll_log_line(const ll_log *log, const char *format, ...) LL_PRINTF(2, 3);
void ll_log_detail(const ll_log *log, const char *format, ...) LL_PRINTF(2, 3);

/** The same, but a text that was logged before is not logged again. */
void ll_log_line_once(const ll_log *log, const char *format, ...) LL_PRINTF(2, 3);
void ll_log_detail_once(const ll_log *log, const char *format, ...) LL_PRINTF(2, 3);

void ll_log_progress(const ll_log *log, const char *stage, int64_t done, int64_t total);

#endif
