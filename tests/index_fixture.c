/* tests/index_fixture.c - see index_fixture.h. */
#include "tests/index_fixture.h"
#include "kernels/narrow.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (memory == NULL) abort();
    return memory;
}

static void *room(int64_t count, size_t size_bytes)
{
    return must(calloc((size_t)(count > 0 ? count : 1), size_bytes));
}

static char *text(const char *format, ...)
{
    char buffer[128];
    va_list args;

    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    char *const copy = must(malloc(strlen(buffer) + 1));
    memcpy(copy, buffer, strlen(buffer) + 1);
    return copy;
}

/* Item `number` lives in this row: 101 is prime to every N used here. */
static int64_t row_of(const ll_fixture_spec *spec, int64_t number)
{
    return spec->shuffled ? number * 101 % spec->items : number;
}

static void draw_texts(ll_fixture *f)
{
    static const char *const k_kinds[] = {"dress", "boot", "", "Mütze"};
    const ll_fixture_spec *const spec = &f->spec;

    f->ids = room(spec->items, sizeof *f->ids);
    f->images = room(spec->items, sizeof *f->images);
    f->column_names = room(spec->columns, sizeof *f->column_names);
    f->column_values = room(spec->columns, sizeof *f->column_values);
    for (int c = 0; c < spec->columns; c++) {
        f->column_names[c] = c == 0 ? text("kind") : text("c%d", c);
        f->column_values[c] = room(spec->items, sizeof **f->column_values);
    }
    for (int64_t i = 0; i < spec->items; i++) {
        const int64_t row = row_of(spec, i);
        f->ids[row] = text(i % 5 == 4 ? "Größe-%lld" : "A%lld", (long long)i);
        f->images[row] = text("images/%lld.jpg", (long long)i);
        for (int c = 0; c < spec->columns; c++)
            f->column_values[c][row] = text("%s", k_kinds[(i + c) % 4]);
    }
    f->rejected_ids = room(spec->rejected, sizeof *f->rejected_ids);
    f->rejected_images = room(spec->rejected, sizeof *f->rejected_images);
    f->rejected_reasons = room(spec->rejected, sizeof *f->rejected_reasons);
    for (int64_t i = 0; i < spec->rejected; i++) {
        f->rejected_ids[i] = text("R%lld", (long long)i);
        f->rejected_images[i] = text("broken/%lld.jpg", (long long)i);
        f->rejected_reasons[i] = text("truncated JPEG");
    }
}

/* Half zeros, as after a ReLU; every tenth photo is the byte twin of the one before. */
static void draw_features(ll_fixture *f)
{
    const ll_fixture_spec *const spec = &f->spec;
    const int64_t cols = spec->features;
    uint64_t seed = 0x9E3779B97F4A7C15u ^ spec->seed;

    f->features = room(spec->items * cols, sizeof *f->features);
    f->norms = room(spec->items, sizeof *f->norms);
    f->digests = room(spec->items, LL_STORE_DIGEST);
    for (int64_t i = 0; i < spec->items; i++) {
        const int64_t row = row_of(spec, i), twin = row_of(spec, i > 0 ? i - 1 : 0);
        float *const x = f->features + row * cols;
        double square = 0.0;
        for (int64_t k = 0; k < cols; k++) {
            const float drawn = ll_random(&seed);
            x[k] = drawn > 0.0f ? drawn : 0.0f;
        }
        x[0] += 0.1f; /* never all zeros */
        for (int64_t k = 0; k < cols; k++)
            square += (double)x[k] * (double)x[k];
        for (int64_t k = 0; k < cols; k++)
            x[k] = (float)(x[k] / sqrt(square));
        f->norms[row] = (float)(100.0 * sqrt(square));
        for (int64_t k = 0; k < LL_STORE_DIGEST; k++)
            f->digests[row * LL_STORE_DIGEST + k] = (uint8_t)(i * 7 + k);
        if (i % 10 != 9) continue;
        memcpy(x, f->features + twin * cols, (size_t)cols * sizeof *x);
        f->norms[row] = f->norms[twin];
    }
}

static void score_all(ll_fixture *f)
{
    const int64_t items = f->spec.items, cols = f->spec.features;
    const size_t value_bytes = ll_matrix_type_bytes(f->spec.matrix);
    double *const squares = room(items, sizeof *squares);
    uint32_t *const all = room(items, sizeof *all);

    f->exact = room(items * items, sizeof *f->exact);
    ll_rescore_squares_cpu(f->features, items, cols, squares);
    for (int64_t i = 0; i < items; i++)
        all[i] = (uint32_t)i;
    for (int64_t i = 0; i < items; i++)
        ll_rescore_cpu(f->features, cols, squares, i, all, items, f->exact + i * items);
    if (value_bytes > 0) f->matrix = room(items * items, value_bytes);
    if (f->spec.matrix == LL_MATRIX_FLOAT32)
        memcpy(f->matrix, f->exact, (size_t)(items * items) * sizeof *f->exact);
    if (f->spec.matrix == LL_MATRIX_FLOAT16)
        ll_narrow_float16_cpu(f->exact, items * items, f->matrix);
    if (f->spec.matrix == LL_MATRIX_UINT16)
        ll_narrow_uint16_cpu(f->exact, items * items, f->matrix);
    free(all);
    free(squares);
}

