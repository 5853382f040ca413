/* host/image/decode.c - read the file, name its format, decode, resize; see decode.h. */
#include "host/image/decode.h"
#include "host/base/digest.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/image/photo.h"
#include "host/image/resize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MEGA = 1000 * 1000 };

/* What a file must begin with. The content decides, never the name. */
static bool is_jpeg(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_bmp(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 2 && memcmp(bytes, "BM", 2) == 0;
}

static bool is_webp(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 16 && memcmp(bytes, "RIFF", 4) == 0 &&
           memcmp(bytes + 8, "WEBPVP8", 7) == 0 &&
           (bytes[15] == ' ' || bytes[15] == 'L' || bytes[15] == 'X');
}

typedef ll_status (*decode_fn)(ll_photo *photo, ll_error *why);

static const struct {
    const char *name; /* README.md and lookloom(1) have the same ones: tests/lint/formats */
    bool (*is)(const uint8_t *bytes, size_t size_bytes);
    decode_fn decode[2]; /* by ll_decoder */
} k_formats[] = {
    {"JPEG",
     is_jpeg,
     {[LL_DECODER_TURBOJPEG] = ll_decode_turbojpeg, [LL_DECODER_STB] = ll_decode_stb_jpeg}},
    {"PNG", is_png, {ll_decode_png, ll_decode_png}},
    {"BMP", is_bmp, {ll_decode_bmp, ll_decode_bmp}},
    {"WebP", is_webp, {ll_decode_webp, ll_decode_webp}},
};

ll_image_options ll_image_options_default(void)
{
    return (ll_image_options){
        .geometry = LL_GEOMETRY_KERAS,
        .resize = LL_RESIZE_OF_GEOMETRY,
        .jpeg = LL_DECODER_TURBOJPEG,
        .max_pixels = 64 * MEGA,
        .max_bytes = 64 * MEGA,
    };
}

const char *ll_image_format(int index)
{
    const int count = sizeof k_formats / sizeof k_formats[0];
    return index >= 0 && index < count ? k_formats[index].name : NULL;
}

const char *ll_image_decoder_version(ll_decoder jpeg)
{
    static const char *const k_versions[] = {
        [LL_DECODER_TURBOJPEG] = "libjpeg-turbo " LL_VERSION_JPEG ", libwebp " LL_VERSION_WEBP
                                 ", stb_image " LL_VERSION_STB,
        [LL_DECODER_STB] = "stb_image " LL_VERSION_STB ", libwebp " LL_VERSION_WEBP,
    };
    return k_versions[jpeg];
}

/* The whole file into memory; a reject unless it is a regular file of a sensible size. */
static ll_status read_file(int fd, int64_t max_bytes, uint8_t **bytes, size_t *size_bytes,
                           ll_error *why)
{
    struct stat info;
    char size[LL_NUMBER_TEXT], limit[LL_NUMBER_TEXT];

    if (fstat(fd, &info) != 0) return ll_fail(why, LL_ERR_IO, "%s", strerror(errno));
    if (S_ISDIR(info.st_mode)) return ll_fail(why, LL_ERR_FORMAT, "is a folder");
    if (!S_ISREG(info.st_mode)) return ll_fail(why, LL_ERR_FORMAT, "not a regular file");
    if (info.st_size == 0) return ll_fail(why, LL_ERR_FORMAT, "empty file");
    if (info.st_size > max_bytes)
        return ll_fail(why, LL_ERR_FORMAT, "%s (%lld bytes), the limit is %s",
                       ll_number_size((double)info.st_size, size), (long long)info.st_size,
                       ll_number_size((double)max_bytes, limit));
    *size_bytes = (size_t)info.st_size;
    *bytes = malloc(*size_bytes);
    if (*bytes == NULL)
        return ll_fail(why, LL_ERR_MEMORY, "no memory for a file of %zu bytes", *size_bytes);
    return ll_file_pread(fd, *bytes, *size_bytes, 0, "cannot be read", why);
}

static ll_status decode(ll_photo *photo, ll_error *why)
{
    for (size_t i = 0; i < sizeof k_formats / sizeof k_formats[0]; i++)
        if (k_formats[i].is(photo->bytes, photo->size_bytes))
            return k_formats[i].decode[photo->options->jpeg](photo, why);
    return ll_fail(why, LL_ERR_UNSUPPORTED, "unsupported format");
}

/* `fit` is NULL for the pixels of the network. */
static ll_status load(int fd, ll_photo *photo, ll_thumbnail *fit, uint8_t *pixels, ll_error *why)
{
    const ll_image_options *const options = photo->options;
    ll_status status = LL_OK;
    uint8_t *bytes = NULL;

    LL_TRY_DONE(read_file(fd, options->max_bytes, &bytes, &photo->size_bytes, why));
    photo->bytes = bytes;
    ll_digest_bytes(bytes, photo->size_bytes, photo->facts->digest);
    LL_TRY_DONE(decode(photo, why));
    photo->facts->rotated = photo->orientation != 1;
    if (options->alpha == LL_ALPHA_WHITE) ll_raster_blend_white(&photo->raster);
    const bool turn = options->exif == LL_EXIF_APPLY;
    const ll_view view = ll_view_of(&photo->raster, turn ? photo->orientation : 1);
    status = fit != NULL ? ll_resize_fit(&view, fit->side, pixels, &fit->width, &fit->height, why)
                         : ll_resize_view(&view, options->geometry, options->resize, pixels, why);
done:
    ll_raster_release(&photo->raster);
    free(bytes);
    return status;
}

/* A failure of the photo is an answer, one of the run is not. */
static ll_status answer(int fd, const ll_image_options *options, ll_thumbnail *fit, uint8_t *pixels,
                        ll_image_facts *facts, ll_error *err)
{
    ll_photo photo = {.options = options, .facts = facts, .orientation = 1};
    ll_error why = LL_ERROR_INIT;

    *facts = (ll_image_facts){.reason = ""};
    const ll_status status = load(fd, &photo, fit, pixels, &why);
    if (status == LL_ERR_MEMORY) return ll_fail(err, LL_ERR_MEMORY, "%s", why.text);
    if (status != LL_OK) ll_text_say(facts->reason, sizeof facts->reason, "%s", why.text);
    return LL_OK;
}

ll_status ll_image_load(int fd, const ll_image_options *options, uint8_t *pixels,
                        ll_image_facts *facts, ll_error *err)
{
    return answer(fd, options, NULL, pixels, facts, err);
}

ll_status ll_image_thumbnail(int fd, const ll_image_options *options, ll_thumbnail *thumbnail,
                             ll_image_facts *facts, ll_error *err)
{
    return answer(fd, options, thumbnail, thumbnail->pixels, facts, err);
}
