/* host/image/decode_png.c - PNG: chunks checked (png_check.c), inflated by zlib, unpacked by
 * stb_image.
 *
 * stb_image is not given the file but a plain PNG made from it: header, image data in stored
 * blocks, end. Its own inflating checks no Adler-32 and grows without bound, so a bad file would
 * give wrong pixels and a bomb would take all memory; here damage shows, and no more is inflated
 * than the header declares. A palette image is passed off as grey: what comes out are the indices,
 * and one beyond the palette is a reject instead of whatever is in memory there. */
#include "host/base/memory.h"
#include "host/image/byte_order.h"
#include "host/image/decode_stb.h"
#include "host/image/photo.h"
#include "host/image/png_check.h"
#include "host/image/png_exif.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* zlib does not write to its input */
#include <zlib.h>

enum {
    CHUNK_BYTES = 12,   /* length, name, checksum */
    STORED_MAX = 65535, /* bytes of a stored block */
    STORED_HEAD = 5,
    MAX_COLOURS = 256,
};

/* One pass of the image: `rows` rows of `row_bytes`, the filter byte included. */
typedef struct pass {
    uint32_t rows;
    size_t row_bytes;
} pass;

typedef struct plan {
    pass passes[7];
    int count;
    size_t bytes; /* of all rows */
} plan;

static void plan_add(plan *rows, const ll_png *png, uint32_t width, uint32_t height)
{
    static const int k_samples[] = {1, 0, 3, 1, 2, 0, 4}; /* per pixel, by colour type */
    const size_t bits = (size_t)k_samples[png->colour] * (size_t)png->depth;
    const size_t row_bytes = (width * bits + 7) / 8 + 1;

    if (width == 0 || height == 0) return;
    rows->passes[rows->count++] = (pass){height, row_bytes};
    rows->bytes += height * row_bytes;
}

static plan plan_of(const ll_png *png)
{
    /* Adam7: first column and row of each pass, and its steps. */
    static const uint32_t k_x[] = {0, 4, 0, 2, 0, 1, 0}, k_y[] = {0, 0, 4, 0, 2, 0, 1};
    static const uint32_t k_dx[] = {8, 8, 4, 4, 2, 2, 1}, k_dy[] = {8, 8, 8, 4, 4, 2, 2};
    plan rows = {.count = 0};

    if (!png->interlaced) plan_add(&rows, png, png->width, png->height);
    for (int i = 0; png->interlaced && i < 7; i++)
        plan_add(&rows, png, (png->width - k_x[i] + k_dx[i] - 1) / k_dx[i],
                 (png->height - k_y[i] + k_dy[i] - 1) / k_dy[i]);
    return rows;
}

/* Inflating, row by row as Pillow does: it decides what a file that ends early is good for. */
typedef struct inflater {
    z_stream stream;
    ll_png_data data;
    bool ended; /* the stream said so itself */
} inflater;

static ll_status fail_inflate(const inflater *self, ll_error *why)
{
    if (self->data.broken && self->data.at <= self->data.size_bytes)
        return ll_fail(why, LL_ERR_FORMAT, "PNG chunk IDAT: bad checksum");
    if (self->data.broken) return ll_fail(why, LL_ERR_FORMAT, "truncated PNG");
    return ll_fail(why, LL_ERR_FORMAT, "PNG: %s",
                   self->stream.msg != NULL ? self->stream.msg : "image data end early");
}

/* The next `count` bytes of the image data to `to`. */
static ll_status inflate_bytes(inflater *self, uint8_t *to, size_t count, ll_error *why)
{
    z_stream *const stream = &self->stream;

    stream->next_out = to;
    stream->avail_out = (uInt)count;
    while (stream->avail_out > 0) {
        ll_png_span payload;
        while (stream->avail_in == 0) {
            if (!ll_png_next_data(&self->data, &payload)) return fail_inflate(self, why);
            stream->next_in = payload.bytes;
            stream->avail_in = (uInt)payload.size_bytes;
        }
        const int code = inflate(stream, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR) return ll_fail(why, LL_ERR_MEMORY, "no memory to inflate a PNG");
        self->ended = code == Z_STREAM_END;
        if (code != Z_OK && !(self->ended && stream->avail_out == 0))
            return fail_inflate(self, why);
    }
    return LL_OK;
}

/* All rows into stored blocks at `to`, which is zeroed: rows that a stream ends without, but
 * properly and between two rows, stay black, as in Pillow. */
static ll_status inflate_rows(inflater *self, const plan *rows, uint8_t *to, ll_error *why)
{
    size_t left = rows->bytes, block_left = 0;

    for (int p = 0; p < rows->count; p++)
        for (uint32_t y = 0; y < rows->passes[p].rows; y++)
            for (size_t row_left = rows->passes[p].row_bytes; row_left > 0;) {
                if (block_left == 0) {
                    block_left = left < STORED_MAX ? left : STORED_MAX;
                    to[0] = block_left == left; /* the last block says so */
                    ll_put_le16(to + 1, (uint32_t)block_left);
                    ll_put_le16(to + 3, (uint32_t)~block_left);
                    to += STORED_HEAD;
                }
                const size_t count = row_left < block_left ? row_left : block_left;
                const bool between = self->ended && row_left == rows->passes[p].row_bytes;
                if (!between) LL_TRY(inflate_bytes(self, to, count, why));
                to += count;
                row_left -= count;
                block_left -= count;
                left -= count;
            }
    return LL_OK;
}

