/* host/image/resize.h - resizes an image to 224 x 224, or to a thumbnail, bit for bit as Pillow 9.4
 * does; private to host/image. */
#ifndef LL_IMAGE_RESIZE_H
#define LL_IMAGE_RESIZE_H

#include "host/base/status.h"
#include "host/image/decode.h"
#include "host/image/raster.h"

#include <stdint.h>

/** Resize and crop as `geometry` says, with its filter or the one `filter` puts in its place.
 *
 * @param source  1 x 1 or larger
 * @param pixels  (224, 224, 3) u8 RGB
 * @return LL_ERR_MEMORY */
LL_NODISCARD ll_status ll_resize_view(const ll_view *source, ll_geometry geometry, ll_resize filter,
                                      uint8_t *pixels, ll_error *err);

/** The whole picture within side x side by antialiased bilinear, its proportions kept; a smaller
 * one stays as it is.
 *
 * @param side    1 .. LL_IMAGE_SIDE
 * @param pixels  room for (side, side, 3) u8 RGB; (*height, *width, 3) are written
 * @return LL_ERR_MEMORY */
LL_NODISCARD ll_status ll_resize_fit(const ll_view *source, int side, uint8_t *pixels, int *width,
                                     int *height, ll_error *err);

#endif
