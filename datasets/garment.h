/* datasets/garment.h - what item i of a seed is: its kind, cut, cloth, colour, pose and price.
 *
 * Item i is of kind i mod 8. The items of one kind are grouped into products of two to four colour
 * variants: same design, same cloth, another colour, each photographed anew. Everything here is
 * plain numbers; drawing them is garment_shapes.h and picture.h. */
#ifndef LL_DATASETS_GARMENT_H
#define LL_DATASETS_GARMENT_H

#include "datasets/palette.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ll_kind {
    LL_KIND_TSHIRT,
    LL_KIND_SHIRT,
    LL_KIND_DRESS,
    LL_KIND_SKIRT,
    LL_KIND_TROUSERS,
    LL_KIND_SHOE,
    LL_KIND_HAT,
    LL_KIND_BAG,
    LL_KINDS,
} ll_kind;

typedef enum ll_pattern {
    LL_PATTERN_PLAIN,
    LL_PATTERN_STRIPED,    /* across the body */
    LL_PATTERN_PINSTRIPED, /* along the body */
    LL_PATTERN_CHECKED,
    LL_PATTERN_DOTTED,
    LL_PATTERN_FLORAL,
    LL_PATTERN_DENIM,
    LL_PATTERN_OMBRE, /* darker towards the hem */
    LL_PATTERNS,
} ll_pattern;

enum { LL_GARMENT_CUTS = 6, LL_GARMENT_ID = 16, LL_GARMENT_NAME = 80 };

typedef struct ll_garment {
    int64_t number; /* i */
    ll_kind kind;
    bool men;

    /* The design: equal for all variants of a product. */
    int64_t product;             /* number of the group within its kind */
    int style;                   /* which of the kind's styles: crew or V neck, mini or maxi ... */
    double cut[LL_GARMENT_CUTS]; /* 0 .. 1 each: width, length, flare ... as the kind reads them */
    ll_pattern pattern;
    double pattern_scale; /* 1 is usual */
    uint64_t pattern_seed;
    int price_cents;

    /* The variant. */
    int colour; /* of the palette */
    ll_rgb main, second, third;

    /* The photograph. */
    int width, height;       /* pixels */
    double fill;             /* share of the frame the garment spans */
    double turn;             /* radians */
    double shift_x, shift_y; /* shares of the frame */
    double light_x, light_y; /* where the light comes from, length below 1 */
    double contrast;         /* of folds and shading; 1 is usual */
    double background;       /* 0 .. 1 */
    bool png;                /* else JPEG */
    bool progressive;        /* JPEG only */
    int quality;             /* JPEG only */
    uint64_t photo_seed;
} ll_garment;

/** Item `number` of `seed`; the longer side of its picture has side_min .. side_max pixels. */
ll_garment ll_garment_make(uint64_t seed, int64_t number, int side_min, int side_max);

/** How a kind, a pattern is spelt in the catalogue, e.g. "t-shirt", "striped". */
const char *ll_kind_name(ll_kind kind);
const char *ll_pattern_name(ll_pattern pattern);

/** The catalogue id, e.g. "DR-000002"; the product's, e.g. "DR-P00000". */
void ll_garment_id(const ll_garment *garment, char out[LL_GARMENT_ID]);
void ll_garment_product(const ll_garment *garment, char out[LL_GARMENT_ID]);

/** What the shop calls it, e.g. "Women's striped midi dress, navy". */
void ll_garment_name(const ll_garment *garment, char out[LL_GARMENT_NAME]);

#endif
