/* weights/drawn_batch.c - a tiny scanline rasteriser and the garments it draws.
 *
 * The calibration pictures decide the biases of the untrained network, so they may not depend on a
 * drawing library's version: integers only, 4 x 4 samples a pixel, no table but the outlines below.
 * Eight kinds of garment, four of each, in different cuts, colours and cloths, on white. Most are
 * symmetric: only their right half is listed, from the top of the middle line to its bottom. */
#include "weights/drawn_batch.h"
#include "host/base/random.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    SAMPLES = 4,        /* a pixel's, each way */
    UNIT = 2 * SAMPLES, /* units of a pixel: samples lie at odd places */
    ROW_SAMPLES = LL_DRAWN_SIDE * SAMPLES,
    MIDDLE = LL_DRAWN_SIDE / 2,
    MAX_POINTS = 32,
    MAX_PARTS = 6,
    MAX_PATHS = 2 * MAX_PARTS,
    KINDS = 8,
};

typedef enum ink { INK_END, INK_CLOTH, INK_TRIM, INK_PAPER } ink;
typedef enum outline { POLYGON, MIRRORED, PAIR, ELLIPSE } outline;
typedef enum cloth { PLAIN, STRIPES, PINSTRIPES, CHECKS, DOTS, CLOTHS } cloth;

typedef struct point {
    int32_t x, y;
} point;

/* One part of a garment in pixels of an unscaled picture; a later part covers an earlier one.
 * MIRRORED is the right half of one polygon, PAIR the right one of two; an ellipse is its centre
 * and its two radii. */
typedef struct drawn_part {
    ink ink;
    outline outline;
    int count;
    point points[16];
} drawn_part;

typedef struct drawn_garment {
    drawn_part parts[MAX_PARTS];
} drawn_garment;

static const drawn_garment k_garments[KINDS] = {
    {{{INK_CLOTH,
       MIRRORED,
       8, /* T-shirt */
       {{112, 52}, {130, 44}, {150, 50}, {192, 84}, {172, 106}, {156, 94}, {158, 186}, {112, 188}}},
      {INK_PAPER, ELLIPSE, 2, {{112, 44}, {20, 16}}},
      {INK_TRIM, MIRRORED, 4, {{112, 180}, {158, 178}, {158, 186}, {112, 188}}}}},
    {{{INK_CLOTH,
       MIRRORED,
       10, /* shirt with long sleeves */
       {{112, 42},
        {128, 36},
        {152, 44},
        {172, 70},
        {186, 164},
        {168, 168},
        {154, 98},
        {156, 184},
        {134, 194},
        {112, 194}}},
      {INK_TRIM, MIRRORED, 5, {{112, 62}, {126, 36}, {134, 40}, {122, 66}, {112, 50}}},
      {INK_TRIM, POLYGON, 4, {{110, 58}, {114, 58}, {114, 194}, {110, 194}}},
      {INK_TRIM, PAIR, 4, {{184, 152}, {186, 164}, {168, 168}, {166, 156}}}}},
    {{{INK_CLOTH,
       MIRRORED,
       9, /* dress */
       {{112, 44},
        {122, 30},
        {134, 28},
        {140, 56},
        {134, 92},
        {144, 120},
        {164, 200},
        {138, 206},
        {112, 207}}},
      {INK_PAPER, ELLIPSE, 2, {{112, 28}, {14, 20}}},
      {INK_TRIM, MIRRORED, 4, {{112, 92}, {134, 90}, {136, 100}, {112, 102}}}}},
    {{{INK_CLOTH,
       MIRRORED,
       6, /* skirt */
       {{112, 56}, {144, 56}, {162, 110}, {182, 172}, {150, 182}, {112, 184}}},
      {INK_TRIM, MIRRORED, 4, {{112, 52}, {145, 52}, {148, 66}, {112, 68}}},
      {INK_TRIM, PAIR, 3, {{130, 68}, {144, 182}, {140, 182}}}}},
    {{{INK_CLOTH,
       MIRRORED,
       7, /* trousers */
       {{112, 24}, {146, 24}, {154, 80}, {158, 204}, {130, 206}, {116, 92}, {112, 88}}},
      {INK_TRIM, MIRRORED, 4, {{112, 22}, {146, 22}, {147, 34}, {112, 34}}},
      {INK_TRIM, POLYGON, 4, {{111, 34}, {113, 34}, {113, 84}, {111, 84}}}}},
    {{{INK_CLOTH,
       POLYGON,
       11, /* shoe, from its side */
       {{34, 96},
        {60, 84},
        {84, 84},
        {96, 100},
        {118, 116},
        {150, 126},
        {180, 132},
        {196, 146},
        {198, 158},
        {32, 158},
        {30, 120}}},
      {INK_TRIM, POLYGON, 6, {{28, 156}, {200, 156}, {202, 166}, {196, 172}, {34, 172}, {28, 168}}},
      {INK_TRIM, POLYGON, 4, {{92, 104}, {122, 122}, {116, 130}, {86, 112}}},
      {INK_PAPER, ELLIPSE, 2, {{70, 84}, {20, 8}}}}},
    {{{INK_CLOTH, ELLIPSE, 2, {{112, 142}, {88, 26}}}, /* hat */
      {INK_CLOTH,
       MIRRORED,
       6,
       {{112, 66}, {126, 60}, {148, 66}, {158, 92}, {164, 140}, {112, 146}}},
      {INK_TRIM, MIRRORED, 4, {{112, 124}, {161, 118}, {164, 138}, {112, 146}}}}},
    {{{INK_TRIM, ELLIPSE, 2, {{112, 84}, {44, 50}}}, /* bag */
      {INK_PAPER, ELLIPSE, 2, {{112, 84}, {36, 42}}},
      {INK_CLOTH,
       MIRRORED,
       6,
       {{112, 84}, {168, 84}, {176, 96}, {188, 176}, {180, 188}, {112, 188}}},
      {INK_TRIM, MIRRORED, 4, {{112, 84}, {168, 84}, {174, 96}, {112, 128}}},
      {INK_CLOTH, ELLIPSE, 2, {{112, 118}, {7, 7}}}}},
};

