/* host/report/report_rejects.c - what was left out of the index, by reason. See report.h. */
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <stdlib.h>
#include <string.h>

enum { REASONS_SHOWN = 30, EXAMPLES = 3 };

typedef struct reject {
    const char *reason;
    int64_t index; /* in the catalogue's order */
} reject;

typedef struct reason {
    int64_t first, count; /* of the sorted rejects */
} reason;

static int by_reason(const void *a, const void *b)
{
    const reject *const x = a, *const y = b;
    const int differ = strcmp(x->reason, y->reason);
    return differ != 0 ? differ : (x->index > y->index) - (x->index < y->index);
}

/* Reasons are sorted by name before, and `first` keeps that order among equals. */
static int by_count(const void *a, const void *b)
{
    const reason *const x = a, *const y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

static void put_reason(const ll_report *report, const reject *rejects, const reason *why)
{
    FILE *const to = report->to;
    char count[LL_NUMBER_TEXT];

    fputs("<tr><th scope=\"row\">", to);
    ll_html_isolated(to, rejects[why->first].reason);
    fprintf(to, "</th><td class=\"number\">%s</td><td><ul class=\"examples\">",
            ll_number_grouped(why->count, count));
    for (int64_t i = 0; i < why->count && i < EXAMPLES; i++) {
        const int64_t index = rejects[why->first + i].index;
        fputs("<li><span class=\"id\">", to);
        ll_html_isolated(to, report->rejects.ids[index]);
        fputs("</span> <span class=\"path\">", to);
        ll_html_isolated(to, report->rejects.images[index]);
        fputs("</span></li>", to);
    }
    fputs("</ul></td></tr>\n", to);
}

static void put_table(const ll_report *report, const reject *rejects, const reason *reasons,
                      int64_t count)
{
    FILE *const to = report->to;
    char total[LL_NUMBER_TEXT], left[LL_NUMBER_TEXT];

    fprintf(
        to,
        "<p class=\"lead\">%s photo%s could not be used, for %lld reason%s. <code>lookloom info "
        "--rejected</code> lists each.</p>\n<div class=\"wide\"><table>\n<thead><tr><th "
        "scope=\"col\">reason</th><th scope=\"col\" class=\"number\">photos</th><th "
        "scope=\"col\">the first of them</th></tr></thead>\n<tbody>\n",
        ll_number_grouped(report->rejects.count, total), report->rejects.count == 1 ? "" : "s",
        (long long)count, count == 1 ? "" : "s");
    for (int64_t i = 0; i < count && i < REASONS_SHOWN; i++)
        put_reason(report, rejects, &reasons[i]);
    fputs("</tbody></table></div>\n", to);
    if (count > REASONS_SHOWN)
        fprintf(to, "<p class=\"note\">And %s rarer reasons.</p>\n",
                ll_number_grouped(count - REASONS_SHOWN, left));
}

ll_status ll_report_rejects(const ll_report *report, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t total = report->rejects.count;
    reject *rejects = NULL;
    reason *reasons = NULL;
    int64_t count = 0;

    ll_report_section(report, "rejected", "Left out");
    LL_TRY_DONE(ll_alloc("rejects", total, sizeof *rejects, &rejects, err));
    LL_TRY_DONE(ll_alloc("reasons", total, sizeof *reasons, &reasons, err));
    for (int64_t i = 0; i < total; i++)
        rejects[i] = (reject){report->rejects.reasons[i], i};
    qsort(rejects, (size_t)total, sizeof *rejects, by_reason);
    for (int64_t i = 0; i < total; i++) {
        if (i == 0 || strcmp(rejects[i].reason, rejects[i - 1].reason) != 0)
            reasons[count++].first = i;
        reasons[count - 1].count++;
    }
    qsort(reasons, (size_t)count, sizeof *reasons, by_count);
    if (total == 0)
        fputs("<p class=\"lead\">Nothing: every photo of the catalogue is in the index.</p>\n",
              report->to);
    else
        put_table(report, rejects, reasons, count);
    ll_report_section_end(report);
done:
    free(rejects);
    free(reasons);
    return status;
}
