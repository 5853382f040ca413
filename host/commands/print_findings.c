/* host/commands/print_findings.c - see print_findings.h. */
#include "host/commands/print_findings.h"

#include <stdint.h>
#include <stdio.h>

static void print_line(void *to, const char *text)
{
    (void)to;
    printf("%s\n", text); /* one call a line: stdio keeps threads apart */
}

static void pass_progress(void *to, const char *stage, int64_t done, int64_t total)
{
    ll_log_progress(to, stage, done, total);
}

ll_log ll_findings_log(const ll_log *talk)
{
    /* `to` is not const in ll_log because most receivers change; ours is only read. */
    return (ll_log){.to = (void *)(uintptr_t)talk, .line = print_line, .progress = pass_progress};
}
