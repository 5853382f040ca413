/* datasets/picture.h - one product photo: the garment, posed, lit, on white paper; and its file. */
#ifndef LL_DATASETS_PICTURE_H
#define LL_DATASETS_PICTURE_H

#include "datasets/garment.h"
#include "host/base/status.h"

#include <cairo.h>

/** Draw the garment's picture; `*out` is opaque and yours to cairo_surface_destroy().
 *  LL_ERR_MEMORY is what cairo can run into. */
LL_NODISCARD ll_status ll_picture_draw(const ll_garment *garment, cairo_surface_t **out,
                                       ll_error *err);

/** Write it as the garment's format says, JPEG or PNG, to `path`. LL_ERR_IO, LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_picture_write(cairo_surface_t *picture, const ll_garment *garment,
                                        const char *path, ll_error *err);

#endif
