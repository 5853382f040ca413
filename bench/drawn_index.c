/* bench/drawn_index.c - see drawn_index.h.
 *
 * The ring: the item after `row` is (row + stride) mod N, the stride prime to N and near N over the
 * golden ratio, so neighbours lie all over the file as they do in a shop. Between items d apart the
 * score is 1 - (d + u) * step, u in [0, 0.99) drawn from the pair: equal from both sides, and lower
 * the farther, so that the K best are the K nearest. */
#include "bench/drawn_index.h"

#include "host/backend/backend.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/similarity/similarity.h"
#include "host/store/bands.h"
#include "host/store/writer.h"
#include "kernels/score_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEIGHBORS = 100,
    IMAGE = 40,
    PRODUCT = 24,
    COLUMNS = 3,
    PHOTOS = 3,    /* of one product: rows i, i + 1, i + 2 */
    BLOCK = 16384, /* rows drawn at a time */
};
static const double k_lowest = 0.3; /* no score on the ring is below */

static const char *const k_column_names[COLUMNS] = {"kind", "product", "stock"};
static const char *const k_kinds[] = {"bag",  "dress", "hat",     "shirt",
                                      "shoe", "skirt", "t-shirt", "trousers"};
enum { KINDS = sizeof k_kinds / sizeof k_kinds[0] };
static const char *const k_stock[] = {"yes", "no"};

