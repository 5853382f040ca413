/* host/commands/print_summary.c - the night in ten lines, for the person who reads the log. */
#include "host/commands/command.h"

#include "host/base/number.h"

#include <math.h>

static double per_second(int64_t count, double seconds)
{
    return seconds > 0.0 ? (double)count / seconds : 0.0;
}

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

static void print_stages(FILE *to, const ll_pipeline_summary *s)
{
    const ll_extract_summary *const e = &s->extract;
    const double pairs = (double)s->items * (double)(s->items + 1) / 2.0;
    const double tiles = s->similarity.tile_seconds;
    char redone[LL_NUMBER_TEXT];

    fprintf(to, "  embed      %.1f s, %.1f photos/s (decoding took %.1f thread-seconds)\n",
            e->wall_seconds, per_second(s->rows, e->wall_seconds), e->decode_seconds);
    fprintf(to, "  compare    %.1f s, %.1f million pairs/s; rescore %.1f s, %s rows redone\n",
            tiles, tiles > 0.0 ? pairs / tiles / 1e6 : 0.0, s->similarity.rescore_seconds,
            ll_number_grouped(s->similarity.rows_redone, redone));
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
    fprintf(to, "\n  total      %.1f s on %s, %s of memory at most\n", s->total_seconds, s->backend,
            ll_number_size((double)s->peak_bytes, a));
}
