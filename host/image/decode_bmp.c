/* host/image/decode_bmp.c - BMP: the header is read and judged here as Pillow judges it, then
 * stb_image unpacks the pixels behind a header of one plain kind.
 *
 * Left alone, stb_image refuses the OS/2 header of 64 bytes, masks in 24-bit files and pixel data
 * anywhere but right behind the header; accepts files that end early and indices beyond the
 * palette; and widens 5 and 6 bits to 8 otherwise than Pillow. */
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/image/byte_order.h"
#include "host/image/decode_stb.h"
#include "host/image/photo.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILE_HEADER = 14,
    HEADER_OS2 = 12,
    HEADER_V3 = 40,
    HEADER_V4 = 108,
    COMPRESS_NONE = 0,
    COMPRESS_RLE8 = 1,
    COMPRESS_RLE4 = 2,
    COMPRESS_MASKS = 3,
    MAX_COLOURS = 256,
    MAX_DECLARED = 65536, /* colours a header may declare: Pillow's limit */
};

typedef struct bmp {
    uint32_t header_bytes, bits, compression;
    int64_t width, height;
    bool top_down;
    uint32_t colours;     /* palette entries */
    uint32_t masks[4];    /* red, green, blue, alpha */
    size_t palette_at;    /* offset of the palette, if any */
    size_t palette_entry; /* bytes of one: 3 or 4 */
    size_t pixels_at;
    size_t row_bytes, stride; /* without and with padding to 4 bytes */
} bmp;

static ll_status read_info(bmp *info, const ll_photo *photo, ll_error *why)
{
    const uint8_t *const header = photo->bytes + FILE_HEADER;

    if (photo->size_bytes < FILE_HEADER + 4) return ll_fail(why, LL_ERR_FORMAT, "truncated BMP");
    info->header_bytes = ll_get_le32(header);
    if (info->header_bytes != HEADER_OS2 && info->header_bytes != HEADER_V3 &&
        info->header_bytes != 64 && info->header_bytes != HEADER_V4 && info->header_bytes != 124)
        return ll_fail(why, LL_ERR_FORMAT, "BMP header of %u bytes", info->header_bytes);
    if (photo->size_bytes < FILE_HEADER + info->header_bytes)
        return ll_fail(why, LL_ERR_FORMAT, "truncated BMP");
    if (info->header_bytes == HEADER_OS2) {
        info->width = ll_get_le16(header + 4);
        info->height = ll_get_le16(header + 6);
        info->bits = ll_get_le16(header + 10);
        info->palette_entry = 3;
        return LL_OK;
    }
    info->width = ll_get_le32(header + 4);
    info->height = ll_get_le32(header + 8);
    info->top_down = header[11] == 0xff; /* a height of -16 million pixels or nearer to zero */
    if (info->top_down) info->height = (INT64_C(1) << 32) - info->height;
    info->bits = ll_get_le16(header + 14);
    info->compression = ll_get_le32(header + 16);
    info->colours = ll_get_le32(header + 32);
    info->palette_entry = 4;
    return LL_OK;
}

/* The colour masks, given or implied, as stb_image wants to be told. */
static ll_status read_masks(bmp *info, const ll_photo *photo, ll_error *why)
{
    static const struct {
        uint32_t bits, red, green, blue, alpha;
    } k_known[] = {
        {32, 0xff0000, 0xff00, 0xff, 0},
        {32, 0xff000000, 0xff0000, 0xff00, 0},
        {32, 0xff000000, 0xff0000, 0xff00, 0xff},
        {32, 0xff, 0xff00, 0xff0000, 0xff000000},
        {32, 0xff0000, 0xff00, 0xff, 0xff000000},
        {24, 0xff0000, 0xff00, 0xff, 0},
        {16, 0xf800, 0x7e0, 0x1f, 0},
        {16, 0x7c00, 0x3e0, 0x1f, 0},
    };
    const uint8_t *const masks = photo->bytes + FILE_HEADER + HEADER_V3;
    /* Behind the shortest header they follow it; in the longer ones they are fields, with alpha. */
    const bool behind = info->header_bytes == HEADER_V3;
    const int given = behind ? 3 : 4;

    if (photo->size_bytes < FILE_HEADER + HEADER_V3 + 16)
        return ll_fail(why, LL_ERR_FORMAT, "truncated BMP");
    for (int i = 0; i < given; i++)
        info->masks[i] = ll_get_le32(masks + 4 * i);
    if (behind) info->palette_at += 12;
    if (info->bits != 32) info->masks[3] = 0;
    if (info->bits == 32 &&
        (info->masks[0] | info->masks[1] | info->masks[2] | info->masks[3]) == 0)
        memcpy(info->masks, (const uint32_t[]){0xff0000, 0xff00, 0xff, 0xff000000},
               sizeof info->masks);
    for (size_t i = 0; i < sizeof k_known / sizeof k_known[0]; i++)
        if (k_known[i].bits == info->bits && k_known[i].red == info->masks[0] &&
            k_known[i].green == info->masks[1] && k_known[i].blue == info->masks[2] &&
            k_known[i].alpha == info->masks[3])
            return LL_OK;
    return ll_fail(why, LL_ERR_UNSUPPORTED, "BMP with unusual colour masks");
}

