/* host/report/report_sheet.c - the contact sheet: items as a shopper sees them, each beside its
 * ten nearest. See report.h. */
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/image/decode.h"
#include "host/report/html_text.h"
#include "host/report/report.h"
#include "host/report/report_thumbnail.h"

#include <stdlib.h>
#include <string.h>

enum { ASKED_SIDE = LL_IMAGE_SIDE, NEAR_SIDE = 176, VALUES_SHOWN = 3, ATTRIBUTES_SHOWN = 8 };

static const float k_similar = (float)LL_QUERY_MIN_SCORE;

/* The item that is asked about, with its own texts. */
typedef struct asked {
    int64_t row;
    char *id, *image, **values;
} asked;

static ll_status asked_init(const ll_report *report, int64_t row, asked *to, ll_error *err)
{
    size_t length = 0;
    const char *const id = ll_reader_id(report->reader, row, &length);
    const int columns = ll_reader_columns(report->reader);

    *to = (asked){.row = row};
    LL_TRY(ll_text_copy(id, length, &to->id, err));
    LL_TRY(ll_alloc("attributes", columns, sizeof *to->values, &to->values, err));
    return ll_reader_item_texts(report->reader, row, &to->image, to->values, err);
}

static void asked_release(const ll_report *report, asked *item)
{
    for (int c = 0; item->values != NULL && c < ll_reader_columns(report->reader); c++)
        free(item->values[c]);
    free(item->values);
    free(item->image);
    free(item->id);
}

static ll_status put_asked(ll_report *report, const asked *item, ll_error *err)
{
    FILE *const to = report->to;
    const int columns = ll_reader_columns(report->reader);

    fputs("<figure class=\"asked\"><div class=\"tile\">", to);
    LL_TRY(ll_report_thumbnail(report, item->row, item->image, item->id, ASKED_SIDE, err));
    fputs("</div>\n<figcaption><h3 class=\"id\">", to);
    ll_html_isolated(to, item->id);
    fputs("</h3>", to);
    if (columns > 0) fputs("\n<dl class=\"attributes\">", to);
    for (int c = 0; c < columns && c < ATTRIBUTES_SHOWN; c++) {
        if (item->values[c][0] == '\0') continue;
        fputs("<div><dt>", to);
        ll_html_isolated(to, ll_reader_column_name(report->reader, c));
        fputs("</dt> <dd title=\"", to);
        ll_html_text(to, ll_reader_column_name(report->reader, c));
        fputs("\">", to);
        ll_html_isolated(to, item->values[c]);
        fputs("</dd></div> ", to);
    }
    if (columns > 0) fputs("</dl>", to);
    fputs("</figcaption></figure>\n", to);
    return LL_OK;
}

/* Where a neighbour is another than the item: its values, the columns' names behind them. */
static void put_differences(const ll_report *report, const asked *item, const ll_query_hit *hit,
                            int columns)
{
    FILE *const to = report->to;
    int shown = 0, left = 0;

    for (int c = 0; c < columns; c++) {
        if (strcmp(item->values[c], hit->attributes[c]) == 0) continue;
        if (shown == VALUES_SHOWN) {
            left++;
            continue;
        }
        shown++;
        fputs("<span class=\"other\" title=\"", to);
        ll_html_text(to, ll_reader_column_name(report->reader, c));
        fputs(": ", to);
        ll_html_text(to, hit->attributes[c]);
        fputs("\">", to);
        ll_html_isolated(to, hit->attributes[c][0] != '\0' ? hit->attributes[c] : "\xE2\x80\x93");
        fputs("</span>", to);
    }
    if (left > 0) fprintf(to, "<span class=\"other\">+%d more</span>", left);
}

static ll_status put_hit(ll_report *report, const asked *item, const ll_query_hit *hit, int columns,
                         ll_error *err)
{
    ll_status status = LL_OK;
    FILE *const to = report->to;
    char score[LL_NUMBER_TEXT], *alt = NULL;

    ll_report_score((double)hit->score, score);
    LL_TRY_DONE(ll_text_format(&alt, err, "%s, score %s", hit->id, score));
    fprintf(to, "<li class=\"%s\"><figure><div class=\"tile\">",
            hit->score >= k_similar ? "like" : "below");
    LL_TRY_DONE(ll_report_thumbnail(report, hit->row, hit->image, alt, NEAR_SIDE, err));
    fprintf(to,
            "</div><figcaption><span class=\"score\">%s</span>"
            "<span class=\"bar\"><i style=\"width:%.1f%%\"></i></span><span class=\"id\" title=\"",
            score, 100.0 * (double)hit->score);
    ll_html_text(to, hit->id);
    fputs("\">", to);
    ll_html_isolated(to, hit->id);
    fputs("</span>", to);
    put_differences(report, item, hit, columns);
    fputs("</figcaption></figure></li>\n", to);
done:
    free(alt);
    return status;
}

