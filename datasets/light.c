/* datasets/light.c - see light.h.
 *
 * Light is soft, so all of it is worked out on cells of 4 x 4 pixels and interpolated: how much of
 * a cell the garment covers, blurred a little (its edges curve away from the light), blurred a lot
 * (its shadow), its folds, and a slow unevenness. Only the grain of the cloth is per pixel. */
#include "datasets/light.h"
#include "datasets/dice.h"
#include "host/base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cells {
    int width, height;
    float *cover;  /* 0 .. 1 */
    float *near;   /* cover, blurred by about 3 % of the picture */
    float *shadow; /* cover, blurred by about 6 % */
    float *fold;   /* -1 .. 1 */
    float *shade;  /* what the garment's colours are multiplied by */
    float *row;    /* scratch: one line */
};

static void free_cells(struct cells *cells)
{
    free(cells->cover);
    free(cells->near);
    free(cells->shadow);
    free(cells->fold);
    free(cells->shade);
    free(cells->row);
}

static ll_status make_cells(struct cells *cells, int width, int height, ll_error *err)
{
    const int64_t count = (int64_t)width * height;

    *cells = (struct cells){.width = width, .height = height};
    LL_TRY(ll_alloc("light", count, sizeof(float), &cells->cover, err));
    LL_TRY(ll_alloc("light", count, sizeof(float), &cells->near, err));
    LL_TRY(ll_alloc("light", count, sizeof(float), &cells->shadow, err));
    LL_TRY(ll_alloc("light", count, sizeof(float), &cells->fold, err));
    LL_TRY(ll_alloc("light", count, sizeof(float), &cells->shade, err));
    return ll_alloc("light", width > height ? width : height, sizeof(float), &cells->row, err);
}

/* A running mean over 2 * radius + 1 values; the edge value goes on beyond the edge. */
static void blur_line(float *line, float *scratch, int count, int stride, int radius)
{
    const float scale = 1.0f / (float)(2 * radius + 1);
    float sum = 0;

    for (int i = -radius; i <= radius; i++)
        sum += line[(i < 0 ? 0 : i >= count ? count - 1 : i) * stride];
    for (int i = 0; i < count; i++) {
        const int out = i - radius < 0 ? 0 : i - radius;
        const int in = i + radius + 1 >= count ? count - 1 : i + radius + 1;
        scratch[i] = sum * scale;
        sum += line[in * stride] - line[out * stride];
    }
    for (int i = 0; i < count; i++)
        line[i * stride] = scratch[i];
}

/* Three box blurs are close to a Gaussian. */
static void blur(struct cells *cells, float *values, int radius)
{
    if (radius < 1) return;
    for (int pass = 0; pass < 3; pass++) {
        for (int y = 0; y < cells->height; y++)
            blur_line(values + y * cells->width, cells->row, cells->width, 1, radius);
        for (int x = 0; x < cells->width; x++)
            blur_line(values + x, cells->row, cells->height, cells->width, radius);
    }
}

static uint32_t *pixel_row(cairo_surface_t *surface, int y)
{
    unsigned char *const data = cairo_image_surface_get_data(surface);
    const ptrdiff_t stride = cairo_image_surface_get_stride(surface);
    return (uint32_t *)(void *)(data + y * stride);
}

static void measure_cells(struct cells *cells, cairo_surface_t *layer, cairo_surface_t *folds)
{
    const int width = cairo_image_surface_get_width(layer);
    const int height = cairo_image_surface_get_height(layer);

    for (int y = 0; y < height; y++) {
        const uint32_t *const pixels = pixel_row(layer, y);
        float *const cover = cells->cover + (y / LL_LIGHT_CELL) * cells->width;
        for (int x = 0; x < width; x++)
            cover[x / LL_LIGHT_CELL] +=
                (float)(pixels[x] >> 24) / (255.0f * LL_LIGHT_CELL * LL_LIGHT_CELL);
    }
    for (int y = 0; y < cells->height; y++) {
        const uint32_t *const pixels = pixel_row(folds, y);
        for (int x = 0; x < cells->width; x++)
            cells->fold[y * cells->width + x] = (float)(pixels[x] & 0xFF) / 127.5f - 1.0f;
    }
    const size_t bytes = (size_t)cells->width * (size_t)cells->height * sizeof(float);
    const int side = (cells->width + cells->height) / 2;
    memcpy(cells->near, cells->cover, bytes);
    memcpy(cells->shadow, cells->cover, bytes);
    blur(cells, cells->near, side / 50);
    blur(cells, cells->shadow, side / 28);
    blur(cells, cells->fold, side / 130);
}

