/* tests/unit/unit_settings.c - every word of a setting says its value and the other way round; a
 * file that does not say who decodes JPEG is asked for its libraries. */
#include "host/image/settings.h"
#include "tests/test.h"

#include <string.h>

static const char *const k_plain[LL_SETTINGS] = {"keras", "nearest", "ignore", "drop", "turbojpeg"};
static const char *const k_other[LL_SETTINGS] = {"torchvision", "bilinear", "apply", "white",
                                                 "stb"};

static void check_words(const char *const words[LL_SETTINGS])
{
    ll_error err = LL_ERROR_INIT;
    ll_image_options image;

    assert_int_equal(ll_settings_read(words, "", &image, &err), LL_OK);
    for (int s = 0; s < LL_SETTINGS; s++)
        assert_string_equal(ll_setting_word(&image, (ll_setting)s), words[s]);
}

static void both_ways(void **state)
{
    (void)state;
    check_words(k_plain);
    check_words(k_other);
    for (int s = 0; s < LL_SETTINGS; s++) {
        const size_t first = strlen(k_plain[s]);
        const char *const words = ll_setting_words((ll_setting)s);
        assert_memory_equal(words, k_plain[s], first);
        assert_int_equal(words[first], '|');
        assert_string_equal(words + first + 1, k_other[s]);
    }
}

static void filter_of_geometry(void **state)
{
    ll_image_options image = ll_image_options_default();

    (void)state;
    assert_string_equal(ll_setting_word(&image, LL_SETTING_RESIZE), "nearest");
    image.geometry = LL_GEOMETRY_TORCHVISION;
    assert_string_equal(ll_setting_word(&image, LL_SETTING_RESIZE), "bilinear");
    image.resize = LL_RESIZE_NEAREST;
    assert_string_equal(ll_setting_word(&image, LL_SETTING_RESIZE), "nearest");
}

static void jpeg_of_old_files(void **state)
{
    const char *words[LL_SETTINGS];
    ll_error err = LL_ERROR_INIT;
    ll_image_options image;

    (void)state;
    memcpy(words, k_plain, sizeof words);
    words[LL_SETTING_JPEG] = "";
    for (int jpeg = LL_DECODER_TURBOJPEG; jpeg <= LL_DECODER_STB; jpeg++) {
        const char *const version = ll_image_decoder_version((ll_decoder)jpeg);
        assert_int_equal(ll_settings_read(words, version, &image, &err), LL_OK);
        assert_int_equal(image.jpeg, jpeg);
    }
}

static void unknown_words(void **state)
{
    const char *words[LL_SETTINGS];
    ll_error err = LL_ERROR_INIT;
    ll_image_options image;

    (void)state;
    memcpy(words, k_other, sizeof words);
    words[LL_SETTING_EXIF] = "mirror";
    words[LL_SETTING_JPEG] = "stbx";
    assert_int_equal(ll_settings_read(words, "stb_image 2.27", &image, &err), LL_ERR_FORMAT);
    assert_string_equal(err.text, "exif 'mirror' is unknown here");
    assert_int_equal(image.exif, LL_EXIF_IGNORE);
    assert_int_equal(image.jpeg, LL_DECODER_TURBOJPEG);
    assert_int_equal(image.alpha, LL_ALPHA_WHITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(filter_of_geometry),
        cmocka_unit_test(jpeg_of_old_files),
        cmocka_unit_test(unknown_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