static uint8_t *put_chunk(uint8_t *to, const char *name, const uint8_t *bytes, size_t length)
{
    ll_put_be32(to, (uint32_t)length);
    memcpy(to + 4, name, 4);
    if (bytes != NULL) memcpy(to + 8, bytes, length);
    return to + CHUNK_BYTES + length; /* stb_image looks at no checksum */
}

/* The plain PNG. `*out` is yours to free(). */
static ll_status rewrite(const ll_png *png, bool keep_key, inflater *self, uint8_t **out,
                         size_t *size_bytes, ll_error *why)
{
    const plan rows = plan_of(png);
    const bool palette = png->colour == LL_PNG_PALETTE;
    const size_t key_bytes = !keep_key ? 0 : png->colour == LL_PNG_RGB ? 6 : 2;
    const size_t blocks = (rows.bytes + STORED_MAX - 1) / STORED_MAX;
    const size_t data_bytes = 2 + rows.bytes + blocks * STORED_HEAD; /* no Adler-32 */
    uint8_t header[13] = {[8] = (uint8_t)png->depth,
                          [9] = (uint8_t)(palette ? LL_PNG_GREY : png->colour),
                          [12] = png->interlaced};

    if (data_bytes > INT_MAX - 1024)
        return ll_fail(why, LL_ERR_UNSUPPORTED, "PNG of %zu bytes when inflated", data_bytes);
    ll_put_be32(header, png->width);
    ll_put_be32(header + 4, png->height);
    *size_bytes = 8 + CHUNK_BYTES + sizeof header + (keep_key ? CHUNK_BYTES + key_bytes : 0) +
                  CHUNK_BYTES + data_bytes + CHUNK_BYTES;
    LL_TRY(ll_alloc("an inflated PNG", (int64_t)*size_bytes, 1, out, why));
    uint8_t *to = *out;
    memcpy(to, "\x89PNG\r\n\x1a\n", 8);
    to = put_chunk(to + 8, "IHDR", header, sizeof header);
    if (keep_key) to = put_chunk(to, "tRNS", png->opacity.bytes, key_bytes);
    to[8] = 0x78; /* deflate, window of 32 KiB */
    to[9] = 0x01;
    LL_TRY(inflate_rows(self, &rows, to + 10, why));
    to = put_chunk(to, "IDAT", NULL, data_bytes);
    put_chunk(to, "IEND", NULL, 0);
    return LL_OK;
}

/* Indices, stretched to 0 .. 255 as grey values are, to RGB or RGBA. */
static ll_status apply_palette(const ll_png *png, bool keep_alpha, ll_photo *photo, ll_error *why)
{
    ll_raster indices = photo->raster;
    ll_status status = LL_OK;
    const size_t entries = png->palette.size_bytes / 3;
    const unsigned stretch = 255u / ((1u << png->depth) - 1);
    const int64_t count = (int64_t)indices.width * indices.height;
    const int channels = keep_alpha ? 4 : 3;

    photo->raster.pixels = NULL;
    if (entries > MAX_COLOURS) {
        status = ll_fail(why, LL_ERR_FORMAT, "PNG with a palette of %zu colours", entries);
        goto done;
    }
    LL_TRY_DONE(ll_raster_init(&photo->raster, indices.width, indices.height, channels, why));
    photo->raster.alpha = keep_alpha;
    for (int64_t i = 0; i < count; i++) {
        const size_t index = indices.pixels[i] / stretch;
        uint8_t *const to = photo->raster.pixels + i * channels;
        if (index >= entries) {
            status = ll_fail(why, LL_ERR_FORMAT, "PNG: palette index %zu of %zu colours", index,
                             entries);
            goto done;
        }
        memcpy(to, png->palette.bytes + 3 * index, 3);
        if (keep_alpha) to[3] = index < png->opacity.size_bytes ? png->opacity.bytes[index] : 255;
    }
done:
    ll_raster_release(&indices);
    return status;
}

static ll_status decode(const ll_png *png, inflater *self, ll_photo *photo, ll_error *why)
{
    const bool palette = png->colour == LL_PNG_PALETTE;
    /* The transparent colour of grey and RGB costs a channel; only blending needs it. */
    const bool opacity = photo->options->alpha == LL_ALPHA_WHITE && png->opacity.bytes != NULL;
    const bool keep_key = opacity && (png->colour == LL_PNG_GREY || png->colour == LL_PNG_RGB);
    ll_status status = LL_OK;
    uint8_t *plain = NULL;
    size_t plain_bytes = 0;

    LL_TRY_DONE(rewrite(png, keep_key, self, &plain, &plain_bytes, why));
    LL_TRY_DONE(ll_stb_decode(plain, plain_bytes, "PNG", 0, &photo->raster, why));
    if (palette) LL_TRY_DONE(apply_palette(png, opacity, photo, why));
done:
    free(plain);
    return status;
}

ll_status ll_decode_png(ll_photo *photo, ll_error *why)
{
    inflater self = {.data = {photo->bytes, photo->size_bytes, 0, false}};
    ll_status status = LL_OK;
    ll_png png;

    LL_TRY(ll_png_check_head(photo->bytes, photo->size_bytes, &png, why));
    LL_TRY(ll_photo_declare(photo, png.width, png.height, why));
    photo->facts->transparent = png.transparent;
    self.data.at = png.data_at;
    if (inflateInit(&self.stream) != Z_OK)
        return ll_fail(why, LL_ERR_MEMORY, "no memory to inflate a PNG");
    LL_TRY_DONE(decode(&png, &self, photo, why));
    LL_TRY_DONE(ll_png_check_tail(photo->bytes, photo->size_bytes, self.data.at, &png, why));
    status = ll_png_orientation(&png, &photo->orientation, why);
done:
    inflateEnd(&self.stream);
    return status;
}
