/* host/pipeline/probe.c - see probe.h. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "host/pipeline/probe.h"

#include "host/base/clock.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/extract/photo_source.h"
#include "host/similarity/tile_plan.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PHOTOS = 32,
    ROWS = 2048,              /* compared: ten tiles of the cpu's, 32 MB of features at 4096 */
    FEATURE_BYTES = 64 << 20, /* of them at most */
    DISK_BYTES = 64 << 20,
    PIECE_BYTES = 1 << 20,
};

static double per_second(double count, double seconds)
{
    return seconds > 0.0 ? count / seconds : 0.0;
}

/* ---- photos ------------------------------------------------------------------------------ */

struct photos {
    ll_photo_source source;
    const ll_image_options *image;
    int64_t count;
    uint8_t *pixels; /* (count, LL_IMAGE_BYTES) */
    bool usable[PHOTOS];
};

static ll_status decode_one(void *context, int64_t task, int thread, ll_error *err)
{
    struct photos *const p = context;
    const int64_t row = task * p->source.count / p->count;
    ll_image_facts facts;

    (void)thread;
    LL_TRY(
        ll_photo_load(&p->source, p->image, row, p->pixels + task * LL_IMAGE_BYTES, &facts, err));
    p->usable[task] = facts.reason[0] == '\0';
    return LL_OK;
}

/* Usable ones first. */
static int64_t pack_usable(struct photos *p)
{
    int64_t kept = 0;

    for (int64_t i = 0; i < p->count; i++)
        if (p->usable[i]) {
            memmove(p->pixels + kept * LL_IMAGE_BYTES, p->pixels + i * LL_IMAGE_BYTES,
                    LL_IMAGE_BYTES);
            kept++;
        }
    return kept;
}

/* The first batch warms up and is as small as may be: one image a thread. */
static ll_status embed_some(ll_backend *be, ll_net *net, const struct photos *p, int64_t kept,
                            int threads, int64_t cols, double *rate, ll_error *err)
{
    ll_status status = LL_OK;
    const int batch = ll_backend_describe(be).batch;
    const int most = (int)ll_min_i64(kept, batch);
    const int counts[] = {(int)ll_min_i64(threads, most), most};
    float *features = NULL, *norms = NULL;

    LL_TRY_DONE(ll_alloc("features", most * cols, sizeof *features, &features, err));
    LL_TRY_DONE(ll_alloc("norms", most, sizeof *norms, &norms, err));
    for (int turn = 0; turn < 2; turn++) {
        const double start = ll_clock_seconds();
        LL_TRY_DONE(ll_forward_submit(be, net, 0, p->pixels, counts[turn], err));
        LL_TRY_DONE(ll_forward_wait(be, net, 0, features, norms, err));
        *rate = per_second(counts[turn], ll_clock_seconds() - start);
    }
    if (ll_backend_describe(be).pads_batches) *rate *= (double)batch / most;
done:
    free(features);
    free(norms);
    return status;
}

ll_status ll_probe_photos(const ll_pipeline_options *options, const ll_catalog *catalog,
                          const ll_image_options *image, ll_backend *be, ll_net *net, int64_t cols,
                          ll_probe *probe, ll_error *err)
{
    ll_status status = LL_OK;
    struct photos p = {.source = ll_photo_source_of_catalog(catalog), .image = image};

    p.count = ll_min_i64(PHOTOS, p.source.count);
    LL_TRY_DONE(ll_alloc("photos", p.count, LL_IMAGE_BYTES, &p.pixels, err));
    const double start = ll_clock_seconds();
    LL_TRY_DONE(ll_parallel_run(options->threads, p.count, decode_one, &p, err));
    probe->decode_rate = per_second((double)p.count, ll_clock_seconds() - start);
    const int64_t kept = pack_usable(&p);
    probe->sampled = (int)p.count;
    probe->unusable = (int)(p.count - kept);
    probe->shared = ll_backend_describe(be).shares_processor;
    if (kept > 0)
        LL_TRY_DONE(embed_some(be, net, &p, kept, options->threads, cols, &probe->embed_rate, err));
done:
    free(p.pixels);
    return status;
}

/* ---- comparing --------------------------------------------------------------------------- */

/* Unit rows with half their values zero, as after a ReLU. */
static void draw_rows(float *features, int64_t rows, int64_t cols)
{
    uint32_t state = 1; /* a linear congruence (Numerical Recipes); any noise will do */

    for (int64_t r = 0; r < rows; r++) {
        float *const row = features + r * cols;
        double sum = 0.0;
        for (int64_t c = 0; c < cols; c++) {
            state = state * 1664525u + 1013904223u;
            row[c] = state >> 31 != 0 ? (float)(state >> 8 & 0xFFFF) : 0.0f;
            sum += (double)row[c] * (double)row[c];
        }
        if (!(sum > 0.0)) row[0] = 1.0f, sum = 1.0;
        for (int64_t c = 0; c < cols; c++)
            row[c] = (float)((double)row[c] / sqrt(sum));
    }
}

