/* tests/image_files.h - tiny image files made in memory, whole and as the format's own tools would
 * write them; tests then damage them. */
#ifndef LL_TESTS_IMAGE_FILES_H
#define LL_TESTS_IMAGE_FILES_H

#include "host/image/decode.h"

#include <stddef.h>
#include <stdint.h>

typedef struct image_file {
    uint8_t *bytes; /* malloc'ed */
    size_t size_bytes;
} image_file;

/* A pattern in which every pixel of a small image differs: the colour of (x, y), channel c. */
uint8_t image_pattern(int x, int y, int c);

/* 24 bits, bottom-up. */
image_file image_make_bmp(int width, int height);
/* 8 bits, `colours` palette entries; pixel (x, y) has index (x + y) % indices. */
image_file image_make_bmp_indexed(int width, int height, int colours, int indices);
/* RGB (channels 3) or RGBA (4), 8 bits; the image data stored, in IDAT chunks of `chunk` bytes. */
image_file image_make_png(int width, int height, int channels, size_t chunk);
/* Grey (1), RGB (3) or CMYK (4), quality 90; `orientation` in EXIF if it is not 0. */
image_file image_make_jpeg(int width, int height, int channels, int progressive, int orientation);
/* Lossless, with opacity if `alpha`. */
image_file image_make_webp(int width, int height, int alpha);

/* Add a chunk (length, name, body, checksum) at offset `at` of a PNG. */
void image_insert_chunk(image_file *png, size_t at, const char *name, const void *body,
                        size_t length);

/* Through a temporary file, as ll_image_load wants it; fails the test if the call itself fails. */
void image_load(const void *bytes, size_t size_bytes, const ll_image_options *options,
                uint8_t *pixels, ll_image_facts *facts);

/* The file is rejected for exactly this reason. */
void image_assert_reason(const void *bytes, size_t size_bytes, const ll_image_options *options,
                         const char *reason);

#endif