static const uint8_t k_colours[][3] = {
    {28, 28, 32},    {196, 32, 44},   {32, 70, 140},   {236, 200, 60},
    {52, 120, 66},   {222, 120, 150}, {120, 82, 54},   {110, 112, 118},
    {236, 226, 206}, {96, 52, 120},   {226, 116, 38},  {120, 176, 214},
    {16, 34, 76},    {150, 150, 88},  {180, 210, 190}, {244, 244, 244},
};
enum { COLOURS = sizeof k_colours / sizeof k_colours[0] };

/* How one picture differs from its kind's outline. */
typedef struct drawn_cut {
    int width, height; /* of 256 */
    int tilt;          /* sideways shift of a row, of 256 of its distance from the middle */
    cloth cloth;
    int pitch; /* of the cloth's pattern, in pixels */
    int shade; /* how much darker the left side is, of 256 */
    const uint8_t *colour, *second, *trim;
} drawn_cut;

/* A part as it is drawn: in units, mirrored, scaled, tilted. */
typedef struct drawn_path {
    ink ink;
    bool ellipse;
    int count;
    point points[MAX_POINTS];
} drawn_path;

/* Draws whole numbers in [low, high] from one picture's stream of random words. */
typedef struct drawn_dice {
    uint64_t stream, thrown;
} drawn_dice;

static int throw_between(drawn_dice *dice, int low, int high)
{
    const uint64_t word = ll_random_word(dice->stream, dice->thrown++);
    return low + (int)(word % (uint64_t)(high - low + 1));
}

static drawn_cut cut_of(int index)
{
    drawn_dice dice = {UINT64_C(0x6C6F6F6D) + (uint64_t)index, 0};
    drawn_cut cut;
    cut.width = throw_between(&dice, 200, 290);
    cut.height = throw_between(&dice, 210, 270);
    cut.tilt = throw_between(&dice, -28, 28);
    cut.cloth = (cloth)(index / KINDS % 2 == 0 ? PLAIN : throw_between(&dice, STRIPES, DOTS));
    cut.pitch = throw_between(&dice, 6, 18);
    cut.shade = throw_between(&dice, 10, 90);
    /* Neighbours, and the four of a kind, all get different colours. */
    const int first = 5 * index + 3 * (index / KINDS);
    cut.colour = k_colours[first % COLOURS];
    cut.second = k_colours[(first + throw_between(&dice, 1, COLOURS - 1)) % COLOURS];
    cut.trim = k_colours[(first + throw_between(&dice, 1, COLOURS - 1)) % COLOURS];
    return cut;
}

static point transform(point from, const drawn_cut *cut)
{
    const int32_t y = (from.y - MIDDLE) * UNIT * cut->height / 256;
    const int32_t x = (from.x - MIDDLE) * UNIT * cut->width / 256 + y * cut->tilt / 256;
    return (point){x + MIDDLE * UNIT, y + MIDDLE * UNIT};
}

static point mirror(point from)
{
    return (point){2 * MIDDLE - from.x, from.y};
}

/* The paths of one part: two for a PAIR. Returns how many. */
static int paths_make(const drawn_part *part, const drawn_cut *cut, drawn_path out[2])
{
    const bool ellipse = part->outline == ELLIPSE;
    const int count = part->count;
    assert(2 * count <= MAX_POINTS);
    out[0] = (drawn_path){.ink = part->ink, .ellipse = ellipse, .count = count};
    out[1] = out[0];
    for (int i = 0; i < count; i++) {
        const point left = transform(mirror(part->points[i]), cut);
        out[0].points[i] = transform(part->points[i], cut);
        out[1].points[i] = left;
        if (part->outline == MIRRORED) out[0].points[2 * count - 1 - i] = left;
    }
    if (part->outline == MIRRORED) out[0].count = 2 * count;
    if (ellipse)
        out[0].points[1] = (point){part->points[1].x * UNIT * cut->width / 256,
                                   part->points[1].y * UNIT * cut->height / 256};
    return part->outline == PAIR ? 2 : 1;
}

