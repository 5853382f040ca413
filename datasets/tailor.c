/* datasets/tailor.c - see tailor.h.
 *
 * A part is painted into a group the size of its bounding box and laid down through its outline
 * once: painting under a clip of that shape would cost as much for every stroke, and leave fringes
 * where edges meet. */
#include "datasets/tailor.h"
#include "datasets/fabric.h"

#include <math.h>
#include <stddef.h>

double ll_tailor_cut(const ll_tailor *tailor, int cut, double low, double high)
{
    return low + (high - low) * tailor->garment->cut[cut];
}

void ll_tailor_outline(ll_tailor *tailor, double x, double y, const ll_curve *curves, int count)
{
    cairo_move_to(tailor->cloth, x, y);
    for (int i = 0; i < count; i++)
        cairo_curve_to(tailor->cloth, curves[i].x1, curves[i].y1, curves[i].x2, curves[i].y2,
                       curves[i].x, curves[i].y);
    cairo_close_path(tailor->cloth);
}

void ll_tailor_mirrored(ll_tailor *tailor, double y, const ll_curve *curves, int count)
{
    cairo_t *const cr = tailor->cloth;

    cairo_move_to(cr, 0, y);
    for (int i = 0; i < count; i++)
        cairo_curve_to(cr, curves[i].x1, curves[i].y1, curves[i].x2, curves[i].y2, curves[i].x,
                       curves[i].y);
    for (int i = count - 1; i >= 0; i--) {
        const double end_x = i > 0 ? curves[i - 1].x : 0, end_y = i > 0 ? curves[i - 1].y : y;
        cairo_curve_to(cr, -curves[i].x2, curves[i].y2, -curves[i].x1, curves[i].y1, -end_x, end_y);
    }
    cairo_close_path(cr);
}

void ll_tailor_side_begin(ll_tailor *tailor, double side)
{
    cairo_save(tailor->cloth);
    cairo_save(tailor->folds);
    cairo_scale(tailor->cloth, side, 1);
    cairo_scale(tailor->folds, side, 1);
}

void ll_tailor_side_end(ll_tailor *tailor)
{
    cairo_restore(tailor->cloth);
    cairo_restore(tailor->folds);
}

static void set_colour(cairo_t *cr, ll_rgb c, double alpha)
{
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

/* Clip to the pixels the path (widened by `margin`) can touch. */
static void clip_to_path(cairo_t *cr, double margin)
{
    double x0, y0, x1, y1;
    double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;

    cairo_path_extents(cr, &x0, &y0, &x1, &y1);
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? x1 + margin : x0 - margin;
        double y = corner & 2 ? y1 + margin : y0 - margin;
        cairo_user_to_device(cr, &x, &y);
        left = fmin(left, floor(x) - 1), right = fmax(right, ceil(x) + 1);
        top = fmin(top, floor(y) - 1), bottom = fmax(bottom, ceil(y) + 1);
    }
    cairo_matrix_t matrix;
    cairo_get_matrix(cr, &matrix);
    cairo_identity_matrix(cr);
    cairo_new_path(cr);
    cairo_rectangle(cr, left, top, right - left, bottom - top);
    cairo_clip(cr);
    cairo_set_matrix(cr, &matrix);
}

/* Cloth curves away at the edge of a part: three strokes make a soft dark rim. */
static void shade_rim(cairo_t *cr, const cairo_path_t *path)
{
    static const double k_widths[] = {0.11, 0.06, 0.025};

    cairo_set_source_rgba(cr, 0, 0, 0, 0.045);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (int i = 0; i < 3; i++) {
        cairo_new_path(cr);
        cairo_append_path(cr, path);
        cairo_set_line_width(cr, k_widths[i]);
        cairo_stroke(cr);
    }
}

/* Lay a part down: `colour` NULL is the garment's cloth; `width` > 0 is a strip along the path. */
static void lay_part(ll_tailor *tailor, const ll_rgb *colour, double turn, double width)
{
    cairo_t *const cr = tailor->cloth;
    cairo_path_t *const path = cairo_copy_path(cr);
    const ll_rgb edge = ll_rgb_shade(colour != NULL ? *colour : tailor->garment->main, 0.45);

    cairo_save(cr);
    clip_to_path(cr, width);
    cairo_push_group(cr);
    cairo_save(cr);
    cairo_rotate(cr, turn);
    if (colour == NULL) {
        ll_fabric_paint(cr, tailor->garment);
    } else {
        set_colour(cr, *colour, 1);
        cairo_paint(cr);
    }
    cairo_restore(cr);
    if (width == 0) shade_rim(cr, path);
    cairo_pop_group_to_source(cr);

    cairo_new_path(cr);
    cairo_append_path(cr, path);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    if (width > 0) {
        cairo_pattern_t *const strip = cairo_pattern_reference(cairo_get_source(cr));
        cairo_set_line_width(cr, width + 0.012);
        set_colour(cr, edge, 0.75);
        cairo_stroke_preserve(cr);
        cairo_set_line_width(cr, width);
        cairo_set_source(cr, strip);
        cairo_stroke_preserve(cr);
        cairo_pattern_destroy(strip);
        cairo_set_line_width(cr, width * 0.45);
        cairo_set_source_rgba(cr, 1, 1, 1, 0.07);
        cairo_stroke(cr);
    } else {
        cairo_fill_preserve(cr);
        cairo_set_line_width(cr, 0.007);
        set_colour(cr, edge, 0.55);
        cairo_stroke(cr);
    }
    cairo_restore(cr);
    cairo_new_path(cr);
    cairo_path_destroy(path);
}

