/* host/image/photo.h - the interface between decode.c and its decoders; private to host/image.
 *
 * A decoder gets a photo's bytes and leaves a raster in it. Its status is the verdict:
 *   LL_OK                             usable
 *   LL_ERR_MEMORY                     the run is out of memory
 *   LL_ERR_FORMAT, _UNSUPPORTED, _IO  rejected, `why->text` is the reason (without a file name) */
#ifndef LL_IMAGE_PHOTO_H
#define LL_IMAGE_PHOTO_H

#include "host/base/status.h"
#include "host/image/decode.h"
#include "host/image/raster.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ll_photo {
    const uint8_t *bytes; /* the whole file, borrowed */
    size_t size_bytes;
    const ll_image_options *options;
    ll_image_facts *facts; /* a decoder sets width, height and transparent */
    int orientation;       /* EXIF's, 1 .. 8; 1 unless a decoder found another */
    ll_raster raster;      /* what a decoder made; freed by decode.c, also after a failure */
} ll_photo;

/** Record the declared size and hold it against --max-pixels, before anything is allocated. */
LL_NODISCARD ll_status ll_photo_declare(ll_photo *photo, int64_t width, int64_t height,
                                        ll_error *why);

/* JPEG by libjpeg-turbo with Pillow's settings: accurate DCT, fancy upsampling. */
LL_NODISCARD ll_status ll_decode_turbojpeg(ll_photo *photo, ll_error *why);
/* JPEG by stb_image; size, EXIF and limits as above. */
LL_NODISCARD ll_status ll_decode_stb_jpeg(ll_photo *photo, ll_error *why);
LL_NODISCARD ll_status ll_decode_png(ll_photo *photo, ll_error *why);
LL_NODISCARD ll_status ll_decode_bmp(ll_photo *photo, ll_error *why);
LL_NODISCARD ll_status ll_decode_webp(ll_photo *photo, ll_error *why);

#endif
