/* tests/property/property_near_ties.c - a fast pass that rounds rows to float16, as a card's does,
 * and scores that differ by less than it can tell: neighbours, their order and their scores are
 * those of the definition to the bit, and the rows redone are those the rule names, no more.
 *
 * The backend is a stand-in: candidates by products of 64 u in float16, bounds as kernels/halve.h
 * gives them, exact scores by the definition. A failing case prints its number;
 * `property_near_ties NUMBER` runs that case alone. */
#include "host/backend/backend_ops.h"
#include "host/similarity/similarity.h"
#include "kernels/halve.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 80, TINY = 13 /* added to the bound: what float32 sums of 64 columns may lose */ };

/* ---- the stand-in -------------------------------------------------------------------------- */

struct halves {
    ll_compare_options options;
    int64_t tile, tiles_seen, tiles_wanted;
    float *rounded; /* (rows, cols) what float16 leaves of 64 u, over 64 */
    float *residuals, *lengths;
    double *squares;
    float *fast, *exact; /* (rows, rows) */
};

static struct halves *of(const ll_backend *be)
{
    return be->state;
}

static void *room(int64_t count, size_t size)
{
    void *const memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

static float from_half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double value =
        exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return (float)(bits >> 15 ? -value : value);
}

static void compare_end(ll_backend *be)
{
    struct halves *const h = of(be);

    free(h->rounded);
    free(h->residuals);
    free(h->lengths);
    free(h->squares);
    free(h->fast);
    free(h->exact);
    h->rounded = h->residuals = h->lengths = h->fast = h->exact = NULL;
    h->squares = NULL;
}

static float clamped(double value)
{
    return (float)(value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value);
}

static void measure(struct halves *h)
{
    const int64_t rows = h->options.rows, cols = h->options.cols;
    const float *const u = h->options.features;

    for (int64_t i = 0; i < rows; i++)
        h->squares[i] = ll_rescore_dot_cpu(u + i * cols, u + i * cols, cols);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < rows; j++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < cols; k++)
                sum += h->rounded[i * cols + k] * h->rounded[j * cols + k];
            h->fast[i * rows + j] = clamped((double)sum);
            h->exact[i * rows + j] = ll_rescore_score(
                ll_rescore_dot_cpu(u + i * cols, u + j * cols, cols), h->squares[i], h->squares[j]);
        }
}

static ll_status compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    struct halves *const h = of(be);
    const int64_t rows = options->rows, cols = options->cols;
    uint16_t *const half = room(rows * cols, sizeof *half);

    (void)err;
    compare_end(be);
    h->options = *options;
    h->rounded = room(rows * cols, sizeof *h->rounded);
    h->residuals = room(rows, sizeof *h->residuals);
    h->lengths = room(rows, sizeof *h->lengths);
    h->squares = room(rows, sizeof *h->squares);
    h->fast = room(rows * rows, sizeof *h->fast);
    h->exact = room(rows * rows, sizeof *h->exact);
    ll_halve_rows_cpu(options->features, rows, cols, half, h->residuals, h->lengths);
    for (int64_t i = 0; i < rows * cols; i++)
        h->rounded[i] = from_half(half[i]) / LL_HALVE_SCALE;
    free(half);
    measure(h);
    const int64_t blocks = (rows + h->tile - 1) / h->tile;
    h->tiles_seen = 0;
    h->tiles_wanted = blocks * (blocks + 1) / 2;
    return LL_OK;
}

static int64_t compare_tile(const ll_backend *be)
{
    return of(be)->tile;
}

static ll_status tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err)
{
    (void)i, (void)j, (void)err;
    of(be)->tiles_seen++;
    return LL_OK;
}

static ll_status compare_sync(ll_backend *be, ll_error *err)
{
    (void)be, (void)err;
    return LL_OK;
}

static bool permitted(const ll_compare_options *o, int64_t i, int64_t j)
{
    return i != j && (o->group == NULL || o->group[i] == o->group[j]);
}

