/* host/image/raster.c - see raster.h. */
#include "host/image/raster.h"
#include "host/base/size.h"

#include <assert.h>
#include <stdlib.h>

ll_status ll_raster_init(ll_raster *raster, int64_t width, int64_t height, int channels,
                         ll_error *err)
{
    size_t row_bytes = 0, size_bytes = 0;

    assert(width > 0 && width <= INT32_MAX && height > 0 && height <= INT32_MAX);
    LL_TRY(ll_size_mul(width, channels, &row_bytes, err));
    LL_TRY(ll_size_mul((int64_t)row_bytes, height, &size_bytes, err));
    /* Not ll_alloc(): every byte is about to be written, and clearing tens of megabytes first
     * would cost a tenth of a JPEG's decoding time. */
    raster->pixels = malloc(size_bytes);
    if (raster->pixels == NULL)
        return ll_fail(err, LL_ERR_MEMORY, "no memory for an image of %lld x %lld pixels",
                       (long long)width, (long long)height);
    raster->width = (int32_t)width;
    raster->height = (int32_t)height;
    raster->channels = channels;
    raster->alpha = false;
    return LL_OK;
}

void ll_raster_release(ll_raster *raster)
{
    free(raster->pixels);
    raster->pixels = NULL;
}

void ll_raster_blend_white(ll_raster *raster)
{
    if (!raster->alpha) return;

    const int colours = raster->channels - 1;
    const int64_t count = (int64_t)raster->width * raster->height;
    uint8_t *at = raster->pixels;

    for (int64_t i = 0; i < count; i++, at += raster->channels) {
        const unsigned a = at[colours];
        for (int c = 0; c < colours; c++) {
            const unsigned v = at[c] * a + 255 * (255 - a) + 128;
            at[c] = (uint8_t)((v + (v >> 8)) >> 8);
        }
    }
    raster->alpha = false;
}

ll_view ll_view_of(const ll_raster *raster, int orientation)
{
    /* Per EXIF orientation: do the image's columns become rows, and does reading start at the
     * right-hand, at the bottom edge of the stored image? */
    static const struct {
        bool swap, right, bottom;
    } k_turns[] = {
        {false, false, false}, /* 1 as stored */
        {false, true, false},  /* 2 mirrored */
        {false, true, true},   /* 3 half a turn */
        {false, false, true},  /* 4 upside down */
        {true, false, false},  /* 5 transposed */
        {true, false, true},   /* 6 a quarter turn clockwise */
        {true, true, true},    /* 7 transposed along the other diagonal */
        {true, true, false},   /* 8 a quarter turn anticlockwise */
    };
    assert(orientation >= 1 && orientation <= 8);
    const bool swap = k_turns[orientation - 1].swap;
    const bool right = k_turns[orientation - 1].right;
    const bool bottom = k_turns[orientation - 1].bottom;
    const ptrdiff_t pixel = raster->channels;
    const ptrdiff_t row = pixel * raster->width;
    const ptrdiff_t across = right ? -pixel : pixel;
    const ptrdiff_t down = bottom ? -row : row;

    return (ll_view){
        .origin = raster->pixels + (right ? pixel * (raster->width - 1) : 0) +
                  (bottom ? row * (raster->height - 1) : 0),
        .width = swap ? raster->height : raster->width,
        .height = swap ? raster->width : raster->height,
        .step_x = swap ? down : across,
        .step_y = swap ? across : down,
        .green = raster->channels < 3 ? 0 : 1,
        .blue = raster->channels < 3 ? 0 : 2,
    };
}
