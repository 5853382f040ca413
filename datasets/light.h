/* datasets/light.h - the studio: light on the garment, its soft shadow on the paper below it. */
#ifndef LL_DATASETS_LIGHT_H
#define LL_DATASETS_LIGHT_H

#include "datasets/garment.h"
#include "host/base/status.h"

#include <cairo.h>

enum { LL_LIGHT_CELL = 4 }; /* pixels of the picture per pixel of the fold map, each way */

/** Light `layer` (ARGB32, the garment on nothing) by its fold map (RGB24, a cell per LL_LIGHT_CELL
 *  pixels, rounded up) and lay it on paper, in place: afterwards `layer` is opaque. LL_ERR_MEMORY.
 */
LL_NODISCARD ll_status ll_light_apply(cairo_surface_t *layer, cairo_surface_t *folds,
                                      const ll_garment *garment, ll_error *err);

#endif
