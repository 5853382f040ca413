/* tests/image_files.c - see image_files.h. */
#include "tests/image_files.h"
#include "host/image/byte_order.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h> /* wants stdio.h above it */
#include <webp/encode.h>
#include <zlib.h>

enum { PNG_HEAD = 8 + 25, CHUNK = 12, STORED = 5, STORED_MAX = 65535 };

uint8_t image_pattern(int x, int y, int c)
{
    const uint8_t value = (uint8_t)(x * 37 + y * 11 + c * 101 + x * y);

    return c < 3 ? value : value | 1; /* libwebp forgets the colour of what is wholly transparent */
}

static image_file file_of(size_t size_bytes)
{
    const image_file file = {calloc(size_bytes, 1), size_bytes};
    assert_non_null(file.bytes);
    return file;
}

static image_file bmp_of(int width, int height, uint32_t bits, int colours)
{
    const size_t stride = ((size_t)width * bits + 31) / 32 * 4;
    const size_t offset = 54 + 4 * (size_t)colours;
    const image_file file = file_of(offset + stride * (size_t)height);

    memcpy(file.bytes, "BM", 2);
    ll_put_le32(file.bytes + 2, (uint32_t)file.size_bytes);
    ll_put_le32(file.bytes + 10, (uint32_t)offset);
    ll_put_le32(file.bytes + 14, 40);
    ll_put_le32(file.bytes + 18, (uint32_t)width);
    ll_put_le32(file.bytes + 22, (uint32_t)height);
    ll_put_le16(file.bytes + 26, 1);
    ll_put_le16(file.bytes + 28, bits);
    ll_put_le32(file.bytes + 46, (uint32_t)colours);
    return file;
}

image_file image_make_bmp(int width, int height)
{
    const image_file file = bmp_of(width, height, 24, 0);
    const size_t stride = ((size_t)width * 3 + 3) / 4 * 4;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                file.bytes[54 + (size_t)(height - 1 - y) * stride + (size_t)(3 * x + 2 - c)] =
                    image_pattern(x, y, c);
    return file;
}

image_file image_make_bmp_indexed(int width, int height, int colours, int indices)
{
    const image_file file = bmp_of(width, height, 8, colours);
    const size_t stride = ((size_t)width + 3) / 4 * 4;
    uint8_t *const pixels = file.bytes + 54 + 4 * (size_t)colours;

    for (int i = 0; i < colours; i++)
        for (int c = 0; c < 3; c++)
            file.bytes[54 + 4 * i + 2 - c] = image_pattern(i, 0, c);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            pixels[(size_t)(height - 1 - y) * stride + (size_t)x] = (uint8_t)((x + y) % indices);
    return file;
}

static uint8_t *put_chunk(uint8_t *to, const char *name, const void *body, size_t length)
{
    ll_put_be32(to, (uint32_t)length);
    memcpy(to + 4, name, 4);
    if (length > 0) memcpy(to + 8, body, length);
    ll_put_be32(to + 8 + length, (uint32_t)crc32(0, to + 4, (uInt)(length + 4)));
    return to + CHUNK + length;
}

/* One zlib stream of one stored block with all rows, filter 0. */
static image_file stored_rows(int width, int height, int channels)
{
    const size_t row = 1 + (size_t)(width * channels), raw = row * (size_t)height;
    const image_file file = file_of(2 + STORED + raw + 4);
    uint8_t *const data = file.bytes + 2 + STORED;

    assert_true(raw <= STORED_MAX);
    for (int y = 0; y < height; y++)
        for (int i = 0; i < width * channels; i++)
            data[(size_t)y * row + 1 + (size_t)i] = image_pattern(i / channels, y, i % channels);
    file.bytes[0] = 0x78;
    file.bytes[1] = 0x01;
    file.bytes[2] = 1;
    ll_put_le16(file.bytes + 3, (uint32_t)raw);
    ll_put_le16(file.bytes + 5, (uint32_t)~raw);
    ll_put_be32(data + raw, (uint32_t)adler32(1, data, (uInt)raw));
    return file;
}

