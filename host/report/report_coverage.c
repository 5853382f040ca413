/* host/report/report_coverage.c - how many items a shop could show something beside, were the
 * threshold this or that. See report.h. */
#include "host/base/number.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <math.h>

static void cell(FILE *to, int64_t part, int64_t whole)
{
    char count[LL_NUMBER_TEXT], share[LL_NUMBER_TEXT];

    if (part < 0) {
        fputs("<td class=\"number\" colspan=\"2\">not stored</td>", to);
        return;
    }
    fputs("<td class=\"number share\">", to);
    ll_html_text(to, ll_report_percent(part, whole, share));
    fprintf(to, "<span class=\"bar\"><i style=\"width:%.1f%%\"></i></span></td>",
            whole > 0 ? 100.0 * (double)part / (double)whole : 0.0);
    fprintf(to, "<td class=\"number\">%s</td>", ll_number_grouped(part, count));
}

void ll_report_coverage(const ll_report *report)
{
    const ll_report_scores *const s = &report->scores;
    const int64_t items = ll_reader_extents(report->reader)->items;
    FILE *const to = report->to;

    fputs(
        "<div class=\"wide\"><table class=\"coverage\">\n<caption>Coverage: items with 10 "
        "neighbours "
        "&gt;= the score, and with at least one</caption>\n<thead><tr><th scope=\"col\">score</th>"
        "<th scope=\"col\" colspan=\"2\">10 neighbours</th><th scope=\"col\" colspan=\"2\">at "
        "least "
        "one</th></tr></thead>\n<tbody>\n",
        to);
    for (int t = 0; t < LL_REPORT_THRESHOLDS; t++) {
        const double threshold = ll_report_thresholds[t];
        const bool usual = fabs(threshold - LL_QUERY_MIN_SCORE) < 1e-9;
        fprintf(to, "<tr%s><th scope=\"row\">&gt;= %.2f</th>", usual ? " class=\"usual\"" : "",
                threshold);
        cell(to, s->ten[t], items);
        cell(to, s->one[t], items);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}
