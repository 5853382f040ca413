/* tests/sample_index.c - see sample_index.h. */
#include "tests/sample_index.h"

#include "kernels/narrow.h"
#include "kernels/rescore.h"
#include "tests/index_fixture.h"
#include "tests/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const ll_sample_column_names[LL_SAMPLE_COLUMNS] = {"category", "product", "stock"};

static void need(ll_status status, const ll_error *err)
{
    if (status == LL_OK) return;
    fprintf(stderr, "sample index: %s\n", err->text);
    abort();
}

static void *room(int64_t count, size_t size_bytes)
{
    void *const made = calloc((size_t)count + 1, size_bytes);
    if (made == NULL) abort();
    return made;
}

/* 0 .. count - 1. */
static int64_t pick(uint64_t *seed, int64_t count)
{
    const int64_t picked = (int64_t)(((double)ll_random(seed) + 1.0) / 2.0 * (double)count);
    return picked < count ? picked : count - 1;
}

/* Items come in clusters of ever smaller spread, down to twins, so that many scores differ by less
 * than a step of any matrix, and some not at all. */
static void make_features(ll_sample *sample, uint64_t *seed)
{
    static const float k_spread[] = {1.0f, 0.3f, 0.03f, 0.003f, 0.0003f, 0.0f};
    const int64_t items = sample->options.items, width = sample->options.width;
    const int64_t spreads = sample->options.distinct ? 3 : 6;

    for (int64_t i = 0; i < items; i++) {
        float *const row = sample->features + i * width;
        const int64_t like = i > 0 ? pick(seed, i) : -1;
        const float spread = i > 0 ? k_spread[pick(seed, spreads)] : 1.0f;
        double square = 0.0;
        for (int64_t k = 0; k < width; k++) {
            const float base = like >= 0 ? sample->features[like * width + k] : 0.0f;
            const float draw = ll_random(seed) * spread;
            row[k] = spread == 1.0f ? draw : base * (1.0f + draw);
            if (row[k] < 0.0f) row[k] = 0.0f; /* as after a ReLU */
            square += (double)row[k] * (double)row[k];
        }
        if (square == 0.0) row[0] = 1.0f, square = 1.0;
        sample->norms[i] = (float)sqrt(square);
        for (int64_t k = 0; k < width && spread > 0.0f; k++)
            row[k] = (float)((double)row[k] / sqrt(square));
    }
}

static void copy_features(ll_sample *sample)
{
    const int64_t items = sample->options.items, width = sample->options.width;

    memcpy(sample->features, sample->options.given, (size_t)(items * width) * sizeof(float));
    for (int64_t i = 0; i < items; i++)
        sample->norms[i] = 1.0f;
}

static void make_texts(ll_sample *sample, uint64_t *seed)
{
    static const char *const k_categories[] = {"dress", "shoe", "hat, \"felt\""};
    /* what CSV, SQL, spreadsheets and shells may stumble over; the row makes them unique */
    static const char *const k_awkward[] = {
        "a,b",   "say \"hi\"", "\"",          " led by a space",
        "=1+1",  "'",          "line\nbreak", "\r",
        "Größe", "-",          "\\n\\",       "tab\t",
        "NULL",  "007",        ";",           "\xF0\x9F\x91\x97",
    };
    static const char *const k_awkward_ids[] = {
        "<script>alert(1)</script>",
        "\" onerror=\"alert(1)",
        "'><img src=x>",
        "&lt;&amp;#39;&",
        "\xE2\x80\xAE"
        "gpj.", /* right-to-left override */
        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
        "\x01\x1B[2J\x7F",
        "--><!-- ]]>",
        "</title></style></svg>",
        "javascript:alert(1)//",
        "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
        "\xEF\xBF\xBE\xC2\x80\xF0\x9F\xBF\xBF", /* U+FFFE, U+0080, U+1FFFF */
    };
    enum {
        AWKWARD = sizeof k_awkward / sizeof k_awkward[0],
        HOSTILE = sizeof k_awkward_ids / sizeof k_awkward_ids[0],
    };
    const bool hostile = sample->options.hostile;

    for (int64_t i = 0; i < sample->options.items; i++) {
        const char *const odd = hostile                   ? k_awkward_ids[i % HOSTILE]
                                : sample->options.awkward ? k_awkward[i % AWKWARD]
                                                          : NULL;
        if (odd != NULL)
            snprintf(sample->ids[i], LL_SAMPLE_TEXT, "%s%lld", odd, (long long)i);
        else
            snprintf(sample->ids[i], LL_SAMPLE_TEXT, "%c%lld", (char)('A' + i % 3), (long long)i);
        snprintf(sample->images[i], LL_SAMPLE_TEXT, "images/%s%lld.jpg", odd != NULL ? odd : "",
                 (long long)i);
        const char *const category = k_categories[pick(seed, 3)];
        snprintf(sample->values[0][i], LL_SAMPLE_TEXT, "%s", hostile ? odd : category);
        snprintf(sample->values[1][i], LL_SAMPLE_TEXT, "p%lld",
                 (long long)pick(seed, 1 + sample->options.items / 3));
        snprintf(sample->values[2][i], LL_SAMPLE_TEXT, "%s", pick(seed, 4) > 0 ? "yes" : "no");
    }
}

