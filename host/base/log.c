/* host/base/log.c - see log.h. */
#include "host/base/log.h"
#include "host/base/text.h"

#include <stdarg.h>
#include <stddef.h>

enum { LINE_BYTES = 4096 + 512 }; /* the longest path and what there is to say of it */

static void say(const ll_log *log, void (*to)(void *to, const char *text), bool once,
                const char *format, va_list args)
{
    char text[LINE_BYTES];

    if (to == NULL) return;
    ll_text_say_args(text, sizeof text, format, args);
    if (once && log->first != NULL && !log->first(log->to, text)) return;
    to(log->to, text);
}

void ll_log_line(const ll_log *log, const char *format, ...)
{
    va_list args;

    if (log == NULL) return;
    va_start(args, format);
    say(log, log->line, false, format, args);
    va_end(args);
}

void ll_log_detail(const ll_log *log, const char *format, ...)
{
    va_list args;

    if (log == NULL) return;
    va_start(args, format);
    say(log, log->detail, false, format, args);
    va_end(args);
}

void ll_log_line_once(const ll_log *log, const char *format, ...)
{
    va_list args;

    if (log == NULL) return;
    va_start(args, format);
    say(log, log->line, true, format, args);
    va_end(args);
}

void ll_log_detail_once(const ll_log *log, const char *format, ...)
{
    va_list args;

    if (log == NULL) return;
    va_start(args, format);
    say(log, log->detail, true, format, args);
    va_end(args);
}

void ll_log_progress(const ll_log *log, const char *stage, int64_t done, int64_t total)
{
    if (log != NULL && log->progress != NULL) log->progress(log->to, stage, done, total);
}
