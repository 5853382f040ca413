/* host/report/report_provenance.c - what made the index, word for word. See report.h. */
#include "host/base/number.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

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
    const ll_store_provenance *const p = ll_reader_provenance(report->reader);
    const ll_store_extents *const e = ll_reader_extents(report->reader);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"generation", ll_reader_generation(report->reader)},
        {"created", p->created},
        {"generator", p->generator},
        {"model", p->model},
        {"layer", p->layer},
        {"weights_name", p->weights_name},
        {"weights_trained", p->weights_trained ? "yes" : "no: random kernels"},
        {"weights_sha256", p->weights_sha256},
        {"license", p->license},
        {"preprocess", p->preprocess},
        {"resize", p->resize},
        {"exif", p->exif},
        {"alpha", p->alpha},
        {"decoder", p->decoder},
        {"image_root", p->image_root},
        {"backend", p->backend},
        {"device", p->device},
        {"precision", p->precision},
        {"engines", p->engines},
        {"fingerprint", p->fingerprint},
        {"within", p->within},
        {"matrix", ll_store_matrix_name(e->matrix)},
    };

    ll_report_section(report, "made", "What made it");
    fputs("<div class=\"wide\"><table class=\"provenance\">\n<tbody>\n", report->to);
    row(report->to, "format", LL_STORE_FORMAT);
    number(report->to, "format_version", LL_STORE_VERSION);
    number(report->to, "items", e->items);
    number(report->to, "neighbors", e->neighbors);
    number(report->to, "features", e->features);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        row(report->to, texts[i].name, texts[i].value);
    number(report->to, "rows_redone", p->rows_redone);
    fputs("</tbody></table></div>\n", report->to);
    ll_report_section_end(report);
}
