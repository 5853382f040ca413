/* host/image/raster.h - a decoded image, and a view of it that can be turned without a copy;
 * private to host/image. */
#ifndef LL_IMAGE_RASTER_H
#define LL_IMAGE_RASTER_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* (height, width, channels) u8. Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha. */
typedef struct ll_raster {
    uint8_t *pixels; /* malloc'ed */
    int32_t width, height;
    int channels;
    bool alpha; /* the last of 2 or 4 channels is an opacity; otherwise it is padding */
} ll_raster;

/** Room for the pixels, not cleared. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_raster_init(ll_raster *raster, int64_t width, int64_t height,
                                      int channels, ll_error *err);
void ll_raster_release(ll_raster *raster);

/** Blend the opacity onto white, in place; without alpha nothing happens.
 *
 *  out = (v + v / 256) / 256 with v = colour * a + 255 * (255 - a) + 128, integer division: the
 *  blend divided by 255 and rounded to nearest, which is Pillow's alpha_composite onto white. */
void ll_raster_blend_white(ll_raster *raster);

/* A raster seen through an EXIF orientation: pixel (x, y) starts at
 * origin + x * step_x + y * step_y; red is there, green and blue at these offsets from it. */
typedef struct ll_view {
    const uint8_t *origin;
    int32_t width, height;
    ptrdiff_t step_x, step_y; /* bytes, may be negative */
    ptrdiff_t green, blue;    /* 1 and 2, or 0 and 0 for grey */
} ll_view;

/** Borrows the raster's pixels. `orientation` 1 .. 8 as EXIF counts them. */
ll_view ll_view_of(const ll_raster *raster, int orientation);

#endif
