/* datasets/palette.c - see palette.h. Dyed cloth under studio light is neither #000 nor #fff: the
 * darkest and lightest entries keep room for shadow below and highlight above. */
#include "datasets/palette.h"

#include <assert.h>

static const ll_colour k_colours[] = {
    {"black", {0.14, 0.14, 0.15}},        {"charcoal", {0.28, 0.29, 0.31}},
    {"grey", {0.58, 0.59, 0.61}},         {"white", {0.91, 0.91, 0.90}},
    {"ecru", {0.88, 0.84, 0.75}},         {"beige", {0.80, 0.71, 0.58}},
    {"camel", {0.72, 0.53, 0.33}},        {"brown", {0.42, 0.28, 0.20}},
    {"navy", {0.15, 0.20, 0.36}},         {"royal blue", {0.18, 0.33, 0.66}},
    {"light blue", {0.62, 0.75, 0.87}},   {"teal", {0.13, 0.44, 0.47}},
    {"forest green", {0.17, 0.35, 0.25}}, {"olive", {0.44, 0.45, 0.27}},
    {"sage", {0.64, 0.71, 0.60}},         {"mustard", {0.83, 0.64, 0.20}},
    {"rust", {0.71, 0.35, 0.18}},         {"coral", {0.91, 0.50, 0.42}},
    {"red", {0.74, 0.16, 0.19}},          {"burgundy", {0.43, 0.12, 0.20}},
    {"pink", {0.92, 0.68, 0.73}},         {"lilac", {0.71, 0.63, 0.80}},
    {"plum", {0.40, 0.22, 0.40}},
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
