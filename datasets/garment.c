/* datasets/garment.c - see garment.h. */
#include "datasets/garment.h"
#include "datasets/dice.h"
#include "host/base/text.h"

enum { STYLES = 3, BLOCK = 12, BLOCK_PLANS = 4, PLAN = 5 };
enum { ROLL_PLAN = 1, ROLL_DESIGN, ROLL_PHOTO };

/* What distinguishes the kinds, apart from their outlines. */
static const struct kind {
    const char *name, *prefix;
    const char *styles[STYLES];
    int women_of_8;            /* how many of 8 designs are for women */
    int price_low, price_high; /* whole euros */
    int weights[LL_PATTERNS];  /* how often each pattern, in the order of ll_pattern */
    double tall;               /* usual height / width of the picture */
} k_kinds[LL_KINDS] = {
    {"t-shirt",
     "TS",
     {"crew-neck t-shirt", "V-neck t-shirt", "scoop-neck t-shirt"},
     4,
     9,
     35,
     {9, 5, 0, 0, 1, 1, 0, 1},
     1.0},
    {"shirt",
     "SH",
     {"shirt", "pocket shirt", "button-down shirt"},
     3,
     25,
     80,
     {6, 0, 4, 4, 1, 1, 2, 0},
     1.0},
    {"dress",
     "DR",
     {"mini dress", "midi dress", "maxi dress"},
     8,
     30,
     140,
     {7, 2, 0, 1, 2, 4, 1, 1},
     1.25},
    {"skirt",
     "SK",
     {"pencil skirt", "A-line skirt", "pleated skirt"},
     8,
     20,
     90,
     {8, 1, 0, 3, 1, 3, 2, 1},
     1.0},
    {"trousers",
     "TR",
     {"slim trousers", "straight trousers", "wide-leg trousers"},
     4,
     30,
     110,
     {10, 0, 2, 2, 0, 0, 5, 0},
     1.25},
    {"shoe", "SO", {"sneaker", "runner", "high-top"}, 4, 40, 160, {12, 0, 0, 1, 0, 1, 2, 0}, 0.8},
    {"hat", "HA", {"trilby", "fedora", "sun hat"}, 5, 15, 70, {12, 0, 2, 2, 0, 1, 1, 0}, 0.8},
    {"bag", "BA", {"tote bag", "handbag", "shopper"}, 6, 25, 190, {12, 2, 0, 2, 1, 1, 2, 0}, 1.0},
};

static const char *const k_patterns[LL_PATTERNS] = {"plain",  "striped", "pinstriped", "checked",
                                                    "dotted", "floral",  "denim",      "ombre"};

/* Twelve items of a kind in a row make up whole products, so that no product depends on how many
 * items are drawn after it. */
static const int k_plans[BLOCK_PLANS][PLAN] = {
    {2, 3, 4, 3, 0}, {4, 2, 2, 4, 0}, {3, 3, 3, 3, 0}, {2, 2, 3, 2, 3}};

/* Which product of its kind ordinal `ordinal` belongs to, and which variant of it. */
static int64_t product_of(uint64_t seed, ll_kind kind, int64_t ordinal, int *variant)
{
    const int64_t block = ordinal / BLOCK;
    ll_dice dice = ll_dice_for(seed, ROLL_PLAN, (uint64_t)(block * LL_KINDS + (int)kind));
    const int *const plan = k_plans[ll_dice_int(&dice, BLOCK_PLANS)];
    int left = (int)(ordinal % BLOCK);
    int group = 0;

    while (left >= plan[group])
        left -= plan[group++];
    *variant = left;
    return block * PLAN + group;
}

static ll_pattern pattern_for(ll_dice *dice, const struct kind *kind, bool men)
{
    int total = 0;
    for (int p = 0; p < LL_PATTERNS; p++)
        total += kind->weights[p];

    int left = ll_dice_int(dice, total);
    int pattern = 0;
    while (left >= kind->weights[pattern])
        left -= kind->weights[pattern++];
    if (men && (pattern == LL_PATTERN_FLORAL || pattern == LL_PATTERN_OMBRE))
        return LL_PATTERN_CHECKED;
    return (ll_pattern)pattern;
}

/* Prices end in .95 or .00, as shops write them. */
static int price_for(ll_dice *dice, const struct kind *kind)
{
    const int euros = kind->price_low + ll_dice_int(dice, kind->price_high - kind->price_low + 1);
    return ll_dice_int(dice, 3) == 0 ? euros * 100 : euros * 100 - 5;
}

/* Cloth colours from the palette: the second is what stripes, dots and trims are made of, never so
 * far from the first that the pattern hides the garment's shape. */
