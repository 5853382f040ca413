/* host/base/log.c - see log.h. */
#include "host/base/log.h"
#include "host/base/text.h"

#include <stdarg.h>
#include <stddef.h>

enum { LINE_BYTES = 4096 + 512 }; /* the longest path and what there is to say of it */

void ll_log_line(const ll_log *log, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;

    if (log == NULL || log->line == NULL) return;
    va_start(args, format);
    ll_text_say_args(text, sizeof text, format, args);
    va_end(args);
    log->line(log->to, text);
}

void ll_log_detail(const ll_log *log, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list args;

    if (log == NULL || log->detail == NULL) return;
    va_start(args, format);
    ll_text_say_args(text, sizeof text, format, args);
    va_end(args);
    log->detail(log->to, text);
}

void ll_log_progress(const ll_log *log, const char *stage, int64_t done, int64_t total)
{
    if (log != NULL && log->progress != NULL) log->progress(log->to, stage, done, total);
}
