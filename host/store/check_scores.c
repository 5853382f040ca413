/* host/store/check_scores.c - the matrix as a whole, and a sample of rows against the definition;
 * see check_state.h. */
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/store/check_state.h"
#include "kernels/rescore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- symmetry, diagonal, range --------------------------------------------------------- */

enum {
    TILE = 512, /* a tile's rows are 1 to 2 KB: whole lines of cache and most of a page */
    CELL = 32,  /* within a tile, so that both sides stay in the first cache */
};

struct tiles {
    ll_check *check;
    int64_t per_side;
    ll_finding_kind symmetry, range;
};

static uint32_t bits_at(const ll_check *check, int64_t row, int64_t column)
{
    const void *const matrix = ll_reader_matrix(check->reader);
    const size_t offset = (size_t)row * (size_t)check->extents->items + (size_t)column;

    if (check->extents->matrix == LL_MATRIX_FLOAT32) return ((const uint32_t *)matrix)[offset];
    return ((const uint16_t *)matrix)[offset];
}

/* The bits of 1, and the largest a score may have: scores are not negative, so bits order them. */
static uint32_t bits_of_one(ll_matrix_type matrix)
{
    switch (matrix) {
    case LL_MATRIX_FLOAT16: return 0x3C00u;
    case LL_MATRIX_UINT16: return 65535u;
    default: return 0x3F800000u;
    }
}

static void check_cell(struct tiles *tiles, int64_t row, int64_t column)
{
    const ll_check *const check = tiles->check;
    const int64_t items = check->extents->items;
    const uint32_t one = bits_of_one(check->extents->matrix);

    for (int64_t i = row; i < ll_min_i64(row + CELL, items); i++)
        for (int64_t j = ll_max_i64(column, i); j < ll_min_i64(column + CELL, items); j++) {
            const uint32_t above = bits_at(check, i, j), below = bits_at(check, j, i);
            if (above != below)
                ll_finding(&tiles->symmetry, ": (%lld, %lld) is not (%lld, %lld)", (long long)i,
                           (long long)j, (long long)j, (long long)i);
            if (above > one || (i == j && above != one))
                ll_finding(&tiles->range, ": (%lld, %lld) is %.7g", (long long)i, (long long)j,
                           (double)ll_reader_score(check->reader, i, j));
        }
}

static ll_status run_tile(void *context, int64_t task, int thread, ll_error *err)
{
    struct tiles *const tiles = context;
    const int64_t row = task / tiles->per_side * TILE, column = task % tiles->per_side * TILE;

    (void)thread;
    (void)err;
    if (column < row) return LL_OK;
    for (int64_t i = row; i < row + TILE; i += CELL)
        for (int64_t j = column; j < column + TILE; j += CELL)
            if (j + CELL > i) check_cell(tiles, i, j);
    ll_log_progress(tiles->check->log, "matrix", task + 1, tiles->per_side * tiles->per_side);
    return LL_OK;
}

ll_status ll_check_matrix(ll_check *check, ll_error *err)
{
    struct tiles tiles = {
        .check = check,
        .per_side = ll_ceil_div(check->extents->items, TILE),
        .symmetry = {&check->findings, "/similarity", 0},
        .range = {&check->findings, "/similarity", 0},
    };

    if (check->extents->matrix == LL_MATRIX_NONE) return LL_OK;
    LL_TRY(ll_parallel_run(check->threads, tiles.per_side * tiles.per_side, run_tile, &tiles, err));
    ll_finding_end(&tiles.symmetry);
    ll_finding_end(&tiles.range);
    return LL_OK;
}

/* ---- a sample of rows ------------------------------------------------------------------ */

struct sample {
    ll_check *check;
    int64_t rows;
    uint64_t seed;
    double *squares;   /* (N) */
    uint32_t *columns; /* (N): 0, 1, 2, ... */
    float **scores;    /* (threads), each (N) */
    ll_finding_kind neighbors, matrix;
};

/* Task i takes a row of the i-th of equal parts, so a sample reaches everywhere and never twice. */
static int64_t sampled_row(const struct sample *sample, int64_t task)
{
    const int64_t items = sample->check->extents->items;
    const int64_t first = (int64_t)((__uint128_t)task * (uint64_t)items / (uint64_t)sample->rows);
    const int64_t end =
        (int64_t)((__uint128_t)(task + 1) * (uint64_t)items / (uint64_t)sample->rows);
    uint64_t mixed = (sample->seed ^ (uint64_t)task) * 0x9E3779B97F4A7C15u;

    mixed ^= mixed >> 32;
    return first + (int64_t)(mixed % (uint64_t)(end - first));
}

/* Every listed score is the score to the bit, and nobody left out would come before the last. The
 * list's own order was checked before. */
