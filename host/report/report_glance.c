/* host/report/report_glance.c - the few figures one wants to know in the morning. See report.h.
 */
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <stdlib.h>

enum { THRESHOLD = 2 }; /* place of 0.80 in ll_report_thresholds */

static void figure(FILE *to, const char *name, const char *value, const char *more)
{
    fprintf(to, "<div><dt>%s</dt><dd>", name);
    ll_html_text(to, value);
    fputs("</dd>", to);
    if (more[0] != '\0') fprintf(to, "<dd class=\"more\">%s</dd>", more);
    fputs("</div>\n", to);
}

void ll_report_glance(const ll_report *report)
{
    const ll_report_scores *const s = &report->scores;
    const int64_t items = ll_reader_extents(report->reader)->items;
    FILE *const to = report->to;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], share[LL_NUMBER_TEXT];
    char more[LL_NUMBER_TEXT + sizeof " items"];

    fputs("<dl class=\"glance\">\n", to);
    figure(to, "items", ll_number_grouped(items, a), "");
    if (s->ten[THRESHOLD] >= 0) {
        ll_text_exact(more, sizeof more, "%s items", ll_number_grouped(s->ten[THRESHOLD], a));
        figure(to, "items with 10 neighbours &gt;= 0.80",
               ll_report_percent(s->ten[THRESHOLD], items, share), more);
    }
    ll_text_exact(more, sizeof more, "%s items", ll_number_grouped(s->one[THRESHOLD], a));
    figure(to, "with at least one", ll_report_percent(s->one[THRESHOLD], items, share), more);
    figure(to, "median best score", ll_report_score(s->best_median, share), "");
    more[0] = '\0';
    if (report->groups->count > 0)
        ll_text_exact(more, sizeof more, "%s items",
                      ll_number_grouped(report->groups->first[report->groups->count], b));
    figure(to, "groups of duplicates", ll_number_grouped(report->groups->count, a), more);
    figure(to, "photos left out", ll_number_grouped(report->rejects.count, a), "");
    fputs("</dl>\n", to);
}
