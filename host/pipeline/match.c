/* host/pipeline/match.c - see match.h. */
#include "host/pipeline/match.h"

#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/extract/extract.h"
#include "host/image/settings.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/provenance.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 }; /* one batch on the device, one being filled */

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
} matching;

/* The settings of the index, from its attributes. */
static ll_status read_settings(matching *m, ll_error *err)
{
    const ll_store_provenance *const made = m->made;
    const char *const path = ll_reader_path(m->options->index);
    const char *const words[LL_SETTINGS] = {made->preprocess, made->resize, made->exif, made->alpha,
                                            made->jpeg};
    ll_error why = LL_ERROR_INIT;

    m->width = ll_reader_extents(m->options->index)->features;
    if (m->width == 0)
        return ll_fail(err, LL_ERR_UNSUPPORTED,
                       "%s: no /features to match a photo with: made with --no-features, or a copy "
                       "for the web",
                       path);
    const ll_status status = ll_settings_read(words, made->decoder, &m->as.image, &why);
    if (status != LL_OK) return ll_fail(err, status, "%s: %s", path, why.text);
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

static ll_status append_item(void *to, int64_t row, const uint8_t digest[LL_DIGEST_BYTES],
                             const float *features, float norm, ll_error *err)
{
    const matching *const m = to;
    ll_match *const out = m->out;

    (void)digest, (void)norm, (void)err;
    memcpy(out->features + out->count * m->width, features, (size_t)m->width * sizeof *features);
    out->names[out->count++] = m->paths[row];
    return LL_OK;
}

static ll_status append_reject(void *to, int64_t row, const char *reason, ll_error *err)
{
    const matching *const m = to;
    struct ll_match_reject *const reject = &m->out->rejects[m->out->rejected++];

    (void)err;
    reject->name = m->paths[row];
    ll_text_say(reject->reason, sizeof reject->reason, "%s", reason);
    return LL_OK;
}

static ll_status embed(matching *m, ll_error *err)
{
    const ll_photo_source photos = ll_photo_source_of_paths(m->paths, m->count);
    const ll_extract_options extract = {.image = m->as.image,
                                        .layer = m->as.layer,
                                        .threads = m->options->threads,
                                        .slots = SLOTS,
                                        .log = m->options->log};
    const ll_extract_sink sink = {.to = m, .item = append_item, .reject = append_reject};
    ll_match *const out = m->out;
    ll_extract_summary summary;

    LL_TRY(ll_alloc("names", m->count, sizeof *out->names, &out->names, err));
    LL_TRY(ll_alloc("rejects", m->count, sizeof *out->rejects, &out->rejects, err));
    LL_TRY(ll_alloc("features", m->count, (size_t)m->width * sizeof *out->features, &out->features,
                    err));
    return ll_extract_run(m->be, m->net, &photos, &extract, &sink, &summary, err);
}

static void release(matching *m)
{
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
    LL_TRY_DONE(embed(&m, err));
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