static ll_status drop_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                           const void *values, ll_error *err)
{
    (void)to, (void)row, (void)rows, (void)column, (void)columns, (void)values, (void)err;
    return LL_OK;
}

static ll_status drop_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                const float *score, ll_error *err)
{
    (void)to, (void)row, (void)rows, (void)index, (void)score, (void)err;
    return LL_OK;
}

ll_status ll_probe_compare(ll_backend *be, int64_t cols, int64_t rows, int64_t neighbors,
                           ll_matrix_type matrix, ll_probe *probe, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t room = FEATURE_BYTES / (cols * (int64_t)sizeof(float));
    const int64_t some = ll_max_i64(ll_min_i64(rows, ll_min_i64(ROWS, room)), 1);
    float *features = NULL;
    ll_similarity_summary summary;

    LL_TRY_DONE(ll_alloc("features", some * cols, sizeof *features, &features, err));
    draw_rows(features, some, cols);
    const ll_similarity_options options = {
        .features = features,
        .rows = some,
        .cols = cols,
        .neighbors = (int)ll_min_i64(neighbors, ll_max_i64(some - 1, 1)),
        .matrix = matrix,
        .matrix_sink = {.receive = drop_tile},
        .neighbor_sink = {.receive = drop_neighbors},
    };
    LL_TRY_DONE(ll_similarity_run(be, &options, &summary, err));
    probe->tile = summary.tile;
    probe->tile_seconds = summary.tile_seconds / (double)ll_max_i64(summary.tiles, 1);
    probe->row_seconds = summary.rescore_seconds / (double)some;
done:
    free(features);
    return status;
}

/* ---- the disk ---------------------------------------------------------------------------- */

ll_status ll_probe_disk(const char *index_path, ll_probe *probe, ll_error *err)
{
    ll_status status = LL_OK;
    char *folder = NULL;
    uint8_t *piece = NULL;
    int fd = -1;

    LL_TRY_DONE(ll_file_folder(index_path, &folder, err));
    LL_TRY_DONE(ll_alloc("a piece", 1, PIECE_BYTES, &piece, err));
    for (int64_t i = 0; i < PIECE_BYTES; i++) /* nothing that a disk could leave out */
        piece[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    double start = ll_clock_seconds();
    for (int64_t at = 0; at < DISK_BYTES; at += PIECE_BYTES)
        piece[0] = (uint8_t)(piece[0] + ll_digest_block(piece, PIECE_BYTES));
    probe->digest_rate = per_second(DISK_BYTES, ll_clock_seconds() - start);

    /* A disk on which there is no room to probe stays unmeasured; what fits was asked before. */
    ll_error ignored = LL_ERROR_INIT;
    fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) goto done;
    start = ll_clock_seconds();
    for (int64_t at = 0; at < DISK_BYTES; at += PIECE_BYTES)
        if (ll_file_pwrite(fd, piece, PIECE_BYTES, at, folder, &ignored) != LL_OK) goto done;
    if (fsync(fd) == 0) probe->disk_rate = per_second(DISK_BYTES, ll_clock_seconds() - start);
done:
    if (fd >= 0) close(fd);
    free(piece);
    free(folder);
    return status;
}

/* ---- the whole --------------------------------------------------------------------------- */

ll_probe_seconds ll_probe_extrapolate(const ll_probe *probe, int64_t items, int64_t file_bytes)
{
    const double decode = per_second((double)items, probe->decode_rate);
    const double usable = probe->sampled > 0 ? 1.0 - (double)probe->unusable / probe->sampled : 1.0;
    const double forward = per_second((double)items * usable, probe->embed_rate);
    const ll_tile_plan plan = ll_tile_plan_make(items, ll_max_i64(probe->tile, 1));
    const double bytes = (double)file_bytes;
    ll_probe_seconds s = {
        .embed = probe->shared ? decode + forward : fmax(decode, forward),
        .compare = (double)plan.tiles * probe->tile_seconds,
        .rescore = (double)items * probe->row_seconds,
        .write = per_second(bytes, probe->disk_rate) + per_second(bytes, probe->digest_rate),
    };

    s.total = probe->setup_seconds + s.embed + fmax(s.compare, s.write) + s.rescore;
    return s;
}
