/* datasets/garment_bottoms.c - dresses, skirts and trousers, laid flat, front up. */
#include "datasets/garment_shapes.h"

/* Folds that fan out from the waist at `top` to the hem at `hem`, half-width `wide` there. */
static void draw_fan(ll_tailor *t, double waist, double top, double wide, double hem, int folds)
{
    for (int f = 0; f < folds; f++) {
        const double at = (f + 0.5) / folds * 2 - 1;
        const double jitter = ll_dice_real(&t->dice, -0.05, 0.05);
        const double from = top + (hem - top) * ll_dice_real(&t->dice, 0.0, 0.2);
        ll_tailor_crease(t, waist * at, from, wide * (at + jitter), hem + 0.02, 0.03 * at,
                         ll_dice_real(&t->dice, 0.03, 0.055), ll_dice_real(&t->dice, 0.3, 0.65));
    }
}

/* A strip of half-width `waist` between two heights. */
static void waistband(ll_tailor *t, double waist, double top, double low, double flare)
{
    const ll_curve band[] = {
        {waist * 0.4, top, waist * 0.8, top - 0.008, waist, top - 0.015},
        LL_LINE(waist, top - 0.015, waist + flare, low - 0.015),
        {waist * 0.8, low, waist * 0.4, low + 0.012, 0, low + 0.012},
    };
    ll_tailor_mirrored(t, top, band, 3);
}

/* A dress is as tall as the picture: a mini is wide in it, a maxi narrow. */
static void draw_dress_top(ll_tailor *t, double size, double waist_y, double waist)
{
    const double neck = 0.17 * size, shoulder = ll_tailor_cut(t, 1, 0.30, 0.36) * size;
    const double front = -0.96 + ll_tailor_cut(t, 3, 0.14, 0.24) * size;
    const double arm = -0.96 + 0.36 * size; /* the armhole's lowest point */
    const ll_curve inside[] = {
        {neck * 0.6, -0.90, neck * 0.9, -0.93, neck, -0.96},
        {neck, front, neck * 0.5, front + 0.02, 0, front + 0.02},
    };
    const ll_curve bodice[] = {
        {neck * 0.6, front, neck * 0.95, front - 0.05, neck, -0.98},
        LL_LINE(neck, -0.98, shoulder, -0.94),
        {shoulder - 0.05, arm - 0.12, shoulder - 0.04, arm - 0.03, 0.31 * size, arm},
        {0.30 * size, arm + 0.10, waist + 0.03, waist_y - 0.10, waist, waist_y},
        {waist * 0.6, waist_y + 0.012, waist * 0.3, waist_y + 0.015, 0, waist_y + 0.015},
    };

    ll_tailor_mirrored(t, -0.89, inside, 2);
    ll_tailor_trim(t, ll_tailor_inside(t));
    if (t->garment->cut[4] > 0.5) { /* cap sleeves */
        for (int side = -1; side <= 1; side += 2) {
            const ll_curve sleeve[] = {
                {shoulder + 0.08 * size, -0.90, shoulder + 0.14 * size, arm - 0.22,
                 shoulder + 0.14 * size, arm - 0.10},
                {shoulder + 0.08 * size, arm - 0.05, shoulder, arm - 0.01, 0.28 * size, arm},
                LL_LINE(0.28 * size, arm, shoulder - 0.06, -0.93),
            };
            ll_tailor_side_begin(t, side);
            ll_tailor_outline(t, shoulder - 0.05, -0.95, sleeve, 3);
            ll_tailor_part(t, -0.6);
            ll_tailor_side_end(t);
        }
    }
    ll_tailor_mirrored(t, front, bodice, 5);
    ll_tailor_part(t, 0);
    for (int side = -1; side <= 1; side += 2) { /* bust darts */
        ll_tailor_crease(t, side * 0.14 * size, arm + 0.04, side * 0.13 * size, waist_y, 0, 0.03,
                         0.5);
        ll_tailor_rumple(t, side * 0.27 * size, arm + 0.02, side * 0.08, arm + 0.10);
    }
}