static double bound_of(const struct halves *h, int64_t row)
{
    float length = 0.0f, residual = 0.0f;

    for (int64_t j = 0; j < h->options.rows; j++) {
        length = fmaxf(length, h->lengths[j]);
        residual = fmaxf(residual, h->residuals[j]);
    }
    return (double)h->residuals[row] * (double)length + (double)residual + ldexp(1.0, -TINY);
}

/* The best `count` by `scores`, ties to the lower row, by picking the best again and again. */
static int64_t pick(const struct halves *h, int64_t row, const float *scores, int64_t count,
                    uint32_t *columns, float *values)
{
    unsigned char *const taken = room(h->options.rows, 1);
    int64_t found = 0;

    for (; found < count; found++) {
        int64_t best = -1;
        for (int64_t c = 0; c < h->options.rows; c++)
            if (!taken[c] && permitted(&h->options, row, c) &&
                (best < 0 || scores[c] > scores[best]))
                best = c;
        if (best < 0) break;
        taken[best] = 1;
        columns[found] = (uint32_t)best;
        values[found] = scores[best];
    }
    for (int64_t c = found; c < count; c++) {
        columns[c] = LL_NO_NEIGHBOR;
        values[c] = 0.0f;
    }
    free(taken);
    return found;
}

static ll_status topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                              float *scores, double *bounds, ll_error *err)
{
    const struct halves *const h = of(be);
    const int64_t keep = h->options.keep;

    (void)err;
    assert_int_equal(h->tiles_seen, h->tiles_wanted);
    for (int64_t r = 0; r < rows; r++) {
        (void)pick(h, row + r, h->fast + (row + r) * h->options.rows, keep, columns + r * keep,
                   scores + r * keep);
        bounds[r] = bound_of(h, row + r);
    }
    return LL_OK;
}

static ll_status rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                int64_t count, float *scores, ll_error *err)
{
    const struct halves *const h = of(be);

    (void)err;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < count; c++)
            if (columns[r * count + c] != LL_NO_NEIGHBOR)
                scores[r * count + c] =
                    h->exact[(row + r) * h->options.rows + columns[r * count + c]];
    return LL_OK;
}

static ll_status rescore_wait(ll_backend *be, ll_error *err)
{
    (void)be, (void)err;
    return LL_OK;
}

static ll_status rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                              ll_error *err)
{
    const struct halves *const h = of(be);
    const int64_t all = h->options.rows;

    (void)err;
    for (int64_t r = 0; r < count; r++)
        memcpy(scores + r * all, h->exact + rows[r] * all, (size_t)all * sizeof *scores);
    return LL_OK;
}

static int64_t compare_margin(int64_t neighbors)
{
    return neighbors / 4 > 28 ? neighbors / 4 : 28;
}

static const struct ll_backend_ops k_halves = {.compare_begin = compare_begin,
                                               .compare_tile = compare_tile,
                                               .tile_submit = tile_submit,
                                               .compare_sync = compare_sync,
                                               .topk_extract = topk_extract,
                                               .compare_margin = compare_margin,
                                               .rescore_submit = rescore_submit,
                                               .rescore_wait = rescore_wait,
                                               .rescore_rows = rescore_rows,
                                               .compare_end = compare_end};

/* ---- shops --------------------------------------------------------------------------------- */

struct shop {
    int64_t rows, cols;
    int neighbors;
    float *features;
    uint32_t *group;
};

