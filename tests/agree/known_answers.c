/* tests/agree/known_answers.c - see known_answers.h. The file is 32 bytes of title, then features
 * (KNOWN_IMAGES, 4096) f32, norms (KNOWN_IMAGES) f32, neighbours (KNOWN_ROWS, WORK_KEEP) u32 and
 * their scores f32, as they lie in memory. */
#include "tests/agree/known_answers.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/vgg16/vgg16.h"
#include "tests/numeric.h"
#include "weights/synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = LL_VGG16_SIDE * 3, IMAGE = LL_VGG16_SIDE * LINE, WIDTH = 4096, PARTS = 4 };
static const char k_title[32] = "lookloom, answers of the cpu 1\n";

struct part {
    void *values;
    size_t bytes;
};

/* ---- the shop --------------------------------------------------------------------------- */

static void draw_row(const float *first, int number, uint64_t *seed, float *row)
{
    double square = 0.0;

    for (int k = 0; k < KNOWN_COLS; k++) {
        row[k] = fmaxf(ll_random(seed) + 0.2f, 0.0f);
        square += (double)row[k] * (double)row[k];
    }
    for (int k = 0; k < KNOWN_COLS; k++)
        row[k] = (float)((double)row[k] / sqrt(square));
    if (number % 50 == 7) memcpy(row, first, KNOWN_COLS * sizeof *row); /* equal items */
}

ll_status known_shop_draw(known_shop *shop, ll_error *err)
{
    uint64_t seed = 5;

    *shop = (known_shop){0};
    LL_TRY(ll_alloc("pictures", KNOWN_IMAGES, IMAGE, &shop->pixels, err));
    LL_TRY(ll_alloc("features", KNOWN_ROWS * KNOWN_COLS, sizeof(float), &shop->features, err));
    ll_synthetic_pixels(shop->pixels);
    for (int i = LL_SYNTHETIC_BATCH; i < KNOWN_IMAGES; i++) {
        const uint8_t *const upright = shop->pixels + (size_t)(i % LL_SYNTHETIC_BATCH) * IMAGE;
        for (int r = 0; r < LL_VGG16_SIDE; r++)
            memcpy(shop->pixels + (size_t)i * IMAGE + (size_t)r * LINE,
                   upright + (size_t)(LL_VGG16_SIDE - 1 - r) * LINE, LINE);
    }
    for (int r = 0; r < KNOWN_ROWS; r++)
        draw_row(shop->features, r, &seed, shop->features + (size_t)r * KNOWN_COLS);
    return LL_OK;
}

void known_shop_release(known_shop *shop)
{
    free(shop->features);
    free(shop->pixels);
    *shop = (known_shop){0};
}

work_order known_order(const known_shop *shop, const char *backend, int batch)
{
    return (work_order){.backend = backend,
                        .batch = batch,
                        .layer = LL_VGG16_FC2,
                        .images = KNOWN_IMAGES,
                        .pixels = shop->pixels,
                        .rows = KNOWN_ROWS,
                        .cols = KNOWN_COLS,
                        .features = shop->features};
}

/* ---- the file --------------------------------------------------------------------------- */

static void parts_of(const work_result *answers, struct part parts[PARTS])
{
    const size_t places = (size_t)KNOWN_ROWS * WORK_KEEP;

    parts[0] = (struct part){answers->features, (size_t)KNOWN_IMAGES * WIDTH * sizeof(float)};
    parts[1] = (struct part){answers->norms, KNOWN_IMAGES * sizeof(float)};
    parts[2] = (struct part){answers->index, places * sizeof *answers->index};
    parts[3] = (struct part){answers->score, places * sizeof *answers->score};
}

ll_status known_answers_write(const char *path, const work_result *answers, ll_error *err)
{
    struct part parts[PARTS];
    FILE *const file = fopen(path, "wb");

    if (file == NULL) return ll_fail(err, LL_ERR_IO, "%s: cannot be written", path);
    parts_of(answers, parts);
    bool well = fwrite(k_title, sizeof k_title, 1, file) == 1;
    for (int p = 0; p < PARTS; p++)
        well = well && fwrite(parts[p].values, parts[p].bytes, 1, file) == 1;
    well = fclose(file) == 0 && well;
    return well ? LL_OK : ll_fail(err, LL_ERR_IO, "%s: not written whole", path);
}

ll_status known_answers_read(const char *path, work_result *answers, ll_error *err)
{
    ll_status status = LL_OK;
    struct part parts[PARTS];
    uint8_t *file = NULL;
    size_t size = 0, at = sizeof k_title;

    *answers = (work_result){0};
    parts_of(answers, parts);
    for (int p = 0; p < PARTS; p++)
        at += parts[p].bytes;
    LL_TRY_DONE(ll_file_read(path, at, &file, &size, err));
    if (size != at || memcmp(file, k_title, sizeof k_title) != 0) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: not the answers of this version", path);
        goto done;
    }
    LL_TRY_DONE(ll_alloc("answers", 1, parts[0].bytes, &answers->features, err));
    LL_TRY_DONE(ll_alloc("answers", 1, parts[1].bytes, &answers->norms, err));
    LL_TRY_DONE(ll_alloc("answers", 1, parts[2].bytes, &answers->index, err));
    LL_TRY_DONE(ll_alloc("answers", 1, parts[3].bytes, &answers->score, err));
    parts_of(answers, parts);
    at = sizeof k_title;
    for (int p = 0; p < PARTS; at += parts[p++].bytes)
        memcpy(parts[p].values, file + at, parts[p].bytes);
done:
    free(file);
    if (status != LL_OK) work_release(answers);
    return status;
}

bool known_answers_equal(const work_result *a, const work_result *b)
{
    struct part of_a[PARTS], of_b[PARTS];
    bool equal = true;

    parts_of(a, of_a);
    parts_of(b, of_b);
    for (int p = 0; p < PARTS; p++)
        equal = equal && memcmp(of_a[p].values, of_b[p].values, of_a[p].bytes) == 0;
    return equal;
}
