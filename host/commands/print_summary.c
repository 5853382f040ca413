/* host/commands/print_summary.c - the night in ten lines, for the person who reads the log. */
#include "host/commands/command.h"

#include "host/base/number.h"
#include "host/base/text.h"
#include "host/pipeline/stages.h"

#include <math.h>
#include <string.h>

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static void print_warnings(FILE *to, const ll_extract_summary *extract)
{
    char count[LL_NUMBER_TEXT];

    if (extract->transparent > 0)
        fprintf(to, "  note       %s photos have transparency (dropped); --alpha white\n",
                ll_number_grouped(extract->transparent, count));
    if (extract->rotated > 0)
        fprintf(to, "  note       %s carry an EXIF rotation (ignored); --exif apply\n",
                ll_number_grouped(extract->rotated, count));
}

/* A rate in its unit, with as many digits as people compare. */
const char *ll_rate_text(double rate, const char *unit, char buffer[LL_NUMBER_TEXT])
{
    char number[LL_NUMBER_TEXT];

    if (strcmp(unit, "bytes") == 0) return ll_number_size(rate, buffer);
    if (rate >= 1e6)
        return ll_text_say(buffer, LL_NUMBER_TEXT, "%s million %s",
                           ll_number_fixed(rate / 1e6, 1, number), unit);
    return ll_text_say(buffer, LL_NUMBER_TEXT, "%s %s",
                       ll_number_fixed(rate, rate < 99.95 ? 1 : 0, number), unit);
}

static void print_stage(FILE *to, const ll_stage *stage)
{
    char rate[LL_NUMBER_TEXT], limit[LL_NUMBER_TEXT];

    if (!(stage->seconds > 0.0)) return;
    fprintf(to, "  %-10s %.1f s, %s/s", stage->name, stage->seconds,
            ll_rate_text(stage->rate, stage->unit, rate));
    if (stage->limit > 0.0)
        fprintf(to, " of %s/s (%s)", ll_rate_text(stage->limit, stage->unit, limit), stage->of);
    fputc('\n', to);
}

static void print_stages(FILE *to, const ll_pipeline_summary *s)
{
    const ll_stages stages = ll_stages_of(s, s->threads);
    char redone[LL_NUMBER_TEXT];

    for (int i = 0; i < LL_STAGES; i++)
        print_stage(to, &stages.stage[i]);
    if (s->similarity.rows_redone > 0)
        fprintf(to, "  redone     %s rows, for certainty\n",
                ll_number_grouped(s->similarity.rows_redone, redone));
    if (stages.bottleneck[0] != '\0')
        fprintf(to, "  bottleneck %s, %.0f %% of the time\n", stages.bottleneck,
                100.0 * stages.share);
    if (stages.feeding_cores > 0)
        fprintf(to, "  note       %d cores would decode as fast as this device embeds\n",
                stages.feeding_cores);
}

void ll_print_summary(FILE *to, const char *index_path, const ll_pipeline_summary *s)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], c[LL_NUMBER_TEXT], d[LL_NUMBER_TEXT];

    fprintf(to, "%s: %s items, %s, generation %s\n", index_path, ll_number_grouped(s->items, a),
            ll_number_size((double)s->file_bytes, b), s->generation);
    fprintf(to, "  catalogue  %s rows: %s new, %s known, %s gone since the last index\n",
            ll_number_grouped(s->rows, a), ll_number_grouped(s->added, b),
            ll_number_grouped(s->kept, c), ll_number_grouped(s->removed, d));
    if (s->rejected > 0)
        fprintf(to, "  rejected   %s, listed with reasons: lookloom info %s --rejected\n",
                ll_number_grouped(s->rejected, a), index_path);
    print_warnings(to, &s->extract);
    print_stages(to, s);
    fprintf(to,
            "  shop       items with 10 neighbours >= 0.80: %.0f %%; with at least one: %.0f %%",
            percent(s->similarity.rows_with_ten, s->items),
            percent(s->similarity.rows_with_one, s->items));
    if (!isnan(s->similarity.median_best))
        fprintf(to, "; median best score %.2f", s->similarity.median_best);
    fprintf(to,
            "\n  total      %.1f s on %s; memory at most %s, %s of it anonymous while comparing\n",
            s->total_seconds, s->backend, ll_number_size((double)s->peak_bytes, a),
            ll_number_size((double)s->anonymous_bytes, b));
}
