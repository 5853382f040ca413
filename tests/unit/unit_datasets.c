/* tests/unit/unit_datasets.c - what the drawn shop promises: balanced kinds, products of colour
 * variants, items that depend on seed and number alone, pictures of a garment on white. */
#include "datasets/dice.h"
#include "datasets/listing.h"
#include "datasets/picture.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MIN = 96, SIDE_MAX = 128 };

/* The published sequence of splitmix64 for the state 1234567. */
static void test_dice_are_splitmix64(void **state)
{
    (void)state;
    ll_dice dice = {1234567};
    assert_true(ll_dice_bits(&dice) == UINT64_C(6457827717110365317));
    assert_true(ll_dice_bits(&dice) == UINT64_C(3203168211198807973));
    assert_true(ll_dice_bits(&dice) == UINT64_C(9817491932198370423));
}

static void test_kinds_are_balanced(void **state)
{
    (void)state;
    int counts[LL_KINDS] = {0};
    for (int64_t i = 0; i < 200; i++)
        counts[ll_garment_make(3, i, SIDE_MIN, SIDE_MAX).kind]++;
    for (int kind = 0; kind < LL_KINDS; kind++)
        assert_int_equal(counts[kind], 25);
}

static void assert_same_design(const ll_garment *a, const ll_garment *b)
{
    assert_int_equal(a->men, b->men);
    assert_int_equal(a->style, b->style);
    assert_int_equal(a->pattern, b->pattern);
    assert_int_equal(a->price_cents, b->price_cents);
    assert_memory_equal(a->cut, b->cut, sizeof a->cut);
    assert_true(a->pattern_seed == b->pattern_seed);
}

/* Walk one kind: its products are runs of two to four items, alike but for the colour. */
static void check_products(uint64_t seed, int kind)
{
    ll_garment run[4];
    int length = 0;

    for (int64_t ordinal = 0; ordinal < 120; ordinal++) {
        const ll_garment g = ll_garment_make(seed, ordinal * LL_KINDS + kind, SIDE_MIN, SIDE_MAX);
        assert_int_equal(g.kind, kind);
        if (length > 0 && run[0].product != g.product) {
            assert_true(g.product > run[0].product);
            assert_in_range(length, 2, 4);
            length = 0;
        }
        assert_true(length < 4);
        for (int other = 0; other < length; other++) {
            assert_same_design(&run[other], &g);
            assert_int_not_equal(run[other].colour, g.colour);
            assert_true(run[other].photo_seed != g.photo_seed);
        }
        run[length++] = g;
    }
    assert_in_range(length, 2, 4); /* 120 is a whole number of blocks */
}

static void test_products_are_colour_variants(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (int kind = 0; kind < LL_KINDS; kind++)
            check_products(seed, kind);
}

static void test_every_item_is_within_bounds(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 4000; i++) {
        const ll_garment g = ll_garment_make(11, i, 480, 800);
        char id[LL_GARMENT_ID], name[LL_GARMENT_NAME];
        ll_garment_id(&g, id);
        ll_garment_name(&g, name);
        assert_true(strtoll(id + 3, NULL, 10) == i); /* so ids are unique */
        assert_true(strlen(name) < LL_GARMENT_NAME - 1);
        const int side = g.width > g.height ? g.width : g.height;
        assert_in_range(side, 480, 800);
        assert_in_range(g.colour, 0, ll_palette_size() - 1);
        assert_in_range(g.price_cents, 500, 30000);
        assert_in_range(g.quality, 85, 92);
        if (g.kind == LL_KIND_DRESS || g.kind == LL_KIND_SKIRT) assert_false(g.men);
    }
}

static void test_seed_and_number_decide(void **state)
{
    (void)state;
    int differ = 0;
    for (int64_t i = 0; i < 64; i++) {
        const ll_garment a = ll_garment_make(5, i, 480, 800), b = ll_garment_make(5, i, 480, 800);
        const ll_garment c = ll_garment_make(6, i, 480, 800);
        assert_true(a.photo_seed == b.photo_seed && a.width == b.width && a.turn == b.turn);
        assert_same_design(&a, &b);
        differ += a.photo_seed != c.photo_seed && a.pattern_seed != c.pattern_seed;
    }
    assert_int_equal(differ, 64);
}

static uint32_t pixel_at(cairo_surface_t *picture, int x, int y)
{
    uint32_t pixel = 0;
    memcpy(&pixel,
           cairo_image_surface_get_data(picture) +
               (ptrdiff_t)y * cairo_image_surface_get_stride(picture) + 4 * (ptrdiff_t)x,
           sizeof pixel);
    return pixel;
}

