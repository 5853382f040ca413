/* datasets/fabric.c - see fabric.h. Each pattern is one or two paths over the square -REACH ..
 * REACH, which covers a garment at any turn: a single fill is several times faster than a fill for
 * every dot. */
#include "datasets/fabric.h"
#include "datasets/dice.h"

#include <math.h>

static const double k_reach = 1.7;
static const double k_tau = 6.283185307179586;

static void set_colour(cairo_t *cr, ll_rgb c, double alpha)
{
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

/* Bands of `width` every `step`, across (along = 0) or along the body. */
static void band_path(cairo_t *cr, double step, double width, double offset, int along)
{
    cairo_new_path(cr);
    for (double at = -k_reach + offset; at < k_reach; at += step) {
        if (along)
            cairo_rectangle(cr, at, -k_reach, width, 2 * k_reach);
        else
            cairo_rectangle(cr, -k_reach, at, 2 * k_reach, width);
    }
}

static void paint_stripes(cairo_t *cr, const ll_garment *g, ll_dice *dice, int along)
{
    const double step = (along ? 0.075 : 0.15) * g->pattern_scale;
    const double share = along ? 0.14 : ll_dice_real(dice, 0.25, 0.5);

    band_path(cr, step, step * share, ll_dice_real(dice, 0, step), along);
    set_colour(cr, ll_rgb_mix(g->second, g->main, 0.2), 1);
    cairo_fill(cr);
}

static void paint_checks(cairo_t *cr, const ll_garment *g, ll_dice *dice)
{
    const double step = 0.17 * g->pattern_scale;
    const int fine = ll_dice_int(dice, 2); /* gingham or windowpane tartan */
    const double share = fine ? 0.5 : 0.35;

    for (int along = 0; along < 2; along++) {
        band_path(cr, step, step * share, -step * share / 2, along);
        set_colour(cr, g->second, 0.38);
        cairo_fill(cr);
        if (fine) continue;
        band_path(cr, step, step * 0.07, step * 0.6, along);
        set_colour(cr, g->third, 0.65);
        cairo_fill(cr);
    }
}

static void paint_dots(cairo_t *cr, const ll_garment *g, ll_dice *dice)
{
    const double step = 0.105 * g->pattern_scale;
    const double radius = step * ll_dice_real(dice, 0.16, 0.24);
    int line = 0;

    cairo_new_path(cr);
    for (double y = -k_reach; y < k_reach; y += step * 0.866, line++) {
        for (double x = -k_reach + (line % 2) * step / 2; x < k_reach; x += step) {
            cairo_new_sub_path(cr);
            cairo_arc(cr, x, y, radius, 0, k_tau);
        }
    }
    set_colour(cr, ll_rgb_mix(g->second, g->main, 0.15), 1);
    cairo_fill(cr);
}

/* Petals around (x, y), as one more piece of the current path. */
static void flower_path(cairo_t *cr, double x, double y, double radius, double turn, int petals)
{
    for (int p = 0; p < petals; p++) {
        const double a = turn + k_tau * p / petals;
        cairo_new_sub_path(cr);
        cairo_arc(cr, x + cos(a) * radius * 0.62, y + sin(a) * radius * 0.62, radius * 0.46, 0,
                  k_tau);
    }
}

static void leaf_path(cairo_t *cr, double x, double y, double radius, double turn)
{
    const double ax = x + cos(turn) * radius * 0.8, ay = y + sin(turn) * radius * 0.8;
    const double bx = x + cos(turn) * radius * 2.0, by = y + sin(turn) * radius * 2.0;
    const double nx = -sin(turn) * radius * 0.45, ny = cos(turn) * radius * 0.45;

    cairo_move_to(cr, ax, ay);
    cairo_curve_to(cr, (ax + bx) / 2 + nx, (ay + by) / 2 + ny, bx, by, bx, by);
    cairo_curve_to(cr, (ax + bx) / 2 - nx, (ay + by) / 2 - ny, ax, ay, ax, ay);
}

/* Leaves, petals and hearts are three layers over the same scattered places: the dice are rolled
 * again for each layer. */
static void paint_flowers(cairo_t *cr, const ll_garment *g, const ll_dice *dice)
{
    const double step = 0.17 * g->pattern_scale;
    const ll_rgb leaf = ll_rgb_mix((ll_rgb){0.35, 0.45, 0.30}, g->main, 0.35);
    const ll_rgb heart = ll_rgb_mix((ll_rgb){0.93, 0.78, 0.42}, g->main, 0.1);
    const ll_rgb layers[] = {leaf, ll_rgb_mix(g->second, g->main, 0.1),
                             ll_rgb_mix(g->third, g->second, 0.4), heart};

    for (int layer = 0; layer < 4; layer++) {
        ll_dice again = *dice;
        int line = 0;
        cairo_new_path(cr);
        for (double y = -k_reach; y < k_reach; y += step * 0.8, line++) {
            for (double x = -k_reach + (line % 2) * step / 2; x < k_reach; x += step) {
                const double fx = x + ll_dice_real(&again, -0.25, 0.25) * step;
                const double fy = y + ll_dice_real(&again, -0.25, 0.25) * step;
                const double radius = step * ll_dice_real(&again, 0.16, 0.3);
                const double turn = ll_dice_real(&again, 0, k_tau);
                const int second = ll_dice_int(&again, 3) == 0;
                if (layer == 0) leaf_path(cr, fx, fy, radius, turn);
                if (layer == 1 + second) flower_path(cr, fx, fy, radius, turn, 5);
                if (layer == 3) {
                    cairo_new_sub_path(cr);
                    cairo_arc(cr, fx, fy, radius * 0.26, 0, k_tau);
                }
            }
        }
        set_colour(cr, layers[layer], 1);
        cairo_fill(cr);
    }
}

/* Twill: thin diagonal threads, and a wash lighter where the cloth is worn. */
static void paint_denim(cairo_t *cr, const ll_garment *g, ll_dice *dice)
{
    cairo_pattern_t *const wash = cairo_pattern_create_radial(
        ll_dice_real(dice, -0.1, 0.1), ll_dice_real(dice, -0.4, 0.1), 0.05, 0, 0, 1.1);
    const double step = 0.016;

    cairo_pattern_add_color_stop_rgba(wash, 0, 1, 1, 1, 0.16);
    cairo_pattern_add_color_stop_rgba(wash, 1, 0, 0, 0, 0.06);
    cairo_set_source(cr, wash);
    cairo_paint(cr);
    cairo_pattern_destroy(wash);

    cairo_new_path(cr);
    for (double at = -2 * k_reach; at < 2 * k_reach; at += step) {
        cairo_move_to(cr, at - k_reach, k_reach);
        cairo_line_to(cr, at + k_reach, -k_reach);
    }
    set_colour(cr, ll_rgb_shade(g->main, 1.45), 0.30);
    cairo_set_line_width(cr, 0.005);
    cairo_stroke(cr);
}

static void paint_ombre(cairo_t *cr, const ll_garment *g)
{
    cairo_pattern_t *const fade = cairo_pattern_create_linear(0, -0.8, 0, 0.9);
    const ll_rgb top = ll_rgb_shade(g->main, 1.35), low = ll_rgb_shade(g->main, 0.72);

    cairo_pattern_add_color_stop_rgb(fade, 0, top.r, top.g, top.b);
    cairo_pattern_add_color_stop_rgb(fade, 0.5, g->main.r, g->main.g, g->main.b);
    cairo_pattern_add_color_stop_rgb(fade, 1, low.r, low.g, low.b);
    cairo_set_source(cr, fade);
    cairo_paint(cr);
    cairo_pattern_destroy(fade);
}

void ll_fabric_paint(cairo_t *cr, const ll_garment *garment)
{
    ll_dice dice = {garment->pattern_seed};

    set_colour(cr, garment->main, 1);
    cairo_paint(cr);
    switch (garment->pattern) {
    case LL_PATTERN_PLAIN: break;
    case LL_PATTERN_STRIPED: paint_stripes(cr, garment, &dice, 0); break;
    case LL_PATTERN_PINSTRIPED: paint_stripes(cr, garment, &dice, 1); break;
    case LL_PATTERN_CHECKED: paint_checks(cr, garment, &dice); break;
    case LL_PATTERN_DOTTED: paint_dots(cr, garment, &dice); break;
    case LL_PATTERN_FLORAL: paint_flowers(cr, garment, &dice); break;
    case LL_PATTERN_DENIM: paint_denim(cr, garment, &dice); break;
    case LL_PATTERN_OMBRE: paint_ombre(cr, garment); break;
    case LL_PATTERNS: break;
    }
}
