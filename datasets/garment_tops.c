/* datasets/garment_tops.c - t-shirts and shirts, laid flat, front up. */
#include "datasets/garment_shapes.h"

/* The inside of the back, seen through the neck opening: half-width `neck`, down to `front`. */
static void draw_neck_inside(ll_tailor *t, double neck, double top, double front)
{
    const ll_rgb label = {0.93, 0.93, 0.91};
    const ll_curve back[] = {
        {neck * 0.6, top + 0.04, neck * 0.9, top + 0.03, neck, top + 0.015},
        {neck, front, neck * 0.6, front + 0.03, 0, front + 0.03},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_mirrored(t, top + 0.04, back, 2);
    ll_tailor_trim(t, ll_tailor_inside(t));
    cairo_rectangle(cr, -0.045, top + 0.055, 0.09, 0.05);
    cairo_set_source_rgba(cr, label.r, label.g, label.b, 0.9);
    cairo_fill(cr);
}

static void draw_short_sleeve(ll_tailor *t, double reach, double drop)
{
    const double ex = 0.70 + 0.26 * reach, ey = -0.30 + drop; /* outer end of the cuff */
    const double ix = ex - 0.20, iy = ey + 0.20;              /* inner end */
    const ll_curve sleeve[] = {
        {0.66, -0.64, ex - 0.10, -0.46 + drop * 0.5, ex, ey},
        LL_LINE(ex, ey, ix, iy),
        {ix - 0.08, iy - 0.10, 0.52, -0.14, 0.46, -0.20},
        LL_LINE(0.46, -0.20, 0.46, -0.62),
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_outline(t, 0.50, -0.70, sleeve, 4);
    ll_tailor_part(t, -0.75);
    for (int row = 0; row < 2; row++) { /* the hem is sewn twice */
        const double in = 0.045 + 0.018 * row;
        cairo_move_to(cr, ex - in * 0.8, ey - in * 0.75);
        cairo_line_to(cr, ix - in * 0.8, iy - in * 0.75);
        ll_tailor_stitch(t, ll_tailor_thread(t));
    }
    ll_tailor_rumple(t, 0.56, -0.55, ix, iy - 0.06);
    ll_tailor_rumple(t, 0.50, -0.24, ex - 0.12, ey + 0.02);
}

/* The front neckline from (-neck, top) to (neck, top), as an open path. */
static void neckline(ll_tailor *t, double neck, double top, double front, int style)
{
    cairo_t *const cr = t->cloth;

    cairo_move_to(cr, -neck, top);
    if (style == 1) {
        cairo_curve_to(cr, -neck * 0.8, top + 0.08, -0.05, front - 0.05, 0, front);
        cairo_curve_to(cr, 0.05, front - 0.05, neck * 0.8, top + 0.08, neck, top);
    } else {
        cairo_curve_to(cr, -neck, top + (front - top) * 0.75, -neck * 0.6, front, 0, front);
        cairo_curve_to(cr, neck * 0.6, front, neck, top + (front - top) * 0.75, neck, top);
    }
}

static void draw_tshirt_body(ll_tailor *t, double neck, double front, double nip)
{
    const int style = t->garment->style;
    const double hem = ll_tailor_cut(t, 2, 0.80, 0.90), wide = ll_tailor_cut(t, 1, 0.46, 0.50);
    const ll_curve necks[] = {{neck * 0.6, front, neck, -0.88 + (front + 0.88) * 0.75, neck, -0.88},
                              {0.05, front - 0.05, neck * 0.8, -0.80, neck, -0.88}};
    const ll_curve body[] = {
        necks[style == 1],
        {neck + 0.10, -0.83, 0.42, -0.76, 0.52, -0.70},
        {0.46, -0.56, 0.45, -0.36, wide, -0.18},
        {wide - nip, 0.10, wide - nip, 0.25, wide - nip * 0.6, 0.45},
        {wide, 0.60, wide + 0.01, hem - 0.12, wide + 0.01, hem},
        {wide * 0.6, hem + 0.025, 0.2, hem + 0.03, 0, hem + 0.03},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_mirrored(t, front, body, 6);
    ll_tailor_part(t, 0);
    for (int row = 0; row < 2; row++) {
        const double up = 0.04 + 0.018 * row;
        cairo_move_to(cr, -wide, hem - up);
        cairo_curve_to(cr, -0.2, hem + 0.03 - up, 0.2, hem + 0.03 - up, wide, hem - up);
        ll_tailor_stitch(t, ll_tailor_thread(t));
    }
}

void ll_tshirt_draw(ll_tailor *t)
{
    static const double k_fronts[] = {-0.70, -0.52, -0.60};
    const ll_garment *const g = t->garment;
    const double neck = ll_tailor_cut(t, 0, 0.19, 0.23) + (g->style == 2 ? 0.03 : 0);
    const double front = k_fronts[g->style] + ll_tailor_cut(t, 3, -0.02, 0.02);
    const double reach = ll_tailor_cut(t, 4, g->men ? 0.75 : 0.55, g->men ? 1.0 : 0.85);
    const double nip = g->men ? 0.0 : ll_tailor_cut(t, 5, 0.02, 0.06);
    const bool ringer = g->cut[5] > 0.75 && g->pattern == LL_PATTERN_PLAIN;

    draw_neck_inside(t, neck, -0.88, front);
    for (int side = -1; side <= 1; side += 2) {
        ll_tailor_side_begin(t, side);
        draw_short_sleeve(t, reach, ll_tailor_cut(t, 4, 0.02, 0.08));
        ll_tailor_side_end(t);
    }
    draw_tshirt_body(t, neck, front, nip);
    neckline(t, neck - 0.012, -0.872, front - 0.012, g->style);
    ll_tailor_band(t, ringer ? g->second : ll_tailor_dark(t), 0.045);

    ll_tailor_rumple(t, -0.42, -0.20, -0.05, 0.20);
    ll_tailor_rumple(t, 0.42, -0.20, 0.08, 0.25);
    ll_tailor_rumple(t, -0.30, 0.85, -0.20, 0.10);
    ll_tailor_rumple(t, 0.25, 0.85, 0.28, 0.15);
    ll_tailor_rumple(t, -0.10, 0.80, 0.05, 0.30);
    ll_tailor_rumple(t, -0.35, 0.40, 0.20, 0.55);
}

static void draw_long_sleeve(ll_tailor *t, double out)
{
    const double ex = 0.80 + 0.08 * out, ix = ex - 0.17; /* the cuff's outer and inner edge */
    const ll_curve sleeve[] = {
        {0.68, -0.58, 0.80 + 0.04 * out, -0.10, ex, 0.60},
        LL_LINE(ex, 0.60, ix, 0.63),
        {0.62, 0.20, 0.58, 0.0, 0.44, -0.20},
        LL_LINE(0.44, -0.20, 0.42, -0.60),
    };
    const ll_curve cuff[] = {
        LL_LINE(ex + 0.012, 0.59, ex + 0.018, 0.74),
        {ex - 0.05, 0.77, ix + 0.04, 0.78, ix - 0.008, 0.77},
        LL_LINE(ix - 0.008, 0.77, ix - 0.014, 0.62),
    };

    ll_tailor_outline(t, 0.47, -0.70, sleeve, 4);
    ll_tailor_part(t, -0.12);
    ll_tailor_outline(t, ex + 0.012, 0.59, cuff, 3);
    ll_tailor_part(t, -0.12);
    ll_tailor_button(t, ix + 0.04, 0.69, 0.018, (ll_rgb){0.9, 0.89, 0.85});
    ll_tailor_rumple(t, 0.62, -0.45, 0.70, 0.20);
    ll_tailor_rumple(t, 0.58, 0.05, 0.78, 0.16);
    ll_tailor_rumple(t, 0.72, 0.55, 0.74, 0.15);
}

static void draw_collar(ll_tailor *t)
{
    const double tip = ll_tailor_cut(t, 3, 0.19, 0.25), low = ll_tailor_cut(t, 2, -0.60, -0.54);
    const ll_curve flap[] = {
        LL_LINE(0.012, -0.70, tip - 0.02, low),
        LL_LINE(tip - 0.02, low, tip + 0.05, -0.76),
        {tip + 0.02, -0.84, 0.18, -0.92, 0.12, -0.95},
        {0.10, -0.88, 0.06, -0.78, 0.012, -0.70},
    };
    cairo_t *const cr = t->cloth;

    for (int side = -1; side <= 1; side += 2) {
        ll_tailor_side_begin(t, side);
        ll_tailor_outline(t, 0.012, -0.70, flap, 4);
        ll_tailor_part(t, 0.5);
        cairo_move_to(cr, 0.04, -0.71);
        cairo_line_to(cr, tip - 0.022, low + 0.03);
        cairo_line_to(cr, tip + 0.03, -0.76);
        ll_tailor_stitch(t, ll_tailor_thread(t));
        if (t->garment->style == 2)
            ll_tailor_button(t, tip - 0.02, low + 0.045, 0.012, (ll_rgb){0.9, 0.89, 0.85});
        ll_tailor_crease(t, tip + 0.09, -0.76, tip, low - 0.02, -0.03, 0.05, 0.5);
        ll_tailor_side_end(t);
    }
}

static void draw_placket(ll_tailor *t, double hem)
{
    const ll_rgb pale = {0.92, 0.91, 0.87}, horn = {0.30, 0.24, 0.20};
    const ll_rgb button = ll_rgb_luma(t->garment->main) > 0.7 ? horn : pale;
    cairo_t *const cr = t->cloth;
    enum { BUTTONS = 7 };

    cairo_rectangle(cr, -0.042, -0.69, 0.084, hem + 0.69);
    ll_tailor_part(t, 0);
    for (int side = -1; side <= 1; side += 2) {
        cairo_move_to(cr, side * 0.03, -0.66);
        cairo_line_to(cr, side * 0.03, hem - 0.02);
        ll_tailor_stitch(t, ll_tailor_thread(t));
    }
    for (int b = 0; b < BUTTONS; b++)
        ll_tailor_button(t, 0, -0.63 + (hem + 0.50) * b / (BUTTONS - 1), 0.02, button);
}

static void draw_chest_pocket(ll_tailor *t)
{
    const ll_curve pocket[] = {
        LL_LINE(0.14, -0.38, 0.36, -0.38),
        LL_LINE(0.36, -0.38, 0.36, -0.16),
        LL_LINE(0.36, -0.16, 0.25, -0.11),
        LL_LINE(0.25, -0.11, 0.14, -0.16),
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_outline(t, 0.14, -0.38, pocket, 4);
    ll_tailor_part(t, 0);
    cairo_move_to(cr, 0.14, -0.34);
    cairo_line_to(cr, 0.36, -0.34);
    ll_tailor_stitch(t, ll_tailor_thread(t));
}

void ll_shirt_draw(ll_tailor *t)
{
    const ll_garment *const g = t->garment;
    const double hem = ll_tailor_cut(t, 0, 0.84, 0.92), wide = ll_tailor_cut(t, 1, 0.43, 0.47);
    const double nip = g->men ? 0.0 : ll_tailor_cut(t, 5, 0.02, 0.06);
    const ll_curve body[] = {
        {0.06, -0.76, 0.12, -0.86, 0.14, -0.90},
        {0.26, -0.85, 0.40, -0.76, 0.48, -0.70},
        {0.43, -0.56, 0.42, -0.36, wide, -0.18},
        {wide - nip, 0.10, wide - nip, 0.25, wide - nip * 0.5, 0.40},
        {wide, 0.52, wide, 0.60, wide + 0.01, hem - 0.16},
        {wide - 0.08, hem - 0.06, 0.22, hem + 0.03, 0, hem + 0.03},
    };

    draw_neck_inside(t, 0.12, -0.94, -0.72);
    for (int side = -1; side <= 1; side += 2) {
        ll_tailor_side_begin(t, side);
        draw_long_sleeve(t, ll_tailor_cut(t, 4, 0, 1));
        ll_tailor_side_end(t);
    }
    ll_tailor_mirrored(t, -0.70, body, 6);
    ll_tailor_part(t, 0);
    draw_placket(t, hem + 0.02);
    if (g->style == 1) draw_chest_pocket(t);
    draw_collar(t);

    ll_tailor_rumple(t, -0.40, -0.20, -0.06, 0.15);
    ll_tailor_rumple(t, 0.40, -0.20, 0.10, 0.20);
    ll_tailor_rumple(t, -0.25, 0.80, -0.22, 0.05);
    ll_tailor_rumple(t, 0.25, 0.80, 0.24, 0.0);
    ll_tailor_rumple(t, 0.40, 0.45, 0.08, 0.60);
}