void ll_dress_draw(ll_tailor *t)
{
    static const double k_sizes[] = {1.22, 1.0, 0.88}, k_waists[] = {-0.14, -0.28, -0.36};
    const ll_garment *const g = t->garment;
    const double size = k_sizes[g->style], waist_y = k_waists[g->style];
    const double waist = ll_tailor_cut(t, 0, 0.20, 0.25) * size;
    const double wide = ll_tailor_cut(t, 2, 0.42, 0.58);
    const double hem = 0.94;
    const ll_curve skirt[] = {
        LL_LINE(0, waist_y, waist, waist_y - 0.01),
        {waist + 0.10, waist_y + 0.18, wide - 0.08, 0.35, wide, hem - 0.03},
        {wide * 0.7, hem + 0.02, wide * 0.35, hem + 0.035, 0, hem + 0.035},
    };
    cairo_t *const cr = t->cloth;

    draw_dress_top(t, size, waist_y, waist);
    ll_tailor_mirrored(t, waist_y, skirt, 3);
    ll_tailor_part(t, 0);
    cairo_move_to(cr, -wide, hem - 0.06);
    cairo_curve_to(cr, -wide * 0.35, hem + 0.005, wide * 0.35, hem + 0.005, wide, hem - 0.06);
    ll_tailor_stitch(t, ll_tailor_thread(t));
    waistband(t, waist + 0.006, waist_y - 0.02, waist_y + 0.035, 0.012);
    if (g->cut[5] > 0.6)
        ll_tailor_trim(t, g->second);
    else
        ll_tailor_trim(t, ll_tailor_dark(t));
    draw_fan(t, waist, waist_y + 0.04, wide, hem, 5 + (int)ll_tailor_cut(t, 3, 0, 4));
}