/* Value noise: smooth random heights, one each `1 / scale` cells. */
static float noise_at(uint64_t seed, float x, float y)
{
    const float fx = floorf(x), fy = floorf(y);
    float u = x - fx, v = y - fy, corner[4];

    for (int c = 0; c < 4; c++) {
        const uint64_t column = (uint64_t)((int64_t)fx + (c & 1));
        const uint64_t line = (uint64_t)((int64_t)fy + (c >> 1));
        const uint64_t bits = ll_random_mix(seed ^ (column * k_random_step) ^ (line << 40));
        corner[c] = (float)(bits >> 40) * 0x1p-23f - 1.0f;
    }
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    const float top = corner[0] + (corner[1] - corner[0]) * u;
    const float low = corner[2] + (corner[3] - corner[2]) * u;
    return top + (low - top) * v;
}

/* Stiff things keep their shape; cloth drapes. */
static float softness(const ll_garment *g)
{
    switch (g->kind) {
    case LL_KIND_SHOE:
    case LL_KIND_HAT: return 0.35f;
    case LL_KIND_BAG: return 0.5f;
    default: return 1.0f;
    }
}

static void shade_cells(struct cells *cells, const ll_garment *g)
{
    const int w = cells->width, h = cells->height;
    const float contrast = (float)g->contrast, soft = softness(g);
    const float lx = (float)g->light_x, ly = (float)g->light_y;
    const float side = 0.5f * (float)(w + h);

    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            const int at = y * w + x;
            const int left = x > 0 ? at - 1 : at, right = x < w - 1 ? at + 1 : at;
            const int up = y > 0 ? at - w : at, down = y < h - 1 ? at + w : at;
            const float u = (float)x / (float)w - 0.5f, v = (float)y / (float)h - 0.5f;
            /* The edge falls away: its slope faces the light or turns from it. */
            const float slope_x = cells->near[right] - cells->near[left];
            const float slope_y = cells->near[down] - cells->near[up];
            const float relief = -(slope_x * lx + slope_y * ly) * side * 0.018f;
            const float drape =
                noise_at(g->photo_seed, 7 * (float)x / side + 2 * v, 3 * (float)y / side) +
                0.5f * noise_at(g->photo_seed + 1, 16 * (float)x / side, 8 * (float)y / side);
            float shade = 1.0f + 0.10f * (u * lx + v * ly);
            shade -= 0.30f * (1.0f - cells->near[at]);
            shade -= 0.35f * relief;
            shade += 0.07f * contrast * soft * drape;
            shade += 0.32f * contrast * (0.4f + 0.6f * soft) * cells->fold[at];
            cells->shade[at] = shade < 0.35f ? 0.35f : shade > 1.35f ? 1.35f : shade;
        }
    }
}

/* Row `y` of the picture from cells: `out` has `width` values, each between the centres of four
 * cells; rows above and below the picture repeat the edge. */
static void expand_row(const struct cells *cells, const float *values, int y, int width, float *out)
{
    /* Cell c's centre lies at pixel 4 c + 1.5, so every fourth pixel has the same share of its two
     * neighbours. */
    static const float k_share[LL_LIGHT_CELL] = {0.625f, 0.875f, 0.125f, 0.375f};
    float *const line = cells->row;
    const int inside = y < 0 ? 0 : y;
    const int y1 = (inside + 2) / LL_LIGHT_CELL, last = cells->height - 1;
    const float *const upper = values + (y1 < 1 ? 0 : y1 > last ? last : y1 - 1) * cells->width;
    const float *const lower = values + (y1 > last ? last : y1) * cells->width;
    const float v = k_share[inside % LL_LIGHT_CELL];

    for (int c = 0; c < cells->width; c++)
        line[c] = upper[c] + (lower[c] - upper[c]) * v;
    for (int x = 0; x < width; x++) {
        const int x1 = (x + 2) / LL_LIGHT_CELL;
        const float left = line[x1 < 1 ? 0 : x1 - 1];
        const float right = line[x1 < cells->width ? x1 : cells->width - 1];
        out[x] = left + (right - left) * k_share[x % LL_LIGHT_CELL];
    }
}

