/* host/image/png_check.h - the chunks of a PNG, checked as Pillow checks them; private to
 * host/image. */
#ifndef LL_IMAGE_PNG_CHECK_H
#define LL_IMAGE_PNG_CHECK_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LL_PNG_GREY = 0, LL_PNG_RGB = 2, LL_PNG_PALETTE = 3 }; /* colour types; 4 and 6 have alpha */

/* A part of the file, borrowed from it. */
typedef struct ll_png_span {
    const uint8_t *bytes;
    size_t size_bytes;
} ll_png_span;

typedef struct ll_png {
    uint32_t width, height;
    int depth, colour; /* bits per sample; colour type */
    bool interlaced;
    bool transparent;             /* an alpha channel, or a tRNS chunk */
    ll_png_span palette, opacity; /* PLTE and tRNS, if any */
    ll_png_span exif;             /* eXIf, if any: behind the image data, only after the tail */
    ll_png_span profile;          /* the text of "Raw profile type exif", if any, likewise */
    bool profile_deflated;        /* from zTXt: a method byte, then deflated text */
    size_t data_at;               /* offset of the first IDAT chunk */
} ll_png;

/* The image data: the payloads of consecutive IDAT chunks, one after the other. */
typedef struct ll_png_data {
    const uint8_t *bytes; /* the file */
    size_t size_bytes;
    size_t at;   /* offset of the next chunk */
    bool broken; /* a checksum so far did not match */
} ll_png_data;

/** Everything before the image data: order, lengths, checksums, the header's values. */
LL_NODISCARD ll_status ll_png_check_head(const uint8_t *bytes, size_t size_bytes, ll_png *png,
                                         ll_error *why);

/** Start with `at` = data_at. The next IDAT payload, cut off where the file ends; false if there
 *  is none. A wrong checksum only sets `broken`: whether the data are damaged shows when they are
 *  inflated. */
bool ll_png_next_data(ll_png_data *data, ll_png_span *payload);

/** Everything behind the image data, from offset `at` on: may be missing, may not end early. */
LL_NODISCARD ll_status ll_png_check_tail(const uint8_t *bytes, size_t size_bytes, size_t at,
                                         ll_png *png, ll_error *why);

#endif