/* Where the row of samples at height `y` enters and leaves a polygon, ascending. */
static int polygon_crossings(const drawn_path *path, int32_t y, int32_t out[MAX_POINTS])
{
    int count = 0;
    for (int i = 0; i < path->count; i++) {
        const point a = path->points[i], b = path->points[(i + 1) % path->count];
        if ((a.y <= y) == (b.y <= y)) continue;
        const int32_t x = a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y);
        int at = count++;
        for (; at > 0 && out[at - 1] > x; at--)
            out[at] = out[at - 1];
        out[at] = x;
    }
    return count;
}

static int ellipse_crossings(const drawn_path *path, int32_t y, int32_t out[MAX_POINTS])
{
    const point centre = path->points[0], radius = path->points[1];
    const int64_t down = y - centre.y, area = (int64_t)radius.x * radius.y;
    int64_t half = 0;
    if (down * down > (int64_t)radius.y * radius.y) return 0;
    while (half < radius.x) { /* at most 1000 steps, and no square root */
        const int64_t across = (half + 1) * radius.y, along = down * radius.x;
        if (across * across + along * along > area * area) break;
        half++;
    }
    out[0] = centre.x - (int32_t)half;
    out[1] = centre.x + (int32_t)half;
    return 2;
}

static const uint8_t *cloth_colour(const drawn_cut *cut, int32_t x, int32_t y)
{
    const int32_t pitch = cut->pitch * UNIT;
    const int32_t across = x % pitch, down = y % pitch;
    const bool left = across < pitch / 2, top = down < pitch / 2;
    bool second = false;
    switch (cut->cloth) {
    case STRIPES: second = top; break;
    case PINSTRIPES: second = across < pitch / 4; break;
    case CHECKS: second = left != top; break;
    case DOTS: {
        const int32_t dx = across - pitch / 2, dy = down - pitch / 2;
        second = dx * dx + dy * dy < pitch * pitch / 12;
        break;
    }
    case PLAIN:
    case CLOTHS: break;
    }
    return second ? cut->second : cut->colour;
}

/* Lay one part over one row of samples. */
static void path_draw(const drawn_path *path, const drawn_cut *cut, int32_t y,
                      uint8_t row[ROW_SAMPLES][3])
{
    static const uint8_t k_paper[3] = {255, 255, 255};
    int32_t crossings[MAX_POINTS];
    const int count = path->ellipse ? ellipse_crossings(path, y, crossings)
                                    : polygon_crossings(path, y, crossings);
    for (int i = 0; i + 1 < count; i += 2) {
        for (int32_t s = crossings[i] < 0 ? 0 : crossings[i] / 2; s < ROW_SAMPLES; s++) {
            const int32_t x = 2 * s + 1;
            if (x < crossings[i]) continue;
            if (x >= crossings[i + 1]) break;
            const uint8_t *const colour = path->ink == INK_PAPER  ? k_paper
                                          : path->ink == INK_TRIM ? cut->trim
                                                                  : cloth_colour(cut, x, y);
            const int32_t lit =
                256 - (path->ink == INK_PAPER ? 0 : cut->shade) * (ROW_SAMPLES - s) / ROW_SAMPLES;
            for (int c = 0; c < 3; c++)
                row[s][c] = (uint8_t)(colour[c] * lit / 256);
        }
    }
}

/* The mean of each pixel's samples. */
static void row_gather(uint8_t rows[SAMPLES][ROW_SAMPLES][3], uint8_t *pixels)
{
    for (int x = 0; x < LL_DRAWN_SIDE; x++) {
        for (int c = 0; c < 3; c++) {
            int sum = SAMPLES * SAMPLES / 2;
            for (int i = 0; i < SAMPLES; i++)
                for (int j = 0; j < SAMPLES; j++)
                    sum += rows[i][SAMPLES * x + j][c];
            pixels[3 * x + c] = (uint8_t)(sum / (SAMPLES * SAMPLES));
        }
    }
}

void ll_drawn_picture(int index, uint8_t pixels[LL_DRAWN_BYTES])
{
    const drawn_garment *const garment = &k_garments[index % KINDS];
    const drawn_cut cut = cut_of(index);
    drawn_path paths[MAX_PATHS];
    uint8_t rows[SAMPLES][ROW_SAMPLES][3];
    int count = 0;

    for (int i = 0; i < MAX_PARTS && garment->parts[i].ink != INK_END; i++)
        count += paths_make(&garment->parts[i], &cut, &paths[count]);
    for (int y = 0; y < LL_DRAWN_SIDE; y++) {
        for (int s = 0; s < SAMPLES; s++) {
            for (int x = 0; x < ROW_SAMPLES; x++)
                for (int c = 0; c < 3; c++)
                    rows[s][x][c] = 255;
            for (int i = 0; i < count; i++)
                path_draw(&paths[i], &cut, UNIT * y + 2 * s + 1, rows[s]);
        }
        row_gather(rows, pixels + (size_t)y * LL_DRAWN_SIDE * 3);
    }
}
