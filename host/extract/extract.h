/* host/extract/extract.h - the first long loop: photos -> features, in order.
 *
 * Decoder threads fill a ring of batches while the backend runs the batches before. An image that
 * cannot be used becomes a reject with a reason, never a gap: usable items keep the source's
 * order and are numbered without holes. Floor 4; includes base, image, backend. */
#ifndef LL_EXTRACT_H
#define LL_EXTRACT_H

#include "host/backend/backend.h"
#include "host/base/log.h"
#include "host/base/status.h"
#include "host/extract/photo_source.h"
#include "host/image/decode.h"

#include <stdint.h>

typedef struct ll_extract_sink {
    void *to;
    /* One usable item, ascending: row of the source, digest, unit features (width) and norm. */
    ll_status (*item)(void *to, int64_t row, const uint8_t digest[LL_DIGEST_BYTES],
                      const float *features, float norm, ll_error *err);
    /* One rejected row, in any order: an empty feature shows later than a bad file. */
    ll_status (*reject)(void *to, int64_t row, const char *reason, ll_error *err);
} ll_extract_sink;

typedef struct ll_extract_options {
    ll_image_options image;
    int layer;   /* LL_VGG16_*: width of the features */
    int threads; /* decoders */
    int slots;   /* batches in flight: the backend was opened with as many */
    const ll_log *log;
    /* For tests only: called before each decode to shuffle timing; NULL in production. */
    void (*disturb)(int64_t row);
} ll_extract_options;

typedef struct ll_extract_summary {
    int64_t items, rejected;
    int64_t transparent, rotated; /* usable photos: alpha dropped, EXIF ignored */
    double decode_seconds;        /* summed over decoder threads */
    double decode_cpu_seconds;    /* of a processor */
    double ring_seconds;          /* waiting for a photo */
    double forward_seconds;       /* waiting for a batch */
    double batch_seconds; /* the quickest of the first batches, alone; 0: there were too few */
    double cpu_seconds;   /* of a processor, of the whole process */
    double wall_seconds;
    int batch; /* images of one */
} ll_extract_summary;

LL_NODISCARD ll_status ll_extract_run(ll_backend *be, ll_net *net, const ll_photo_source *photos,
                                      const ll_extract_options *options,
                                      const ll_extract_sink *sink, ll_extract_summary *summary,
                                      ll_error *err);

#endif
