/* host/image/resize.c - see resize.h.
 *
 * Equality with Pillow to the bit fixes more than the filter: where it accumulates, where it
 * rounds, and that its image box passes through float. Only the 224 x 224 pixels that survive the
 * crop are ever computed, so a 1 x 60 000 strip costs no more than a photo. */
#include "host/image/resize.h"
#include "host/base/memory.h"
#include "host/base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = LL_IMAGE_SIDE,
    SHORT_SIDE = 256, /* torchvision's Resize(256) before CenterCrop(224) */
    /* Weights are fixed point: 8 bits for the pixel, 2 for sums beyond 255, the rest fraction. */
    WEIGHT_BITS = 32 - 8 - 2,
    HALF = 1 << (WEIGHT_BITS - 1), /* to round a sum instead of cutting it */
    ROW_BYTES = SIDE * 3,
    /* Beyond this, walking to the crop pixel by pixel takes too long; Pillow would need 17 GB. */
    LONGEST_WALK = 1 << 24,
};

/* One direction: `source` pixels become `resized`, of which `wanted` from `start` on are kept; at
 * most SIDE. */
typedef struct axis {
    int32_t source;
    int64_t resized, start;
    int wanted;
} axis;

/* Half of `rest`, halves to even: Python's round(rest / 2.0). */
static int64_t half_to_even(int64_t rest)
{
    const int64_t half = rest / 2;
    return rest % 2 == 0 ? half : half + half % 2;
}

static axis axis_of(int32_t source, int32_t other, ll_geometry geometry)
{
    if (geometry == LL_GEOMETRY_KERAS) return (axis){source, SIDE, 0, SIDE};
    const int64_t resized = source <= other
                                ? SHORT_SIDE
                                : (int64_t)((double)((int64_t)SHORT_SIDE * source) / (double)other);
    return (axis){source, resized, half_to_even(resized - SIDE), SIDE};
}

static double axis_scale(const axis *line)
{
    return (double)(float)line->source / (double)line->resized; /* Pillow's box is float */
}

/* Source coordinate of each wanted pixel. Pillow adds the step up instead of multiplying, and the
 * last bits of that sum decide some pixels. -1: outside, black. */
static void nearest_table(const axis *line, int32_t at[SIDE])
{
    const double step = axis_scale(line);
    const bool walk = line->resized <= LONGEST_WALK;
    double position = 0.5 * step;

    for (int64_t i = walk ? 0 : line->start; i < line->start + SIDE; i++) {
        if (!walk) position = ((double)i + 0.5) * step;
        if (i >= line->start) {
            const int64_t found = (int64_t)position;
            at[i - line->start] = found < line->source ? (int32_t)found : -1;
        }
        position += step;
    }
}

static void resize_nearest(const ll_view *source, const axis *across, const axis *down,
                           uint8_t *pixels)
{
    int32_t columns[SIDE], rows[SIDE];

    nearest_table(across, columns);
    nearest_table(down, rows);
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++, pixels += 3) {
            if (rows[y] < 0 || columns[x] < 0) {
                memset(pixels, 0, 3);
                continue;
            }
            const uint8_t *const from =
                source->origin + rows[y] * source->step_y + columns[x] * source->step_x;
            pixels[0] = from[0];
            pixels[1] = from[source->green];
            pixels[2] = from[source->blue];
        }
    }
}

/* The weights of one output pixel: `count` source pixels from `first` on. */
typedef struct taps {
    int32_t first, count;
    const int32_t *weights;
} taps;

typedef struct filter {
    taps of[SIDE];
    int wanted;
    int32_t *weights; /* all of them, end to end */
} filter;

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Weights of wanted pixel `i`, normalised in double and rounded once. `room` holds doubles. */
static taps bilinear_taps(const axis *line, int i, double *room, int32_t *weights)
{
    const double scale = axis_scale(line);
    const double reach = scale < 1.0 ? 1.0 : scale; /* shrinking widens the triangle: antialias */
    const double centre = ((double)(line->start + i) + 0.5) * scale;
    const double shrink = 1.0 / reach;
    const int64_t low = (int64_t)(centre - reach + 0.5);
    const int64_t high = (int64_t)(centre + reach + 0.5);
    const int32_t first = (int32_t)ll_max_i64(low, 0);
    const int32_t count = (int32_t)ll_min_i64(high, line->source) - first;
    double sum = 0.0;

    for (int32_t k = 0; k < count; k++) {
        room[k] = triangle(((double)(k + first) - centre + 0.5) * shrink);
        sum += room[k];
    }
    for (int32_t k = 0; k < count; k++) {
        const double weight = sum != 0.0 ? room[k] / sum : room[k];
        weights[k] = (int32_t)(0.5 + weight * (1 << WEIGHT_BITS));
    }
    return (taps){first, count, weights};
}

static ll_status filter_init(filter *bank, const axis *line, ll_error *err)
{
    ll_status status = LL_OK;
    const double reach = ceil(fmax(axis_scale(line), 1.0));
    const int64_t most = ll_min_i64((int64_t)reach * 2 + 1, line->source);
    double *room = NULL;
    int64_t used = 0;

    bank->weights = NULL;
    bank->wanted = line->wanted;
    LL_TRY_DONE(ll_alloc("filter weights", most, sizeof *room, &room, err));
    LL_TRY_DONE(
        ll_alloc("filter weights", SIDE * most, sizeof *bank->weights, &bank->weights, err));
    for (int i = 0; i < line->wanted; i++) {
        bank->of[i] = bilinear_taps(line, i, room, bank->weights + used);
        used += bank->of[i].count;
    }
done:
    free(room);
    return status;
}

