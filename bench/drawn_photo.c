/* bench/drawn_photo.c - see drawn_photo.h. */
#include "bench/drawn_photo.h"
#include "host/base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* wants stdio.h before it */

enum { QUALITY = 85, PROGRESSIVE_EVERY = 8 };

static const struct {
    int width, height;
} k_sizes[] = {{600, 800}, {800, 800}, {1000, 1000}, {800, 1200}, {1200, 1600}};
enum { SIZES = sizeof k_sizes / sizeof k_sizes[0] };

/* Within an ellipse: two weaves of waves under a little noise, which costs about as many bytes a
 * pixel as cloth does; white outside. */
static void draw(int64_t number, int width, int height, uint8_t *rgb)
{
    uint32_t noise = (uint32_t)number * 2654435761u + 1u;
    const float fine = 0.15f + 0.05f * (float)(number % 7);

    for (int y = 0; y < height; y++) {
        const float v = 2.2f * ((float)y / (float)height - 0.5f);
        for (int x = 0; x < width; x++) {
            uint8_t *const pixel = rgb + ((size_t)y * (size_t)width + (size_t)x) * 3;
            const float u = 2.6f * ((float)x / (float)width - 0.5f);
            memset(pixel, 255, 3);
            if (u * u + v * v > 1.0f) continue;
            noise = noise * 1664525u + 1013904223u;
            const float wave = sinf(fine * (float)(x + y)) + sinf(fine * 1.7f * (float)(x - y));
            const float grain = (float)(noise >> 24) * (1.0f / 16.0f);
            for (int k = 0; k < 3; k++)
                pixel[k] = (uint8_t)(90.0f + 25.0f * (float)k + 22.0f * wave + grain);
        }
    }
}

struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf leave;
    unsigned char *bytes;
    unsigned long size_bytes;
};

static void on_error(j_common_ptr jpeg)
{
    struct encoder *const self = jpeg->client_data;
    longjmp(self->leave, 1);
}

/* May jump; what is made is in `self`. */
static void encode(struct encoder *self, uint8_t *rgb, int width, int height, bool progressive)
{
    self->jpeg.err = jpeg_std_error(&self->errors);
    self->errors.error_exit = on_error;
    self->jpeg.client_data = self;
    jpeg_create_compress(&self->jpeg);
    jpeg_mem_dest(&self->jpeg, &self->bytes, &self->size_bytes);
    self->jpeg.image_width = (JDIMENSION)width;
    self->jpeg.image_height = (JDIMENSION)height;
    self->jpeg.input_components = 3;
    self->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&self->jpeg); /* 4:2:0, as nearly every shop's */
    jpeg_set_quality(&self->jpeg, QUALITY, TRUE);
    if (progressive) jpeg_simple_progression(&self->jpeg);
    jpeg_start_compress(&self->jpeg, TRUE);
    while (self->jpeg.next_scanline < self->jpeg.image_height) {
        JSAMPROW row = rgb + (size_t)self->jpeg.next_scanline * (size_t)width * 3;
        (void)jpeg_write_scanlines(&self->jpeg, &row, 1);
    }
    jpeg_finish_compress(&self->jpeg);
}

ll_status ll_drawn_photo(int64_t number, uint8_t **out, size_t *size_bytes, ll_error *err)
{
    const int width = k_sizes[number % SIZES].width, height = k_sizes[number % SIZES].height;
    struct encoder self = {.bytes = NULL};
    uint8_t *rgb = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("a photo", (int64_t)width * height, 3, &rgb, err));
    draw(number, width, height, rgb);
    if (setjmp(self.leave) == 0) {
        encode(&self, rgb, width, height, number % PROGRESSIVE_EVERY == PROGRESSIVE_EVERY - 1);
        *out = self.bytes;
        *size_bytes = self.size_bytes;
    } /* else growing may have freed self.bytes: rather leak */
    jpeg_destroy_compress(&self.jpeg);
    free(rgb);
    return *out != NULL ? LL_OK : ll_fail(err, LL_ERR_MEMORY, "a photo: libjpeg gave up");
}