/* float16 bits in [0, 1] as a number. */
static double half_value(uint16_t bits)
{
    const int exponent = bits >> 10, fraction = bits & 0x3FF;
    return exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
}

/* A matrix as bad as its bounds allow: each score is stored as far above or below as the type can
 * be within them (1e-6, 2.5e-4, 1/131070 + 1e-6), which no honest program would do. */
static void store_score(ll_sample *sample, int64_t at, double score, bool above)
{
    static const double k_bound[] = {1e-6, 1e-6, 2.5e-4, 1.0 / 131070.0 + 1e-6};
    const double bound = k_bound[sample->options.matrix];
    const double low = score - bound > 0.0 ? score - bound : 0.0;
    const double high = score + bound < 1.0 ? score + bound : 1.0;
    const float wide = (float)(above ? high : low);
    uint16_t narrow = 0;

    switch (sample->options.matrix) {
    case LL_MATRIX_UINT16:
        narrow = (uint16_t)(above ? floor(high * 65535.0) : ceil(low * 65535.0));
        ((uint16_t *)sample->matrix)[at] = narrow;
        break;
    case LL_MATRIX_FLOAT16:
        ll_narrow_float16_cpu(&wide, 1, &narrow);
        while (half_value(narrow) > high)
            narrow--;
        while (half_value(narrow) < low)
            narrow++;
        ((uint16_t *)sample->matrix)[at] = narrow;
        break;
    case LL_MATRIX_FLOAT32:
    case LL_MATRIX_NONE: ((float *)sample->matrix)[at] = wide; break;
    }
}

static void make_matrix(ll_sample *sample, uint64_t *seed)
{
    const int64_t items = sample->options.items;

    sample->matrix = room(items * items, sizeof(float));
    for (int64_t i = 0; i < items; i++)
        for (int64_t j = i; j < items; j++) {
            const bool above = i == j || ll_random(seed) > 0.0f; /* the diagonal is 1 */
            store_score(sample, i * items + j, (double)sample->scores[i * items + j], above);
            store_score(sample, j * items + i, (double)sample->scores[i * items + j], above);
        }
}

/* Two photos of equal features may be one file twice, or two files. */
static void make_digests(ll_sample *sample, uint64_t *seed)
{
    const int64_t width = sample->options.width;

    for (int64_t i = 0; i < sample->options.items; i++) {
        uint8_t *const digest = sample->digests + i * LL_STORE_DIGEST;
        const int64_t number = i + 1;
        memcpy(digest, &number, sizeof number);
        for (int64_t j = 0; j < i; j++)
            if (memcmp(sample->features + i * width, sample->features + j * width,
                       (size_t)width * sizeof(float)) == 0 &&
                pick(seed, 2) == 0)
                memcpy(digest, sample->digests + j * LL_STORE_DIGEST, LL_STORE_DIGEST);
    }
}

/* The texts as the fixture has them: pointers, in one table that is its ids. */
static void point_at_texts(ll_sample *sample, ll_fixture *f)
{
    static char names[LL_SAMPLE_COLUMNS][LL_SAMPLE_TEXT];
    static char *column_names[LL_SAMPLE_COLUMNS], **columns[LL_SAMPLE_COLUMNS];
    static char rejects[3][2][LL_SAMPLE_TEXT] = {{"broken", "huge"},
                                                 {"images/broken.jpg", "images/huge.jpg"},
                                                 {"truncated JPEG", "90 Mpx, more than 64"}};
    static char *rejected[3][2];
    const int64_t items = sample->options.items;

    f->ids = room((2 + LL_SAMPLE_COLUMNS) * items, sizeof *f->ids);
    f->images = f->ids + items;
    for (int c = 0; c < LL_SAMPLE_COLUMNS; c++) {
        snprintf(names[c], LL_SAMPLE_TEXT, "%s", ll_sample_column_names[c]);
        column_names[c] = names[c];
        columns[c] = f->ids + (2 + c) * items;
    }
    for (int64_t i = 0; i < items; i++) {
        f->ids[i] = sample->ids[i];
        f->images[i] = sample->images[i];
        for (int c = 0; c < LL_SAMPLE_COLUMNS; c++)
            columns[c][i] = sample->values[c][i];
    }
    for (int i = 0; i < 6; i++)
        rejected[i / 2][i % 2] = rejects[i / 2][i % 2];
    f->column_names = column_names;
    f->column_values = columns;
    f->rejected_ids = rejected[0];
    f->rejected_images = rejected[1];
    f->rejected_reasons = rejected[2];
}

