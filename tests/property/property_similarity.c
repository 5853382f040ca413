/* tests/property/property_similarity.c - shops drawn to be difficult: neighbours are those of the
 * definition to the bit, the matrix keeps its bounds and its symmetry, threads change nothing.
 *
 * A failing case prints its seed; `property_similarity SEED` runs that case alone. */
#include "host/similarity/similarity.h"
#include "kernels/rescore.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 60 };

struct shop {
    uint64_t seed;
    int64_t rows, cols;
    int neighbors;
    ll_matrix_type matrix;
    float *features; /* (rows, cols) */
    uint32_t *group; /* (rows) or NULL */
    float *exact;    /* (rows, rows) by the definition */
};

struct result {
    int64_t rows;
    int neighbors;
    size_t bytes; /* of a stored score */
    unsigned char *matrix;
    unsigned char *seen; /* (rows, rows) how often a place was written */
    uint32_t *index;
    float *score;
    int64_t next_row;
    ll_similarity_summary summary;
};

static int below(uint64_t *seed, int limit)
{
    return (int)((double)limit * 0.5 * ((double)ll_random(seed) + 1.0));
}

static void *room(int64_t count, size_t size)
{
    void *const memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

/* ---- drawing --------------------------------------------------------------------------- */

static void make_unit(float *row, int64_t cols)
{
    double sum = 0.0;
    for (int64_t k = 0; k < cols; k++)
        sum += (double)row[k] * (double)row[k];
    for (int64_t k = 0; k < cols && sum > 0.0; k++)
        row[k] = (float)((double)row[k] / sqrt(sum));
}

/* Ordinary rows look like activations. The others: byte-equal to an earlier one, 1e-7 away from an
 * earlier one, all zeros, or of both signs (scores below 0 are clamped). */
static void draw_features(struct shop *shop, uint64_t *seed)
{
    const int twins = below(seed, 3) == 0 ? below(seed, 10) : 0; /* out of 10 rows */
    const int close = below(seed, 3) == 0 ? below(seed, 10) : 0;
    const int odd = below(seed, 6) == 0;

    for (int64_t i = 0; i < shop->rows; i++) {
        float *const row = shop->features + i * shop->cols;
        /* Copies of row 0 mostly, so that clusters outgrow K + M. */
        const int64_t model = i == 0 || below(seed, 4) ? 0 : below(seed, (int)i);
        const float *const from = shop->features + model * shop->cols;
        if (i > 0 && below(seed, 10) < twins) {
            memcpy(row, from, (size_t)shop->cols * sizeof *row);
        } else if (i > 0 && below(seed, 10) < close) {
            for (int64_t k = 0; k < shop->cols; k++)
                row[k] = from[k] * (1.0f + 1e-7f * (float)below(seed, 5));
        } else if (odd && below(seed, 9) == 0) {
            continue;
        } else {
            for (int64_t k = 0; k < shop->cols; k++)
                row[k] = ll_random(seed);
            for (int64_t k = 0; k < shop->cols && !odd; k++)
                row[k] = fmaxf(row[k], 0.0f);
            make_unit(row, shop->cols);
        }
    }
}

static struct shop draw_shop(uint64_t number)
{
    static const int64_t cols[] = {1, 3, 63, 64, 65, 200, 4096};
    uint64_t draws = number * 0x9E3779B97F4A7C15u + 1;
    uint64_t *const seed = &draws;
    struct shop shop = {.seed = number};

    shop.cols = cols[below(seed, 7)];
    shop.rows = below(seed, 10) > 0 ? below(seed, 90)
                : below(seed, 2)    ? below(seed, 600)
                                    : below(seed, 1501);
    if (shop.cols == 4096) shop.rows %= 60;
    const int most = (int)(shop.rows > 1 ? shop.rows - 1 : 1);
    shop.neighbors = 1 + below(seed, below(seed, 3) ? (most < 40 ? most : 40) : most);
    if (shop.neighbors > 1024) shop.neighbors = 1024;
    shop.matrix = (ll_matrix_type)below(seed, 4);
    shop.features = room(shop.rows * shop.cols, sizeof *shop.features);
    draw_features(&shop, seed);
    if (below(seed, 2)) {
        const int groups = 1 + below(seed, 7);
        shop.group = room(shop.rows, sizeof *shop.group);
        for (int64_t i = 0; i < shop.rows; i++)
            shop.group[i] = (uint32_t)below(seed, groups);
    }
    return shop;
}

/* A shop of one kind of row: where blocks begin and end, and nothing or nearly nothing in them. */
static struct shop draw_sized(int64_t rows)
{
    uint64_t seed = (uint64_t)rows + 77;
    struct shop shop = {.rows = rows, .cols = 3, .matrix = LL_MATRIX_FLOAT32};

    shop.neighbors = rows > 7 ? 7 : rows > 1 ? (int)rows - 1 : 1;
    shop.features = room(rows * shop.cols, sizeof *shop.features);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t k = 0; k < shop.cols; k++)
            shop.features[i * shop.cols + k] = fabsf(ll_random(&seed)) + 0.01f;
        make_unit(shop.features + i * shop.cols, shop.cols);
    }
    return shop;
}

