/* host/image/png_exif.c - see png_exif.h.
 *
 * The text is a newline, a name, a newline, a length, a newline and the EXIF block in hexadecimal
 * lines; in a zTXt chunk all of that is deflated. */
#include "host/image/png_exif.h"
#include "host/base/memory.h"
#include "host/image/exif.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* zlib does not write to its input */
#include <zlib.h>

enum {
    TEXT_LINES = 3,        /* before the hexadecimal ones */
    TEXT_MAX = 256 * 1024, /* an EXIF block of 64 KB in hexadecimal, with room */
};

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Decode in place; returns the bytes made. Stops at what is no hexadecimal. */
static size_t unhex(uint8_t *text, size_t length)
{
    size_t from = 0, made = 0;

    for (int lines = 0; from < length && lines < TEXT_LINES; from++)
        if (text[from] == '\n') lines++;
    while (from + 1 < length) {
        if (text[from] == '\n') {
            from++;
            continue;
        }
        const int high = digit_of(text[from]), low = digit_of(text[from + 1]);
        if (high < 0 || low < 0) break;
        text[made++] = (uint8_t)(high << 4 | low);
        from += 2;
    }
    return made;
}

/* The profile's text to `to`; 0 bytes if it is damaged or absurdly long. */
static size_t read_text(const ll_png *png, uint8_t *to)
{
    uLongf length = TEXT_MAX;

    if (!png->profile_deflated) {
        if (png->profile.size_bytes > TEXT_MAX) return 0;
        memcpy(to, png->profile.bytes, png->profile.size_bytes);
        return png->profile.size_bytes;
    }
    if (png->profile.size_bytes < 1 || png->profile.bytes[0] != 0) return 0; /* no deflate */
    const int code =
        uncompress(to, &length, png->profile.bytes + 1, (uLong)(png->profile.size_bytes - 1));
    return code == Z_OK ? length : 0;
}

ll_status ll_png_orientation(const ll_png *png, int *orientation, ll_error *err)
{
    uint8_t *text = NULL;

    *orientation = 1;
    if (png->exif.bytes != NULL)
        *orientation = ll_exif_orientation(png->exif.bytes, png->exif.size_bytes);
    if (png->exif.bytes != NULL || png->profile.bytes == NULL) return LL_OK;
    LL_TRY(ll_alloc("a PNG's profile", TEXT_MAX, 1, &text, err));
    const size_t made = unhex(text, read_text(png, text));
    *orientation = ll_exif_orientation(text, made);
    free(text);
    return LL_OK;
}
