/* host/report/report_provenance.c - what made the index, word for word. See report.h. */
#include "host/base/number.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <string.h>

static void row(FILE *to, const char *name, const char *value)
{
    fprintf(to, "<tr><th scope=\"row\">%s</th><td>", name);
    if (value[0] == '\0')
        fputs("\xE2\x80\x93", to);
    else
        ll_html_isolated(to, value);
    fputs("</td></tr>\n", to);
}

static void number(FILE *to, const char *name, int64_t value)
{
    char text[LL_NUMBER_TEXT];
    row(to, name, ll_number_grouped(value, text));
}

void ll_report_provenance(const ll_report *report)
{
    const ll_store_extents *const e = ll_reader_extents(report->reader);
    const char *name = NULL, *text = NULL;
    int64_t value = 0;
    int at = 0;

    ll_report_section(report, "made", "What made it");
    fputs("<div class=\"wide\"><table class=\"provenance\">\n<tbody>\n", report->to);
    row(report->to, "format", LL_STORE_FORMAT);
    number(report->to, "format_version", LL_STORE_VERSION);
    number(report->to, "items", e->items);
    number(report->to, "neighbors", e->neighbors);
    number(report->to, "features", e->features);
    row(report->to, "generation", ll_reader_generation(report->reader));
    row(report->to, "matrix", ll_store_matrix_name(e->matrix));
    while (ll_reader_next_field(report->reader, &at, &name, &text, &value))
        if (strcmp(name, "weights_trained") == 0)
            row(report->to, name, value ? "yes" : "no: random kernels");
        else if (text != NULL)
            row(report->to, name, text);
        else
            number(report->to, name, value);
    fputs("</tbody></table></div>\n", report->to);
    ll_report_section_end(report);
}