static void measure_exactly(struct shop *shop)
{
    const int64_t rows = shop->rows, cols = shop->cols;
    double *const squares = room(rows, sizeof *squares);

    shop->exact = room(rows * rows, sizeof *shop->exact);
    for (int64_t i = 0; i < rows; i++)
        squares[i] = ll_rescore_dot_cpu(shop->features + i * cols, shop->features + i * cols, cols);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j <= i; j++) {
            const double dot =
                ll_rescore_dot_cpu(shop->features + i * cols, shop->features + j * cols, cols);
            shop->exact[i * rows + j] = shop->exact[j * rows + i] =
                ll_rescore_score(dot, squares[i], squares[j]);
        }
    free(squares);
}

static void free_shop(struct shop *shop)
{
    free(shop->features);
    free(shop->group);
    free(shop->exact);
}

/* ---- running --------------------------------------------------------------------------- */

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    struct result *const result = to;

    (void)err;
    for (int64_t r = 0; r < rows; r++) {
        const int64_t offset = (row + r) * result->rows + column;
        memcpy(result->matrix + (size_t)offset * result->bytes,
               (const unsigned char *)values + (size_t)(r * columns) * result->bytes,
               (size_t)columns * result->bytes);
        for (int64_t c = 0; c < columns; c++)
            result->seen[offset + c]++;
    }
    if (row == column) return LL_OK;
    for (int64_t c = 0; c < columns; c++) /* the mirror image, value by value */
        for (int64_t r = 0; r < rows; r++) {
            const int64_t at = (column + c) * result->rows + row + r;
            memcpy(result->matrix + (size_t)at * result->bytes,
                   (const unsigned char *)values + (size_t)(r * columns + c) * result->bytes,
                   result->bytes);
            result->seen[at]++;
        }
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    struct result *const result = to;
    const size_t first = (size_t)(row * result->neighbors);
    const size_t count = (size_t)(rows * result->neighbors);

    if (row != result->next_row) return ll_fail(err, LL_ERR_ARGUMENT, "rows out of order");
    memcpy(result->index + first, index, count * sizeof *index);
    memcpy(result->score + first, score, count * sizeof *score);
    result->next_row += rows;
    return LL_OK;
}

static ll_backend *open_cpu(int threads)
{
    const ll_backend_options options = {.name = "cpu", .threads = threads, .slots = 1};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    if (ll_backend_open(&options, &be, &err) != LL_OK) fail_msg("%s", err.text);
    return be;
}

static struct result run(const struct shop *shop, int threads)
{
    struct result result = {.rows = shop->rows,
                            .neighbors = shop->neighbors,
                            .bytes = ll_matrix_type_bytes(shop->matrix)};
    ll_backend *const be = open_cpu(threads);
    ll_error err = LL_ERROR_INIT;

    result.matrix = room(shop->rows * shop->rows, result.bytes + 1);
    result.seen = room(shop->rows * shop->rows, 1);
    result.index = room(shop->rows * shop->neighbors, sizeof *result.index);
    result.score = room(shop->rows * shop->neighbors, sizeof *result.score);
    const ll_similarity_options options = {.features = shop->features,
                                           .rows = shop->rows,
                                           .cols = shop->cols,
                                           .neighbors = shop->neighbors,
                                           .group = shop->group,
                                           .matrix = shop->matrix,
                                           .matrix_sink = {&result, receive_tile},
                                           .neighbor_sink = {&result, receive_neighbors}};
    if (ll_similarity_run(be, &options, &result.summary, &err) != LL_OK) fail_msg("%s", err.text);
    ll_backend_close(be);
    return result;
}

