/* datasets/picture.c - see picture.h. Drawing only; picture_file.c writes. */
#include "datasets/picture.h"
#include "datasets/garment_shapes.h"
#include "datasets/light.h"

#include <math.h>
#include <stddef.h>

/* Garment units to pixels; `cell` is how many pixels of the picture make one of this surface. */
static void pose(cairo_t *cr, const ll_garment *g, double cell)
{
    const ll_extent extent = ll_garment_extent(g);
    const double fit = fmin(g->width / (2 * extent.x), g->height / (2 * extent.y));

    cairo_scale(cr, 1 / cell, 1 / cell);
    cairo_translate(cr, g->width * (0.5 + g->shift_x), g->height * (0.5 + g->shift_y));
    cairo_rotate(cr, g->turn);
    cairo_scale(cr, fit * g->fill, fit * g->fill);
}

static ll_status cairo_outcome(cairo_status_t code, ll_error *err)
{
    if (code == CAIRO_STATUS_SUCCESS) return LL_OK;
    return ll_fail(err, code == CAIRO_STATUS_NO_MEMORY ? LL_ERR_MEMORY : LL_ERR_UNSUPPORTED,
                   "cairo: %s", cairo_status_to_string(code));
}

ll_status ll_picture_draw(const ll_garment *garment, cairo_surface_t **out, ll_error *err)
{
    ll_status status = LL_OK;
    cairo_surface_t *const layer =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, garment->width, garment->height);
    cairo_surface_t *const folds = cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, (garment->width + LL_LIGHT_CELL - 1) / LL_LIGHT_CELL,
        (garment->height + LL_LIGHT_CELL - 1) / LL_LIGHT_CELL);
    ll_tailor tailor = {
        .garment = garment,
        .cloth = cairo_create(layer), /* a failed surface gives a failed context, asked below */
        .folds = cairo_create(folds),
        .dice = {garment->photo_seed},
    };

    *out = NULL;
    cairo_set_source_rgb(tailor.folds, 0.5, 0.5, 0.5);
    cairo_paint(tailor.folds);
    pose(tailor.cloth, garment, 1);
    pose(tailor.folds, garment, LL_LIGHT_CELL);
    ll_garment_draw(&tailor);
    LL_TRY_DONE(cairo_outcome(cairo_status(tailor.cloth), err));
    LL_TRY_DONE(cairo_outcome(cairo_status(tailor.folds), err));
    LL_TRY_DONE(ll_light_apply(layer, folds, garment, err));
    *out = cairo_surface_reference(layer);
done:
    cairo_destroy(tailor.cloth);
    cairo_destroy(tailor.folds);
    cairo_surface_destroy(layer);
    cairo_surface_destroy(folds);
    return status;
}
