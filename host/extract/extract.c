/* host/extract/extract.c - see extract.h.
 *
 * The calling thread takes decoded rows in order, packs the usable ones into batches and keeps up
 * to `slots` batches running on the backend; a batch's results go to the sink before its slot is
 * used again, so the sink sees items in the source's order. */
#include "host/extract/extract.h"

#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/usage.h"
#include "host/extract/decode_ring.h"
#include "host/vgg16/vgg16.h"

#include <stdlib.h>
#include <string.h>

enum { ALONE = 3 };

struct slot {
    uint8_t *pixels;                     /* (batch, LL_IMAGE_BYTES) */
    int64_t *rows;                       /* (batch): the source's row of each image */
    uint8_t (*digests)[LL_DIGEST_BYTES]; /* (batch) */
    int count;                           /* images in it */
    bool running;
};

struct run {
    ll_backend *be;
    ll_net *net;
    const ll_extract_options *options;
    const ll_extract_sink *sink;
    ll_extract_summary *summary;
    int batch;
    int64_t width;
    struct slot *slots;
    int current;      /* slot being filled */
    int batches;      /* submitted so far */
    double submitted; /* when the last of them was */
    float *features;  /* (batch, width) */
    float *norms;     /* (batch) */
    int64_t done, total;
};

static ll_status reject(struct run *run, int64_t row, const char *reason, ll_error *err)
{
    run->summary->rejected++;
    ll_log_progress(run->options->log, "embed", ++run->done, run->total);
    return run->sink->reject(run->sink->to, row, reason, err);
}

/* Wait for a running slot and hand its items on. */
static ll_status collect(struct run *run, int number, ll_error *err)
{
    struct slot *const slot = &run->slots[number];

    if (!slot->running) return LL_OK;
    slot->running = false;
    const double start = ll_clock_seconds();
    LL_TRY(ll_forward_wait(run->be, run->net, number, run->features, run->norms, err));
    run->summary->forward_seconds += ll_clock_seconds() - start;
    for (int i = 0; i < slot->count; i++) {
        if (!(run->norms[i] > 0.0f)) {
            LL_TRY(reject(run, slot->rows[i], "no features", err));
            continue;
        }
        run->summary->items++;
        ll_log_progress(run->options->log, "embed", ++run->done, run->total);
        LL_TRY(run->sink->item(run->sink->to, slot->rows[i], slot->digests[i],
                               run->features + i * run->width, run->norms[i], err));
    }
    slot->count = 0;
    return LL_OK;
}

/* Wait at once for a few early batches, with no other batch in flight, to measure the speed of the
 * device alone. The first one warms up. */
static ll_status time_alone(struct run *run, int number, ll_error *err)
{
    const struct slot *const slot = &run->slots[number];

    if (++run->batches < 2 || run->batches > 1 + ALONE || slot->count < run->batch) return LL_OK;
    for (int i = 1; i < run->options->slots; i++)
        LL_TRY(collect(run, (number + i) % run->options->slots, err));
    const double start = run->submitted;
    const bool queued = run->batches == 2; /* behind the first one */
    LL_TRY(collect(run, number, err));
    const double seconds = ll_clock_seconds() - start;
    double *const best = &run->summary->batch_seconds;
    if (!queued && (*best <= 0.0 || seconds < *best)) *best = seconds;
    return LL_OK;
}

/* Start the slot being filled and make the next one free. */
static ll_status submit(struct run *run, ll_error *err)
{
    struct slot *const slot = &run->slots[run->current];

    if (slot->count == 0) return LL_OK;
    run->submitted = ll_clock_seconds();
    LL_TRY(ll_forward_submit(run->be, run->net, run->current, slot->pixels, slot->count, err));
    slot->running = true;
    const int submitted = run->current;
    run->current = (run->current + 1) % run->options->slots;
    LL_TRY(collect(run, run->current, err));
    return time_alone(run, submitted, err);
}