static void free_result(struct result *result)
{
    free(result->matrix);
    free(result->seen);
    free(result->index);
    free(result->score);
}

/* ---- checking -------------------------------------------------------------------------- */

static bool permitted(const struct shop *shop, int64_t i, int64_t j)
{
    return i != j && (shop->group == NULL || shop->group[i] == shop->group[j]);
}

/* One row by the definition: best first, ties to the lower row, by picking the best K times. */
static int naive_row(const struct shop *shop, int64_t row, uint32_t *index, float *score)
{
    const float *const exact = shop->exact + row * shop->rows;
    unsigned char *const taken = room(shop->rows, 1);
    int count = 0;

    for (; count < shop->neighbors; count++) {
        int64_t best = -1;
        for (int64_t c = 0; c < shop->rows; c++)
            if (!taken[c] && permitted(shop, row, c) && (best < 0 || exact[c] > exact[best]))
                best = c;
        if (best < 0) break;
        taken[best] = 1;
        index[count] = (uint32_t)best;
        score[count] = exact[best];
    }
    free(taken);
    return count;
}

static void check_neighbors(const struct shop *shop, const struct result *result)
{
    const int wanted = shop->neighbors;
    uint32_t *const index = room(wanted, sizeof *index);
    float *const score = room(wanted, sizeof *score);
    int64_t with_one = 0, with_ten = 0;

    assert_int_equal(result->next_row, shop->rows);
    for (int64_t row = 0; row < shop->rows; row++) {
        const uint32_t *const got = result->index + row * wanted;
        const float *const got_score = result->score + row * wanted;
        const int count = naive_row(shop, row, index, score);
        for (int c = 0; c < wanted; c++) {
            const bool same = c < count ? got[c] == index[c] && got_score[c] == score[c]
                                        : got[c] == LL_NO_NEIGHBOR && isnan(got_score[c]);
            if (!same)
                fail_msg("row %lld place %d: %u %a instead of %u %a", (long long)row, c, got[c],
                         (double)got_score[c], index[c], (double)score[c]);
        }
        with_one += count > 0 && (double)score[0] >= 0.8;
        with_ten += count > 9 && (double)score[9] >= 0.8;
    }
    assert_int_equal(result->summary.rows_with_one, with_one);
    assert_int_equal(result->summary.rows_with_ten, with_ten);
    free(index);
    free(score);
}

static double stored_value(const struct result *result, ll_matrix_type type, int64_t offset)
{
    uint16_t bits;
    float value;

    memcpy(&value, result->matrix + (size_t)offset * result->bytes,
           sizeof value * (result->bytes == 4));
    if (type == LL_MATRIX_FLOAT32) return (double)value;
    memcpy(&bits, result->matrix + (size_t)offset * 2, sizeof bits);
    if (type == LL_MATRIX_UINT16) return bits / 65535.0;
    return bits >> 10 == 0 ? ldexp(bits, -24) : ldexp(1024 + (bits & 0x3FF), (bits >> 10) - 25);
}

/* The bounds of the index's format; `--within` does not touch the matrix. */
static void check_matrix(const struct shop *shop, const struct result *result)
{
    static const double bound[] = {0.0, 1e-6, 2.5e-4, 1.0 / 131070 + 1e-6};
    const int64_t rows = shop->rows;

    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < rows; j++) {
            const double want = i == j ? 1.0 : (double)shop->exact[i * rows + j];
            const double got = stored_value(result, shop->matrix, i * rows + j);
            if (result->seen[i * rows + j] != 1)
                fail_msg("place %lld %lld: written %d times", (long long)i, (long long)j,
                         result->seen[i * rows + j]);
            if (!(fabs(got - want) <= (i == j ? 0.0 : bound[shop->matrix])))
                fail_msg("place %lld %lld: %.9g instead of %.9g", (long long)i, (long long)j, got,
                         want);
            assert_memory_equal(result->matrix + (size_t)(i * rows + j) * result->bytes,
                                result->matrix + (size_t)(j * rows + i) * result->bytes,
                                result->bytes);
        }
}

