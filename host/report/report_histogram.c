/* host/report/report_histogram.c - how scores spread, as drawings that need no script. See
 * report.h. Positions across are percentages, so that a drawing is as wide as its column while its
 * letters keep their size. */
#include "host/base/number.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

enum { TOP = 26, FLOOR = 186, HEIGHT = 212 }; /* CSS pixels: where bars end, stand; all */

typedef struct histogram {
    const char *id, *heading, *unit;
    const int64_t *bins; /* (LL_REPORT_BINS) */
    int64_t count, similar;
} histogram;

static int64_t tallest(const int64_t *bins)
{
    int64_t most = 1;
    for (int i = 0; i < LL_REPORT_BINS; i++)
        if (bins[i] > most) most = bins[i];
    return most;
}

static void put_bars(FILE *to, const histogram *h)
{
    const double step = 100.0 / LL_REPORT_BINS,
                 scale = (double)(FLOOR - TOP) / (double)tallest(h->bins);
    char count[LL_NUMBER_TEXT];

    for (int i = 0; i < LL_REPORT_BINS; i++) {
        if (h->bins[i] == 0) continue;
        const double drawn = (double)h->bins[i] * scale;
        const double tall = drawn < 1.0 ? 1.0 : drawn; /* one item in a million is still there */
        fprintf(to,
                "<rect class=\"%s\" x=\"%.1f%%\" y=\"%.1f\" width=\"%.1f%%\" height=\"%.1f\">"
                "<title>%.2f to %.2f: %s</title></rect>\n",
                (double)i / LL_REPORT_BINS > LL_QUERY_MIN_SCORE - 1e-9 ? "like" : "below",
                i * step + 0.15, FLOOR - tall, step - 0.3, tall, (double)i / LL_REPORT_BINS,
                (double)(i + 1) / LL_REPORT_BINS, ll_number_grouped(h->bins[i], count));
    }
}

static void put_axes(FILE *to, const histogram *h)
{
    static const struct {
        int at;
        const char *anchor;
    } k_ticks[] = {{0, "start"}, {20, "middle"}, {40, "middle"}, {60, "middle"}, {100, "end"}};
    char most[LL_NUMBER_TEXT];

    fprintf(to, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>\n", TOP, TOP);
    fprintf(to, "<text class=\"most\" x=\"0\" y=\"%d\">%s %s</text>\n", TOP - 8,
            ll_number_grouped(tallest(h->bins), most), h->unit);
    fprintf(to, "<line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>\n", FLOOR, FLOOR);
    for (size_t i = 0; i < sizeof k_ticks / sizeof k_ticks[0]; i++)
        fprintf(to, "<text x=\"%d%%\" y=\"%d\" text-anchor=\"%s\">%.1f</text>\n", k_ticks[i].at,
                FLOOR + 18, k_ticks[i].anchor, k_ticks[i].at / 100.0);
    fprintf(to,
            "<line class=\"mark\" x1=\"80%%\" x2=\"80%%\" y1=\"%d\" y2=\"%d\"/>\n"
            "<text class=\"mark\" x=\"80%%\" y=\"%d\" text-anchor=\"middle\">0.80</text>\n",
            TOP - 8, FLOOR + 5, FLOOR + 18);
}

static void put_histogram(FILE *to, const histogram *h)
{
    char count[LL_NUMBER_TEXT], share[LL_NUMBER_TEXT];

    fprintf(to, "<figure class=\"histogram\"><h3>%s</h3>\n", h->heading);
    fprintf(
        to,
        "<svg role=\"img\" aria-labelledby=\"%s-title %s-text\" width=\"100%%\" height=\"%d\">\n"
        "<title id=\"%s-title\">Histogram: %s</title>\n<desc id=\"%s-text\">",
        h->id, h->id, HEIGHT, h->id, h->heading, h->id);
    ll_report_percent(h->similar, h->count, share);
    ll_html_text(to, share);
    fprintf(to, " of %s are 0.80 or more.</desc>\n", ll_number_grouped(h->count, count));
    put_axes(to, h);
    put_bars(to, h);
    fputs("</svg>\n<figcaption><strong>", to);
    ll_html_text(to, share);
    fprintf(to, "</strong> are 0.80 or more. ");
}

/* What the first histogram counts: everything, or what was drawn from it. */
static void put_source(const ll_report *report)
{
    const ll_report_scores *const s = &report->scores;
    const ll_store_extents *const e = ll_reader_extents(report->reader);
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];
    FILE *const to = report->to;

    ll_number_grouped(s->all_count, a);
    ll_number_grouped(s->rows, b);
    ll_number_grouped(e->items, c);
    if (s->from_matrix && s->rows == e->items)
        fprintf(to, "All %s pairs of the matrix.", a);
    else if (s->from_matrix)
        fprintf(to,
                "A sample: the %s scores of %s rows of the matrix, drawn out of %s (seed %llu).", a,
                b, c, (unsigned long long)report->seed);
    else
        fprintf(to,
                "The index has no matrix, so these are the %s scores of the nearest %lld only, of "
                "%s%s%s items: a far better lot than all pairs.",
                a, (long long)e->neighbors, s->rows == e->items ? "all " : "", b,
                s->rows == e->items ? "" : " drawn");
    fputs("</figcaption></figure>\n", to);
}

void ll_report_histograms(const ll_report *report)
{
    const ll_report_scores *const s = &report->scores;
    char count[LL_NUMBER_TEXT];

    fputs("<div class=\"pair\">\n", report->to);
    put_histogram(report->to,
                  &(histogram){"all-scores",
                               s->from_matrix ? "Scores of pairs" : "Scores of neighbours",
                               "scores", s->all, s->all_count, s->all_similar});
    put_source(report);
    put_histogram(report->to, &(histogram){"best-scores", "Best score of each item", "items",
                                           s->best, s->best_count, s->best_similar});
    fprintf(report->to, "All %s items that have a neighbour.</figcaption></figure>\n</div>\n",
            ll_number_grouped(s->best_count, count));
}
