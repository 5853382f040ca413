/* tests/property/property_resize.c - what holds of any resizing, whatever the image. Equality with
 * Pillow is tests/golden/decode_pillow.py's. */
#include "host/image/resize.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = LL_IMAGE_SIDE, GUARD = 64 };

static const struct {
    int32_t width, height;
} k_sizes[] = {
    {1, 1}, {1, 500}, {500, 1}, {2, 3}, {223, 225}, {224, 224}, {257, 256}, {641, 479}, {37, 900},
};

static uint8_t g_pixels[LL_IMAGE_BYTES + GUARD];

static ll_raster raster_of(int32_t width, int32_t height, int channels, uint64_t seed)
{
    ll_raster raster = {.pixels = NULL};
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_raster_init(&raster, width, height, channels, &err), LL_OK);
    for (int64_t i = 0; i < (int64_t)width * height * channels; i++)
        raster.pixels[i] = (uint8_t)(128.0f + 127.0f * ll_random(&seed));
    return raster;
}

static void resize(const ll_raster *raster, int orientation, ll_geometry geometry, ll_resize filter)
{
    const ll_view view = ll_view_of(raster, orientation);
    ll_error err = LL_ERROR_INIT;

    memset(g_pixels, 42, sizeof g_pixels);
    assert_int_equal(ll_resize_view(&view, geometry, filter, g_pixels, &err), LL_OK);
    for (int i = 0; i < GUARD; i++)
        assert_int_equal(g_pixels[LL_IMAGE_BYTES + i], 42);
}

static void one_colour_stays_that_colour(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_sizes / sizeof k_sizes[0]; i++)
        for (int how = 0; how < 4; how++) {
            ll_raster raster = raster_of(k_sizes[i].width, k_sizes[i].height, 3, 1);
            for (int64_t k = 0; k < (int64_t)raster.width * raster.height; k++)
                memcpy(raster.pixels + 3 * k, (const uint8_t[]){255, 7, 0}, 3);
            resize(&raster, 1, how & 1 ? LL_GEOMETRY_TORCHVISION : LL_GEOMETRY_KERAS,
                   how & 2 ? LL_RESIZE_NEAREST : LL_RESIZE_BILINEAR);
            for (int k = 0; k < SIDE * SIDE; k++)
                assert_memory_equal(g_pixels + 3 * k, ((const uint8_t[]){255, 7, 0}), 3);
            ll_raster_release(&raster);
        }
}

static void same_size_is_the_identity(void **state)
{
    const ll_resize k_filters[] = {LL_RESIZE_OF_GEOMETRY, LL_RESIZE_NEAREST, LL_RESIZE_BILINEAR};
    ll_raster raster = raster_of(SIDE, SIDE, 3, 7);

    (void)state;
    for (size_t i = 0; i < sizeof k_filters / sizeof k_filters[0]; i++) {
        resize(&raster, 1, LL_GEOMETRY_KERAS, k_filters[i]);
        assert_memory_equal(g_pixels, raster.pixels, LL_IMAGE_BYTES);
    }
    ll_raster_release(&raster);
}

static void the_crop_is_in_the_middle(void **state)
{
    ll_raster raster = raster_of(256, 256, 3, 8);

    (void)state;
    resize(&raster, 1, LL_GEOMETRY_TORCHVISION, LL_RESIZE_OF_GEOMETRY);
    for (int y = 0; y < SIDE; y++) /* a short side of 256 stays, 16 are cut off all round */
        assert_memory_equal(g_pixels + 3 * SIDE * y, raster.pixels + 3 * (256 * (y + 16) + 16),
                            3 * SIDE);
    ll_raster_release(&raster);
}

/* Turning a view is turning the image: compared with copies turned pixel by pixel. */
static void orientations_agree_with_copies(void **state)
{
    (void)state;
    for (int which = 0; which < 32; which++)
        for (int channels = 1; channels <= 4; channels++) {
            const int orientation = which % 8 + 1;
            /* narrow ones too: turned, their rows step as pixels do elsewhere */
            const int32_t w = (const int32_t[]){31, 1, 3, 4}[which / 8], h = 20;
            const bool swap = orientation >= 5;
            ll_raster stored = raster_of(w, h, channels, 3);
            ll_raster turned = raster_of(swap ? h : w, swap ? w : h, channels, 4);
            static uint8_t want[LL_IMAGE_BYTES];
            for (int32_t y = 0; y < h; y++)
                for (int32_t x = 0; x < w; x++) {
                    const int32_t k_x[] = {x, w - 1 - x, w - 1 - x, x, y, h - 1 - y, h - 1 - y, y};
                    const int32_t k_y[] = {y, y, h - 1 - y, h - 1 - y, x, x, w - 1 - x, w - 1 - x};
                    const int32_t to = k_y[orientation - 1] * turned.width + k_x[orientation - 1];
                    memcpy(turned.pixels + to * channels, stored.pixels + (y * w + x) * channels,
                           (size_t)channels);
                }
            for (int how = 0; how < 4; how++) {
                const ll_geometry geometry = how & 1 ? LL_GEOMETRY_TORCHVISION : LL_GEOMETRY_KERAS;
                const ll_resize filter = how & 2 ? LL_RESIZE_NEAREST : LL_RESIZE_BILINEAR;
                resize(&turned, 1, geometry, filter);
                memcpy(want, g_pixels, sizeof want);
                resize(&stored, orientation, geometry, filter);
                assert_memory_equal(g_pixels, want, sizeof want);
            }
            ll_raster_release(&stored);
            ll_raster_release(&turned);
        }
}