/* K times the best that is left: slow and hard to get wrong. */
static void rank_row(ll_fixture *f, int64_t row, char *taken)
{
    const int64_t items = f->spec.items, count = f->spec.neighbors;
    const float *const scores = f->exact + row * items;

    for (int64_t i = 0; i < items; i++)
        taken[i] = i == row || (f->spec.within &&
                                strcmp(f->column_values[0][i], f->column_values[0][row]) != 0);
    for (int64_t k = 0; k < count; k++) {
        int64_t best = -1;
        for (int64_t i = 0; i < items; i++)
            if (!taken[i] && (best < 0 || scores[i] > scores[best])) best = i;
        f->index[row * count + k] = best < 0 ? UINT32_MAX : (uint32_t)best;
        f->score[row * count + k] = best < 0 ? NAN : scores[best];
        if (best >= 0) taken[best] = 1;
    }
}

void ll_fixture_rank(ll_fixture *f)
{
    char *const taken = room(f->spec.items, 1);

    for (int64_t i = 0; i < f->spec.items; i++)
        rank_row(f, i, taken);
    free(taken);
}

ll_fixture *ll_fixture_create(const ll_fixture_spec *spec)
{
    ll_fixture *const f = room(1, sizeof *f);

    f->spec = *spec;
    draw_texts(f);
    draw_features(f);
    score_all(f);
    f->index = room(spec->items * spec->neighbors, sizeof *f->index);
    f->score = room(spec->items * spec->neighbors, sizeof *f->score);
    ll_fixture_rank(f);
    f->run_json = "{\"items\": 1}";
    f->provenance = (ll_store_provenance){
        .created = "2026-11-23T04:00:00Z",
        .generator = "lookloom 0.1.0",
        .model = "vgg16",
        .layer = "fc2",
        .preprocess = "keras",
        .resize = "nearest",
        .exif = "ignore",
        .alpha = "drop",
        .decoder = "turbojpeg 2.1.5",
        .jpeg = "turbojpeg",
        .image_root = "/srv/shop",
        .weights_sha256 = "",
        .weights_name = "drawn",
        .weights_trained = false,
        .backend = "cpu",
        .device = "none",
        .precision = "fp32",
        .engines = "none",
        .fingerprint = "0123",
        .within = spec->within ? "kind" : "",
        .rows_redone = 2,
        .license = "CC-BY 4.0",
    };
    return f;
}

static void free_texts(char **texts, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void ll_fixture_free(ll_fixture *f)
{
    free_texts(f->ids, f->spec.items);
    free_texts(f->images, f->spec.items);
    for (int c = 0; c < f->spec.columns; c++)
        free_texts(f->column_values[c], f->spec.items);
    free(f->column_values);
    free_texts(f->column_names, f->spec.columns);
    free_texts(f->rejected_ids, f->spec.rejected);
    free_texts(f->rejected_images, f->spec.rejected);
    free_texts(f->rejected_reasons, f->spec.rejected);
    free(f->digests);
    free(f->features);
    free(f->norms);
    free(f->index);
    free(f->score);
    free(f->exact);
    free(f->matrix);
    free(f);
}

/* In pieces, as the pipeline does: rows by threes, the matrix in rectangles. */
static ll_status write_numbers(const ll_fixture *f, ll_writer *writer, ll_error *err)
{
    const int64_t items = f->spec.items, count = f->spec.neighbors;
    const size_t value_bytes = ll_matrix_type_bytes(f->spec.matrix);

    for (int64_t row = 0; row < items; row += 3) {
        const int64_t rows = items - row < 3 ? items - row : 3;
        LL_TRY(ll_writer_features(writer, row, rows, f->features + row * f->spec.features,
                                  f->norms + row, err));
        LL_TRY(ll_writer_neighbors(writer, row, rows, f->index + row * count,
                                   f->score + row * count, err));
    }
    for (int64_t row = 0; value_bytes > 0 && row < items; row++) {
        const char *const from = (const char *)f->matrix + (size_t)(row * items) * value_bytes;
        const int64_t half = items / 2;
        LL_TRY(ll_writer_matrix(writer, row, 1, 0, half, from, err));
        LL_TRY(ll_writer_matrix(writer, row, 1, half, items - half,
                                from + (size_t)half * value_bytes, err));
    }
    return LL_OK;
}

ll_status ll_fixture_write(const ll_fixture *f, const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    ll_writer *writer = NULL;
    const ll_fixture_spec *const spec = &f->spec;
    const ll_store_extents extents = {spec->items, spec->without_features ? 0 : spec->features,
                                      spec->neighbors, spec->rejected, spec->matrix};
    const ll_store_items items = {
        .ids = (const char *const *)f->ids,
        .images = (const char *const *)f->images,
        .digests = f->digests,
        .columns = spec->columns,
        .column_names = (const char *const *)f->column_names,
        .column_values = (const char *const *const *)f->column_values,
        .rejected_ids = (const char *const *)f->rejected_ids,
        .rejected_images = (const char *const *)f->rejected_images,
        .rejected_reasons = (const char *const *)f->rejected_reasons,
    };

    LL_TRY_DONE(ll_writer_create(path, &extents, &items, &writer, err));
    LL_TRY_DONE(write_numbers(f, writer, err));
    LL_TRY_DONE(ll_writer_finish(writer, &f->provenance, f->run_json, NULL, err));
done:
    ll_writer_close(writer);
    return status;
}

ll_status ll_fixture_make(const ll_fixture_spec *spec, const char *path, ll_error *err)
{
    ll_fixture *const f = ll_fixture_create(spec);
    const ll_status status = ll_fixture_write(f, path, err);

    ll_fixture_free(f);
    return status;
}
