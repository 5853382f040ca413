/* host/report/report_run.c - the stages of the run that made the index. See report.h.
 *
 * /run is the summary as JSON, and grows from version to version: the parts that are known have a
 * place of their own, any other figure of a stage is listed beside it by its name, and what is not
 * there is not missed. */
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/report/html_text.h"
#include "host/report/report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* 18500 as "18 500", 5.1558 as "5.16", with what cannot be a number as "-". */
static const char *figure_text(double value, char buffer[LL_NUMBER_TEXT])
{
    if (!isfinite(value)) return ll_text_exact(buffer, LL_NUMBER_TEXT, "-");
    if (fabs(value) >= 1e15) return ll_number_digits(value, 3, buffer);
    if (fabs(value) >= 100.0 || value == floor(value))
        return ll_number_grouped((int64_t)llround(value), buffer);
    return ll_number_fixed(value, fabs(value) >= 10.0 ? 1 : 2, buffer);
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

/* What is known of a stage by name; other members are listed as they are. */
static const char *const k_known[] = {"seconds", "unit", "per_second", "limit_per_second", "limit"};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof k_known / sizeof k_known[0]; i++)
        if (strcmp(key, k_known[i]) == 0) return true;
    return ends_in(key, "_per_second") > 0;
}

/* Units a second; `*name` is the unit, of which `*cut` bytes at the end do not belong to it. NAN:
 * the stage does not say. */
static double rate_of(json_t *stage, const char **name, size_t *cut)
{
    const char *const unit = json_string_value(json_object_get(stage, "unit"));
    const json_t *const rate = json_object_get(stage, "per_second");
    const char *key = NULL;
    json_t *value = NULL;

    *name = unit != NULL ? unit : "";
    *cut = 0;
    if (json_is_number(rate)) return json_number_value(rate);
    json_object_foreach(stage, key, value)
    {
        *cut = ends_in(key, "_per_second");
        *name = key;
        if (*cut > 0 && json_is_number(value) && strcmp(key, "limit_per_second") != 0)
            return json_number_value(value);
    }
    return (double)NAN;
}

/* 5.2 photos/s, 410 MB/s. */
static void put_rate(FILE *to, double rate, const char *name, size_t cut)
{
    char text[LL_NUMBER_TEXT];
    const bool bytes = strcmp(name, "bytes") == 0;

    if (!isfinite(rate)) {
        fputs("\xE2\x80\x93", to);
        return;
    }
    fputs(bytes ? ll_number_size(rate, text) : figure_text(rate, text), to);
    fputs(bytes ? "<span class=\"unit\">" : " <span class=\"unit\">", to);
    if (!bytes) put_key(to, name, cut);
    fputs("/s</span>", to);
}

static void put_limit(FILE *to, json_t *stage, double rate, const char *name, size_t cut)
{
    const double limit = json_number_value(json_object_get(stage, "limit_per_second"));
    const char *const of = json_string_value(json_object_get(stage, "limit"));
    char share[LL_NUMBER_TEXT];

    fputs("<td class=\"number share\">", to);
    if (limit > 0.0 && rate >= 0.0) {
        const double part = fmin(rate / limit, 1.0);
        ll_html_text(to, ll_report_percent((int64_t)(part * 1e6), 1000000, share));
        fprintf(to, "<span class=\"bar\"><i style=\"width:%.1f%%\"></i></span>", 100.0 * part);
    } else {
        fputs("\xE2\x80\x93", to);
    }
    fputs("</td><td>", to);
    if (limit > 0.0) put_rate(to, limit, name, cut);
    if (of != NULL && of[0] != '\0') {
        fputs("<span class=\"unit\">, ", to);
        ll_html_isolated(to, of);
        fputs("</span>", to);
    }
    fputs("</td>", to);
}

