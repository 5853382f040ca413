/* host/pipeline/summary.c - see summary.h. */
#include "host/pipeline/summary.h"

#include "host/pipeline/stages.h"

#include <jansson.h>
#include <math.h>

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

/* "o" steals its reference, and an "o" of NULL makes json_pack fail as a whole. */
static json_t *stage(const ll_stage *s)
{
    if (!(s->limit > 0.0))
        return json_pack("{s:f,s:s,s:f}", "seconds", s->seconds, "unit", s->unit, "per_second",
                         s->rate);
    return json_pack("{s:f,s:s,s:f,s:f,s:s}", "seconds", s->seconds, "unit", s->unit, "per_second",
                     s->rate, "limit_per_second", s->limit, "limit", s->of);
}

static json_t *stages(const ll_pipeline_summary *s)
{
    const ll_stages all = ll_stages_of(s, s->threads);
    json_t *const out = json_object();

    for (int i = 0; out != NULL && i < LL_STAGES; i++)
        if (all.stage[i].seconds > 0.0 &&
            json_object_set_new(out, all.stage[i].name, stage(&all.stage[i])) != 0) {
            json_decref(out);
            return NULL;
        }
    return out;
}

/* What stands behind the rates, for whoever wants to compute others. */
static json_t *counts(const ll_pipeline_summary *s)
{
    const ll_extract_summary *const e = &s->extract;

    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:i}", "decode_thread_seconds",
                     e->decode_seconds, "decode_cpu_seconds", e->decode_cpu_seconds,
                     "waiting_for_photos_seconds", e->ring_seconds, "waiting_for_network_seconds",
                     e->forward_seconds, "embed_cpu_seconds", e->cpu_seconds, "tiles",
                     (json_int_t)s->similarity.tiles, "rows_redone",
                     (json_int_t)s->similarity.rows_redone, "threads", s->threads);
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
    const ll_stages all = ll_stages_of(summary, summary->threads);
    json_t *const root = json_pack(
        "{s:I,s:I,s:I,s:o,s:{s:I,s:I,s:I},s:I,s:I,s:I,s:I,s:o,s:s,s:o,s:o}", "rows",
        (json_int_t)summary->rows, "items", (json_int_t)summary->items, "rejected",
        (json_int_t)summary->rejected, "rejected_by_reason", reasons(collect), "previous", "added",
        (json_int_t)summary->added, "kept", (json_int_t)summary->kept, "removed",
        (json_int_t)summary->removed, "transparent", (json_int_t)summary->extract.transparent,
        "rotated", (json_int_t)summary->extract.rotated, "peak_memory_bytes",
        (json_int_t)summary->peak_bytes, "anonymous_memory_bytes",
        (json_int_t)summary->anonymous_bytes, "stages", stages(summary), "bottleneck",
        all.bottleneck, "counts", counts(summary), "shop", shop(summary));

    *out = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(root);
    if (*out == NULL) return ll_fail(err, LL_ERR_MEMORY, "summary: no memory");
    return LL_OK;
}
