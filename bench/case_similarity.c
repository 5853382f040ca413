/* bench/case_similarity.c - all pairs of drawn features: the matrix, kept in memory as float32, and
 * 100 neighbours a row; or the neighbours alone.
 *
 * FLOPs are counted for the whole square although one half is computed: symmetry is a gain like
 * any other, so the rate may pass the limit, and it compares with programs that compute both. */
#include "bench/bench.h"
#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/base/transpose.h"
#include "host/similarity/similarity.h"
#include "kernels/rescore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 8192, COLS = 4096, NEIGHBORS = 100, CHECKED_ROWS = 4 };
static const float k_matrix_bound = 1e-6f;

struct similarity_case {
    ll_backend *be;
    int64_t rows, cols;
    int neighbors, threads;
    float *features; /* (rows, cols) */
    float *matrix;   /* (rows, rows), or NULL */
    uint32_t *index; /* (rows, neighbors) */
    float *score;    /* (rows, neighbors) */
};

/* Row `task`, as activations after a ReLU: half of them zero. xorshift64 from a seed of the row's
 * own, so the same on every machine and on any number of threads. */
static ll_status draw_row(void *context, int64_t task, int thread, ll_error *err)
{
    const struct similarity_case *const c = context;
    float *const row = c->features + task * c->cols;
    uint64_t seed = ((uint64_t)task + 1) * 0x9E3779B97F4A7C15u; /* odd, so never 0 */
    double sum = 0.0;

    (void)thread, (void)err;
    for (int64_t k = 0; k < c->cols; k++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        const double value = (double)(seed >> 11) * 0x1p-52 - 1.0;
        row[k] = value > 0.0 ? (float)value : 0.0f;
        sum += (double)row[k] * (double)row[k];
    }
    for (int64_t k = 0; k < c->cols && sum > 0.0; k++)
        row[k] = (float)((double)row[k] / sqrt(sum));
    return LL_OK;
}

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    const struct similarity_case *const c = to;
    const float *const scores = values;

    (void)err;
    for (int64_t r = 0; r < rows; r++)
        memcpy(c->matrix + (row + r) * c->rows + column, scores + r * columns,
               (size_t)columns * sizeof *scores);
    if (row != column)
        ll_transpose(scores, rows, columns, sizeof *scores, c->matrix + column * c->rows + row,
                     c->rows);
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    const struct similarity_case *const c = to;
    const size_t count = (size_t)(rows * c->neighbors);

    (void)err;
    memcpy(c->index + row * c->neighbors, index, count * sizeof *index);
    memcpy(c->score + row * c->neighbors, score, count * sizeof *score);
    return LL_OK;
}

static ll_status run_once(void *context, ll_error *err)
{
    struct similarity_case *const c = context;
    const ll_similarity_options options = {.features = c->features,
                                           .rows = c->rows,
                                           .cols = c->cols,
                                           .neighbors = c->neighbors,
                                           .matrix = c->matrix != NULL ? LL_MATRIX_FLOAT32
                                                                       : LL_MATRIX_NONE,
                                           .matrix_sink = {c, receive_tile},
                                           .neighbor_sink = {c, receive_neighbors},
                                           .threads = c->threads};
    ll_similarity_summary summary;

    return ll_similarity_run(c->be, &options, &summary, err);
}

/* A row against the definition: every cell within its bound, and exactly K - 1 rows at most
 * strictly better than the K-th neighbour. */
static ll_status check_row(void *context, int64_t task, int thread, ll_error *err)
{
    const struct similarity_case *const c = context;
    const int64_t row = task * (c->rows - 1) / CHECKED_ROWS;
    const float *const x = c->features + row * c->cols;
    const float last = c->score[row * c->neighbors + c->neighbors - 1];
    const double xx = ll_rescore_dot_cpu(x, x, c->cols);
    int64_t better = 0;

    (void)thread;
    for (int64_t other = 0; other < c->rows; other++) {
        const float *const y = c->features + other * c->cols;
        const float exact = ll_rescore_score(ll_rescore_dot_cpu(x, y, c->cols), xx,
                                             ll_rescore_dot_cpu(y, y, c->cols));
        better += other != row && exact > last;
        if (c->matrix == NULL) continue;
        if (fabsf(c->matrix[row * c->rows + other] - exact) > k_matrix_bound ||
            c->matrix[row * c->rows + other] != c->matrix[other * c->rows + row])
            return ll_fail(err, LL_ERR_DEVICE, "similarity: the score of %lld and %lld is wrong",
                           (long long)row, (long long)other);
    }
    if (better < c->neighbors) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "similarity: row %lld misses a neighbour", (long long)row);
}

static ll_status prepare(struct similarity_case *c, const ll_bench_options *options, ll_error *err)
{
    const ll_backend_options backend = {.name = options->backend != NULL ? options->backend : "cpu",
                                        .precision = options->precision,
                                        .threads = c->threads,
                                        .slots = 1,
                                        .log = options->log};
    size_t cells = 0;

    LL_TRY(ll_backend_open(&backend, &c->be, err));
    LL_TRY(ll_size_mul(c->rows, c->rows, &cells, err));
    LL_TRY(ll_alloc("features", c->rows * c->cols, sizeof *c->features, &c->features, err));
    if (!options->no_matrix)
        LL_TRY(ll_alloc("matrix", (int64_t)cells, sizeof *c->matrix, &c->matrix, err));
    LL_TRY(ll_alloc("neighbours", c->rows * c->neighbors, sizeof *c->index, &c->index, err));
    LL_TRY(ll_alloc("neighbours", c->rows * c->neighbors, sizeof *c->score, &c->score, err));
    LL_TRY(ll_parallel_run(c->threads, c->rows, draw_row, c, err));
    LL_TRY(run_once(c, err));
    return ll_parallel_run(c->threads, ll_min_i64(CHECKED_ROWS, c->rows), check_row, c, err);
}

ll_status ll_bench_similarity(const ll_bench_options *options, ll_bench_result *result,
                              ll_error *err)
{
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    struct similarity_case c = {.rows = options->items > 0 ? options->items : ITEMS,
                                .cols = options->cols > 0 ? options->cols : COLS,
                                .threads = threads};
    ll_status status = LL_OK;

    c.neighbors = (int)ll_min_i64(NEIGHBORS, ll_max_i64(c.rows - 1, 1));
    *result = (ll_bench_result){.stage = "similarity", .unit = "pair", .threads = threads};
    LL_TRY_DONE(prepare(&c, options, err));
    const ll_backend_info backend = ll_backend_describe(c.be);
    LL_TRY_DONE(ll_text_fit(
        result->work, sizeof result->work, err,
        "%lld items of %lld, matrix %s, %d neighbours, %s %s", (long long)c.rows, (long long)c.cols,
        c.matrix != NULL ? "float32" : "none", c.neighbors, backend.name, backend.precision));
    result->count = (double)c.rows * (double)c.rows;
    result->flops = 2.0 * result->count * (double)c.cols;
    result->bytes = c.matrix != NULL ? result->count * sizeof *c.matrix : 0.0;
    LL_TRY_DONE(ll_bench_repeat(run_once, &c, options->seconds, result, err));
    if (backend.shares_processor)
        LL_TRY_DONE(ll_bench_limit_multiply(threads, LL_BENCH_PASS_SYMMETRY, result, err));
done:
    ll_backend_close(c.be);
    free(c.score);
    free(c.index);
    free(c.matrix);
    free(c.features);
    return status;
}