static ll_status add(struct run *run, int64_t row, const uint8_t *pixels,
                     const ll_image_facts *facts, ll_error *err)
{
    struct slot *const slot = &run->slots[run->current];

    if (facts->reason[0] != '\0') return reject(run, row, facts->reason, err);
    run->summary->transparent += facts->transparent && run->options->image.alpha == LL_ALPHA_DROP;
    run->summary->rotated += facts->rotated && run->options->image.exif == LL_EXIF_IGNORE;
    memcpy(slot->pixels + (size_t)slot->count * LL_IMAGE_BYTES, pixels, LL_IMAGE_BYTES);
    memcpy(slot->digests[slot->count], facts->digest, LL_DIGEST_BYTES);
    slot->rows[slot->count++] = row;
    return slot->count == run->batch ? submit(run, err) : LL_OK;
}

static ll_status drain(struct run *run, ll_error *err)
{
    LL_TRY(submit(run, err));
    for (int i = 0; i < run->options->slots; i++) /* oldest first */
        LL_TRY(collect(run, (run->current + i) % run->options->slots, err));
    return LL_OK;
}

static ll_status make_slots(struct run *run, ll_error *err)
{
    LL_TRY(ll_alloc("batch slots", run->options->slots, sizeof *run->slots, &run->slots, err));
    for (int i = 0; i < run->options->slots; i++) {
        struct slot *const slot = &run->slots[i];
        LL_TRY(ll_alloc("batch pixels", run->batch, LL_IMAGE_BYTES, &slot->pixels, err));
        LL_TRY(ll_alloc("batch rows", run->batch, sizeof *slot->rows, &slot->rows, err));
        LL_TRY(ll_alloc("batch digests", run->batch, sizeof *slot->digests, &slot->digests, err));
    }
    LL_TRY(ll_alloc("batch features", run->batch, (size_t)run->width * sizeof *run->features,
                    &run->features, err));
    return ll_alloc("batch norms", run->batch, sizeof *run->norms, &run->norms, err);
}

static void free_slots(struct run *run)
{
    ll_error ignored = LL_ERROR_INIT;

    for (int i = 0; run->slots != NULL && i < run->options->slots; i++) {
        struct slot *const slot = &run->slots[i];
        /* After a failure a batch may still be running on these pixels: let it end first. */
        if (slot->running &&
            ll_forward_wait(run->be, run->net, i, run->features, run->norms, &ignored) != LL_OK)
            ignored = (ll_error)LL_ERROR_INIT; /* the first failure is the one reported */
        free(slot->pixels);
        free(slot->rows);
        free(slot->digests);
    }
    free(run->slots);
    free(run->features);
    free(run->norms);
}

ll_status ll_extract_run(ll_backend *be, ll_net *net, const ll_photo_source *photos,
                         const ll_extract_options *options, const ll_extract_sink *sink,
                         ll_extract_summary *summary, ll_error *err)
{
    ll_status status = LL_OK;
    ll_decode_ring *ring = NULL;
    const double start = ll_clock_seconds(), cpu_start = ll_usage_cpu_seconds();
    struct run run = {.be = be,
                      .net = net,
                      .options = options,
                      .sink = sink,
                      .summary = summary,
                      .batch = ll_backend_describe(be).batch,
                      .width = ll_vgg16_width(options->layer),
                      .total = photos->count};
    const ll_decode_ring_options ring_options = {.photos = *photos,
                                                 .image = &options->image,
                                                 .threads = options->threads,
                                                 .capacity = run.batch + options->threads,
                                                 .disturb = options->disturb};

    memset(summary, 0, sizeof *summary);
    LL_TRY_DONE(make_slots(&run, err));
    LL_TRY_DONE(ll_decode_ring_open(&ring_options, &ring, err));
    for (int64_t row = 0; row < run.total; row++) {
        const uint8_t *pixels = NULL;
        const ll_image_facts *facts = NULL;
        const double asked = ll_clock_seconds();
        LL_TRY_DONE(ll_decode_ring_next(ring, &pixels, &facts, err));
        summary->ring_seconds += ll_clock_seconds() - asked;
        LL_TRY_DONE(add(&run, row, pixels, facts, err));
    }
    LL_TRY_DONE(drain(&run, err));
    ll_decode_ring_seconds(ring, &summary->decode_seconds, &summary->decode_cpu_seconds);
done:
    summary->wall_seconds = ll_clock_seconds() - start;
    summary->cpu_seconds = ll_usage_cpu_seconds() - cpu_start;
    summary->batch = run.batch;
    ll_decode_ring_close(ring);
    free_slots(&run);
    return status;
}