/* Bilinear against its definition in double, unrounded in between: two roundings, so within 1. */
static void bilinear_is_within_one_of_its_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_sizes / sizeof k_sizes[0]; i++) {
        const int32_t w = k_sizes[i].width, h = k_sizes[i].height;
        ll_raster raster = raster_of(w, h, 1, 11 + i);
        const double sx = (double)w / SIDE, sy = (double)h / SIDE;
        const double rx = fmax(sx, 1.0), ry = fmax(sy, 1.0);

        resize(&raster, 1, LL_GEOMETRY_KERAS, LL_RESIZE_BILINEAR);
        for (int at = 0; at < SIDE * SIDE; at += 97) {
            const double cx = (at % SIDE + 0.5) * sx, cy = (at / SIDE + 0.5) * sy;
            double sum = 0.0, weights = 0.0;
            for (int32_t y = 0; y < h; y++)
                for (int32_t x = 0; x < w; x++) {
                    const double wx = fmax(0.0, 1.0 - fabs(x + 0.5 - cx) / rx);
                    const double wy = fmax(0.0, 1.0 - fabs(y + 0.5 - cy) / ry);
                    sum += wx * wy * raster.pixels[y * w + x];
                    weights += wx * wy;
                }
            if (fabs(g_pixels[3 * at] - sum / weights) > 1.01)
                fail_msg("%d x %d, pixel %d: %d instead of %.2f", w, h, at, g_pixels[3 * at],
                         sum / weights);
        }
        ll_raster_release(&raster);
    }
}

static void strips_cost_no_more_than_photos(void **state)
{
    (void)state;
    for (int how = 0; how < 8; how++) {
        ll_raster raster = raster_of(how & 4 ? 1 : 60000, how & 4 ? 60000 : 1, 3, 5);
        resize(&raster, 1, how & 1 ? LL_GEOMETRY_TORCHVISION : LL_GEOMETRY_KERAS,
               how & 2 ? LL_RESIZE_NEAREST : LL_RESIZE_BILINEAR);
        ll_raster_release(&raster);
    }
}

/* Every opacity on every colour: the exact quotient, rounded to nearest. */
static void white_blend_is_exact(void **state)
{
    ll_raster raster = raster_of(256, 256, 4, 1);

    (void)state;
    raster.alpha = true;
    for (int i = 0; i < 256 * 256; i++)
        memcpy(raster.pixels + 4 * i,
               (const uint8_t[]){(uint8_t)i, (uint8_t)(255 - i % 256), 0, (uint8_t)(i >> 8)}, 4);
    ll_raster_blend_white(&raster);
    assert_false(raster.alpha);
    for (int i = 0; i < 256 * 256; i++) {
        const int a = i >> 8, exact = (i % 256) * a + 255 * (255 - a);
        assert_int_equal(raster.pixels[4 * i], (2 * exact + 255) / 510);
    }
    ll_raster_release(&raster);
}

static void a_thumbnail_keeps_proportions_and_colours(void **state)
{
    (void)state;
    static const int k_sides[] = {1, 7, 176, SIDE};
    ll_error err = LL_ERROR_INIT;
    int width = 0, height = 0;

    for (size_t i = 0; i < sizeof k_sizes / sizeof k_sizes[0]; i++)
        for (size_t s = 0; s < sizeof k_sides / sizeof k_sides[0]; s++) {
            const int side = k_sides[s];
            const int32_t w = k_sizes[i].width, h = k_sizes[i].height, longest = w > h ? w : h;
            ll_raster raster = raster_of(w, h, 3, 1);
            for (int64_t k = 0; k < (int64_t)w * h; k++)
                memcpy(raster.pixels + 3 * k, (const uint8_t[]){255, 7, 0}, 3);
            const ll_view view = ll_view_of(&raster, 1);
            memset(g_pixels, 42, sizeof g_pixels);
            assert_int_equal(ll_resize_fit(&view, side, g_pixels, &width, &height, &err), LL_OK);
            assert_int_equal(width > height ? width : height, longest < side ? longest : side);
            /* as wide for its height as the source, to half a pixel, but at least one */
            assert_true(width == 1 || height == 1 ||
                        llabs((int64_t)width * h - (int64_t)height * w) * 2 <= longest);
            for (int k = 0; k < width * height; k++)
                assert_memory_equal(g_pixels + 3 * k, ((const uint8_t[]){255, 7, 0}), 3);
            for (int k = width * height * 3; k < LL_IMAGE_BYTES + GUARD; k++)
                assert_int_equal(g_pixels[k], 42);
            ll_raster_release(&raster);
        }
}

static void a_square_thumbnail_is_what_the_network_could_see(void **state)
{
    (void)state;
    static uint8_t fit[LL_IMAGE_BYTES];
    ll_raster raster = raster_of(500, 500, 3, 9);
    ll_error err = LL_ERROR_INIT;
    int width = 0, height = 0;

    const ll_view view = ll_view_of(&raster, 6);
    assert_int_equal(ll_resize_fit(&view, SIDE, fit, &width, &height, &err), LL_OK);
    resize(&raster, 6, LL_GEOMETRY_KERAS, LL_RESIZE_BILINEAR);
    assert_int_equal(width * height, SIDE * SIDE);
    assert_memory_equal(fit, g_pixels, sizeof fit);
    ll_raster_release(&raster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_colour_stays_that_colour),
        cmocka_unit_test(same_size_is_the_identity),
        cmocka_unit_test(the_crop_is_in_the_middle),
        cmocka_unit_test(orientations_agree_with_copies),
        cmocka_unit_test(bilinear_is_within_one_of_its_definition),
        cmocka_unit_test(strips_cost_no_more_than_photos),
        cmocka_unit_test(white_blend_is_exact),
        cmocka_unit_test(a_thumbnail_keeps_proportions_and_colours),
        cmocka_unit_test(a_square_thumbnail_is_what_the_network_could_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