/* Where palette and pixels are. A palette that the end of the file cuts off is a short one. */
static ll_status find_offsets(bmp *info, const ll_photo *photo, ll_error *why)
{
    const bool indexed = info->bits <= 8;
    const size_t behind =
        photo->size_bytes -
        (info->palette_at < photo->size_bytes ? info->palette_at : photo->size_bytes);

    if (indexed && info->colours == 0) info->colours = 1u << info->bits;
    if (indexed && info->colours > MAX_DECLARED)
        return ll_fail(why, LL_ERR_FORMAT, "BMP with a palette of %u colours", info->colours);
    info->pixels_at = ll_get_le32(photo->bytes + 10);
    /* Some writers forget to count the palette. */
    if (indexed && info->pixels_at == FILE_HEADER + info->header_bytes)
        info->pixels_at += 4 * (size_t)info->colours;
    if (indexed)
        info->colours =
            (uint32_t)ll_min_i64(info->colours, (int64_t)(behind / info->palette_entry));
    if (indexed && info->colours > MAX_COLOURS)
        return ll_fail(why, LL_ERR_FORMAT, "BMP with a palette of %u colours", info->colours);
    if (info->pixels_at == 0)
        info->pixels_at = info->palette_at + (indexed ? info->palette_entry * info->colours : 0);
    return LL_OK;
}

static ll_status read_layout(bmp *info, ll_photo *photo, ll_error *why)
{
    LL_TRY(read_info(info, photo, why));
    LL_TRY(ll_photo_declare(photo, info->width, info->height, why));
    if (info->bits != 1 && info->bits != 4 && info->bits != 8 && info->bits != 16 &&
        info->bits != 24 && info->bits != 32)
        return ll_fail(why, LL_ERR_UNSUPPORTED, "BMP of %u bits per pixel", info->bits);
    info->palette_at = FILE_HEADER + info->header_bytes;
    if (info->compression == COMPRESS_RLE8 || info->compression == COMPRESS_RLE4)
        return ll_fail(why, LL_ERR_UNSUPPORTED, "run-length encoded BMP is not supported");
    if (info->compression == COMPRESS_MASKS)
        LL_TRY(read_masks(info, photo, why));
    else if (info->compression != COMPRESS_NONE)
        return ll_fail(why, LL_ERR_UNSUPPORTED, "BMP of compression %u", info->compression);
    else
        memcpy(info->masks,
               info->bits == 16 ? (const uint32_t[]){0x7c00, 0x3e0, 0x1f, 0}
                                : (const uint32_t[]){0xff0000, 0xff00, 0xff, 0},
               sizeof info->masks);

    LL_TRY(find_offsets(info, photo, why));
    info->row_bytes = ((size_t)info->width * info->bits + 7) / 8;
    info->stride = (info->row_bytes + 3) / 4 * 4;
    return LL_OK;
}

/* The header every file gets: version 4, bottom-up or top-down as it was. */
static void write_header(const bmp *info, uint8_t *to, size_t pixels_at)
{
    uint8_t *const header = to + FILE_HEADER;
    const bool masks = info->bits == 16 || info->bits == 32;

    memcpy(to, "BM", 2);
    ll_put_le32(to + 10, (uint32_t)pixels_at);
    ll_put_le32(header, HEADER_V4);
    ll_put_le32(header + 4, (uint32_t)info->width);
    ll_put_le32(header + 8, (uint32_t)(info->top_down ? -info->height : info->height));
    ll_put_le16(header + 12, 1); /* planes */
    ll_put_le16(header + 14, info->bits);
    ll_put_le32(header + 16, masks ? COMPRESS_MASKS : COMPRESS_NONE);
    for (int i = 0; masks && i < 4; i++)
        ll_put_le32(header + 40 + 4 * i, info->masks[i]);
}

