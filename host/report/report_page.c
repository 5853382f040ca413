/* host/report/report_page.c - the frame of a report: head, heading, sections, and how figures are
 * written. See report.h.
 *
 * Nothing is fetched and nothing runs: the policy in the head forbids both, so that not even a text
 * we forgot to escape could. */
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <math.h>

static const struct {
    const char *id, *name;
} k_contents[] = {
    {"sheet", "Who looks like whom"}, {"scores", "Scores"}, {"duplicates", "Duplicates"},
    {"rejected", "Left out"},         {"run", "The run"},   {"made", "What made it"},
};

static void put_contents(FILE *to)
{
    fputs("<nav aria-label=\"Contents\"><ul>", to);
    for (size_t i = 0; i < sizeof k_contents / sizeof k_contents[0]; i++)
        fprintf(to, "<li><a href=\"#%s\">%s</a></li>", k_contents[i].id, k_contents[i].name);
    fputs("</ul></nav>\n", to);
}

static void put_warning(const ll_report *report)
{
    if (ll_query_trained(report->query)) return;
    fputs(
        "<aside class=\"warning\" role=\"note\"><strong>Untrained weights.</strong> The network "
        "behind this index has learned nothing: its kernels were drawn at random. Its scores show "
        "that everything works, not what shoppers would call alike. <code>lookloom weights fetch "
        "keras</code> gets the published ones.</aside>\n",
        report->to);
}

void ll_report_begin(const ll_report *report)
{
    FILE *const to = report->to;
    const ll_store_provenance *const p = ll_reader_provenance(report->reader);

    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\" />\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
        "<meta name=\"color-scheme\" content=\"light dark\" />\n"
        "<meta name=\"referrer\" content=\"no-referrer\" />\n"
        "<link rel=\"icon\" href=\"data:,\" />\n<title>",
        to);
    ll_html_text(to, report->title);
    fputs(" \xC2\xB7 lookloom</title>\n<style>\n", to);
    ll_report_style(to);
    fputs("</style>\n</head>\n<body>\n<header>\n<p class=\"mark\">lookloom</p>\n<h1>", to);
    ll_html_isolated(to, report->title);
    fputs("</h1>\n<p class=\"made\">made ", to);
    ll_html_isolated(to, p->created);
    fputs(" by ", to);
    ll_html_isolated(to, p->generator);
    fputs(", generation <code>", to);
    ll_html_text(to, ll_reader_generation(report->reader));
    fputs("</code></p>\n", to);
    put_contents(to);
    fputs("</header>\n<main>\n", to);
    put_warning(report);
}

void ll_report_section(const ll_report *report, const char *id, const char *heading)
{
    fprintf(report->to,
            "<section id=\"%s\" aria-labelledby=\"%s-heading\">\n<h2 id=\"%s-heading\">", id, id,
            id);
    ll_html_text(report->to, heading);
    fputs("</h2>\n", report->to);
}

void ll_report_section_end(const ll_report *report)
{
    fputs("</section>\n", report->to);
}

void ll_report_end(const ll_report *report)
{
    fprintf(
        report->to,
        "</main>\n<footer><p>Written by lookloom %s. Everything is in this one file.</p></footer>"
        "\n</body>\n</html>\n",
        report->version);
}

const char *ll_report_percent(int64_t part, int64_t whole, char buffer[LL_NUMBER_TEXT])
{
    const double percent = whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
    const bool fine = part > 0 && percent < 9.95;
    char number[LL_NUMBER_TEXT];

    if (fine && percent < 0.05) return ll_text_exact(buffer, LL_NUMBER_TEXT, "<0.1\xC2\xA0%%");
    return ll_text_exact(buffer, LL_NUMBER_TEXT, "%s\xC2\xA0%%",
                         ll_number_fixed(percent, fine ? 1 : 0, number));
}

const char *ll_report_score(double score, char buffer[LL_NUMBER_TEXT])
{
    if (isnan(score)) return ll_text_exact(buffer, LL_NUMBER_TEXT, "-");
    /* the smallest float above 0.80 is above 0.8: what is 1e-9 away was meant to be there */
    return ll_number_fixed(floor(score * 1000.0 + 1e-6) / 1000.0, 3, buffer);
}
