/* datasets/fabric.h - what a garment is made of, painted flat: the pattern before light and cut. */
#ifndef LL_DATASETS_FABRIC_H
#define LL_DATASETS_FABRIC_H

#include "datasets/garment.h"

#include <cairo.h>

/** Cover the clipped area with the garment's cloth. Units: the garment spans about -1 .. 1, x to
 *  the right and y down; whoever turns `cr` first turns the cloth. Errors stay in `cr`. */
void ll_fabric_paint(cairo_t *cr, const ll_garment *garment);

#endif