void ll_skirt_draw(ll_tailor *t)
{
    static const double k_low[] = {0.42, 0.60, 0.66}, k_high[] = {0.50, 0.72, 0.76};
    const ll_garment *const g = t->garment;
    const double waist = ll_tailor_cut(t, 0, 0.31, 0.37);
    const double wide = ll_tailor_cut(t, 1, k_low[g->style], k_high[g->style]);
    const double hem = ll_tailor_cut(t, 2, 0.62, 0.72);
    const double hip = g->style == 0 ? wide + 0.02 : (waist + wide) * 0.5;
    const ll_curve skirt[] = {
        LL_LINE(0, -0.62, waist, -0.63),
        {waist + 0.06, -0.45, hip - 0.04, -0.20, hip, -0.02},
        {hip + (wide - hip) * 0.4, 0.20, wide - 0.02, 0.45, wide, hem - 0.05},
        {wide * 0.7, hem + 0.02, wide * 0.35, hem + 0.04, 0, hem + 0.04},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_mirrored(t, -0.62, skirt, 4);
    ll_tailor_part(t, 0);
    cairo_move_to(cr, -wide, hem - 0.10);
    cairo_curve_to(cr, -wide * 0.35, hem - 0.01, wide * 0.35, hem - 0.01, wide, hem - 0.10);
    ll_tailor_stitch(t, ll_tailor_thread(t));
    if (g->style == 2) {
        enum { PLEATS = 8 };
        for (int p = 0; p < PLEATS; p++) {
            const double at = (p + 0.5) / PLEATS * 2 - 1;
            cairo_move_to(cr, waist * at, -0.55);
            cairo_curve_to(cr, waist * at, -0.2, hip * at, 0.2, wide * at,
                           hem + 0.025 - 0.085 * at * at);
            ll_tailor_seam(t);
            ll_tailor_crease(t, waist * at, -0.55, wide * at, hem, 0.02 * at, 0.06, 0.55);
        }
    } else {
        draw_fan(t, waist, -0.5, wide, hem, g->style == 0 ? 3 : 6);
        if (g->cut[3] > 0.5) { /* a side zip or a front seam */
            cairo_move_to(cr, 0, -0.52);
            cairo_line_to(cr, 0, g->cut[3] > 0.75 ? hem + 0.02 : -0.1);
            ll_tailor_seam(t);
        }
    }
    waistband(t, waist + 0.004, -0.71, -0.60, 0.015);
    ll_tailor_part(t, 0);
    if (g->cut[4] > 0.5) ll_tailor_button(t, 0, -0.655, 0.026, ll_tailor_thread(t));
}

static void draw_leg(ll_tailor *t, double waist, double hip, double knee, double hem_out,
                     double hem_in)
{
    const ll_curve leg[] = {
        LL_LINE(0, -0.88, waist, -0.885),
        {waist + 0.03, -0.78, hip, -0.66, hip, -0.52},
        {hip, -0.25, knee, 0.10, knee, 0.25},
        {knee, 0.50, hem_out, 0.75, hem_out, 0.95},
        {hem_out - 0.06, 0.97, hem_in + 0.06, 0.975, hem_in, 0.965},
        {hem_in - 0.01, 0.60, 0.06, 0.0, 0.0, -0.34},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_outline(t, 0, -0.88, leg, 6);
    ll_tailor_part(t, -0.03);
    cairo_move_to(cr, hem_out, 0.905);
    cairo_line_to(cr, hem_in, 0.92);
    ll_tailor_stitch(t, ll_tailor_thread(t));
    cairo_move_to(cr, waist - 0.09, -0.86); /* slant pocket */
    cairo_curve_to(cr, waist - 0.07, -0.75, hip - 0.07, -0.68, hip - 0.022, -0.66);
    ll_tailor_seam(t);
    cairo_move_to(cr, waist - 0.11, -0.86);
    cairo_curve_to(cr, waist - 0.09, -0.74, hip - 0.08, -0.66, hip - 0.025, -0.635);
    ll_tailor_stitch(t, ll_tailor_thread(t));

    const double middle = (hem_in + hem_out) / 2;
    if (t->garment->cut[5] > 0.6 && t->garment->pattern != LL_PATTERN_DENIM)
        ll_tailor_crease(t, hip * 0.55, -0.6, middle, 0.95, 0, 0.018, 0.7); /* ironed */
    ll_tailor_rumple(t, 0.02, -0.36, hip * 0.8, -0.52);
    ll_tailor_rumple(t, 0.04, -0.28, hip * 0.8, -0.22);
    ll_tailor_rumple(t, knee * 0.35, 0.22, knee * 0.95, 0.30);
    ll_tailor_rumple(t, middle - 0.05, 0.85, middle, 0.35);
    ll_tailor_rumple(t, middle + 0.05, 0.80, hip * 0.7, -0.1);
}

static void draw_belt_line(ll_tailor *t, double waist)
{
    cairo_t *const cr = t->cloth;

    waistband(t, waist + 0.004, -0.965, -0.865, 0.008);
    ll_tailor_part(t, 0);
    for (int loop = -2; loop <= 2; loop++) {
        if (loop == 0) continue;
        cairo_rectangle(cr, loop * waist * 0.42 - 0.014, -0.975, 0.028, 0.12);
        ll_tailor_trim(t, ll_tailor_dark(t));
    }
    ll_tailor_button(t, 0.0, -0.91, 0.022,
                     t->garment->pattern == LL_PATTERN_DENIM ? (ll_rgb){0.72, 0.56, 0.36}
                                                             : ll_tailor_inside(t));
}

void ll_trousers_draw(ll_tailor *t)
{
    static const double k_knees[] = {0.32, 0.38, 0.44}, k_hems[] = {0.27, 0.38, 0.52};
    const ll_garment *const g = t->garment;
    const double waist = ll_tailor_cut(t, 0, 0.29, 0.33);
    const double hip = ll_tailor_cut(t, 1, 0.36, 0.40) + (g->men ? 0 : 0.02);
    const double knee = k_knees[g->style] + ll_tailor_cut(t, 2, -0.02, 0.02);
    const double hem_out = k_hems[g->style] + ll_tailor_cut(t, 3, -0.03, 0.03);
    const double hem_in = ll_tailor_cut(t, 4, 0.05, 0.09);
    const ll_curve fly[] = {
        LL_LINE(0, -0.88, 0.085, -0.87),
        {0.085, -0.70, 0.085, -0.56, 0.0, -0.50},
    };
    cairo_t *const cr = t->cloth;

    for (int side = -1; side <= 1; side += 2) {
        ll_tailor_side_begin(t, side);
        draw_leg(t, waist, hip, knee, hem_out, hem_in);
        ll_tailor_side_end(t);
    }
    cairo_move_to(cr, 0, -0.88);
    cairo_line_to(cr, 0, -0.34);
    ll_tailor_seam(t);
    ll_tailor_outline(t, 0, -0.88, fly, 2);
    ll_tailor_stitch(t, ll_tailor_thread(t));
    draw_belt_line(t, waist);
}
