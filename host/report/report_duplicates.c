/* host/report/report_duplicates.c - photos that are there more than once, the largest groups
 * first. See report.h. */
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "host/report/html_text.h"
#include "host/report/report.h"
#include "host/report/report_thumbnail.h"

#include <math.h>
#include <stdlib.h>

enum { GROUPS_SHOWN = 12, PHOTOS_SHOWN = 6, SIDE = 128 };

typedef struct sized {
    int64_t group, size;
} sized;

/* By size, then as they stand in the catalogue. */
static int by_size(const void *a, const void *b)
{
    const sized *const x = a, *const y = b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return (x->group > y->group) - (x->group < y->group);
}

static ll_status put_item(ll_report *report, const ll_duplicate *item, ll_error *err)
{
    ll_status status = LL_OK;
    const int columns = ll_reader_columns(report->reader);
    size_t length = 0;
    const char *const bytes = ll_reader_id(report->reader, item->row, &length);
    char score[LL_NUMBER_TEXT], *id = NULL, *image = NULL, **values = NULL;

    LL_TRY_DONE(ll_text_copy(bytes, length, &id, err));
    LL_TRY_DONE(ll_alloc("attributes", columns, sizeof *values, &values, err));
    LL_TRY_DONE(ll_reader_item_texts(report->reader, item->row, &image, values, err));
    fputs("<li><figure><div class=\"tile\">", report->to);
    LL_TRY_DONE(ll_report_thumbnail(report, item->row, image, id, SIDE, err));
    fprintf(report->to,
            "</div><figcaption><span class=\"score\">%s</span><span class=\"id\" title=\"",
            ll_report_score(item->score, score));
    ll_html_text(report->to, id);
    fputs("\">", report->to);
    ll_html_isolated(report->to, id);
    fprintf(report->to, "</span>%s</figcaption></figure></li>\n",
            item->twin >= 0 ? "<span class=\"other\">same bytes</span>" : "");
done:
    for (int c = 0; values != NULL && c < columns; c++)
        free(values[c]);
    free(values);
    free(image);
    free(id);
    return status;
}

static ll_status put_group(ll_report *report, const sized *group, ll_error *err)
{
    const int64_t first = report->groups->first[group->group];
    const int64_t shown = ll_min_i64(group->size, PHOTOS_SHOWN);
    const double lowest = report->groups->lowest[group->group];
    char count[LL_NUMBER_TEXT], score[LL_NUMBER_TEXT];

    fprintf(report->to, "<li class=\"group\"><p>%s items", ll_number_grouped(group->size, count));
    if (!isnan(lowest))
        fprintf(report->to, ", lowest score <span class=\"lowest\">%s</span>",
                ll_report_score(lowest, score));
    fputs("</p><ul class=\"twins\">\n", report->to);
    for (int64_t i = 0; i < shown; i++)
        LL_TRY(put_item(report, &report->groups->items[first + i], err));
    if (shown < group->size)
        fprintf(report->to, "<li class=\"more\">and %s more</li>\n",
                ll_number_grouped(group->size - shown, count));
    fputs("</ul></li>\n", report->to);
    return LL_OK;
}

static void put_lead(const ll_report *report)
{
    const ll_duplicate_groups *const g = report->groups;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT];

    if (g->count == 0) {
        fprintf(report->to, "<p class=\"lead\">No two photos score %.3f or more.</p>\n",
                LL_REPORT_ALIKE);
        return;
    }
    fprintf(
        report->to,
        "<p class=\"lead\">%s group%s of photos that score %.3f or more, %s items together; %s of "
        "them have a twin of the very same bytes. Groups are chains of such links, so the lowest "
        "score in one may be less.%s <code>lookloom duplicates</code> lists them all; with "
        "<code>--every-pair</code> no two of a group score less.</p>\n",
        ll_number_grouped(g->count, a), g->count == 1 ? "" : "s", LL_REPORT_ALIKE,
        ll_number_grouped(g->first[g->count], b), ll_number_grouped(g->twins, c),
        g->count > GROUPS_SHOWN ? " The largest are shown." : "");
    if (!g->complete)
        fputs(
            "<p class=\"note\">One group may be listed as several: the index holds neither matrix "
            "nor features to look further than its lists of neighbours.</p>\n",
            report->to);
    if (!g->exact)
        fputs("<p class=\"note\">Some links rest on stored scores, which are rounded.</p>\n",
              report->to);
}

ll_status ll_report_duplicates(ll_report *report, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_duplicate_groups *const g = report->groups;
    sized *order = NULL;

    ll_report_section(report, "duplicates", "Duplicates");
    put_lead(report);
    LL_TRY_DONE(ll_alloc("groups", g->count, sizeof *order, &order, err));
    for (int64_t i = 0; i < g->count; i++)
        order[i] = (sized){i, g->first[i + 1] - g->first[i]};
    qsort(order, (size_t)g->count, sizeof *order, by_size);
    if (g->count > 0) fputs("<ul class=\"groups\">\n", report->to);
    for (int64_t i = 0; i < g->count && i < GROUPS_SHOWN; i++)
        LL_TRY_DONE(put_group(report, &order[i], err));
    if (g->count > 0) fputs("</ul>\n", report->to);
    ll_report_section_end(report);
done:
    free(order);
    return status;
}
