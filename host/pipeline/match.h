/* host/pipeline/match.h - embeds photos that are not in the catalogue with the settings of a
 * finished index, so that they can be compared with its items. Floor 5. */
#ifndef LL_PIPELINE_MATCH_H
#define LL_PIPELINE_MATCH_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/image/decode.h"
#include "host/store/reader.h"

#include <stdint.h>

typedef struct ll_match_options {
    const ll_reader *index;
    const char *weights_path; /* NULL: where ll_weights_find looks; must be the index's own */
    const char *backend;      /* NULL: the index's own */
    const char *cuda_module;  /* NULL: the one installed with us (ll_backend_options) */
    int device, threads;
    int patience_s; /* ll_backend_options.patience_s */
    int batch; /* 0: the backend's default; features are the same to the bit only if the index was
                  made with the same */
    const ll_log *log;
} ll_match_options;

typedef struct ll_match {
    int64_t count;      /* usable photos, in the order given */
    const char **names; /* (count), borrowed from `paths` */
    float *features;    /* (count, D), unit rows */
    int64_t rejected;
    struct ll_match_reject {
        const char *name;
        char reason[LL_IMAGE_REASON];
    } * rejects; /* (rejected), in the order given, but one without features comes with its batch */
} ll_match;

/** Embed the photos at `paths`. A photo that cannot be used is a reject, not a failure.
 *  @return LL_OK; LL_ERR_UNSUPPORTED if the index has no features; LL_ERR_ARGUMENT if the weights
 *  are not those of the index; LL_ERR_FORMAT if it was made by settings unknown here; else the
 *  failures of weights and backend. */
LL_NODISCARD ll_status ll_match_embed(const ll_match_options *options, const char *const *paths,
                                      int64_t count, ll_match **out, ll_error *err);
void ll_match_free(ll_match *match); /* accepts NULL */

#endif
