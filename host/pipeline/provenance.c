/* host/pipeline/provenance.c - see provenance.h. */
#include "host/pipeline/provenance.h"

#include "host/base/memory.h"
#include "host/image/settings.h"
#include "host/vgg16/vgg16.h"

#include <stdlib.h>
#include <string.h>

#ifndef LL_VERSION
#error "LL_VERSION comes from CMake's project()"
#endif

/* Every choice that can move a bit of a feature, one to a line. */
static ll_status fingerprint(ll_provenance *p, int batch, ll_error *err)
{
    ll_status status = LL_OK;
    char *text = NULL;
    ll_digest *digest = NULL;
    const ll_store_provenance *const s = &p->store;

    LL_TRY_DONE(ll_text_format(&text, err,
                               "weights %s\nlayer %s\npreprocess %s\nresize %s\nexif %s\nalpha %s\n"
                               "decoder %s\nbackend %s\nbatch %d\nprecision %s\ndevice %s\n"
                               "engines %s\n",
                               s->weights_sha256, s->layer, s->preprocess, s->resize, s->exif,
                               s->alpha, s->decoder, s->backend, batch, s->precision, s->device,
                               s->engines));
    LL_TRY_DONE(ll_digest_create(&digest, err));
    ll_digest_update(digest, text, strlen(text));
    ll_digest_hex(digest, p->fingerprint);
done:
    ll_digest_free(digest);
    free(text);
    return status;
}

ll_status ll_provenance_init(ll_provenance *out, const ll_pipeline_options *options,
                             const ll_image_options *image, const ll_weights_info *weights,
                             const ll_backend_info *backend, ll_error *err)
{
    out->store = (ll_store_provenance){
        .created = ll_clock_utc(out->created),
        .generator = "lookloom " LL_VERSION,
        .model = options->source == NULL ? "VGG16" : "none",
        .layer = options->source == NULL ? ll_vgg16_name(options->layer) : "none",
        .preprocess = ll_setting_word(image, LL_SETTING_PREPROCESS),
        .resize = ll_setting_word(image, LL_SETTING_RESIZE),
        .exif = ll_setting_word(image, LL_SETTING_EXIF),
        .alpha = ll_setting_word(image, LL_SETTING_ALPHA),
        .decoder = ll_image_decoder_version(image->jpeg),
        .jpeg = ll_setting_word(image, LL_SETTING_JPEG),
        .image_root = "",
        .weights_sha256 = weights->sha256,
        .weights_name = weights->name,
        .weights_trained = weights->trained,
        .backend = backend->name,
        .device = backend->device,
        .precision = backend->precision,
        .engines = backend->engines,
        .fingerprint = out->fingerprint,
        .within = options->within != NULL ? options->within : "",
        .license = weights->license,
    };
    return fingerprint(out, backend->batch, err);
}
