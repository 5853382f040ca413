/* host/image/decode_stb.c - stb_image, built for JPEG, PNG and BMP only: most of its known holes
 * are in the other formats. Its own sources of trouble are kept away from it: PNG and BMP files are
 * checked and rewritten in their plainest form first (decode_png.c, decode_bmp.c), a JPEG's size
 * and number of scans are known before it starts. */
#include "host/image/decode_stb.h"
#include "host/image/decode_turbojpeg.h"
#include "host/image/photo.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Cleared memory: damaged files make stb_image read tables and samples that were never written, and
 * the same bytes must give the same pixels. */
#define STBI_MALLOC(size)       calloc(1, size)
#define STBI_REALLOC(old, size) realloc(old, size)
#define STBI_FREE(old)          free(old)
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS (1 << 30) /* the limit is --max-pixels, checked before */
#include <stb_image.h>

ll_status ll_stb_decode(const uint8_t *bytes, size_t size_bytes, const char *what, int channels,
                        ll_raster *raster, ll_error *why)
{
    int width = 0, height = 0, found = 0;

    if (size_bytes > INT_MAX) return ll_fail(why, LL_ERR_UNSUPPORTED, "%s beyond 2 GiB", what);
    stbi__g_failure_reason = "damaged"; /* some of its failures name none and leave the last one */
    raster->pixels =
        stbi_load_from_memory(bytes, (int)size_bytes, &width, &height, &found, channels);
    if (raster->pixels == NULL && strcmp(stbi_failure_reason(), "outofmem") == 0)
        return ll_fail(why, LL_ERR_MEMORY, "no memory to decode a %s", what);
    if (raster->pixels == NULL)
        return ll_fail(why, LL_ERR_FORMAT, "%s: %s", what, stbi_failure_reason());
    raster->width = width;
    raster->height = height;
    raster->channels = channels == 0 ? found : channels;
    raster->alpha = raster->channels == found && found % 2 == 0;
    return LL_OK;
}

/* Huffman tables of at most 256 symbols each? stb_image 2.27 counts them no more than it checks the
 * end of the file, behind which it reads zeros. `at` points behind the marker. */
static bool tables_fit(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2) return true;
    int64_t left = ((int64_t)at[0] << 8 | at[1]) - 2;

    at += 2;
    while (left > 0 && at < end) {
        int symbols = 0;
        for (int i = 1; i <= 16 && end - at > i; i++)
            symbols += at[i];
        if (symbols > 256) return false;
        left -= 17 + symbols;
        if (end - at <= 17 + symbols) return true;
        at += 17 + symbols;
    }
    return true;
}

/* What stb_image does not check behind the first scan's header, where libjpeg-turbo has stopped
 * checking: the number of scans, and tables. A marker may turn up wherever damage makes stb_image
 * look for one, so every 0xff is taken for its beginning; inside a scan only 0 and restart markers
 * follow it. */
static ll_status check_scans(const ll_photo *photo, size_t start, ll_error *why)
{
    const uint8_t *at = photo->bytes + start;
    const uint8_t *const end = photo->bytes + photo->size_bytes;
    int scans = 1;

    while (at < end && (at = memchr(at, 0xff, (size_t)(end - at))) != NULL && end - at >= 2) {
        at++;
        if (*at == 0xda) scans++;
        if (*at == 0xc4 && !tables_fit(at + 1, end))
            return ll_fail(why, LL_ERR_FORMAT, "JPEG: bad Huffman table");
    }
    if (scans <= LL_JPEG_MAX_SCANS) return LL_OK;
    return ll_fail(why, LL_ERR_FORMAT, "more than %d progressive scans", LL_JPEG_MAX_SCANS);
}

ll_status ll_decode_stb_jpeg(ll_photo *photo, ll_error *why)
{
    size_t scan_start = 0;

    LL_TRY(ll_jpeg_read_header(photo, &scan_start, why));
    LL_TRY(check_scans(photo, scan_start, why));
    /* Four channels, the last one padding: stb_image has SIMD for them and none for three. */
    LL_TRY(ll_stb_decode(photo->bytes, photo->size_bytes, "JPEG", 4, &photo->raster, why));
    if (photo->raster.width == photo->facts->width && photo->raster.height == photo->facts->height)
        return LL_OK;
    return ll_fail(why, LL_ERR_FORMAT, "JPEG with two sizes");
}
