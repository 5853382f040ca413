/* datasets/garment_accessories.c - shoes from the side, hats from the front, bags standing. */
#include "datasets/garment_shapes.h"

static const ll_rgb k_rubber = {0.84, 0.83, 0.80};

/* The upper, toe to the right. `ankle` is where its opening lies: lower numbers are higher. */
static void draw_upper(ll_tailor *t, double ankle)
{
    const ll_curve inside[] = {
        {-0.60, ankle + 0.10, -0.40, ankle + 0.10, -0.24, ankle - 0.04},
        {-0.40, ankle - 0.06, -0.60, ankle - 0.06, -0.78, ankle + 0.01},
    };
    const ll_curve tongue[] = {
        {-0.20, ankle - 0.12, -0.16, ankle - 0.16, -0.12, ankle - 0.14},
        {0.0, -0.20, 0.12, -0.08, 0.28, 0.04},
        LL_LINE(0.28, 0.04, 0.10, 0.12),
    };
    const ll_curve upper[] = {
        {-0.72, ankle + 0.10, -0.50, ankle + 0.14, -0.26, ankle - 0.02},
        {-0.06, -0.16, 0.12, 0.0, 0.36, 0.06},
        {0.62, 0.10, 0.90, 0.16, 0.93, 0.36},
        LL_LINE(0.93, 0.36, 0.90, 0.42),
        LL_LINE(0.90, 0.42, -0.84, 0.42),
        {-0.90, 0.20, -0.84, 0.02, -0.80, ankle},
    };

    ll_tailor_outline(t, -0.78, ankle + 0.02, inside, 2);
    ll_tailor_trim(t, ll_tailor_inside(t));
    ll_tailor_outline(t, -0.28, ankle + 0.02, tongue, 3);
    ll_tailor_trim(t, ll_tailor_dark(t));
    ll_tailor_outline(t, -0.80, ankle, upper, 6);
    ll_tailor_part(t, 0);
}

static void draw_toe_and_heel(ll_tailor *t, double ankle, bool contrast)
{
    const ll_curve toe[] = {
        {0.66, 0.10, 0.90, 0.18, 0.93, 0.38},
        LL_LINE(0.93, 0.38, 0.48, 0.42),
        {0.46, 0.28, 0.50, 0.18, 0.56, 0.095},
    };
    const ll_curve heel[] = {
        {-0.70, ankle + 0.06, -0.62, ankle + 0.08, -0.58, ankle + 0.085},
        {-0.60, 0.10, -0.54, 0.24, -0.46, 0.42},
        LL_LINE(-0.46, 0.42, -0.84, 0.42),
        {-0.89, 0.20, -0.84, 0.05, -0.80, ankle},
    };
    const ll_rgb colour = contrast ? t->garment->second : ll_tailor_dark(t);

    ll_tailor_outline(t, 0.56, 0.095, toe, 3);
    if (t->garment->style == 0)
        ll_tailor_trim(t, ll_rgb_mix(k_rubber, t->garment->main, contrast ? 0.0 : 0.8));
    else
        ll_tailor_trim(t, colour);
    ll_tailor_outline(t, -0.80, ankle, heel, 4);
    ll_tailor_trim(t, colour);
}

/* The eyelet row and the laces between (-0.24, ankle) and the toe. */
static void draw_laces(ll_tailor *t, double ankle)
{
    const ll_rgb lace = ll_rgb_luma(t->garment->main) > 0.75 ? ll_tailor_dark(t) : k_rubber;
    const double x0 = -0.20, y0 = ankle + 0.04, x1 = 0.30, y1 = 0.08;
    const int rows = ankle < -0.5 ? 7 : 5;
    cairo_t *const cr = t->cloth;
    const ll_curve facing[] = {
        {-0.08, -0.12, 0.12, 0.02, 0.36, 0.06},
        LL_LINE(0.36, 0.06, 0.34, 0.16),
        {0.10, 0.16, -0.10, 0.04, -0.30, ankle + 0.14},
    };

    ll_tailor_outline(t, -0.26, ankle - 0.02, facing, 3);
    ll_tailor_trim(t, ll_tailor_dark(t));
    for (int row = 0; row < rows; row++) {
        const double s = (row + 0.3) / rows;
        const double dip = 0.10 * s * (1 - s); /* the instep is hollow */
        const double x = x0 + (x1 - x0) * s - dip, y = y0 + (y1 - y0) * s + dip;
        cairo_move_to(cr, x - 0.03, y + 0.055);
        cairo_curve_to(cr, x, y + 0.01, x + 0.03, y - 0.04, x + 0.085, y - 0.055);
        ll_tailor_band(t, lace, 0.026);
    }
}

