/* datasets/tailor.h - the tools garments are drawn with: parts cut from cloth, seams, stitches,
 * buttons and creases.
 *
 * Units: the garment spans about -1 .. 1, x to the right, y down. A path is built on `cloth` with
 * cairo or with the outline functions here; each tool then takes that path and leaves none behind.
 * cairo keeps its errors in the context, so nothing here fails: whoever made the contexts asks them
 * once at the end (picture.c). */
#ifndef LL_DATASETS_TAILOR_H
#define LL_DATASETS_TAILOR_H

#include "datasets/dice.h"
#include "datasets/garment.h"

#include <cairo.h>

typedef struct ll_tailor {
    const ll_garment *garment;
    cairo_t *cloth; /* the garment alone, on nothing */
    cairo_t *folds; /* its folds, as light: 0.5 is flat, less is shade; coarse, blurred later */
    ll_dice dice;   /* for what differs from photo to photo */
} ll_tailor;

/* A Bezier curve from where the path stands; a straight line is two points alike. */
typedef struct ll_curve {
    double x1, y1, x2, y2, x, y;
} ll_curve;

/** A straight line to (x, y) in a table of curves, from (x0, y0). */
#define LL_LINE(x0, y0, x, y)                                                                      \
    {                                                                                              \
        x0, y0, x, y, x, y                                                                         \
    }

/** low + (high - low) * cut number `cut` of the design. */
double ll_tailor_cut(const ll_tailor *tailor, int cut, double low, double high);

/** A closed outline from (x, y). */
void ll_tailor_outline(ll_tailor *tailor, double x, double y, const ll_curve *curves, int count);

/** A closed outline, symmetric about x = 0: `curves` go from (0, y) down the right side and must
 *  end at x = 0. */
void ll_tailor_mirrored(ll_tailor *tailor, double y, const ll_curve *curves, int count);

/** From here to ll_tailor_side_end, x is mirrored if `side` is -1. */
void ll_tailor_side_begin(ll_tailor *tailor, double side);
void ll_tailor_side_end(ll_tailor *tailor);

/** Cut the path from the garment's own cloth, turned by `turn` radians; or from plain `colour`. */
void ll_tailor_part(ll_tailor *tailor, double turn);
void ll_tailor_trim(ll_tailor *tailor, ll_rgb colour);

/** The same for a strip `width` wide along the path: a neck band, a handle. */
void ll_tailor_band(ll_tailor *tailor, ll_rgb colour, double width);

/** A seam: a fine dark line with a light one beside it. A stitch: a dashed line. */
void ll_tailor_seam(ll_tailor *tailor);
void ll_tailor_stitch(ll_tailor *tailor, ll_rgb colour);

/** A fold from (x0, y0) to (x1, y1), bending by `bend` to its left, `width` at its widest. */
void ll_tailor_crease(ll_tailor *tailor, double x0, double y0, double x1, double y1, double bend,
                      double width, double depth);

/** A crease whose ends, bend and depth vary from photo to photo. */
void ll_tailor_rumple(ll_tailor *tailor, double x0, double y0, double x1, double y1);

void ll_tailor_button(ll_tailor *tailor, double x, double y, double radius, ll_rgb colour);

/** Colours that suit the garment: its cloth in shade, the inside, its stitches. */
ll_rgb ll_tailor_dark(const ll_tailor *tailor);
ll_rgb ll_tailor_inside(const ll_tailor *tailor);
ll_rgb ll_tailor_thread(const ll_tailor *tailor);

#endif
