/* host/image/decode.h - from the bytes of one photo to the pixels the network sees.
 *
 * A pure function of a file descriptor and options: no globals, no paths, so it can run on any
 * thread. A photo that cannot be used gives LL_OK and a reason, not a failure: the run continues.
 * Floor 1; includes base. */
#ifndef LL_IMAGE_DECODE_H
#define LL_IMAGE_DECODE_H

#include "host/base/digest.h"
#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LL_IMAGE_SIDE = 224,
    LL_IMAGE_BYTES = LL_IMAGE_SIDE * LL_IMAGE_SIDE * 3, /* (224, 224, 3) u8 RGB */
    LL_IMAGE_REASON = 160,
};

typedef enum ll_geometry {
    LL_GEOMETRY_KERAS,
    LL_GEOMETRY_TORCHVISION,
    LL_GEOMETRY_OF_WEIGHTS, /* not decided yet: no photo is read so */
} ll_geometry;
typedef enum ll_resize { LL_RESIZE_OF_GEOMETRY, LL_RESIZE_NEAREST, LL_RESIZE_BILINEAR } ll_resize;
typedef enum ll_exif { LL_EXIF_IGNORE, LL_EXIF_APPLY } ll_exif;
typedef enum ll_alpha { LL_ALPHA_DROP, LL_ALPHA_WHITE } ll_alpha;
typedef enum ll_decoder { LL_DECODER_TURBOJPEG, LL_DECODER_STB } ll_decoder;

typedef struct ll_image_options {
    ll_geometry geometry; /* keras: whole image to 224 x 224, nearest; torchvision: short side 256
                             by antialiased bilinear, centre crop 224 */
    ll_resize resize;     /* override of the geometry's filter */
    ll_exif exif;         /* apply: turn as EXIF says */
    ll_alpha alpha;       /* white: blend transparency onto white */
    ll_decoder jpeg;      /* who decodes JPEG */
    int64_t max_pixels;   /* declared width x height */
    int64_t max_bytes;    /* file size */
} ll_image_options;

/** The defaults of design: keras, ignore, drop, turbojpeg, 64 Mpx, 64 MB. */
ll_image_options ll_image_options_default(void);

typedef struct ll_image_facts {
    char reason[LL_IMAGE_REASON];    /* "" if usable, else one line, e.g. "truncated JPEG"; "..."
                                        ends one that is longer */
    uint8_t digest[LL_DIGEST_BYTES]; /* XXH3-128 of the file's bytes; zero if it was not read */
    int32_t width, height;           /* before EXIF and resizing; 0 if unknown */
    bool transparent;                /* has an alpha channel or a transparent colour */
    bool rotated;                    /* carries an EXIF orientation other than 1 */
} ll_image_facts;

/** Read, decode and resize the photo behind `fd` (from its start; `fd` stays open).
 *
 * @param pixels  (224, 224, 3) u8 RGB; defined only if facts->reason is ""
 * @return LL_OK, with the verdict in `facts`; LL_ERR_MEMORY if the run itself is out of memory. */
LL_NODISCARD ll_status ll_image_load(int fd, const ll_image_options *options, uint8_t *pixels,
                                     ll_image_facts *facts, ll_error *err);

/* A photo made small, for people. */
typedef struct ll_thumbnail {
    int side;                       /* in: fit within side x side, 1 .. LL_IMAGE_SIDE */
    int width, height;              /* out */
    uint8_t pixels[LL_IMAGE_BYTES]; /* out: (height, width, 3) u8 RGB, rows end to end */
} ll_thumbnail;

/** As ll_image_load, but the whole photo in its own proportions, by antialiased bilinear; geometry
 *  and resize of `options` are not looked at. */
LL_NODISCARD ll_status ll_image_thumbnail(int fd, const ll_image_options *options,
                                          ll_thumbnail *thumbnail, ll_image_facts *facts,
                                          ll_error *err);

/** Name of a format that photos may have, for 0, 1, ...: "JPEG"; NULL behind the last. Everything
 * else is rejected as `unsupported format`. Borrowed for ever. */
const char *ll_image_format(int index);

/** Versions of the libraries that decode, as recorded in the index: e.g.
 *  "libjpeg-turbo 2.1.5, libwebp 1.2.4, stb_image 2.27". Borrowed for ever. */
const char *ll_image_decoder_version(ll_decoder jpeg);

#endif