static int darkest_channel(uint32_t pixel)
{
    int darkest = 255;
    for (int shift = 0; shift < 24; shift += 8) {
        const int channel = (int)(pixel >> shift & 0xFF);
        if (channel < darkest) darkest = channel;
    }
    return darkest;
}

/* White at the corners, a garment inside, opaque everywhere, and the same pixels twice. */
static void check_picture(const ll_garment *g)
{
    cairo_surface_t *a = NULL, *b = NULL;
    ll_error err = LL_ERROR_INIT;
    const int right = g->width - 1, low = g->height - 1;
    int64_t covered = 0;

    assert_int_equal(ll_picture_draw(g, &a, &err), LL_OK);
    assert_int_equal(ll_picture_draw(g, &b, &err), LL_OK);
    assert_int_equal(cairo_image_surface_get_width(a), g->width);
    assert_int_equal(cairo_image_surface_get_height(a), g->height);
    for (int corner = 0; corner < 4; corner++)
        assert_true(darkest_channel(pixel_at(a, corner & 1 ? right : 0, corner & 2 ? low : 0)) >=
                    240);
    for (int y = 0; y < g->height; y++) {
        for (int x = 0; x < g->width; x++) {
            const uint32_t pixel = pixel_at(a, x, y);
            assert_true(pixel == pixel_at(b, x, y));
            assert_true(pixel >> 24 == 255);
            covered += darkest_channel(pixel) < 225;
        }
    }
    const double share = (double)covered / g->width / g->height;
    if (share < 0.10 || share > 0.80)
        fail_msg("item %lld of seed 4 covers %.2f of its picture", (long long)g->number, share);
    cairo_surface_destroy(a);
    cairo_surface_destroy(b);
}

static void test_pictures_show_a_garment_on_white(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 6 * (int64_t)LL_KINDS; i++) {
        const ll_garment g = ll_garment_make(4, i, SIDE_MIN, SIDE_MAX);
        check_picture(&g);
    }
}

/* The smallest and oddest pictures the options allow. */
static void test_tiny_pictures(void **state)
{
    (void)state;
    for (int side = 64; side < 70; side++) {
        for (int64_t i = 0; i < LL_KINDS; i++) {
            ll_garment g = ll_garment_make((uint64_t)side, i, side, side);
            cairo_surface_t *picture = NULL;
            ll_error err = LL_ERROR_INIT;
            assert_int_equal(ll_picture_draw(&g, &picture, &err), LL_OK);
            cairo_surface_destroy(picture);
            g.width = 1 + side % 3; /* below what --size allows: still no reason to fall over */
            g.height = side % 2 + 3;
            assert_int_equal(ll_picture_draw(&g, &picture, &err), LL_OK);
            cairo_surface_destroy(picture);
        }
    }
}

static void test_failures_name_the_file(void **state)
{
    (void)state;
    ll_garment g = ll_garment_make(1, 0, SIDE_MIN, SIDE_MAX);
    const ll_drawing drawing = {.count = 8, .seed = 1, .side_min = 64, .side_max = 64};
    cairo_surface_t *picture = NULL;
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_picture_draw(&g, &picture, &err), LL_OK);
    for (int png = 0; png < 2; png++) {
        ll_error refused = LL_ERROR_INIT;
        g.png = png;
        assert_int_equal(ll_picture_write(picture, &g, "/dev/null/x", &refused), LL_ERR_IO);
        assert_string_equal(refused.text, "/dev/null/x: Not a directory");
        ll_error full = LL_ERROR_INIT;
        assert_int_equal(ll_picture_write(picture, &g, "/dev/full", &full), LL_ERR_IO);
        assert_string_equal(full.text, "/dev/full: No space left on device");
    }
    cairo_surface_destroy(picture);
    assert_int_equal(ll_listing_write("/dev/null", &drawing, &err), LL_ERR_IO);
    assert_string_equal(err.text, "/dev/null/catalog.csv.part: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dice_are_splitmix64),
        cmocka_unit_test(test_kinds_are_balanced),
        cmocka_unit_test(test_products_are_colour_variants),
        cmocka_unit_test(test_every_item_is_within_bounds),
        cmocka_unit_test(test_seed_and_number_decide),
        cmocka_unit_test(test_pictures_show_a_garment_on_white),
        cmocka_unit_test(test_tiny_pictures),
        cmocka_unit_test(test_failures_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
