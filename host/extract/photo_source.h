/* host/extract/photo_source.h - where the photos of the first long loop come from: the rows of a
 * catalogue, or paths given one by one. Floor 4; includes base, catalog, image. */
#ifndef LL_EXTRACT_PHOTO_SOURCE_H
#define LL_EXTRACT_PHOTO_SOURCE_H

#include "host/base/status.h"
#include "host/catalog/catalog.h"
#include "host/image/decode.h"

#include <stdint.h>

/* Members are called from several threads at once. */
typedef struct ll_photo_source {
    const void *of;
    int64_t count; /* of rows */
    /* The row's photo as errors name it; borrowed. */
    const char *(*name)(const void *of, int64_t row);
    /* Why the row has no photo to open, or NULL; borrowed. */
    const char *(*reject_reason)(const void *of, int64_t row);
    /* Path to open; yours to free(). */
    ll_status (*path)(const void *of, int64_t row, char **out, ll_error *err);
} ll_photo_source;

/** The rows of a catalogue, borrowed. */
ll_photo_source ll_photo_source_of_catalog(const ll_catalog *catalog);

/** `paths`, borrowed; one that is not UTF-8 is no photo. */
ll_photo_source ll_photo_source_of_paths(const char *const *paths, int64_t count);

/** Decode one row on the calling thread: its pixels (LL_IMAGE_BYTES), or a reason in `facts`. */
LL_NODISCARD ll_status ll_photo_load(const ll_photo_source *source, const ll_image_options *image,
                                     int64_t row, uint8_t *pixels, ll_image_facts *facts,
                                     ll_error *err);

#endif