static ll_status put_look(ll_report *report, int64_t row, bool chosen, ll_error *err)
{
    const ll_query_options options = {.top = LL_REPORT_NEAREST, .min_score = 0.0, .max_score = 1.0};
    ll_status status = LL_OK;
    ll_query_answer *answer = NULL;
    asked item = {.row = row};

    LL_TRY_DONE(asked_init(report, row, &item, err));
    LL_TRY_DONE(ll_query_similar(report->query, row, &options, &answer, err));
    fprintf(report->to, "<article class=\"look%s\">\n", chosen ? " chosen" : "");
    LL_TRY_DONE(put_asked(report, &item, err));
    fputs("<ol class=\"near\">\n", report->to);
    for (int64_t i = 0; i < answer->count; i++)
        LL_TRY_DONE(put_hit(report, &item, &answer->hits[i], answer->columns, err));
    if (answer->count == 0)
        fputs("<li class=\"none\">There is no other item to compare it with.</li>\n", report->to);
    fputs("</ol>\n</article>\n", report->to);
done:
    ll_query_answer_free(answer);
    asked_release(report, &item);
    return status;
}

/* Rows to show: the chosen ones, then drawn ones among the others. `*rows` is yours to free(). */
static ll_status pick_rows(const ll_report *report, int64_t **rows, int64_t *count, ll_error *err)
{
    const int64_t others = ll_reader_extents(report->reader)->items - report->chosen_count;
    const int64_t drawn = ll_min_i64(report->sheet, others);

    *count = report->chosen_count + drawn;
    LL_TRY(ll_alloc("rows to show", *count, sizeof **rows, rows, err));
    for (int64_t i = 0; i < report->chosen_count; i++)
        (*rows)[i] = report->chosen[i];
    int64_t *const draws = *rows + report->chosen_count;
    ll_report_draw_rows(others, drawn, report->seed, draws);
    for (int64_t i = 0; i < drawn; i++) /* the draws[i]-th row that is not chosen */
        for (int64_t c = 0; c < report->chosen_count && draws[i] >= report->chosen[c]; c++)
            draws[i]++;
    return LL_OK;
}

static void put_lead(const ll_report *report, int64_t drawn)
{
    const ll_store_provenance *const p = ll_reader_provenance(report->reader);
    FILE *const to = report->to;

    fputs("<p class=\"lead\">", to);
    if (report->chosen_count > 0)
        fprintf(to, "%lld chosen item%s, ", (long long)report->chosen_count,
                report->chosen_count == 1 ? "" : "s");
    fprintf(
        to,
        "%lld item%s drawn from all over the catalogue (seed %llu), each followed by its ten "
        "nearest. The mark on each bar is 0.80, the score from which two photos count as alike; "
        "what scores less is dimmed. Scores are cut, not rounded. Small words say where a "
        "neighbour differs from the item.</p>\n",
        (long long)drawn, drawn == 1 ? "" : "s", (unsigned long long)report->seed);
    fprintf(to,
            "<p class=\"note\">Photos as the index saw them: a rotation in EXIF %s, transparency "
            "%s. Bands beside a photo are not part of it."
            "</p>\n",
            strcmp(p->exif, "apply") == 0 ? "applied" : "ignored",
            strcmp(p->alpha, "white") == 0 ? "on white" : "dropped");
    if (p->within[0] != '\0') {
        fputs("<p class=\"note\">This index compares only items with the same ", to);
        ll_html_isolated(to, p->within);
        fputs(".</p>\n", to);
    }
}

ll_status ll_report_sheet(ll_report *report, ll_error *err)
{
    ll_status status = LL_OK;
    int64_t *rows = NULL, count = 0;

    LL_TRY_DONE(pick_rows(report, &rows, &count, err));
    ll_report_section(report, "sheet", "Who looks like whom");
    put_lead(report, count - report->chosen_count);
    for (int64_t i = 0; i < count; i++) {
        ll_log_progress(report->log, "contact sheet", i, count);
        LL_TRY_DONE(put_look(report, rows[i], i < report->chosen_count, err));
    }
    ll_log_progress(report->log, "contact sheet", count, count);
    if (report->photos_missing > 0)
        fprintf(report->to,
                "<p class=\"note\">%lld of %lld photos could not be shown: they are missing or no "
                "longer the ones that were indexed.</p>\n",
                (long long)report->photos_missing, (long long)report->photos);
    ll_report_section_end(report);
done:
    free(rows);
    return status;
}
