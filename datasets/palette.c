/* datasets/palette.c - see palette.h. Muted, as dyed cloth is under soft light: the darkest
 * and lightest entries keep room for shadow below and highlight above, and an untrained network,
 * which sees contrast before it sees shape, is not led astray by them. */
#include "datasets/palette.h"

#include <assert.h>

static const ll_colour k_colours[] = {
    {"black", {0.24, 0.24, 0.24}},        {"charcoal", {0.34, 0.34, 0.36}},
    {"grey", {0.55, 0.56, 0.57}},         {"white", {0.86, 0.86, 0.85}},
    {"ecru", {0.80, 0.77, 0.70}},         {"beige", {0.71, 0.65, 0.55}},
    {"camel", {0.65, 0.52, 0.37}},        {"brown", {0.44, 0.34, 0.28}},
    {"navy", {0.24, 0.28, 0.39}},         {"royal blue", {0.26, 0.37, 0.61}},
    {"light blue", {0.58, 0.67, 0.76}},   {"teal", {0.23, 0.45, 0.47}},
    {"forest green", {0.26, 0.39, 0.31}}, {"olive", {0.45, 0.46, 0.33}},
    {"sage", {0.60, 0.65, 0.57}},         {"mustard", {0.73, 0.60, 0.28}},
    {"rust", {0.65, 0.39, 0.26}},         {"coral", {0.79, 0.49, 0.44}},
    {"red", {0.67, 0.25, 0.27}},          {"burgundy", {0.44, 0.22, 0.28}},
    {"pink", {0.80, 0.62, 0.66}},         {"lilac", {0.65, 0.59, 0.71}},
    {"plum", {0.42, 0.29, 0.42}},
};

int ll_palette_size(void)
{
    return (int)(sizeof k_colours / sizeof *k_colours);
}

const ll_colour *ll_palette_colour(int index)
{
    assert(index >= 0 && index < ll_palette_size());
    return &k_colours[index];
}

int ll_palette_denim(int number)
{
    static const int k_washes[] = {8, 10, 1, 9}; /* navy, light blue, charcoal, royal blue */
    return k_washes[number % 4];
}

ll_rgb ll_rgb_mix(ll_rgb a, ll_rgb b, double amount)
{
    return (ll_rgb){a.r + (b.r - a.r) * amount, a.g + (b.g - a.g) * amount,
                    a.b + (b.b - a.b) * amount};
}

double ll_rgb_luma(ll_rgb a)
{
    return 0.299 * a.r + 0.587 * a.g + 0.114 * a.b;
}

ll_rgb ll_rgb_shade(ll_rgb a, double factor)
{
    if (factor <= 1) return (ll_rgb){a.r * factor, a.g * factor, a.b * factor};
    return ll_rgb_mix(a, (ll_rgb){1, 1, 1}, factor - 1);
}
