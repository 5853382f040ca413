/* host/store/findings.c - see findings.h. */
#include "host/store/findings.h"
#include "host/base/number.h"
#include "host/base/text.h"

#include <stdarg.h>

void ll_finding(ll_finding_kind *kind, const char *format, ...)
{
    char text[512];
    va_list args;

    atomic_fetch_add(&kind->findings->total, 1);
    if (atomic_fetch_add(&kind->count, 1) >= LL_FINDINGS_LINES) return;
    va_start(args, format);
    ll_text_say_args(text, sizeof text, format, args);
    va_end(args);
    ll_log_line(kind->findings->log, "%s%s", kind->name, text);
}

void ll_finding_end(ll_finding_kind *kind)
{
    char number[LL_NUMBER_TEXT];
    const int64_t more = atomic_load(&kind->count) - LL_FINDINGS_LINES;

    if (more > 0)
        ll_log_line(kind->findings->log, "%s: %s more of this kind", kind->name,
                    ll_number_grouped(more, number));
}
