/* host/pipeline/match.c - see match.h.
 *
 * One batch is decoded while the one before runs, as in host/extract, which reads a catalogue; here
 * there is none, and a handful of photos. */
#include "host/pipeline/match.h"

#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/base/utf8.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/provenance.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 2 }; /* one batch on the device, one being decoded */

/* A batch of photos. */
typedef struct slot {
    int64_t first, count;  /* of the paths */
    uint8_t *pixels;       /* (batch, LL_IMAGE_BYTES), as decoded; then the usable ones, packed */
    ll_image_facts *facts; /* (batch) */
    const char **names;    /* (batch), of the usable */
    int usable;
} slot;

typedef struct matching {
    const ll_match_options *options;
    const ll_store_provenance *made; /* what made the index */
    const char *const *paths;
    int64_t count, width;
    ll_match *out;
    ll_pipeline_options as; /* the settings of the index */
    ll_weights *weights;
    ll_backend *be;
    ll_net *net;
    int batch;
    slot slots[SLOTS];
    float *norms; /* (batch) */
    slot *decoding;
} matching;

/* Which of two words an index says; LL_ERR_FORMAT if neither. */
static ll_status either(const matching *m, const char *name, const char *word, const char *no,
                        const char *yes, bool *out, ll_error *err)
{
    *out = strcmp(word, yes) == 0;
    if (*out || strcmp(word, no) == 0) return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s '%s' is unknown here",
                   ll_reader_path(m->options->index), name, word);
}

/* The settings of the index, from its attributes. */
static ll_status read_settings(matching *m, ll_error *err)
{
    const ll_store_provenance *const made = m->made;
    const char *const path = ll_reader_path(m->options->index);
    ll_image_options *const image = &m->as.image;
    bool torchvision = false, bilinear = false;

    m->width = ll_reader_extents(m->options->index)->features;
    if (m->width == 0)
        return ll_fail(err, LL_ERR_UNSUPPORTED,
                       "%s: no /features to match a photo with: made with --no-features, or a copy "
                       "for the web",
                       path);
    *image = ll_image_options_default();
    LL_TRY(either(m, "preprocess", made->preprocess, "keras", "torchvision", &torchvision, err));
    LL_TRY(either(m, "resize", made->resize, "nearest", "bilinear", &bilinear, err));
    LL_TRY(either(m, "exif", made->exif, "ignore", "apply", &image->exif_apply, err));
    LL_TRY(either(m, "alpha", made->alpha, "drop", "white", &image->alpha_white, err));
    image->geometry = torchvision ? LL_GEOMETRY_TORCHVISION : LL_GEOMETRY_KERAS;
    image->resize = bilinear ? LL_RESIZE_BILINEAR : LL_RESIZE_NEAREST;
    /* the text names every library; who decodes JPEG is the one difference between the two */
    image->jpeg = strstr(made->decoder, "turbo") == NULL ? LL_DECODER_STB : LL_DECODER_TURBOJPEG;
    m->as.layer = ll_vgg16_find(made->layer);
    if (m->as.layer < 0 || ll_vgg16_width(m->as.layer) != m->width)
        return ll_fail(err, LL_ERR_FORMAT, "%s: layer '%s' does not give %lld features", path,
                       made->layer, (long long)m->width);
    return LL_OK;
}

static ll_status open_weights(matching *m, ll_error *err)
{
    char *found = NULL, ours[sizeof "0123456789ab..."], theirs[sizeof ours];
    const char *path = m->options->weights_path;

    if (path == NULL) {
        LL_TRY(ll_weights_find(&found, err));
        path = found;
    }
    const ll_status status = ll_weights_open(path, &m->weights, err);
    free(found);
    LL_TRY(status);
    const ll_weights_info *const info = ll_weights_describe(m->weights);
    if (strcmp(info->sha256, m->made->weights_sha256) == 0) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT, "%s: not the weights of the index, %s: SHA-256 %s, not %s",
                   info->path, m->made->weights_name,
                   ll_text_say(ours, sizeof ours, "%s", info->sha256),
                   ll_text_say(theirs, sizeof theirs, "%s", m->made->weights_sha256));
}

