/* host/pipeline/summary.c - see summary.h. */
#include "host/pipeline/summary.h"

#include <jansson.h>
#include <math.h>

static double rate(int64_t count, double seconds)
{
    return seconds > 0.0 ? (double)count / seconds : 0.0;
}

/* {"truncated JPEG": 3, ...}; NULL without memory. */
static json_t *reasons(const ll_collect *collect)
{
    json_t *const counts = json_object();

    for (int64_t i = 0; counts != NULL && i < collect->rejected; i++) {
        const char *const reason = collect->rejects[i].reason;
        const json_int_t before = json_integer_value(json_object_get(counts, reason));
        if (json_object_set_new(counts, reason, json_integer(before + 1)) != 0) {
            json_decref(counts);
            return NULL;
        }
    }
    return counts;
}

static json_t *stages(const ll_pipeline_summary *s)
{
    const int64_t photos = s->extract.items + s->extract.rejected;
    const double rows = (double)s->items;

    return json_pack(
        "{s:{s:f,s:f,s:f,s:f},s:{s:f,s:f,s:I},s:{s:f,s:I}}", "embed", "seconds",
        s->extract.wall_seconds, "images_per_second", rate(photos, s->extract.wall_seconds),
        "decode_thread_seconds", s->extract.decode_seconds, "waiting_for_network_seconds",
        s->extract.forward_seconds, "similarity", "seconds", s->similarity.tile_seconds,
        "pairs_per_second",
        s->similarity.tile_seconds > 0.0 ? rows * (rows + 1.0) / 2.0 / s->similarity.tile_seconds
                                         : 0.0,
        "tiles", (json_int_t)s->similarity.tiles, "rescore", "seconds",
        s->similarity.rescore_seconds, "rows_redone", (json_int_t)s->similarity.rows_redone);
}

static json_t *shop(const ll_pipeline_summary *s)
{
    const double median = s->similarity.median_best;

    return json_pack("{s:I,s:I,s:o}", "rows_with_ten_at_0.80",
                     (json_int_t)s->similarity.rows_with_ten, "rows_with_one_at_0.80",
                     (json_int_t)s->similarity.rows_with_one, "median_best_score",
                     isnan(median) ? json_null() : json_real(median));
}

ll_status ll_summary_json(const ll_pipeline_summary *summary, const ll_collect *collect, char **out,
                          ll_error *err)
{
    /* "o" steals its reference, and an "o" of NULL makes json_pack fail as a whole. */
    json_t *const root = json_pack(
        "{s:I,s:I,s:I,s:o,s:{s:I,s:I,s:I},s:I,s:I,s:I,s:I,s:o,s:o}", "rows",
        (json_int_t)summary->rows, "items", (json_int_t)summary->items, "rejected",
        (json_int_t)summary->rejected, "rejected_by_reason", reasons(collect), "previous", "added",
        (json_int_t)summary->added, "kept", (json_int_t)summary->kept, "removed",
        (json_int_t)summary->removed, "transparent", (json_int_t)summary->extract.transparent,
        "rotated", (json_int_t)summary->extract.rotated, "peak_memory_bytes",
        (json_int_t)summary->peak_bytes, "anonymous_memory_bytes",
        (json_int_t)summary->anonymous_bytes, "stages", stages(summary), "shop", shop(summary));

    *out = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(root);
    if (*out == NULL) return ll_fail(err, LL_ERR_MEMORY, "summary: no memory");
    return LL_OK;
}