/* A drawn number of a number; shorter than splitmix64, of which it has two of three steps. */
static uint64_t mixed(uint64_t value)
{
    value = (value + 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 30) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

/* ---- texts ------------------------------------------------------------------------------- */

struct texts {
    char (*ids)[LL_DRAWN_ID], (*images)[IMAGE], (*products)[PRODUCT];
    const char **pointers; /* (2 + COLUMNS, items): ids, images, columns */
    uint8_t *digests;      /* (items, LL_STORE_DIGEST) */
};

const char *ll_drawn_index_id(int64_t row, char id[LL_DRAWN_ID])
{
    /* an odd factor: each of 2^32 rows its own number */
    return ll_text_exact(id, LL_DRAWN_ID, "SKU-%08lx",
                         (unsigned long)((uint32_t)row * 2654435761u));
}

static ll_status texts_draw(struct texts *t, int64_t items, ll_error *err)
{
    LL_TRY(ll_alloc("ids", items, sizeof *t->ids, &t->ids, err));
    LL_TRY(ll_alloc("images", items, sizeof *t->images, &t->images, err));
    LL_TRY(ll_alloc("products", items, sizeof *t->products, &t->products, err));
    LL_TRY(
        ll_alloc("texts", (2 + COLUMNS) * items, sizeof *t->pointers, (void *)&t->pointers, err));
    LL_TRY(ll_alloc("digests", items, LL_STORE_DIGEST, &t->digests, err));
    for (int64_t i = 0; i < items; i++) {
        const uint64_t digest[] = {mixed((uint64_t)i), mixed(~(uint64_t)i)};
        ll_drawn_index_id(i, t->ids[i]);
        ll_text_exact(t->images[i], IMAGE, "images/%s.jpg", t->ids[i]);
        ll_text_exact(t->products[i], PRODUCT, "P%lld", (long long)(i / PHOTOS));
        t->pointers[i] = t->ids[i];
        t->pointers[items + i] = t->images[i];
        t->pointers[2 * items + i] = k_kinds[digest[0] % KINDS];
        t->pointers[3 * items + i] = t->products[i];
        t->pointers[4 * items + i] = k_stock[digest[1] % 4 == 0];
        memcpy(t->digests + i * LL_STORE_DIGEST, digest, LL_STORE_DIGEST);
    }
    return LL_OK;
}

static void texts_free(struct texts *t)
{
    free(t->ids);
    free(t->images);
    free(t->products);
    free(t->pointers);
    free(t->digests);
}

static ll_status create_writer(const char *path, const ll_store_extents *extents, ll_writer **out,
                               ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t items = extents->items;
    const char *const *columns[COLUMNS];
    struct texts t = {0};

    LL_TRY_DONE(texts_draw(&t, items, err));
    for (int c = 0; c < COLUMNS; c++)
        columns[c] = t.pointers + (2 + c) * items;
    const ll_store_items described = {.ids = t.pointers,
                                      .images = t.pointers + items,
                                      .digests = t.digests,
                                      .columns = COLUMNS,
                                      .column_names = k_column_names,
                                      .column_values = columns};
    LL_TRY_DONE(ll_writer_create(path, extents, &described, out, err));
done:
    texts_free(&t);
    return status;
}

/* ---- without features: the ring ---------------------------------------------------------- */

struct ring {
    int64_t items, stride, count; /* count: K */
    double step;
    ll_writer *writer;
    int64_t first;   /* of the block */
    uint32_t *index; /* (BLOCK, K) */
    float *score;
};

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t ring_stride(int64_t items)
{
    int64_t stride = ll_max_i64((int64_t)((double)items * 0.6180339887498949), 1);
    while (common_divisor(items, stride) != 1)
        stride++;
    return stride;
}

static float ring_score(const struct ring *r, int64_t distance, int64_t a, int64_t b)
{
    const uint64_t pair = (uint64_t)ll_min_i64(a, b) << 32 | (uint64_t)ll_max_i64(a, b);
    return (float)(1.0 -
                   ((double)distance + 0.99 * (double)(mixed(pair) >> 11) * 0x1p-53) * r->step);
}

/* The two items `distance` away, the better first, ties by row; one where the ring closes. */
static void draw_pair(const struct ring *r, int64_t row, int64_t distance, int64_t at,
                      uint32_t *index, float *score)
{
    const int64_t away =
        (int64_t)((__uint128_t)r->stride * (uint64_t)distance % (uint64_t)r->items);
    int64_t pair[] = {(row + away) % r->items, (row - away + r->items) % r->items};
    float scores[] = {ring_score(r, distance, row, pair[0]), ring_score(r, distance, row, pair[1])};
    const bool swap = ll_score_is_before(scores[1], pair[1], scores[0], pair[0]);

    for (int side = 0; side < 2 && at + side < r->count; side++) {
        if (side == 1 && pair[0] == pair[1]) return;
        index[at + side] = (uint32_t)pair[swap ? 1 - side : side];
        score[at + side] = scores[swap ? 1 - side : side];
    }
}

static ll_status draw_row(void *context, int64_t task, int thread, ll_error *err)
{
    const struct ring *const r = context;
    uint32_t *const index = r->index + task * r->count;
    float *const score = r->score + task * r->count;

    (void)thread, (void)err;
    if (r->items == 1) {
        index[0] = LL_NO_NEIGHBOR;
        score[0] = NAN;
        return LL_OK;
    }
    for (int64_t at = 0; at < r->count; at += 2)
        draw_pair(r, r->first + task, at / 2 + 1, at, index, score);
    return LL_OK;
}

static ll_status draw_neighbors(struct ring *r, const ll_drawn_index *about, ll_error *err)
{
    const int threads = about->threads > 0 ? about->threads : ll_parallel_cores();
    ll_status status = LL_OK;

    r->step = (1.0 - k_lowest) / (double)(r->count / 2 + 2);
    r->stride = ring_stride(r->items);
    LL_TRY_DONE(ll_alloc("neighbours", BLOCK * r->count, sizeof *r->index, &r->index, err));
    LL_TRY_DONE(ll_alloc("neighbours", BLOCK * r->count, sizeof *r->score, &r->score, err));
    for (r->first = 0; r->first < r->items; r->first += BLOCK) {
        const int64_t rows = ll_min_i64(BLOCK, r->items - r->first);
        LL_TRY_DONE(ll_parallel_run(threads, rows, draw_row, r, err));
        LL_TRY_DONE(ll_writer_neighbors(r->writer, r->first, rows, r->index, r->score, err));
        ll_log_progress(about->log, "draw", r->first + rows, r->items);
    }
done:
    free(r->index);
    free(r->score);
    return status;
}

/* ---- with features: compared like a shop's ----------------------------------------------- */

/* A row around the middle of its kind, as activations after a ReLU: unit length, no negatives. */
static float draw_features(float *row, int64_t cols, int64_t item)
{
    const uint64_t kind = mixed((uint64_t)item) % KINDS;
    double sum = 0.0;

    for (int64_t k = 0; k < cols; k++) {
        const uint64_t shared = mixed(kind << 32 | (uint64_t)k);
        const uint64_t own = mixed((uint64_t)(item + KINDS) << 32 | (uint64_t)k);
        const double value = (double)(shared >> 11) * 0x1p-53 + (double)(own >> 11) * 0x1p-53 - 0.8;
        row[k] = value > 0.0 ? (float)value : 0.0f;
        sum += (double)row[k] * (double)row[k];
    }
    if (!(sum > 0.0)) row[0] = 1.0f, sum = 1.0;
    for (int64_t k = 0; k < cols; k++)
        row[k] = (float)((double)row[k] / sqrt(sum));
    return (float)sqrt(sum);
}

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    return ll_bands_add(to, row, rows, column, columns, values, err);
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    return ll_writer_neighbors(to, row, rows, index, score, err);
}