static int below(uint64_t *seed, int limit)
{
    return (int)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

static void make_unit(float *row, int64_t cols)
{
    double sum = 0.0;
    for (int64_t k = 0; k < cols; k++)
        sum += (double)row[k] * (double)row[k];
    for (int64_t k = 0; k < cols; k++)
        row[k] = (float)((double)row[k] / sqrt(sum));
}

/* Around row 0 at scores that begin at `from` and fall by `step`, in a drawn order; what is left of
 * each row's length lies in directions of its own. */
static void draw_around(struct shop *shop, double from, double step, uint64_t *seed)
{
    const int64_t turn = 1 + below(seed, (int)shop->rows);

    shop->features[0] = 1.0f;
    for (int64_t i = 1; i < shop->rows; i++) {
        float *const row = shop->features + i * shop->cols;
        const double score = from - step * (double)((i + turn) % shop->rows);
        double rest = 0.0;
        for (int64_t k = 1; k < shop->cols; k++) {
            row[k] = fabsf(ll_random(seed));
            rest += (double)row[k] * (double)row[k];
        }
        for (int64_t k = 1; k < shop->cols; k++)
            row[k] = (float)((double)row[k] * sqrt((1.0 - score * score) / rest));
        row[0] = (float)score;
    }
}

/* Every row a unit in the last place or two from the first of its cluster. */
static void draw_clusters(struct shop *shop, uint64_t *seed)
{
    const int64_t size = 1 + below(seed, (int)shop->rows);

    for (int64_t i = 0; i < shop->rows; i++) {
        float *const row = shop->features + i * shop->cols;
        const float *const first = shop->features + i / size * size * shop->cols;
        for (int64_t k = 0; k < shop->cols; k++)
            row[k] = i % size == 0 ? fabsf(ll_random(seed))
                                   : first[k] * (1.0f + 1.2e-7f * (float)below(seed, 3));
        if (i % size == 0) make_unit(row, shop->cols);
    }
}

static struct shop draw_shop(uint64_t number)
{
    static const double steps[] = {1e-7, 3e-8, 1e-6, 1e-5, 1e-3};
    uint64_t draws = number * 0x9E3779B97F4A7C15u + 1;
    uint64_t *const seed = &draws;
    struct shop shop = {.rows = 2 + below(seed, 250), .cols = 2 + below(seed, 63)};

    shop.neighbors = 1 + below(seed, (int)(shop.rows < 60 ? shop.rows - 1 : 60));
    shop.features = room(shop.rows * shop.cols, sizeof *shop.features);
    if (below(seed, 3) == 0) {
        draw_clusters(&shop, seed);
    } else {
        /* the K-th place of row 0 lies near 0.80 in half of the cases */
        const double step = steps[below(seed, 5)];
        const double from =
            below(seed, 2) ? 0.8 + step * shop.neighbors : 0.3 + 0.6 * below(seed, 100) / 100.0;
        draw_around(&shop, from, fmin(step, from / (double)shop.rows), seed);
    }
    if (below(seed, 3) == 0) {
        shop.group = room(shop.rows, sizeof *shop.group);
        for (int64_t i = 0; i < shop.rows; i++)
            shop.group[i] = (uint32_t)below(seed, 2);
    }
    return shop;
}

/* ---- checking ------------------------------------------------------------------------------ */

struct result {
    int neighbors;
    int64_t rows;
    uint32_t *index;
    float *score;
};

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    struct result *const result = to;
    const size_t count = (size_t)(rows * result->neighbors);

    (void)err;
    assert_int_equal(row, result->rows);
    memcpy(result->index + row * result->neighbors, index, count * sizeof *index);
    memcpy(result->score + row * result->neighbors, score, count * sizeof *score);
    result->rows += rows;
    return LL_OK;
}

/* 1 if the rule has this row redone: its K-th exact score among the candidates is not above the
 * lowest kept fast score and the bound, and somebody is no candidate. */
static int must_be_redone(const struct halves *h, int64_t row, int wanted)
{
    const int64_t rows = h->options.rows, keep = h->options.keep;
    uint32_t *const columns = room(keep, sizeof *columns), *const best = room(keep, sizeof *best);
    float *const fast = room(keep, sizeof *fast), *const score = room(keep, sizeof *score);
    float *const exact = room(rows, sizeof *exact);
    const int64_t found = pick(h, row, h->fast + row * rows, keep, columns, fast);
    int redone = 0;

    if (found == keep && keep < rows - 1) {
        for (int64_t c = 0; c < rows; c++)
            exact[c] = -1.0f;
        for (int64_t c = 0; c < keep; c++)
            exact[columns[c]] = h->exact[row * rows + columns[c]];
        (void)pick(h, row, exact, wanted, best, score);
        redone = !((double)score[wanted - 1] > (double)fast[keep - 1] + bound_of(h, row));
    }
    free(columns);
    free(best);
    free(fast);
    free(score);
    free(exact);
    return redone;
}