static ll_status open_backend(matching *m, ll_error *err)
{
    const char *const name = m->options->backend != NULL ? m->options->backend : m->made->backend;
    const ll_backend_options backend = {
        .name = name,
        .precision = strcmp(name, m->made->backend) == 0 ? m->made->precision : NULL,
        .cuda_module = m->options->cuda_module,
        .device = m->options->device,
        .threads = m->options->threads,
        .batch = m->options->batch,
        .patience_s = m->options->patience_s,
        .slots = SLOTS,
        .log = m->options->log};
    const ll_net_options net = {.layer = m->as.layer, .normalize = true};

    LL_TRY(ll_backend_open(&backend, &m->be, err));
    m->batch = ll_backend_describe(m->be).batch;
    return ll_net_create(m->be, m->weights, &net, &m->net, err);
}

/* Say so if equal photos may get other features than the index holds. */
static ll_status compare_fingerprints(const matching *m, ll_error *err)
{
    ll_provenance here;
    const ll_backend_info info = ll_backend_describe(m->be);

    memset(&here, 0, sizeof here);
    LL_TRY(ll_provenance_init(&here, &m->as, &m->as.image, ll_weights_describe(m->weights), &info,
                              err));
    if (strcmp(here.fingerprint, m->made->fingerprint) == 0) return LL_OK;
    const char *const made[] = {m->made->decoder, m->made->backend, m->made->precision,
                                m->made->device};
    const char *const now[] = {here.store.decoder, info.name, info.precision, info.device};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (strcmp(made[i], now[i]) != 0) {
            ll_log_line(m->options->log,
                        "the index was made with %s, this is %s: equal photos may score a little "
                        "less than 1",
                        made[i], now[i]);
            return LL_OK;
        }
    /* Engines of 13 layers are a page of text: `lookloom info` shows it. */
    ll_log_line(m->options->log,
                "the index was made with %s: equal photos may score a little less than 1",
                strcmp(m->made->engines, info.engines) != 0 ? "other engines or another --batch"
                                                            : "another --batch");
    return LL_OK;
}

/* A file we may not open is that photo's fault; a process out of descriptors is the run's. */
static ll_status decode(void *context, int64_t task, int thread, ll_error *err)
{
    const matching *const m = context;
    const slot *const s = m->decoding;
    const char *const path = m->paths[s->first + task];
    ll_image_facts *const facts = &s->facts[task];

    (void)thread;
    memset(facts, 0, sizeof *facts);
    if (ll_utf8_check(path, strlen(path)) != strlen(path)) {
        ll_text_say(facts->reason, sizeof facts->reason, "the name is not UTF-8");
        return LL_OK;
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    const int cause = fd < 0 ? errno : 0;
    if (cause == EMFILE || cause == ENFILE || cause == ENOMEM)
        return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(cause));
    if (fd < 0) {
        ll_text_say(facts->reason, sizeof facts->reason, "%s", strerror(cause));
        return LL_OK;
    }
    const ll_status status =
        ll_image_load(fd, &m->as.image, s->pixels + task * LL_IMAGE_BYTES, facts, err);
    close(fd);
    return status;
}

static void reject(matching *m, const char *name, const char *reason)
{
    struct ll_match_reject *const to = &m->out->rejects[m->out->rejected++];
    to->name = name;
    ll_text_say(to->reason, sizeof to->reason, "%s", reason);
}

/* Decode the next photos into a slot and start it. */
static ll_status start_slot(matching *m, int number, int64_t first, ll_error *err)
{
    slot *const s = &m->slots[number];

    s->first = first;
    s->count = ll_min_i64(m->batch, m->count - first);
    s->usable = 0;
    m->decoding = s;
    LL_TRY(ll_parallel_run(m->options->threads, s->count, decode, m, err));
    for (int64_t i = 0; i < s->count; i++) {
        const char *const name = m->paths[first + i];
        if (s->facts[i].reason[0] != '\0') {
            reject(m, name, s->facts[i].reason);
            continue;
        }
        if (s->usable != i)
            memcpy(s->pixels + (int64_t)s->usable * LL_IMAGE_BYTES, s->pixels + i * LL_IMAGE_BYTES,
                   LL_IMAGE_BYTES);
        s->names[s->usable++] = name;
    }
    if (s->usable == 0) return LL_OK;
    return ll_forward_submit(m->be, m->net, number, s->pixels, s->usable, err);
}

