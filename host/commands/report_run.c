/* host/commands/report_run.c - the stages of the run that made the index. See report.h.
 *
 * /run is the summary as JSON, and grows from version to version: the parts that are known have a
 * place of their own, any other figure of a stage is listed beside it by its name, and what is not
 * there is not missed. */
#include "host/base/number.h"
#include "host/commands/html_text.h"
#include "host/commands/report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* 18500 as "18 500", 5.1558 as "5.16", with what cannot be a number as "-". */
static const char *figure_text(double value, char buffer[LL_NUMBER_TEXT])
{
    if (!isfinite(value))
        snprintf(buffer, LL_NUMBER_TEXT, "-");
    else if (fabs(value) >= 1e15)
        snprintf(buffer, LL_NUMBER_TEXT, "%.3g", value);
    else if (fabs(value) >= 100.0 || value == floor(value))
        ll_number_grouped((int64_t)llround(value), buffer);
    else
        snprintf(buffer, LL_NUMBER_TEXT, fabs(value) >= 10.0 ? "%.1f" : "%.2f", value);
    return buffer;
}

/* "images_per_second" as "images per second"; whole, or without the last `cut` bytes. */
static void put_key(FILE *to, const char *key, size_t cut)
{
    const size_t length = strlen(key) - cut;

    for (size_t begin = 0, end = 0; begin < length; begin = end + 1) {
        for (end = begin; end < length && key[end] != '_';)
            end++;
        ll_html_bytes(to, key + begin, end - begin);
        if (end < length) fputc(' ', to);
    }
}

/* Length of `tail` if the key ends in it, else 0. */
static size_t ends_in(const char *key, const char *tail)
{
    const size_t length = strlen(key), wanted = strlen(tail);
    return length > wanted && strcmp(key + length - wanted, tail) == 0 ? wanted : 0;
}

typedef enum kind { SECONDS, RATE, LIMIT, OTHER } kind;

static kind kind_of(const char *key)
{
    if (strcmp(key, "seconds") == 0) return SECONDS;
    if (strstr(key, "limit") != NULL) return LIMIT;
    return ends_in(key, "_per_second") > 0 ? RATE : OTHER;
}

/* All figures of one kind, each with its name where the column's does not say it. */
static void put_kind(FILE *to, json_t *stage, kind wanted)
{
    const char *key = NULL;
    json_t *value = NULL;
    char text[LL_NUMBER_TEXT];
    bool first = true;

    fprintf(to, "<td%s>", wanted == OTHER ? "" : " class=\"number\"");
    json_object_foreach(stage, key, value)
    {
        if (kind_of(key) != wanted || !(json_is_number(value) || json_is_string(value))) continue;
        if (!first) fputs(wanted == OTHER ? ", " : "<br />", to);
        first = false;
        if (json_is_string(value))
            ll_html_isolated(to, json_string_value(value));
        else
            fprintf(to, "<span class=\"figure\">%s</span>",
                    figure_text(json_number_value(value), text));
        if (wanted == SECONDS) continue;
        const size_t seconds = ends_in(key, "_seconds");
        fprintf(to, "%s <span class=\"unit\">", seconds > 0 ? "\xC2\xA0s" : "");
        put_key(to, key, seconds);
        fputs("</span>", to);
    }
    if (first) fputs("\xE2\x80\x93", to);
    fputs("</td>", to);
}

static bool has_kind(json_t *stages, kind wanted)
{
    const char *name = NULL, *key = NULL;
    json_t *stage = NULL, *value = NULL;

    json_object_foreach(stages, name, stage) json_object_foreach(
        stage, key, value) if (kind_of(key) == wanted &&
                               (json_is_number(value) || json_is_string(value))) return true;
    return false;
}

static void put_stages(FILE *to, json_t *stages, const char *bottleneck)
{
    const bool limits = has_kind(stages, LIMIT);
    const char *name = NULL;
    json_t *stage = NULL;

    fprintf(
        to,
        "<div class=\"wide\"><table class=\"stages\">\n<thead><tr><th scope=\"col\">stage</th><th "
        "scope=\"col\" class=\"number\">seconds</th><th scope=\"col\" class=\"number\">rate</th>%s"
        "<th scope=\"col\">also</th></tr></thead>\n<tbody>\n",
        limits ? "<th scope=\"col\" class=\"number\">this machine's limit</th>" : "");
    json_object_foreach(stages, name, stage)
    {
        if (!json_is_object(stage)) continue;
        const bool slowest = bottleneck != NULL && strcmp(bottleneck, name) == 0;
        fprintf(to, "<tr%s><th scope=\"row\">", slowest ? " class=\"usual\"" : "");
        put_key(to, name, 0);
        fputs(slowest ? " <span class=\"other\">bottleneck</span></th>" : "</th>", to);
        put_kind(to, stage, SECONDS);
        put_kind(to, stage, RATE);
        if (limits) put_kind(to, stage, LIMIT);
        put_kind(to, stage, OTHER);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

/* The catalogue against the index before, if the run says so. */
static void put_changes(FILE *to, json_t *run)
{
    json_int_t added = 0, kept = 0, removed = 0, rows = 0, memory = 0;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT], d[LL_NUMBER_TEXT];

    if (json_unpack(run, "{s:I,s:{s:I,s:I,s:I}}", "rows", &rows, "previous", "added", &added,
                    "kept", &kept, "removed", &removed) == 0)
        fprintf(to,
                "<p class=\"lead\">%s rows of catalogue: %s new, %s known, %s gone since the index "
                "before.",
                ll_number_grouped(rows, a), ll_number_grouped(added, b), ll_number_grouped(kept, c),
                ll_number_grouped(removed, d));
    else
        fputs("<p class=\"lead\">", to);
    if (json_unpack(run, "{s:I}", "peak_memory_bytes", &memory) == 0)
        fprintf(to, " Memory at its highest: %s.", ll_number_size((double)memory, a));
    fputs("</p>\n", to);
}

/* "embed", or a sentence; wherever the run says it. NULL: it does not. */
static const char *bottleneck_of(json_t *run)
{
    const char *const top = json_string_value(json_object_get(run, "bottleneck"));
    return top != NULL
               ? top
               : json_string_value(json_object_get(json_object_get(run, "stages"), "bottleneck"));
}

ll_status ll_report_run(const ll_report *report, ll_error *err)
{
    FILE *const to = report->to;
    const char *text = NULL;
    json_t *run = NULL;

    LL_TRY(ll_reader_run(report->reader, &text, err));
    run = json_loads(text, 0, NULL);
    json_t *const stages = json_object_get(run, "stages");
    const char *const bottleneck = bottleneck_of(run);

    ll_report_section(report, "run", "The run");
    if (json_is_object(run)) put_changes(to, run);
    if (json_object_size(stages) > 0)
        put_stages(to, stages, bottleneck);
    else
        fputs("<p class=\"note\">The index does not say how long its stages took.</p>\n", to);
    if (bottleneck != NULL && json_object_get(stages, bottleneck) == NULL) {
        fputs("<p class=\"note\">Bottleneck: ", to);
        ll_html_isolated(to, bottleneck);
        fputs("</p>\n", to);
    }
    ll_report_section_end(report);
    json_decref(run);
    return LL_OK;
}