/* Which rows must be redone, from the candidates the backend gives when asked directly. */
static int64_t count_uncertain(const struct shop *shop)
{
    const int64_t rows = shop->rows, others = rows > 1 ? rows - 1 : 1;
    const int64_t margin = shop->neighbors / 4 > 28 ? shop->neighbors / 4 : 28;
    const int64_t keep = shop->neighbors + margin < others ? shop->neighbors + margin : others;
    const ll_compare_options options = {.features = shop->features,
                                        .rows = rows,
                                        .cols = shop->cols,
                                        .keep = (int)keep,
                                        .group = shop->group};
    uint32_t *const columns = room(keep, sizeof *columns), *const index = room(keep, sizeof *index);
    float *const fast = room(keep, sizeof *fast), *const score = room(keep, sizeof *score);
    ll_backend *const be = open_cpu(2);
    ll_error err = LL_ERROR_INIT;
    int64_t uncertain = 0;

    assert_int_equal(ll_compare_begin(be, &options, &err), LL_OK);
    const int64_t tile = ll_compare_tile(be), blocks = (rows + tile - 1) / tile;
    for (int64_t j = blocks - 1; j >= 0; j--) /* another order than the plan's */
        for (int64_t i = j; i >= 0; i--)
            assert_int_equal(ll_tile_submit(be, i, j, &err), LL_OK);
    assert_int_equal(ll_compare_sync(be, &err), LL_OK);
    for (int64_t row = 0; row < rows; row++) {
        double bound = 0.0;
        assert_int_equal(ll_topk_extract(be, row, 1, columns, fast, &bound, &err), LL_OK);
        assert_true(bound > 0.0);
        for (int64_t c = 0; c < keep && columns[c] != LL_NO_NEIGHBOR; c++) {
            assert_true(permitted(shop, row, columns[c]));
            const double exact = (double)shop->exact[row * rows + columns[c]];
            assert_true(fabs((double)fast[c] - exact) <= bound);
        }
        if (keep == rows - 1 || columns[keep - 1] == LL_NO_NEIGHBOR) continue;
        naive_row(shop, row, index, score);
        /* The K-th of the candidates is the K-th of all if the rule holds, and below it if not. */
        uncertain += !((double)score[shop->neighbors - 1] > (double)fast[keep - 1] + bound);
    }
    ll_backend_close(be);
    free(columns);
    free(index);
    free(fast);
    free(score);
    return uncertain;
}

static void check_case(uint64_t number)
{
    struct shop shop = draw_shop(number);

    fprintf(stderr,
            "repro: property_similarity %llu (rows %lld cols %lld K %d matrix %d groups %d)",
            (unsigned long long)number, (long long)shop.rows, (long long)shop.cols, shop.neighbors,
            (int)shop.matrix, shop.group != NULL);
    measure_exactly(&shop);
    struct result result = run(&shop, 1 + (int)(number % 3));
    fprintf(stderr, " redone %lld\n", (long long)result.summary.rows_redone);
    check_neighbors(&shop, &result);
    if (shop.matrix != LL_MATRIX_NONE) check_matrix(&shop, &result);
    assert_int_equal(result.summary.rows_redone, shop.rows > 0 ? count_uncertain(&shop) : 0);

    struct result again = run(&shop, 1 + (int)((number + 1) % 3));
    const size_t places = (size_t)(shop.rows * shop.neighbors);
    assert_memory_equal(result.matrix, again.matrix,
                        (size_t)(shop.rows * shop.rows) * result.bytes);
    assert_memory_equal(result.index, again.index, places * sizeof *result.index);
    assert_memory_equal(result.score, again.score, places * sizeof *result.score);
    free_result(&again);
    free_result(&result);
    free_shop(&shop);
}

static void drawn_shops_get_the_neighbours_of_the_definition(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= CASES; number++)
        check_case(number);
}

static void every_size_of_the_last_block(void **state)
{
    static const int64_t sizes[] = {0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 2000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct shop shop = draw_sized(sizes[i]);
        measure_exactly(&shop);
        struct result result = run(&shop, 1 + (int)(i % 3));
        check_neighbors(&shop, &result);
        check_matrix(&shop, &result);
        free_result(&result);
        free_shop(&shop);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_shops_get_the_neighbours_of_the_definition),
        cmocka_unit_test(every_size_of_the_last_block),
    };

    if (argc == 2) {
        check_case(strtoull(argv[1], NULL, 10));
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