/* Wait for a slot; its features go behind those before. */
static ll_status finish_slot(matching *m, int number, ll_error *err)
{
    slot *const s = &m->slots[number];
    ll_match *const out = m->out;
    const int usable = s->usable;
    float *const features = out->features + out->count * m->width;
    int64_t kept = 0;

    s->usable = 0;
    if (usable > 0) LL_TRY(ll_forward_wait(m->be, m->net, number, features, m->norms, err));
    for (int64_t i = 0; i < usable; i++) {
        if (!(m->norms[i] > 0.0f)) {
            reject(m, s->names[i], "no features");
            continue;
        }
        if (kept != i)
            memcpy(features + kept * m->width, features + i * m->width,
                   (size_t)m->width * sizeof *features);
        out->names[out->count + kept++] = s->names[i];
    }
    out->count += kept;
    ll_log_progress(m->options->log, "embed", s->first + s->count, m->count);
    return LL_OK;
}

static ll_status make_room(matching *m, ll_error *err)
{
    ll_match *const out = m->out;

    LL_TRY(ll_alloc("names", m->count, sizeof *out->names, &out->names, err));
    LL_TRY(ll_alloc("rejects", m->count, sizeof *out->rejects, &out->rejects, err));
    LL_TRY(ll_alloc("features", m->count, (size_t)m->width * sizeof *out->features, &out->features,
                    err));
    LL_TRY(ll_alloc("norms", m->batch, sizeof *m->norms, &m->norms, err));
    for (int i = 0; i < SLOTS; i++) {
        LL_TRY(ll_alloc("pixels", m->batch, LL_IMAGE_BYTES, &m->slots[i].pixels, err));
        LL_TRY(ll_alloc("photos", m->batch, sizeof *m->slots[i].facts, &m->slots[i].facts, err));
        LL_TRY(ll_alloc("names", m->batch, sizeof *m->slots[i].names, &m->slots[i].names, err));
    }
    return LL_OK;
}

static ll_status run_batches(matching *m, ll_error *err)
{
    int64_t batches = 0;

    for (int64_t first = 0; first < m->count; first += m->batch, batches++) {
        LL_TRY(start_slot(m, (int)(batches % SLOTS), first, err));
        if (batches > 0) LL_TRY(finish_slot(m, (int)((batches - 1) % SLOTS), err));
    }
    return batches > 0 ? finish_slot(m, (int)((batches - 1) % SLOTS), err) : LL_OK;
}

static void release(matching *m)
{
    ll_error ignored = LL_ERROR_INIT;

    for (int i = 0; i < SLOTS; i++) {
        /* After a failure a batch may still be running on these pixels: let it end first. */
        if (m->slots[i].usable > 0 && m->norms != NULL && m->net != NULL &&
            ll_forward_wait(m->be, m->net, i, m->out->features + m->out->count * m->width, m->norms,
                            &ignored) != LL_OK)
            ignored = (ll_error)LL_ERROR_INIT;
        free(m->slots[i].pixels);
        free(m->slots[i].facts);
        free(m->slots[i].names);
    }
    free(m->norms);
    ll_net_free(m->be, m->net);
    ll_backend_close(m->be);
    ll_weights_close(m->weights);
}

ll_status ll_match_embed(const ll_match_options *options, const char *const *paths, int64_t count,
                         ll_match **out, ll_error *err)
{
    ll_status status = LL_OK;
    matching m = {.options = options,
                  .made = ll_reader_provenance(options->index),
                  .paths = paths,
                  .count = count};

    *out = NULL;
    LL_TRY_DONE(ll_alloc("photos", 1, sizeof *m.out, &m.out, err));
    LL_TRY_DONE(read_settings(&m, err));
    LL_TRY_DONE(open_weights(&m, err));
    LL_TRY_DONE(open_backend(&m, err));
    LL_TRY_DONE(compare_fingerprints(&m, err));
    LL_TRY_DONE(make_room(&m, err));
    LL_TRY_DONE(run_batches(&m, err));
    *out = m.out;
done:
    release(&m);
    if (*out == NULL) ll_match_free(m.out);
    return status;
}

void ll_match_free(ll_match *match)
{
    if (match == NULL) return;
    free(match->names);
    free(match->features);
    free(match->rejects);
    free(match);
}