static void draw_sole(ll_tailor *t, double thick, bool wedge)
{
    const double low = 0.40 + thick;
    const ll_curve sole[] = {
        {-0.60, 0.41, 0.40, 0.41, 0.94, 0.36},
        {1.00, 0.38, 1.00, low - 0.06, 0.90, low - 0.01},
        {0.40, low + 0.01, -0.40, low, -0.82, low},
        {-0.94, low, -0.93, 0.40, -0.88, wedge ? 0.30 : 0.38},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_outline(t, -0.88, wedge ? 0.30 : 0.38, sole, 4);
    ll_tailor_trim(t, k_rubber);
    cairo_move_to(cr, -0.90, low - 0.035);
    cairo_curve_to(cr, -0.3, low - 0.03, 0.5, low - 0.025, 0.94, low - 0.05);
    cairo_set_line_width(cr, 0.035);
    cairo_set_source_rgb(cr, 0.42, 0.38, 0.34);
    cairo_stroke(cr);
    cairo_move_to(cr, -0.89, 0.43);
    cairo_curve_to(cr, -0.5, 0.45, 0.5, 0.45, 0.95, 0.40);
    ll_tailor_stitch(t, (ll_rgb){0.6, 0.58, 0.54});
}

void ll_shoe_draw(ll_tailor *t)
{
    static const double k_ankles[] = {-0.22, -0.26, -0.40};
    const ll_garment *const g = t->garment;
    const double ankle = k_ankles[g->style] + ll_tailor_cut(t, 0, -0.03, 0.03);
    const bool contrast = g->cut[1] > 0.5;
    cairo_t *const cr = t->cloth;

    draw_upper(t, ankle);
    draw_toe_and_heel(t, ankle, contrast);
    draw_laces(t, ankle);
    if (g->style == 1) { /* two slanting bands on the side */
        for (int band = 0; band < 2; band++) {
            cairo_move_to(cr, -0.26 + band * 0.14, 0.38);
            cairo_line_to(cr, -0.10 + band * 0.14, 0.08 + band * 0.05);
            ll_tailor_band(t, g->second, 0.055);
        }
    } else {
        cairo_move_to(cr, -0.46, 0.40);
        cairo_curve_to(cr, -0.30, 0.16, -0.06, 0.14, 0.34, 0.17);
        ll_tailor_seam(t);
    }
    draw_sole(t, ll_tailor_cut(t, 2, 0.12, 0.18), g->style == 1);
    ll_tailor_crease(t, 0.36, 0.10, 0.50, 0.26, 0.03, 0.03, 0.5);
    ll_tailor_crease(t, 0.28, 0.10, 0.42, 0.28, 0.03, 0.03, 0.4);
    ll_tailor_crease(t, -0.80, 0.15, -0.20, 0.20, 0.1, 0.08, 0.25);
    ll_tailor_crease(t, 0.60, 0.16, 0.90, 0.28, 0.04, 0.05, 0.4);
}

/* The brim seen a little from above: what lies behind the crown, then what lies before it. */
static void draw_brim(ll_tailor *t, double wide, double deep, double lift)
{
    const ll_curve brim[] = {
        {wide * 0.55, 0.30 - deep, wide, 0.22 - lift, wide, 0.30 - lift},
        {wide, 0.40 - lift, wide * 0.6, 0.36 + deep, 0, 0.36 + deep},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_mirrored(t, 0.30 - deep, brim, 2);
    ll_tailor_part(t, 0);
    for (int ring = 0; ring < 2; ring++) {
        const double in = 0.94 - 0.045 * ring;
        cairo_move_to(cr, -wide * in, 0.30 - lift * in);
        cairo_curve_to(cr, -wide * in, 0.39 - lift, -wide * 0.6, (0.36 + deep) * in + 0.005, 0,
                       (0.36 + deep) * in);
        cairo_curve_to(cr, wide * 0.6, (0.36 + deep) * in + 0.005, wide * in, 0.39 - lift,
                       wide * in, 0.30 - lift * in);
        ll_tailor_stitch(t, ll_tailor_thread(t));
    }
}

void ll_hat_draw(ll_tailor *t)
{
    static const double k_wides[] = {0.76, 0.90, 0.97}, k_deeps[] = {0.09, 0.11, 0.16};
    const ll_garment *const g = t->garment;
    const double wide = k_wides[g->style] + ll_tailor_cut(t, 0, -0.02, 0.02);
    const double crown = ll_tailor_cut(t, 1, 0.46, 0.52), top = ll_tailor_cut(t, 2, -0.58, -0.48);
    const double dent = g->style == 2 ? -0.03 : ll_tailor_cut(t, 3, 0.03, 0.07);
    const double narrow = crown * (g->style == 2 ? 0.84 : 0.76);
    const ll_curve dome[] = {
        {narrow * 0.3, top + dent * 0.9, narrow * 0.4, top - 0.01, narrow * 0.62, top},
        {narrow * 1.02, top + 0.02, crown * 0.94, -0.10, crown, 0.30},
        {crown * 0.6, 0.40, crown * 0.3, 0.41, 0, 0.41},
    };
    const ll_curve band[] = {
        {crown * 0.3, 0.22, crown * 0.6, 0.21, crown * 0.957, 0.12},
        LL_LINE(crown * 0.957, 0.12, crown + 0.004, 0.30),
        {crown * 0.6, 0.40, crown * 0.3, 0.415, 0, 0.415},
    };
    cairo_t *const cr = t->cloth;

    draw_brim(t, wide, k_deeps[g->style], ll_tailor_cut(t, 4, 0.0, 0.07));
    cairo_save(cr); /* the crown's shade on the brim */
    cairo_translate(cr, 0.02, 0.36);
    cairo_scale(cr, crown * 1.12, 0.10);
    cairo_arc(cr, 0, 0, 1, 0, 7);
    cairo_restore(cr);
    cairo_set_source_rgba(cr, 0, 0, 0, 0.22);
    cairo_fill(cr);
    ll_tailor_mirrored(t, top + dent, dome, 3);
    ll_tailor_part(t, 0);
    ll_tailor_mirrored(t, 0.22, band, 3);
    ll_tailor_trim(t, g->cut[5] > 0.5 ? g->second : ll_rgb_shade(g->main, 0.5));
    if (g->style != 2) { /* the pinch of a felt crown */
        ll_tailor_crease(t, 0.0, top + 0.06, 0.02, -0.10, 0.0, 0.10, 0.5);
        ll_tailor_crease(t, -0.30, top + 0.10, -0.20, -0.12, 0.04, 0.10, 0.6);
        ll_tailor_crease(t, 0.30, top + 0.10, 0.20, -0.12, -0.04, 0.10, 0.6);
    }
    ll_tailor_crease(t, crown * 0.8, top + 0.2, crown * 0.95, 0.25, 0.03, 0.12, 0.4);
    ll_tailor_rumple(t, -wide * 0.9, 0.32, -0.3, 0.42);
    ll_tailor_rumple(t, wide * 0.9, 0.32, 0.3, 0.42);
}

static void draw_handle(ll_tailor *t, double half, double top, double rise, double width,
                        ll_rgb colour)
{
    cairo_t *const cr = t->cloth;

    cairo_move_to(cr, -half, top + 0.06);
    cairo_curve_to(cr, -half * 0.96, top - rise * 0.6, -half * 0.75, top - rise, 0, top - rise);
    cairo_curve_to(cr, half * 0.75, top - rise, half * 0.96, top - rise * 0.6, half, top + 0.06);
    ll_tailor_band(t, colour, width);
}

/* Where a handle is sewn on: a tab with a stitched cross. */
static void draw_tab(ll_tailor *t, double x, double y, double width, ll_rgb colour)
{
    cairo_t *const cr = t->cloth;

    cairo_rectangle(cr, x - width / 2, y - 0.05, width, 0.17);
    ll_tailor_trim(t, colour);
    cairo_move_to(cr, x - width * 0.3, y);
    cairo_line_to(cr, x + width * 0.3, y + 0.09);
    cairo_move_to(cr, x + width * 0.3, y);
    cairo_line_to(cr, x - width * 0.3, y + 0.09);
    ll_tailor_stitch(t, ll_rgb_shade(colour, 1.5));
}

static void draw_flap(ll_tailor *t, double wide, double top, ll_rgb leather)
{
    const double low = top + ll_tailor_cut(t, 3, 0.40, 0.55);
    const ll_curve flap[] = {
        LL_LINE(0, top - 0.01, wide, top),
        {wide + 0.01, top + 0.2, wide - 0.02, low - 0.10, wide - 0.12, low - 0.06},
        {wide * 0.5, low, wide * 0.3, low + 0.02, 0, low + 0.02},
    };
    cairo_t *const cr = t->cloth;

    ll_tailor_mirrored(t, top - 0.01, flap, 3);
    ll_tailor_part(t, 0);
    cairo_move_to(cr, -wide + 0.03, top + 0.04);
    cairo_curve_to(cr, -wide + 0.03, low - 0.10, -wide * 0.6, low - 0.03, 0, low - 0.015);
    cairo_curve_to(cr, wide * 0.6, low - 0.03, wide - 0.03, low - 0.10, wide - 0.03, top + 0.04);
    ll_tailor_stitch(t, ll_tailor_thread(t));
    cairo_rectangle(cr, -0.06, low - 0.09, 0.12, 0.15);
    ll_tailor_trim(t, leather);
    ll_tailor_button(t, 0, low - 0.01, 0.035, (ll_rgb){0.83, 0.71, 0.42});
}

void ll_bag_draw(ll_tailor *t)
{
    static const double k_tops[] = {-0.14, -0.05, -0.22}, k_rises[] = {0.78, 0.62, 0.66};
    const ll_garment *const g = t->garment;
    const double top = k_tops[g->style] + ll_tailor_cut(t, 0, -0.03, 0.03);
    const double rise = k_rises[g->style], low = 0.93;
    const double wide = ll_tailor_cut(t, 1, 0.58, 0.66) - (g->style == 2 ? 0.04 : 0);
    const double base = wide + (g->style == 1 ? 0.10 : ll_tailor_cut(t, 2, -0.04, 0.04));
    const double half = ll_tailor_cut(t, 4, 0.30, 0.36);
    const ll_rgb leather = g->cut[5] > 0.5 ? (ll_rgb){0.52, 0.33, 0.20} : ll_tailor_dark(t);
    const ll_curve body[] = {
        {wide * 0.4, top + 0.012, wide * 0.8, top, wide, top - 0.01},
        {wide + 0.02, top + 0.3, base, low - 0.4, base, low - 0.09},
        {base, low, base - 0.03, low, base - 0.09, low},
        LL_LINE(base - 0.09, low, 0, low + 0.012),
    };
    cairo_t *const cr = t->cloth;

    draw_handle(t, half - 0.03, top - 0.02, rise * 0.93, 0.055, ll_rgb_shade(leather, 0.7));
    ll_tailor_mirrored(t, top + 0.012, body, 4);
    ll_tailor_part(t, 0);
    cairo_move_to(cr, -base + 0.02, low - 0.12);
    cairo_line_to(cr, base - 0.02, low - 0.12);
    ll_tailor_seam(t);
    draw_handle(t, half, top, rise, 0.062, leather);
    if (g->style == 1) {
        draw_flap(t, wide + 0.004, top - 0.01, leather);
    } else {
        cairo_move_to(cr, -wide - 0.005, top + 0.07);
        cairo_line_to(cr, wide + 0.005, top + 0.07);
        ll_tailor_stitch(t, ll_tailor_thread(t));
        draw_tab(t, -half, top + 0.06, 0.10, leather);
        draw_tab(t, half, top + 0.06, 0.10, leather);
    }
    ll_tailor_rumple(t, -wide * 0.8, low - 0.2, -wide * 0.5, top + 0.3);
    ll_tailor_rumple(t, wide * 0.8, low - 0.2, wide * 0.5, top + 0.3);
    ll_tailor_crease(t, -0.1, top + 0.2, 0.05, low - 0.15, 0.05, 0.12, 0.3);
}
