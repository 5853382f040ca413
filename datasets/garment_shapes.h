/* datasets/garment_shapes.h - the outline, parts and folds of each kind of garment. */
#ifndef LL_DATASETS_GARMENT_SHAPES_H
#define LL_DATASETS_GARMENT_SHAPES_H

#include "datasets/tailor.h"

/* Half the width and height the drawn garment spans; pictures are framed by it. */
typedef struct ll_extent {
    double x, y;
} ll_extent;

ll_extent ll_garment_extent(const ll_garment *garment);

/** Draw the tailor's garment. Units: see tailor.h. */
void ll_garment_draw(ll_tailor *tailor);

/* One a kind: tops, bottoms and the rest have a file each. */
void ll_tshirt_draw(ll_tailor *tailor);
void ll_shirt_draw(ll_tailor *tailor);
void ll_dress_draw(ll_tailor *tailor);
void ll_skirt_draw(ll_tailor *tailor);
void ll_trousers_draw(ll_tailor *tailor);
void ll_shoe_draw(ll_tailor *tailor);
void ll_hat_draw(ll_tailor *tailor);
void ll_bag_draw(ll_tailor *tailor);

#endif