static ll_status compare(ll_writer *writer, const ll_drawn_index *about, int64_t neighbors,
                         const float *features, ll_error *err)
{
    ll_status status = LL_OK;
    ll_backend *be = NULL;
    ll_bands *bands = NULL;
    ll_similarity_summary summary;

    LL_TRY_DONE(ll_bands_create(writer, 0, &bands, err));
    const ll_backend_options backend = {.name = "cpu", .threads = about->threads, .slots = 1};
    const ll_similarity_options options = {.features = features,
                                           .rows = about->items,
                                           .cols = about->features,
                                           .neighbors = (int)neighbors,
                                           .matrix = about->matrix,
                                           .matrix_sink = {bands, receive_tile},
                                           .neighbor_sink = {writer, receive_neighbors},
                                           .log = about->log};

    LL_TRY_DONE(ll_backend_open(&backend, &be, err));
    LL_TRY_DONE(ll_similarity_run(be, &options, &summary, err));
    LL_TRY_DONE(ll_bands_finish(bands, err));
done:
    ll_backend_close(be);
    ll_bands_free(bands);
    return status;
}

static ll_status fill(ll_writer *writer, const ll_drawn_index *about, int64_t neighbors,
                      ll_error *err)
{
    ll_status status = LL_OK;
    float *features = NULL, *norms = NULL;
    struct ring ring = {.items = about->items, .count = neighbors, .writer = writer};

    LL_TRY_DONE(ll_alloc("norms", about->items, sizeof *norms, &norms, err));
    LL_TRY_DONE(
        ll_alloc("features", about->items * about->features, sizeof *features, &features, err));
    for (int64_t i = 0; i < about->items; i++)
        norms[i] = about->features > 0
                       ? draw_features(features + i * about->features, about->features, i)
                       : 1.0f;
    LL_TRY_DONE(ll_writer_features(writer, 0, about->items, features, norms, err));
    if (about->features > 0)
        LL_TRY_DONE(compare(writer, about, neighbors, features, err));
    else
        LL_TRY_DONE(draw_neighbors(&ring, about, err));
done:
    free(features);
    free(norms);
    return status;
}

ll_status ll_drawn_index_write(const char *path, const ll_drawn_index *index, ll_error *err)
{
    ll_status status = LL_OK;
    ll_writer *writer = NULL;
    char created[LL_CLOCK_TEXT];
    const int64_t asked = index->neighbors > 0 ? index->neighbors : NEIGHBORS;
    const ll_store_extents extents = {
        .items = index->items,
        .features = index->features,
        .neighbors = ll_min_i64(asked, ll_max_i64(index->items - 1, 1)),
        .matrix = index->features > 0 ? index->matrix : LL_MATRIX_NONE,
    };
    const ll_store_provenance provenance = {.created = ll_clock_utc(created),
                                            .generator = "lookloom bench",
                                            .model = "none",
                                            .layer = "none",
                                            .preprocess = "",
                                            .resize = "",
                                            .exif = "",
                                            .alpha = "",
                                            .decoder = "",
                                            .image_root = "",
                                            .weights_sha256 = "",
                                            .weights_name = "drawn",
                                            .backend = "cpu",
                                            .device = "",
                                            .precision = "fp32",
                                            .engines = "",
                                            .fingerprint = "",
                                            .within = "",
                                            .license = ""};

    LL_TRY_DONE(create_writer(path, &extents, &writer, err));
    LL_TRY_DONE(fill(writer, index, extents.neighbors, err));
    LL_TRY_DONE(ll_writer_finish(writer, &provenance, "{}", index->log, err));
done:
    ll_writer_close(writer);
    return status;
}