static int64_t check_rows(const struct halves *h, const struct shop *shop,
                          const struct result *result, int64_t *above)
{
    const int wanted = shop->neighbors;
    uint32_t *const index = room(wanted, sizeof *index);
    float *const score = room(wanted, sizeof *score);
    int64_t redone = 0;

    for (int64_t row = 0; row < shop->rows; row++) {
        const int64_t count = pick(h, row, h->exact + row * shop->rows, wanted, index, score);
        for (int64_t c = 0; c < wanted; c++) {
            const uint32_t got = result->index[row * wanted + c];
            const float got_score = result->score[row * wanted + c];
            if (c < count ? got != index[c] || got_score != score[c]
                          : got != LL_NO_NEIGHBOR || !isnan(got_score))
                fail_msg("row %lld place %lld: %u %a instead of %u %a", (long long)row,
                         (long long)c, got, (double)got_score, index[c], (double)score[c]);
        }
        *above += count > 0 && score[0] >= 0.80f;
        redone += must_be_redone(h, row, wanted);
    }
    free(index);
    free(score);
    return redone;
}

static int64_t check_case(uint64_t number)
{
    struct shop shop = draw_shop(number);
    struct halves halves = {.tile = 1 + (int64_t)(number * 37 % 100)};
    ll_backend be = {.ops = &k_halves, .state = &halves, .rows = -1};
    struct result result = {.neighbors = shop.neighbors};
    ll_similarity_summary summary;
    ll_error err = LL_ERROR_INIT;
    int64_t above = 0;

    fprintf(stderr, "repro: property_near_ties %llu (rows %lld cols %lld K %d tile %lld)",
            (unsigned long long)number, (long long)shop.rows, (long long)shop.cols, shop.neighbors,
            (long long)halves.tile);
    result.index = room(shop.rows * shop.neighbors, sizeof *result.index);
    result.score = room(shop.rows * shop.neighbors, sizeof *result.score);
    const ll_similarity_options options = {.features = shop.features,
                                           .rows = shop.rows,
                                           .cols = shop.cols,
                                           .neighbors = shop.neighbors,
                                           .group = shop.group,
                                           .neighbor_sink = {&result, receive_neighbors}};
    if (ll_similarity_run(&be, &options, &summary, &err) != LL_OK) fail_msg("%s", err.text);
    fprintf(stderr, " redone %lld\n", (long long)summary.rows_redone);

    /* What was measured is gone with the comparison: once more, for the judge. */
    const ll_compare_options again = {
        .features = shop.features,
        .rows = shop.rows,
        .cols = shop.cols,
        .keep = (int)ll_similarity_candidates(&be, shop.rows, shop.neighbors),
        .group = shop.group};
    assert_int_equal(compare_begin(&be, &again, &err), LL_OK);
    assert_int_equal(result.rows, shop.rows);
    assert_int_equal(check_rows(&halves, &shop, &result, &above), summary.rows_redone);
    assert_int_equal(summary.rows_with_one, above);
    compare_end(&be);
    free(result.index);
    free(result.score);
    free(shop.features);
    free(shop.group);
    return summary.rows_redone;
}

static void near_ties_are_told_apart(void **state)
{
    int64_t redone = 0;

    (void)state;
    for (uint64_t number = 1; number <= CASES; number++)
        redone += check_case(number);
    assert_true(redone > 100); /* the cases are as hard as they are meant to be */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(near_ties_are_told_apart)};

    if (argc == 2) {
        (void)check_case(strtoull(argv[1], NULL, 10));
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
