/* host/image/settings.c - see settings.h. */
#include "host/image/settings.h"

#include <stddef.h>
#include <string.h>

enum { WORDS = 2 };

/* An option writes these enums through an int. */
_Static_assert(sizeof(ll_geometry) == sizeof(int) && sizeof(ll_resize) == sizeof(int) &&
                   sizeof(ll_exif) == sizeof(int) && sizeof(ll_alpha) == sizeof(int) &&
                   sizeof(ll_decoder) == sizeof(int),
               "an enum is an int");

#define EITHER(a, b)                                                                               \
    a "|" b,                                                                                       \
    {                                                                                              \
        a, b                                                                                       \
    }
static const struct {
    const char *name; /* of the root attribute */
    size_t offset;
    const char *words, *word[WORDS];
    int value[WORDS];
} k_settings[LL_SETTINGS] = {
    {"preprocess",
     offsetof(ll_image_options, geometry),
     EITHER("keras", "torchvision"),
     {LL_GEOMETRY_KERAS, LL_GEOMETRY_TORCHVISION}},
    {"resize",
     offsetof(ll_image_options, resize),
     EITHER("nearest", "bilinear"),
     {LL_RESIZE_NEAREST, LL_RESIZE_BILINEAR}},
    {"exif",
     offsetof(ll_image_options, exif),
     EITHER("ignore", "apply"),
     {LL_EXIF_IGNORE, LL_EXIF_APPLY}},
    {"alpha",
     offsetof(ll_image_options, alpha),
     EITHER("drop", "white"),
     {LL_ALPHA_DROP, LL_ALPHA_WHITE}},
    {"jpeg",
     offsetof(ll_image_options, jpeg),
     EITHER("turbojpeg", "stb"),
     {LL_DECODER_TURBOJPEG, LL_DECODER_STB}},
};

const char *ll_setting_words(ll_setting setting)
{
    return k_settings[setting].words;
}

const int *ll_setting_values(ll_setting setting)
{
    return k_settings[setting].value;
}

const char *ll_setting_word(const ll_image_options *image, ll_setting setting)
{
    int value = 0;

    memcpy(&value, (const char *)image + k_settings[setting].offset, sizeof value);
    if (setting == LL_SETTING_RESIZE && image->resize == LL_RESIZE_OF_GEOMETRY)
        value = image->geometry == LL_GEOMETRY_KERAS ? LL_RESIZE_NEAREST : LL_RESIZE_BILINEAR;
    return k_settings[setting].word[value == k_settings[setting].value[1]];
}

/* The text names every library; stb_image comes first only where it decodes JPEG. */
static const char *jpeg_of_version(const char *version)
{
    const bool stb = strncmp(version, "stb_image", strlen("stb_image")) == 0;
    return k_settings[LL_SETTING_JPEG].word[stb];
}

ll_status ll_settings_read(const char *const words[LL_SETTINGS], const char *version,
                           ll_image_options *image, ll_error *err)
{
    ll_status status = LL_OK;

    *image = ll_image_options_default();
    for (int s = 0; s < LL_SETTINGS; s++) {
        const bool unsaid = s == LL_SETTING_JPEG && words[s][0] == '\0';
        const char *const word = unsaid ? jpeg_of_version(version) : words[s];
        int i = 0;
        while (i < WORDS && strcmp(word, k_settings[s].word[i]) != 0)
            i++;
        if (i < WORDS)
            memcpy((char *)image + k_settings[s].offset, &k_settings[s].value[i], sizeof(int));
        else if (status == LL_OK)
            status =
                ll_fail(err, LL_ERR_FORMAT, "%s '%s' is unknown here", k_settings[s].name, word);
    }
    return status;
}