static void compare_neighbors(struct sample *sample, int64_t row, const float *scores)
{
    const ll_check *const check = sample->check;
    const int64_t list_length = check->extents->neighbors;
    const uint32_t *const index = ll_reader_neighbor_index(check->reader) + row * list_length;
    const float *const score = ll_reader_neighbor_score(check->reader) + row * list_length;
    int64_t count = 0, as_good = 0;

    for (; count < list_length && (int64_t)index[count] < check->extents->items; count++) {
        if (memcmp(&scores[index[count]], &score[count], sizeof *score) == 0) continue;
        ll_finding(&sample->neighbors, ": row %lld, place %lld is %.9g; recomputed %.9g",
                   (long long)row, (long long)count, (double)score[count],
                   (double)scores[index[count]]);
        return;
    }
    if (count == 0) return;
    const float last = score[count - 1];
    for (int64_t j = 0; j < check->extents->items; j++)
        as_good += ll_check_permits(check, row, j) &&
                   (scores[j] > last || (scores[j] == last && j <= (int64_t)index[count - 1]));
    if (as_good != count)
        ll_finding(&sample->neighbors, ": row %lld lists %lld neighbours, %lld are as good",
                   (long long)row, (long long)count, (long long)as_good);
}

static void compare_matrix(struct sample *sample, int64_t row, const float *scores)
{
    const ll_check *const check = sample->check;
    const double bound = ll_store_matrix_bound(check->extents->matrix);
    double worst = 0.0;
    int64_t worst_column = -1;

    for (int64_t j = 0; j < check->extents->items; j++) {
        const double off = fabs((double)ll_reader_score(check->reader, row, j) - (double)scores[j]);
        if (off <= bound || j == row || (worst_column >= 0 && off <= worst)) continue;
        worst = off;
        worst_column = j;
    }
    if (worst_column >= 0)
        ll_finding(&sample->matrix, ": row %lld is off by %.3g in column %lld; %.3g is allowed",
                   (long long)row, worst, (long long)worst_column, bound);
}

static ll_status run_row(void *context, int64_t task, int thread, ll_error *err)
{
    struct sample *const sample = context;
    const ll_check *const check = sample->check;
    const int64_t row = sampled_row(sample, task);

    if (sample->scores[thread] == NULL)
        LL_TRY(ll_alloc("a row of scores", check->extents->items, sizeof **sample->scores,
                        &sample->scores[thread], err));
    ll_rescore_cpu(ll_reader_features(check->reader), check->extents->features, sample->squares,
                   row, sample->columns, check->extents->items, sample->scores[thread]);
    compare_neighbors(sample, row, sample->scores[thread]);
    if (check->extents->matrix != LL_MATRIX_NONE)
        compare_matrix(sample, row, sample->scores[thread]);
    ll_log_progress(check->log, "sample", task + 1, sample->rows);
    return LL_OK;
}

static ll_status run_squares(void *context, int64_t task, int thread, ll_error *err)
{
    struct sample *const sample = context;
    const int64_t first = task * LL_STORE_CHECK_ROWS, cols = sample->check->extents->features;
    const int64_t rows = ll_min_i64(LL_STORE_CHECK_ROWS, sample->check->extents->items - first);

    (void)thread;
    (void)err;
    ll_rescore_squares_cpu(ll_reader_features(sample->check->reader) + first * cols, rows, cols,
                           sample->squares + first);
    return LL_OK;
}

static ll_status prepare(struct sample *sample, ll_error *err)
{
    ll_check *const check = sample->check;
    const int64_t items = check->extents->items;

    LL_TRY(ll_alloc("squares", items, sizeof *sample->squares, &sample->squares, err));
    LL_TRY(ll_alloc("columns", items, sizeof *sample->columns, &sample->columns, err));
    LL_TRY(ll_alloc("rows", check->threads, sizeof *sample->scores, &sample->scores, err));
    for (int64_t j = 0; j < items; j++)
        sample->columns[j] = (uint32_t)j;
    return ll_parallel_run(check->threads, ll_ceil_div(items, LL_STORE_CHECK_ROWS), run_squares,
                           sample, err);
}

ll_status ll_check_sample(ll_check *check, int64_t sample_rows, ll_error *err)
{
    ll_status status = LL_OK;
    struct sample sample = {
        .check = check,
        .rows = ll_min_i64(sample_rows, check->extents->items),
        .neighbors = {&check->findings, "/neighbors", 0},
        .matrix = {&check->findings, "/similarity", 0},
    };

    if (sample.rows <= 0 || check->extents->features == 0) return LL_OK;
    /* Other rows for other content, the same for the same file: a finding can be looked at again.
     */
    sample.seed = strtoull(check->reader->generation + 16, NULL, 16);
    LL_TRY_DONE(prepare(&sample, err));
    LL_TRY_DONE(ll_parallel_run(check->threads, sample.rows, run_row, &sample, err));
    ll_finding_end(&sample.neighbors);
    ll_finding_end(&sample.matrix);
done:
    for (int i = 0; sample.scores != NULL && i < check->threads; i++)
        free(sample.scores[i]);
    free(sample.scores);
    free(sample.columns);
    free(sample.squares);
    return status;
}