static uint8_t clip_weighted(int32_t sum)
{
    const int32_t value = sum >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One output pixel: the weighted sum of pixels `step` bytes apart, from the tap's first on. Inline,
 * so that the usual steps become constants. */
static inline void weighted_sum(const taps *tap, const uint8_t *line, ptrdiff_t step,
                                ptrdiff_t green, ptrdiff_t blue, uint8_t *to)
{
    const uint8_t *from = line + tap->first * step;
    int32_t red_sum = HALF, green_sum = HALF, blue_sum = HALF;

    for (int32_t k = 0; k < tap->count; k++, from += step) {
        red_sum += from[0] * tap->weights[k];
        green_sum += from[green] * tap->weights[k];
        blue_sum += from[blue] * tap->weights[k];
    }
    to[0] = clip_weighted(red_sum);
    to[1] = clip_weighted(green_sum);
    to[2] = clip_weighted(blue_sum);
}

/* One row of the source to the wanted pixels. */
static void narrow_row(const ll_view *source, int32_t y, const filter *columns, uint8_t *to)
{
    const uint8_t *const line = source->origin + y * source->step_y;

    if (source->step_x == 3 && source->green == 1) /* RGB as stored: nearly every photo */
        for (int x = 0; x < columns->wanted; x++)
            weighted_sum(&columns->of[x], line, 3, 1, 2, to + 3 * x);
    else
        for (int x = 0; x < columns->wanted; x++)
            weighted_sum(&columns->of[x], line, source->step_x, source->green, source->blue,
                         to + 3 * x);
}

/* One output row from narrow rows, the tap's first at `from`: sums side by side, for SIMD. */
static inline void mix_rows(const taps *tap, const uint8_t *from, int bytes, uint8_t *to)
{
    int32_t sums[ROW_BYTES];

    for (int i = 0; i < bytes; i++)
        sums[i] = HALF;
    for (int32_t k = 0; k < tap->count; k++, from += bytes)
        for (int i = 0; i < bytes; i++)
            sums[i] += from[i] * tap->weights[k];
    for (int i = 0; i < bytes; i++)
        to[i] = clip_weighted(sums[i]);
}

/* Across first, then down, rounding to 8 bits in between. */
static ll_status resize_bilinear(const ll_view *source, const axis *across, const axis *down,
                                 uint8_t *pixels, ll_error *err)
{
    ll_status status = LL_OK;
    filter columns = {.weights = NULL}, rows = {.weights = NULL};
    uint8_t *narrow = NULL; /* (last - first, wanted, 3): the rows that matter, already narrow */
    const int bytes = across->wanted * 3;

    LL_TRY_DONE(filter_init(&columns, across, err));
    LL_TRY_DONE(filter_init(&rows, down, err));
    const int32_t first = rows.of[0].first;
    const int32_t last = rows.of[down->wanted - 1].first + rows.of[down->wanted - 1].count;
    LL_TRY_DONE(ll_alloc("resized rows", last - first, (size_t)bytes, &narrow, err));
    for (int32_t y = first; y < last; y++)
        narrow_row(source, y, &columns, narrow + (ptrdiff_t)(y - first) * bytes);
    for (int y = 0; y < down->wanted; y++) {
        const uint8_t *const from = narrow + (ptrdiff_t)(rows.of[y].first - first) * bytes;
        if (bytes == ROW_BYTES) /* what every photo of a night takes: the constant is faster */
            mix_rows(&rows.of[y], from, ROW_BYTES, pixels + y * ROW_BYTES);
        else
            mix_rows(&rows.of[y], from, bytes, pixels + y * bytes);
    }
done:
    free(columns.weights);
    free(rows.weights);
    free(narrow);
    return status;
}

ll_status ll_resize_view(const ll_view *source, ll_geometry geometry, ll_resize choice,
                         uint8_t *pixels, ll_error *err)
{
    const axis across = axis_of(source->width, source->height, geometry);
    const axis down = axis_of(source->height, source->width, geometry);
    const bool nearest = choice == LL_RESIZE_OF_GEOMETRY ? geometry == LL_GEOMETRY_KERAS
                                                         : choice == LL_RESIZE_NEAREST;
    if (!nearest) return resize_bilinear(source, &across, &down, pixels, err);
    resize_nearest(source, &across, &down, pixels);
    return LL_OK;
}

/* One direction of a whole picture made smaller, never larger and never nothing. */
static axis fit_axis(int32_t source, int32_t longest, int side)
{
    const int64_t shrunk = ((int64_t)source * side + longest / 2) / longest;
    const int wanted = longest <= side ? source : (int)ll_max_i64(shrunk, 1);
    return (axis){source, wanted, 0, wanted};
}

ll_status ll_resize_fit(const ll_view *source, int side, uint8_t *pixels, int *width, int *height,
                        ll_error *err)
{
    const int32_t longest = source->width > source->height ? source->width : source->height;
    const axis across = fit_axis(source->width, longest, side);
    const axis down = fit_axis(source->height, longest, side);

    *width = across.wanted;
    *height = down.wanted;
    return resize_bilinear(source, &across, &down, pixels, err);
}
