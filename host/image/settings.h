/* host/image/settings.h - how a photo becomes pixels, as words: those of the command line and of an
 * index's root attributes, from one table. Floor 1; includes base. */
#ifndef LL_IMAGE_SETTINGS_H
#define LL_IMAGE_SETTINGS_H

#include "host/base/status.h"
#include "host/image/decode.h"

/* Each is an enum in ll_image_options and a root attribute. */
typedef enum ll_setting {
    LL_SETTING_PREPROCESS, /* geometry */
    LL_SETTING_RESIZE,
    LL_SETTING_EXIF,
    LL_SETTING_ALPHA,
    LL_SETTING_JPEG, /* --decoder */
    LL_SETTINGS,
} ll_setting;

/** "nearest|bilinear": every word of a setting, in the order of its enum. Borrowed for ever. */
const char *ll_setting_words(ll_setting setting);
/** The enum's values of those words, in their order. Borrowed for ever. */
const int *ll_setting_values(ll_setting setting);

/** The word for what `image` says; the filter of a geometry is named as what it is. Borrowed for
 *  ever. */
const char *ll_setting_word(const ll_image_options *image, ll_setting setting);

/** The options that an index was made with, from its attributes.
 *
 * @param words    by ll_setting; jpeg "": a file of before 2026-11-27, `version` says it then
 * @param version  the attribute `decoder`, a text of ll_image_decoder_version
 * @param image    the default where a word is unknown
 * @return LL_ERR_FORMAT, "exif 'mirror' is unknown here", names the first such word */
LL_NODISCARD ll_status ll_settings_read(const char *const words[LL_SETTINGS], const char *version,
                                        ll_image_options *image, ll_error *err);

#endif