void ll_tailor_part(ll_tailor *tailor, double turn)
{
    lay_part(tailor, NULL, turn, 0);
}

void ll_tailor_trim(ll_tailor *tailor, ll_rgb colour)
{
    lay_part(tailor, &colour, 0, 0);
}

void ll_tailor_band(ll_tailor *tailor, ll_rgb colour, double width)
{
    lay_part(tailor, &colour, 0, width);
}

void ll_tailor_seam(ll_tailor *tailor)
{
    cairo_t *const cr = tailor->cloth;

    cairo_set_line_width(cr, 0.017);
    set_colour(cr, ll_rgb_shade(tailor->garment->main, 1.3), 0.35);
    cairo_stroke_preserve(cr);
    cairo_set_line_width(cr, 0.007);
    set_colour(cr, ll_rgb_shade(tailor->garment->main, 0.4), 0.8);
    cairo_stroke(cr);
}

void ll_tailor_stitch(ll_tailor *tailor, ll_rgb colour)
{
    static const double k_dashes[] = {0.018, 0.011};
    cairo_t *const cr = tailor->cloth;

    cairo_set_dash(cr, k_dashes, 2, 0);
    cairo_set_line_width(cr, 0.0065);
    set_colour(cr, colour, 0.85);
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
}

/* One flank of a fold: a lens between two bends. */
static void lens(cairo_t *cr, const double ends[4], double bend_a, double bend_b, double light,
                 double depth)
{
    const double dx = ends[2] - ends[0], dy = ends[3] - ends[1];
    const double length = fmax(hypot(dx, dy), 1e-6);
    const double nx = dy / length, ny = -dx / length;

    cairo_new_path(cr);
    cairo_move_to(cr, ends[0], ends[1]);
    cairo_curve_to(cr, ends[0] + dx * 0.33 + nx * bend_a, ends[1] + dy * 0.33 + ny * bend_a,
                   ends[0] + dx * 0.66 + nx * bend_a, ends[1] + dy * 0.66 + ny * bend_a, ends[2],
                   ends[3]);
    cairo_curve_to(cr, ends[0] + dx * 0.66 + nx * bend_b, ends[1] + dy * 0.66 + ny * bend_b,
                   ends[0] + dx * 0.33 + nx * bend_b, ends[1] + dy * 0.33 + ny * bend_b, ends[0],
                   ends[1]);
    cairo_set_source_rgba(cr, light, light, light, depth);
    cairo_fill(cr);
}

void ll_tailor_crease(ll_tailor *tailor, double x0, double y0, double x1, double y1, double bend,
                      double width, double depth)
{
    const double ends[4] = {x0, y0, x1, y1};

    lens(tailor->folds, ends, bend, bend + width, 0, depth);
    lens(tailor->folds, ends, bend - width, bend, 1, depth * 0.8);
}

void ll_tailor_rumple(ll_tailor *tailor, double x0, double y0, double x1, double y1)
{
    ll_dice *const dice = &tailor->dice;
    double ends[4] = {x0, y0, x1, y1};

    for (int i = 0; i < 4; i++)
        ends[i] += ll_dice_real(dice, -0.05, 0.05);
    const double bend = ll_dice_real(dice, -0.07, 0.07);
    const double width = ll_dice_real(dice, 0.03, 0.07);
    ll_tailor_crease(tailor, ends[0], ends[1], ends[2], ends[3], bend, width,
                     ll_dice_real(dice, 0.25, 0.7));
}

void ll_tailor_button(ll_tailor *tailor, double x, double y, double radius, ll_rgb colour)
{
    cairo_t *const cr = tailor->cloth;

    cairo_new_path(cr);
    cairo_arc(cr, x + radius * 0.2, y + radius * 0.3, radius * 1.1, 0, 7);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.3);
    cairo_fill(cr);
    cairo_arc(cr, x, y, radius, 0, 7);
    set_colour(cr, colour, 1);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, radius * 0.2);
    set_colour(cr, ll_rgb_shade(colour, 0.5), 0.9);
    cairo_stroke(cr);
    for (int hole = 0; hole < 4; hole++) {
        cairo_arc(cr, x + (hole & 1 ? 0.28 : -0.28) * radius,
                  y + (hole & 2 ? 0.28 : -0.28) * radius, radius * 0.13, 0, 7);
        set_colour(cr, ll_rgb_shade(colour, 0.35), 1);
        cairo_fill(cr);
    }
}

ll_rgb ll_tailor_dark(const ll_tailor *tailor)
{
    return ll_rgb_shade(tailor->garment->main, 0.8);
}

ll_rgb ll_tailor_inside(const ll_tailor *tailor)
{
    return ll_rgb_shade(tailor->garment->main, 0.55);
}

ll_rgb ll_tailor_thread(const ll_tailor *tailor)
{
    const ll_garment *const g = tailor->garment;
    if (g->pattern == LL_PATTERN_DENIM) return (ll_rgb){0.78, 0.56, 0.28};
    return ll_rgb_luma(g->main) > 0.4 ? ll_rgb_shade(g->main, 0.6) : ll_rgb_shade(g->main, 1.35);
}