/* Cheap random bits of a place: the grain is all over the picture. */
static uint32_t speckle(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ (uint32_t)x * 0x9E3779B1u ^ (uint32_t)y * 0x85EBCA77u;
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    h = (h ^ (h >> 12)) * 0x297A2D39u;
    return h >> 16;
}

static uint32_t clamp_channel(float value)
{
    return value <= 0 ? 0 : value >= 255 ? 255u : (uint32_t)(value + 0.5f);
}

/* One pixel: lit garment over shaded paper. Dark cloth reflects a little too, so part of the light
 * is added rather than multiplied. */
static uint32_t compose(uint32_t pixel, float shade, float paper, float blue)
{
    const float alpha = (float)(pixel >> 24), gloss = (shade - 1.0f) * alpha * 0.08f;
    const float rest = (1.0f - alpha / 255.0f) * paper;
    uint32_t out = 0xFF000000u;

    for (int shift = 0; shift < 24; shift += 8) {
        const float cloth = (float)((pixel >> shift) & 0xFF) * shade + gloss;
        const float lit = cloth < 0 ? 0 : cloth > alpha ? alpha : cloth;
        out |= clamp_channel(lit + (shift == 0 ? rest * blue : rest)) << shift;
    }
    return out;
}

/* `shade` and `cast` are this row's light on the garment and shadow on the paper. */
static void compose_row(uint32_t *pixels, int width, int y, const ll_garment *g, const float *shade,
                        const float *cast)
{
    const uint32_t seed = (uint32_t)g->photo_seed;
    const float white = 255.0f * (float)g->background;
    const float weave = 0.034f;

    for (int x = 0; x < width; x++) {
        const float dark = cast[x] * cast[x];
        const float paper = white * (1.0f - 0.36f * dark);
        float lit = 1;
        if (pixels[x] >> 24 != 0) {
            /* Threads: noise two pixels long, down and across. */
            const uint32_t threads =
                speckle(seed, x, y / 2) + speckle(seed ^ 0x5A5A5A5Au, x / 2, y);
            lit = shade[x] + weave * ((float)threads * 0x1p-17f - 0.5f);
        }
        pixels[x] = compose(pixels[x], lit, paper, 1.0f + 0.012f * dark);
    }
}

/* Light and lay down the whole picture; the shadow falls away from the light. */
static ll_status compose_picture(const struct cells *cells, cairo_surface_t *layer,
                                 const ll_garment *g, ll_error *err)
{
    ll_status status = LL_OK;
    const int width = cairo_image_surface_get_width(layer);
    const int height = cairo_image_surface_get_height(layer);
    const double side = 0.5 * (width + height);
    const int cast_x = (int)(-g->light_x * side * 0.012);
    const int cast_y = (int)(-g->light_y * side * 0.020);
    const int margin = cast_x < 0 ? -cast_x : cast_x;
    float *shade = NULL, *cast = NULL;

    LL_TRY_DONE(ll_alloc("light", width, sizeof *shade, &shade, err));
    LL_TRY_DONE(ll_alloc("light", width + 2 * (int64_t)margin, sizeof *cast, &cast, err));
    for (int y = 0; y < height; y++) {
        expand_row(cells, cells->shade, y, width, shade);
        expand_row(cells, cells->shadow, y - cast_y, width, cast + margin);
        for (int x = 0; x < margin; x++) { /* beyond the picture the shadow goes on */
            cast[x] = cast[margin];
            cast[margin + width + x] = cast[margin + width - 1];
        }
        compose_row(pixel_row(layer, y), width, y, g, shade, cast + margin - cast_x);
    }
done:
    free(shade);
    free(cast);
    return status;
}

ll_status ll_light_apply(cairo_surface_t *layer, cairo_surface_t *folds, const ll_garment *garment,
                         ll_error *err)
{
    ll_status status = LL_OK;
    struct cells cells;

    cairo_surface_flush(layer);
    cairo_surface_flush(folds);
    LL_TRY_DONE(make_cells(&cells, cairo_image_surface_get_width(folds),
                           cairo_image_surface_get_height(folds), err));
    assert(cells.width * LL_LIGHT_CELL >= cairo_image_surface_get_width(layer));
    assert(cells.height * LL_LIGHT_CELL >= cairo_image_surface_get_height(layer));
    measure_cells(&cells, layer, folds);
    shade_cells(&cells, garment);
    LL_TRY_DONE(compose_picture(&cells, layer, garment, err));
    cairo_surface_mark_dirty(layer);
done:
    free_cells(&cells);
    return status;
}