/* Borrows all of it but the table of texts. */
static ll_fixture fixture_of(ll_sample *sample)
{
    const ll_sample_options *const options = &sample->options;
    ll_fixture f = {
        .spec = {.items = options->items,
                 .features = options->width,
                 .neighbors = sample->neighbors,
                 .rejected = 2,
                 .matrix = options->matrix,
                 .columns = LL_SAMPLE_COLUMNS,
                 .within = options->within,
                 .without_features = !options->features},
        .digests = sample->digests,
        .features = sample->features,
        .norms = sample->norms,
        .index = sample->index,
        .score = sample->neighbor_scores,
        .exact = sample->scores,
        .matrix = sample->matrix,
        .run_json = "{}",
        .provenance =
            {
                .created = "2026-11-23T04:00:00Z",
                .generator = "tests",
                .model = "vgg16",
                .layer = "fc2",
                .preprocess = "keras",
                .resize = "nearest",
                .exif = "ignore",
                .alpha = "drop",
                .decoder = "turbojpeg",
                .jpeg = "turbojpeg",
                .image_root = "",
                .weights_sha256 = "",
                .weights_name = options->trained ? "vgg16" : "synthetic",
                .weights_trained = options->trained,
                .backend = "cpu",
                .device = "",
                .precision = "fp32",
                .engines = "",
                .fingerprint = "0",
                .within = options->within ? "category" : "",
                .license = "",
            },
    };

    point_at_texts(sample, &f);
    return f;
}

void ll_sample_make(const char *path, const ll_sample_options *options, ll_sample *out)
{
    const int64_t items = options->items;
    const int64_t most = items > 1 ? items - 1 : 1;
    uint64_t seed = options->seed * 2654435761u + 88172645463325252u; /* xorshift needs non-zero */

    *out = (ll_sample){.options = *options};
    out->neighbors = options->neighbors < most ? options->neighbors : most;
    out->features = room(items * options->width, sizeof(float));
    out->norms = room(items, sizeof(float));
    out->scores = room(items * items, sizeof(float));
    out->index = room(items * out->neighbors, sizeof(uint32_t));
    out->neighbor_scores = room(items * out->neighbors, sizeof(float));
    out->digests = room(items, LL_STORE_DIGEST);
    out->ids = room(items, LL_SAMPLE_TEXT);
    out->images = room(items, LL_SAMPLE_TEXT);
    for (int c = 0; c < LL_SAMPLE_COLUMNS; c++)
        out->values[c] = room(items, LL_SAMPLE_TEXT);
    if (options->given != NULL)
        copy_features(out);
    else
        make_features(out, &seed);
    make_texts(out, &seed);
    for (int64_t i = 0; i < items; i++)
        for (int64_t j = 0; j < items; j++) {
            const float *const x = out->features + i * options->width;
            const float *const y = out->features + j * options->width;
            out->scores[i * items + j] = ll_rescore_score(ll_rescore_dot_cpu(x, y, options->width),
                                                          ll_rescore_dot_cpu(x, x, options->width),
                                                          ll_rescore_dot_cpu(y, y, options->width));
        }
    make_matrix(out, &seed);
    if (options->digests) make_digests(out, &seed);
    ll_fixture fixture = fixture_of(out);
    ll_error err = LL_ERROR_INIT;
    ll_fixture_rank(&fixture);
    need(ll_fixture_write(&fixture, path, &err), &err);
    free(fixture.ids);
}

void ll_sample_release(ll_sample *sample)
{
    free(sample->features);
    free(sample->norms);
    free(sample->scores);
    free(sample->matrix);
    free(sample->index);
    free(sample->neighbor_scores);
    free(sample->digests);
    free(sample->ids);
    free(sample->images);
    for (int c = 0; c < LL_SAMPLE_COLUMNS; c++)
        free(sample->values[c]);
    *sample = (ll_sample){0};
}
