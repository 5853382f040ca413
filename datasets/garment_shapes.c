/* datasets/garment_shapes.c - see garment_shapes.h. */
#include "datasets/garment_shapes.h"

static const struct shape {
    ll_extent extent;
    void (*draw)(ll_tailor *tailor);
} k_shapes[LL_KINDS] = {
    [LL_KIND_TSHIRT] = {{0.98, 0.92}, ll_tshirt_draw},
    [LL_KIND_SHIRT] = {{0.92, 0.98}, ll_shirt_draw},
    [LL_KIND_DRESS] = {{0.62, 1.0}, ll_dress_draw},
    [LL_KIND_SKIRT] = {{0.80, 0.78}, ll_skirt_draw},
    [LL_KIND_TROUSERS] = {{0.56, 1.0}, ll_trousers_draw},
    [LL_KIND_SHOE] = {{0.98, 0.58}, ll_shoe_draw},
    [LL_KIND_HAT] = {{1.0, 0.62}, ll_hat_draw},
    [LL_KIND_BAG] = {{0.80, 0.98}, ll_bag_draw},
};

ll_extent ll_garment_extent(const ll_garment *garment)
{
    return k_shapes[garment->kind].extent;
}

void ll_garment_draw(ll_tailor *tailor)
{
    k_shapes[tailor->garment->kind].draw(tailor);
}