static void colour_for(ll_garment *g, ll_dice *dice, int variant)
{
    const int size = ll_palette_size();
    const int first = ll_dice_int(dice, size);
    const int step = 3 + ll_dice_int(dice, 5);
    const int other = ll_dice_int(dice, size);
    const ll_rgb cream = {0.84, 0.82, 0.78};

    /* The palette's size is prime, so variants differ; denim's four washes likewise. */
    g->colour = g->pattern == LL_PATTERN_DENIM ? ll_palette_denim(first + variant)
                                               : (first + variant * step) % size;
    g->main = ll_palette_colour(g->colour)->rgb;
    if (g->pattern == LL_PATTERN_DENIM) /* washed: indigo fades to grey */
        g->main = ll_rgb_mix(g->main, (ll_rgb){0.42, 0.47, 0.53}, 0.35);
    const bool light = ll_rgb_luma(g->main) > 0.62;
    g->second =
        light ? ll_rgb_shade(ll_palette_colour(other)->rgb, 0.95) : ll_rgb_mix(cream, g->main, 0.2);
    if (light && ll_rgb_luma(g->second) > 0.62) g->second = ll_rgb_shade(g->main, 0.55);
    g->third = ll_rgb_mix(ll_palette_colour((other + 7) % size)->rgb, g->main, 0.2);
}

/* How this one photograph was taken: frame, pose, light. */
static void photo_for(ll_garment *g, ll_dice *dice, int side_min, int side_max)
{
    /* Longer side / shorter side. A shop frames a kind of thing one way, give or take. */
    static const double k_square[] = {1.0, 1.0, 1.0, 1.1}, k_long[] = {1.25, 1.25, 1.25, 4.0 / 3};
    const double tall = k_kinds[g->kind].tall;
    const double aspect = (tall == 1 ? k_square : k_long)[ll_dice_int(dice, 4)];
    const int side = side_min + ll_dice_int(dice, side_max - side_min + 1);
    const int narrow = (int)(side / aspect);

    g->width = tall >= 1 ? narrow : side;
    g->height = tall >= 1 ? side : narrow;
    g->fill = ll_dice_real(dice, 0.86, 0.91);
    g->turn = ll_dice_real(dice, -0.035, 0.035);
    g->shift_x = ll_dice_real(dice, -0.012, 0.012);
    g->shift_y = ll_dice_real(dice, -0.012, 0.012);
    g->light_x = ll_dice_real(dice, -0.8, 0.3);
    g->light_y = ll_dice_real(dice, -0.9, -0.4);
    g->contrast = ll_dice_real(dice, 0.8, 1.2);
    g->background = ll_dice_int(dice, 3) > 0 ? 1.0 : ll_dice_real(dice, 0.975, 0.995);
    g->photo_seed = ll_dice_bits(dice);
    g->png = ll_dice_int(dice, 10) == 0;
    g->progressive = ll_dice_int(dice, 4) == 0;
    g->quality = 85 + ll_dice_int(dice, 8);
}

ll_garment ll_garment_make(uint64_t seed, int64_t number, int side_min, int side_max)
{
    ll_garment g = {.number = number, .kind = (ll_kind)(number % LL_KINDS)};
    const struct kind *const kind = &k_kinds[g.kind];
    int variant = 0;

    g.product = product_of(seed, g.kind, number / LL_KINDS, &variant);
    ll_dice design = ll_dice_for(seed, ROLL_DESIGN, (uint64_t)(g.product * LL_KINDS + (int)g.kind));
    g.men = ll_dice_int(&design, 8) >= kind->women_of_8;
    g.style = ll_dice_int(&design, STYLES);
    if (g.men && g.kind == LL_KIND_TSHIRT && g.style == 2) g.style = 0; /* no scoop for men */
    if (g.men && g.kind == LL_KIND_HAT && g.style == 2) g.style = 1;    /* nor a sun hat */
    for (int c = 0; c < LL_GARMENT_CUTS; c++)
        g.cut[c] = ll_dice_real(&design, 0, 1);
    g.pattern = pattern_for(&design, kind, g.men);
    g.pattern_scale = ll_dice_real(&design, 0.8, 1.3);
    g.pattern_seed = ll_dice_bits(&design);
    g.price_cents = price_for(&design, kind);
    colour_for(&g, &design, variant);

    ll_dice photo = ll_dice_for(seed, ROLL_PHOTO, (uint64_t)number);
    photo_for(&g, &photo, side_min, side_max);
    return g;
}

const char *ll_kind_name(ll_kind kind)
{
    return k_kinds[kind].name;
}

const char *ll_pattern_name(ll_pattern pattern)
{
    return k_patterns[pattern];
}

void ll_garment_id(const ll_garment *garment, char out[LL_GARMENT_ID])
{
    ll_text_exact(out, LL_GARMENT_ID, "%s-%06d", k_kinds[garment->kind].prefix,
                  (int)garment->number);
}

void ll_garment_product(const ll_garment *garment, char out[LL_GARMENT_ID])
{
    ll_text_exact(out, LL_GARMENT_ID, "%s-P%05d", k_kinds[garment->kind].prefix,
                  (int)garment->product);
}

void ll_garment_name(const ll_garment *garment, char out[LL_GARMENT_NAME])
{
    const bool plain = garment->pattern == LL_PATTERN_PLAIN;
    ll_text_exact(out, LL_GARMENT_NAME, "%s %s%s%s, %s", garment->men ? "Men's" : "Women's",
                  plain ? "" : k_patterns[garment->pattern], plain ? "" : " ",
                  k_kinds[garment->kind].styles[garment->style],
                  ll_palette_colour(garment->colour)->name);
}
