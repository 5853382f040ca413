/* datasets/palette.h - the colours a shop sells, by the names it gives them. */
#ifndef LL_DATASETS_PALETTE_H
#define LL_DATASETS_PALETTE_H

typedef struct ll_rgb {
    double r, g, b; /* 0 .. 1, as displayed (sRGB) */
} ll_rgb;

typedef struct ll_colour {
    const char *name;
    ll_rgb rgb;
} ll_colour;

/** How many colours there are; a prime, so any step visits them all. */
int ll_palette_size(void);

/** Colour `index` of 0 .. size - 1; valid for ever. */
const ll_colour *ll_palette_colour(int index);

/** The index of a colour denim is dyed in; four in a row differ. */
int ll_palette_denim(int number);

/** `amount` of `b` in `a`: 0 is a, 1 is b. */
ll_rgb ll_rgb_mix(ll_rgb a, ll_rgb b, double amount);

/** Brightness, 0 .. 1 (Rec. 601 weights). */
double ll_rgb_luma(ll_rgb a);

/** `a` darker (factor < 1) or towards white (factor > 1). */
ll_rgb ll_rgb_shade(ll_rgb a, double factor);

#endif
