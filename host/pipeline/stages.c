/* host/pipeline/stages.c - see stages.h.
 *
 * Where decoding and the network take the same cores, each one's limit is what its own processor
 * seconds allow: it stays the same however busy the machine is with other things. A card's limit is
 * a batch of its own that nothing kept waiting. */
#include "host/pipeline/stages.h"

#include "host/base/clock.h"
#include "host/base/parallel.h"
#include "host/base/size.h"

#include <math.h>

enum { MIN_BLOCKS = 64, BLOCKS = 4, ROUNDS = 2 }; /* 20 tiles of 2080 at the least */

static double per_second(double count, double seconds)
{
    return seconds > 0.0 ? count / seconds : 0.0;
}

static double pairs_of(double rows)
{
    return rows * (rows + 1.0) / 2.0;
}

static void photo_stages(const ll_pipeline_summary *s, int threads, ll_stages *out)
{
    const ll_extract_summary *const e = &s->extract;
    const double photos = (double)(e->items + e->rejected), items = (double)e->items;
    const double cores = (double)ll_min_i64(threads, ll_parallel_cores());
    const bool shared = s->shares_processor;
    const double others = fmax(e->cpu_seconds - e->decode_cpu_seconds, 0.0);
    ll_stage *const decode = &out->stage[0], *const network = &out->stage[1];

    *decode = (ll_stage){.name = "decode", .unit = "photos", .seconds = e->wall_seconds};
    *network = (ll_stage){.name = "network", .unit = "photos", .seconds = e->wall_seconds};
    decode->rate = per_second(photos, e->wall_seconds);
    decode->limit = per_second(photos * cores, e->decode_cpu_seconds);
    decode->of = "its processor seconds on all threads";
    network->rate = per_second(items, e->wall_seconds);
    network->limit =
        shared ? per_second(items * cores, others) : per_second(e->batch, e->batch_seconds);
    network->of = shared ? "its processor seconds on all threads" : "a batch alone";
    if (!shared && decode->limit > 0.0 && network->limit > decode->limit)
        out->feeding_cores = (int)ceil(cores * network->limit / decode->limit);
}

static void other_stages(const ll_pipeline_summary *s, ll_stages *out)
{
    const ll_similarity_summary *const c = &s->similarity;
    const double rows = (double)s->items;

    out->stage[2] = (ll_stage){.name = "compare",
                               .unit = "pairs",
                               .seconds = c->tile_seconds,
                               .rate = per_second(pairs_of(rows), c->tile_seconds),
                               .limit = s->tile_limit,
                               .of = "multiplying alone"};
    out->stage[3] = (ll_stage){.name = "rescore",
                               .unit = "rows",
                               .seconds = c->rescore_seconds,
                               .rate = per_second(rows, c->rescore_seconds),
                               .of = ""};
    out->stage[4] =
        (ll_stage){.name = "write",
                   .unit = "bytes",
                   .seconds = s->write_seconds,
                   .rate = per_second((double)s->file_bytes, s->write_seconds + c->tile_seconds),
                   .of = ""};
}

ll_stages ll_stages_of(const ll_pipeline_summary *summary, int threads)
{
    const ll_extract_summary *const e = &summary->extract;
    ll_stages out = {.bottleneck = ""};
    double most = 0.0;

    photo_stages(summary, threads, &out);
    other_stages(summary, &out);
    const double all =
        e->wall_seconds + out.stage[2].seconds + out.stage[3].seconds + out.stage[4].seconds;
    for (int i = 1; i < LL_STAGES; i++) /* decode and network are one stretch of time */
        if (out.stage[i].seconds > most) {
            most = out.stage[i].seconds;
            out.bottleneck = out.stage[i].name;
        }
    if (most > 0.0 && most == e->wall_seconds && out.stage[0].limit > 0.0 &&
        (out.stage[0].limit < out.stage[1].limit || e->items == 0))
        out.bottleneck = out.stage[0].name;
    out.share = per_second(most, all);
    return out;
}

/* ---- multiplying alone ------------------------------------------------------------------- */

static ll_status measure_round(ll_backend *be, const ll_compare_options *options, double *seconds,
                               ll_error *err)
{
    ll_status status = LL_OK;

    LL_TRY_DONE(ll_compare_begin(be, options, err));
    const double start = ll_clock_seconds();
    for (int64_t j = 0; j < BLOCKS; j++)
        for (int64_t i = 0; i <= j; i++)
            LL_TRY_DONE(ll_tile_submit(be, i, j, err));
    LL_TRY_DONE(ll_compare_sync(be, err));
    *seconds = ll_clock_seconds() - start;
done:
    ll_compare_end(be);
    return status;
}

ll_status ll_stages_measure_tiles(ll_backend *be, const float *features, int64_t rows, int64_t cols,
                                  bool stored, double *pairs_per_second, ll_error *err)
{
    ll_compare_options options = {.features = features, .rows = rows, .cols = cols};

    *pairs_per_second = 0.0;
    if (stored && ll_backend_describe(be).stores_otherwise) return LL_OK;
    options.rows = ll_min_i64(rows, BLOCKS); /* how large a tile is, is known once begun */
    LL_TRY(ll_compare_begin(be, &options, err));
    const int64_t tile = ll_compare_tile(be);
    ll_compare_end(be);
    if (ll_ceil_div(rows, tile) < MIN_BLOCKS) return LL_OK;
    options.rows = BLOCKS * tile;
    for (int round = 0; round < ROUNDS; round++) {
        double seconds = 0.0;
        LL_TRY(measure_round(be, &options, &seconds, err));
        *pairs_per_second =
            fmax(*pairs_per_second, per_second(pairs_of((double)options.rows), seconds));
    }
    return LL_OK;
}