/* "3 tiles, 2.5 s decode thread": what has no column. Returns whether there was any. */
static bool put_others(FILE *to, json_t *object)
{
    const char *key = NULL;
    json_t *value = NULL;
    char text[LL_NUMBER_TEXT];
    bool any = false;

    json_object_foreach(object, key, value)
    {
        if (is_known(key) || !(json_is_number(value) || json_is_string(value))) continue;
        if (any) fputs(", ", to);
        any = true;
        if (json_is_string(value))
            ll_html_isolated(to, json_string_value(value));
        else
            fprintf(to, "<span class=\"figure\">%s</span>",
                    figure_text(json_number_value(value), text));
        const size_t seconds = ends_in(key, "_seconds");
        fprintf(to, "%s <span class=\"unit\">", seconds > 0 ? "\xC2\xA0s" : "");
        put_key(to, key, seconds);
        fputs("</span>", to);
    }
    return any;
}

/* What the table needs columns for. */
static void find_columns(json_t *stages, bool *limits, bool *others)
{
    const char *name = NULL, *key = NULL;
    json_t *stage = NULL, *value = NULL;

    *limits = *others = false;
    json_object_foreach(stages, name, stage)
    {
        if (json_number_value(json_object_get(stage, "limit_per_second")) > 0.0) *limits = true;
        json_object_foreach(stage, key, value)
        {
            if (!is_known(key)) *others = true;
        }
    }
}

static void put_stage(FILE *to, json_t *stage, bool limits, bool others)
{
    const json_t *const seconds = json_object_get(stage, "seconds");
    const char *unit = NULL;
    char text[LL_NUMBER_TEXT];
    size_t cut = 0;
    const double rate = rate_of(stage, &unit, &cut);

    fprintf(to, "<td class=\"number\">%s</td><td class=\"number\">",
            json_is_number(seconds) ? figure_text(json_number_value(seconds), text)
                                    : "\xE2\x80\x93");
    put_rate(to, rate, unit, cut);
    fputs("</td>", to);
    if (limits) put_limit(to, stage, rate, unit, cut);
    if (!others) return;
    fputs("<td>", to);
    if (!put_others(to, stage)) fputs("\xE2\x80\x93", to);
    fputs("</td>", to);
}

static void put_stages(FILE *to, json_t *stages, const char *bottleneck)
{
    const char *name = NULL;
    json_t *stage = NULL;
    bool limits = false, others = false;

    find_columns(stages, &limits, &others);
    fprintf(to,
            "<div class=\"wide\"><table class=\"stages\">\n<thead><tr><th scope=\"col\">stage</th>"
            "<th scope=\"col\" class=\"number\">seconds</th>"
            "<th scope=\"col\" class=\"number\">rate</th>%s%s</tr></thead>\n<tbody>\n",
            limits ? "<th scope=\"col\" class=\"number\">of the limit</th>"
                     "<th scope=\"col\">this machine's limit</th>"
                   : "",
            others ? "<th scope=\"col\">also</th>" : "");
    json_object_foreach(stages, name, stage)
    {
        if (!json_is_object(stage)) continue;
        const bool slowest = bottleneck != NULL && strcmp(bottleneck, name) == 0;
        fprintf(to, "<tr%s><th scope=\"row\">", slowest ? " class=\"usual\"" : "");
        put_key(to, name, 0);
        fputs(slowest ? " <span class=\"other\">bottleneck</span></th>" : "</th>", to);
        put_stage(to, stage, limits, others);
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
    json_t *const counts = json_object_get(run, "counts");
    if (json_object_size(counts) > 0) {
        fputs("<p class=\"note counts\">Behind the rates: ", to);
        put_others(to, counts);
        fputs(".</p>\n", to);
    }
    if (bottleneck != NULL && bottleneck[0] != '\0' &&
        json_object_get(stages, bottleneck) == NULL) {
        fputs("<p class=\"note\">Bottleneck: ", to);
        ll_html_isolated(to, bottleneck);
        fputs("</p>\n", to);
    }
    ll_report_section_end(report);
    json_decref(run);
    return LL_OK;
}