image_file image_make_png(int width, int height, int channels, size_t chunk)
{
    const image_file data = stored_rows(width, height, channels);
    const size_t chunks = (data.size_bytes + chunk - 1) / chunk;
    const image_file file = file_of(PNG_HEAD + chunks * CHUNK + data.size_bytes + CHUNK);
    uint8_t header[13] = {[8] = 8, [9] = channels == 3 ? 2 : 6};
    uint8_t *to = file.bytes + 8;

    memcpy(file.bytes, "\x89PNG\r\n\x1a\n", 8);
    ll_put_be32(header, (uint32_t)width);
    ll_put_be32(header + 4, (uint32_t)height);
    to = put_chunk(to, "IHDR", header, sizeof header);
    for (size_t at = 0; at < data.size_bytes; at += chunk) {
        const size_t left = data.size_bytes - at;
        to = put_chunk(to, "IDAT", data.bytes + at, left < chunk ? left : chunk);
    }
    put_chunk(to, "IEND", NULL, 0);
    free(data.bytes);
    return file;
}

void image_insert_chunk(image_file *png, size_t at, const char *name, const void *body,
                        size_t length)
{
    const image_file longer = file_of(png->size_bytes + CHUNK + length);

    memcpy(longer.bytes, png->bytes, at);
    put_chunk(longer.bytes + at, name, body, length);
    memcpy(longer.bytes + at + CHUNK + length, png->bytes + at, png->size_bytes - at);
    free(png->bytes);
    *png = longer;
}

image_file image_make_jpeg(int width, int height, int channels, int progressive, int orientation)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors; /* its default exits, which is right for a test */
    unsigned char *bytes = NULL;
    unsigned long size_bytes = 0;
    uint8_t exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0";
    uint8_t *const row = calloc((size_t)(width * channels), 1);

    assert_non_null(row);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size_bytes);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    exif[25] = (uint8_t)orientation;
    if (orientation != 0) jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, sizeof exif - 1);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW rows[1] = {row};
        for (int i = 0; i < width * channels; i++)
            row[i] = image_pattern(i / channels, (int)jpeg.next_scanline, i % channels);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return (image_file){bytes, size_bytes};
}

image_file image_make_webp(int width, int height, int alpha)
{
    const int channels = alpha ? 4 : 3;
    const image_file rows = file_of((size_t)(width * height * channels));
    uint8_t *bytes = NULL;

    for (int y = 0; y < height; y++)
        for (int i = 0; i < width * channels; i++)
            rows.bytes[y * width * channels + i] = image_pattern(i / channels, y, i % channels);
    const size_t size_bytes =
        alpha ? WebPEncodeLosslessRGBA(rows.bytes, width, height, width * channels, &bytes)
              : WebPEncodeLosslessRGB(rows.bytes, width, height, width * channels, &bytes);
    assert_true(size_bytes > 0);
    const image_file file = file_of(size_bytes);
    memcpy(file.bytes, bytes, size_bytes);
    WebPFree(bytes);
    free(rows.bytes);
    return file;
}

void image_load(const void *bytes, size_t size_bytes, const ll_image_options *options,
                uint8_t *pixels, ll_image_facts *facts)
{
    FILE *const file = tmpfile();
    ll_error err = LL_ERROR_INIT;

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fflush(file), 0);
    const ll_status status = ll_image_load(fileno(file), options, pixels, facts, &err);
    if (status != LL_OK) print_error("%s\n", err.text);
    assert_int_equal(status, LL_OK);
    fclose(file);
}

void image_assert_reason(const void *bytes, size_t size_bytes, const ll_image_options *options,
                         const char *reason)
{
    static uint8_t pixels[LL_IMAGE_BYTES];
    ll_image_facts facts;

    image_load(bytes, size_bytes, options, pixels, &facts);
    assert_string_equal(facts.reason, reason);
}