/* The same image behind the header above. A palette becomes the identity, so that what comes out
 * are indices. `*out` is yours to free(). */
static ll_status rewrite(const bmp *info, const ll_photo *photo, uint8_t **out, size_t *size_bytes,
                         ll_error *why)
{
    const size_t palette_entries = info->bits <= 8 ? (size_t)1 << info->bits : 0;
    const size_t head_bytes = FILE_HEADER + HEADER_V4 + 4 * palette_entries;
    /* The padding of the last row may be missing. */
    const size_t data_bytes = info->stride * (size_t)(info->height - 1) + info->row_bytes;

    if (photo->size_bytes < info->pixels_at || photo->size_bytes - info->pixels_at < data_bytes)
        return ll_fail(why, LL_ERR_FORMAT, "truncated BMP");
    *size_bytes = head_bytes + data_bytes;
    LL_TRY(ll_alloc("a BMP", (int64_t)*size_bytes, 1, out, why));
    write_header(info, *out, head_bytes);
    for (size_t i = 0; i < palette_entries; i++)
        memset(*out + FILE_HEADER + HEADER_V4 + 4 * i, (int)i, 3);
    memcpy(*out + head_bytes, photo->bytes + info->pixels_at, data_bytes);
    return LL_OK;
}

/* Indices to colours. */
static ll_status apply_palette(const bmp *info, ll_photo *photo, ll_error *why)
{
    ll_raster indices = photo->raster;
    ll_status status = LL_OK;
    const int64_t count = (int64_t)indices.width * indices.height;

    photo->raster.pixels = NULL;
    LL_TRY_DONE(ll_raster_init(&photo->raster, indices.width, indices.height, 3, why));
    for (int64_t i = 0; i < count; i++) {
        if (indices.pixels[i] >= info->colours) {
            status = ll_fail(why, LL_ERR_FORMAT, "BMP: palette index %u of %u colours",
                             indices.pixels[i], info->colours);
            goto done;
        }
        const uint8_t *const bgr =
            photo->bytes + info->palette_at + indices.pixels[i] * info->palette_entry;
        for (int c = 0; c < 3; c++)
            photo->raster.pixels[3 * i + c] = bgr[2 - c];
    }
done:
    ll_raster_release(&indices);
    return status;
}

/* Pillow widens n bits as v * 255 / (2^n - 1), rounded down; stb_image repeats the high bits, from
 * which v can be read again. */
static void widen_as_pillow(const bmp *info, ll_raster *raster)
{
    const int64_t count = (int64_t)raster->width * raster->height;
    const int green_bits = info->masks[1] == 0x7e0 ? 6 : 5;
    uint8_t *at = raster->pixels;

    for (int64_t i = 0; i < count; i++, at += raster->channels)
        for (int c = 0; c < 3; c++) {
            const int bits = c == 1 ? green_bits : 5;
            at[c] = (uint8_t)((at[c] >> (8 - bits)) * 255 / ((1 << bits) - 1));
        }
}

ll_status ll_decode_bmp(ll_photo *photo, ll_error *why)
{
    bmp info = {.header_bytes = 0};
    ll_status status = LL_OK;
    uint8_t *plain = NULL;
    size_t plain_bytes = 0;

    LL_TRY_DONE(read_layout(&info, photo, why));
    photo->facts->transparent = info.bits == 32 && info.masks[3] != 0;
    LL_TRY_DONE(rewrite(&info, photo, &plain, &plain_bytes, why));
    LL_TRY_DONE(
        ll_stb_decode(plain, plain_bytes, "BMP", info.bits <= 8 ? 1 : 0, &photo->raster, why));
    if (info.bits <= 8) LL_TRY_DONE(apply_palette(&info, photo, why));
    if (info.bits == 16) widen_as_pillow(&info, &photo->raster);
done:
    free(plain);
    return status;
}
