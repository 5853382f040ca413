/* host/backend/cpu/cpu_compare.c - every row against every row, in tiles of 512 x 512.
 *
 * Each tile on or above the diagonal is a job of one thread. The order in which cpu_dots.h adds a
 * pair's products depends on nothing but the number of columns, so the bits of a score depend
 * neither on the tile nor on threads. A tile serves the lists of its rows and of its columns; of
 * the stored matrix it is the upper half, which the sink mirrors, so the matrix is symmetric to the
 * bit.
 *
 * How far a fast score can be from the exact one (kernels/rescore.h) is derived in cpu_dots.h, for
 * any rows: lengths are divided out, so rows need not be of unit length to the last bit. Clamping
 * both scores to [0, 1] does not increase their difference. So r_i = 0 and e = LL_DOTS_BOUND on the
 * cpu. */
#include "host/backend/cpu/cpu_dots.h"
#include "host/backend/cpu/cpu_panels.h"
#include "host/backend/cpu/cpu_state.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "kernels/narrow.h"
#include "kernels/rescore.h"
#include "kernels/topk.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE = 512,
    TILE_VALUES = TILE * TILE,
    MIN_MARGIN = 28,
};
static const int64_t k_max_cols = 1 << 19;
static const double k_bound = LL_DOTS_BOUND;
static const double k_unit_tolerance = 0x1p-16;

struct scratch {
    float *tile;    /* (512, 512) */
    double *totals; /* (512, 512) for cpu_dots.h; NULL if it needs none */
    void *stored;   /* (512, 512) in the stored type */
};

struct cpu_compare {
    ll_compare_options options;
    int64_t blocks;
    double *squares;  /* (rows) S(i, i) */
    double *inverses; /* (rows) 1 / length */
    ll_cpu_panels *panels;
    uint64_t *keys;         /* (rows, keep), kernels/topk.h; NULL without neighbours */
    float *thresholds;      /* (rows) */
    pthread_mutex_t *locks; /* (blocks) one for the lists of each block of rows */
    int64_t locks_made;
    struct scratch *scratch; /* (threads) */
    int threads;
    ll_cpu_group group;
};

/* M = max(28, K / 4): with bounds of 2e-6 hardly a row stays uncertain but among near copies. */
int64_t ll_cpu_compare_margin(int64_t neighbors)
{
    return ll_max_i64(MIN_MARGIN, neighbors / 4);
}

static struct cpu_state *state_of(const ll_backend *be)
{
    return be->state;
}

static int64_t block_rows(const struct cpu_compare *compare, int64_t block)
{
    return ll_min_i64(TILE, compare->options.rows - block * TILE);
}

/* ---- begin and end --------------------------------------------------------------------- */

static ll_status measure_block(void *context, long job, int thread, ll_error *err)
{
    struct cpu_compare *const compare = context;
    const ll_compare_options *const o = &compare->options;
    const int64_t first = (int64_t)job * TILE, rows = block_rows(compare, job);
    double *const squares = compare->squares + first;

    (void)thread;
    ll_rescore_squares_cpu(o->features + first * o->cols, rows, o->cols, squares);
    for (int64_t i = 0; i < rows; i++)
        if (squares[i] != 0.0 && !(fabs(squares[i] - 1.0) <= k_unit_tolerance))
            return ll_fail(err, LL_ERR_ARGUMENT, "features: row %lld has length %g instead of 1",
                           (long long)(first + i), sqrt(squares[i]));
    for (int64_t i = 0; i < rows; i++)
        compare->inverses[first + i] = squares[i] > 0.0 ? 1.0 / sqrt(squares[i]) : 0.0;
    return LL_OK;
}

static ll_status make_scratch(struct cpu_compare *compare, ll_error *err)
{
    const size_t bytes = ll_matrix_type_bytes(compare->options.matrix);

    for (int i = 0; i < compare->threads; i++) {
        struct scratch *const s = &compare->scratch[i];
        LL_TRY(ll_alloc("a tile", TILE_VALUES, sizeof *s->tile, &s->tile, err));
        if (ll_cpu_dots_needs_totals(compare->options.cols))
            LL_TRY(ll_alloc("a tile", TILE_VALUES, sizeof *s->totals, &s->totals, err));
        if (bytes > 0) LL_TRY(ll_alloc("a tile", TILE_VALUES, bytes, &s->stored, err));
    }
    return LL_OK;
}

static ll_status make_lists(struct cpu_compare *compare, ll_error *err)
{
    const int64_t rows = compare->options.rows;
    size_t keys = 0;

    if (compare->options.keep == 0) return LL_OK;
    LL_TRY(ll_size_mul(rows, compare->options.keep, &keys, err));
    LL_TRY(ll_alloc("candidates", (int64_t)keys, sizeof *compare->keys, &compare->keys, err));
    LL_TRY(ll_alloc("candidates", rows, sizeof *compare->thresholds, &compare->thresholds, err));
    LL_TRY(ll_alloc("candidates", compare->blocks, sizeof *compare->locks, &compare->locks, err));
    for (; compare->locks_made < compare->blocks; compare->locks_made++)
        if (pthread_mutex_init(&compare->locks[compare->locks_made], NULL) != 0)
            return ll_fail(err, LL_ERR_MEMORY, "candidates: no memory for a lock");
    return LL_OK;
}

ll_status ll_cpu_compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    struct cpu_state *const state = state_of(be);
    struct cpu_compare *compare = NULL;

    ll_cpu_compare_end(be);
    if (options->cols > k_max_cols)
        return ll_fail(err, LL_ERR_ARGUMENT, "features: %lld columns; the cpu compares up to %lld",
                       (long long)options->cols, (long long)k_max_cols);
    LL_TRY(ll_alloc("a comparison", 1, sizeof *compare, &compare, err));
    state->compare = compare; /* from here on compare_end frees what there is */
    compare->options = *options;
    compare->threads = state->threads;
    compare->blocks = ll_ceil_div(options->rows, TILE);
    if (options->rows == 0) return LL_OK;
    LL_TRY(ll_alloc("tiles", compare->threads, sizeof *compare->scratch, &compare->scratch, err));
    LL_TRY(make_scratch(compare, err));
    LL_TRY(ll_alloc("lengths", options->rows, sizeof *compare->squares, &compare->squares, err));
    LL_TRY(make_lists(compare, err));
    LL_TRY(ll_alloc("lengths", options->rows, sizeof *compare->inverses, &compare->inverses, err));
    LL_TRY(ll_cpu_panels_create(options->features, options->rows, options->cols, TILE,
                                compare->threads, &compare->panels, err));
    LL_TRY(ll_cpu_pool_submit(state->pool, &compare->group, measure_block, compare, 0,
                              (long)compare->blocks, err));
    return ll_cpu_pool_wait(state->pool, &compare->group, err);
}

void ll_cpu_compare_end(ll_backend *be)
{
    struct cpu_state *const state = state_of(be);
    struct cpu_compare *const compare = state->compare;
    ll_error ignored = LL_ERROR_INIT; /* the caller gave up on these tiles */

    if (compare == NULL) return;
    if (ll_cpu_pool_wait(state->pool, &compare->group, &ignored) != LL_OK) ignored.text[0] = '\0';
    for (int i = 0; compare->scratch != NULL && i < compare->threads; i++) {
        free(compare->scratch[i].tile);
        free(compare->scratch[i].totals);
        free(compare->scratch[i].stored);
    }
    for (int64_t i = 0; i < compare->locks_made; i++)
        pthread_mutex_destroy(&compare->locks[i]);
    free(compare->scratch);
    free(compare->locks);
    free(compare->thresholds);
    free(compare->keys);
    ll_cpu_panels_free(compare->panels);
    free(compare->inverses);
    free(compare->squares);
    free(compare);
    state->compare = NULL;
}

/* What begin allocates by the row and by the thread. */
int64_t ll_cpu_compare_host_bytes(const ll_backend *be, const ll_compare_options *options)
{
    const int64_t rows = options->rows, threads = state_of(be)->threads;
    const size_t stored = ll_matrix_type_bytes(options->matrix);
    const size_t totals = ll_cpu_dots_needs_totals(options->cols) ? sizeof(double) : 0;
    const size_t value = sizeof(float) + totals + stored;
    const size_t lengths = 2 * sizeof(double);
    const size_t lists =
        options->keep > 0 ? (size_t)options->keep * sizeof(uint64_t) + sizeof(float) : 0;

    return threads * TILE_VALUES * (int64_t)value + rows * (int64_t)(lengths + lists) +
           ll_cpu_panels_bytes(rows, options->cols, TILE, (int)threads);
}

int64_t ll_cpu_compare_tile(const ll_backend *be)
{
    (void)be;
    return TILE;
}

/* ---- tiles ----------------------------------------------------------------------------- */

static void multiply(struct cpu_compare *compare, int64_t i, int64_t j,
                     const struct scratch *scratch)
{
    ll_dots_rows x = {.inverses = compare->inverses + i * TILE, .rows = block_rows(compare, i)};
    ll_dots_rows y = {.inverses = compare->inverses + j * TILE, .rows = block_rows(compare, j)};

    ll_cpu_panels_acquire(compare->panels, i, j, &x.panel, &y.panel);
    ll_cpu_dots_scores(&x, &y, compare->options.cols, i == j, scratch->tile, scratch->totals, TILE);
    ll_cpu_panels_return(compare->panels, i, j);
}

static void offer(struct cpu_compare *compare, int64_t i, int64_t j, const float *values)
{
    const int keep = compare->options.keep;
    const ll_topk_tile tile = {.scores = values,
                               .stride = TILE,
                               .row = i * TILE,
                               .rows = block_rows(compare, i),
                               .column = j * TILE,
                               .columns = block_rows(compare, j),
                               .group = compare->options.group};
    const ll_topk_lists of_rows = {compare->keys + tile.row * keep, compare->thresholds + tile.row,
                                   keep};
    const ll_topk_lists of_columns = {compare->keys + tile.column * keep,
                                      compare->thresholds + tile.column, keep};

    pthread_mutex_lock(&compare->locks[i]);
    ll_topk_offer_rows_cpu(&of_rows, &tile);
    pthread_mutex_unlock(&compare->locks[i]);
    if (i == j) return; /* a diagonal tile holds each pair twice already */
    pthread_mutex_lock(&compare->locks[j]);
    ll_topk_offer_columns_cpu(&of_columns, &tile);
    pthread_mutex_unlock(&compare->locks[j]);
}

static ll_status deliver(struct cpu_compare *compare, int64_t i, int64_t j,
                         const struct scratch *scratch, ll_error *err)
{
    const ll_matrix_type type = compare->options.matrix;
    const ll_tile_sink *const sink = &compare->options.sink;
    const ll_narrow_tile tile = {.scores = scratch->tile,
                                 .stride = TILE,
                                 .rows = block_rows(compare, i),
                                 .columns = block_rows(compare, j)};
    const void *values = scratch->tile; /* packed already, if it is a whole tile of f32 */

    if (type != LL_MATRIX_FLOAT32 || tile.columns < TILE) {
        ll_narrow_tile_cpu(&tile, type, scratch->stored);
        values = scratch->stored;
    }
    return sink->receive(sink->to, i * TILE, tile.rows, j * TILE, tile.columns, values, err);
}

static ll_status run_tile(void *context, long job, int thread, ll_error *err)
{
    struct cpu_compare *const compare = context;
    const int64_t i = job / compare->blocks, j = job % compare->blocks;
    const struct scratch *const scratch = &compare->scratch[thread];

    multiply(compare, i, j, scratch);
    if (i == j) /* only the upper half was computed */
        ll_narrow_mirror_cpu(scratch->tile, TILE, block_rows(compare, i));
    if (compare->options.keep > 0) offer(compare, i, j, scratch->tile);
    if (compare->options.matrix == LL_MATRIX_NONE) return LL_OK;
    return deliver(compare, i, j, scratch, err);
}

ll_status ll_cpu_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err)
{
    struct cpu_state *const state = state_of(be);
    struct cpu_compare *const compare = state->compare;

    return ll_cpu_pool_submit(state->pool, &compare->group, run_tile, compare,
                              (long)(i * compare->blocks + j), 1, err);
}

ll_status ll_cpu_compare_sync(ll_backend *be, ll_error *err)
{
    struct cpu_state *const state = state_of(be);
    return ll_cpu_pool_wait(state->pool, &state->compare->group, err);
}

/* ---- candidates and exact scores ------------------------------------------------------- */

enum {
    ROWS_A_JOB = 8, /* rescoring 8 rows takes about a millisecond */
    COLUMNS_A_JOB =
        64, /* of rows against all: 1 MB of features, which stays in cache for all rows */
};

/* What one call of topk_extract, rescore_submit or rescore_rows asks of all its jobs. */
struct request {
    struct cpu_compare *compare;
    int64_t row, rows, count;
    const uint32_t *columns; /* (rows, count); rescore_rows: the rows (count) */
    uint32_t *out_columns;   /* (rows, count) */
    float *scores;           /* (rows, count); rescore_rows: (count, all rows) */
};

static ll_status run_request(ll_backend *be, struct request *request, ll_cpu_job_fn run,
                             int64_t jobs, ll_error *err)
{
    struct cpu_state *const state = state_of(be);

    request->compare = state->compare;
    if (jobs == 0) return LL_OK;
    LL_TRY(
        ll_cpu_pool_submit(state->pool, &state->compare->group, run, request, 0, (long)jobs, err));
    return ll_cpu_pool_wait(state->pool, &state->compare->group, err);
}

static ll_status extract_rows(void *context, long job, int thread, ll_error *err)
{
    const struct request *const request = context;
    const int64_t first = (int64_t)job * ROWS_A_JOB, keep = request->count;

    (void)thread;
    (void)err;
    for (int64_t r = first; r < ll_min_i64(first + ROWS_A_JOB, request->rows); r++)
        ll_topk_extract_cpu(request->compare->keys + (request->row + r) * keep, (int)keep,
                            request->out_columns + r * keep, request->scores + r * keep);
    return LL_OK;
}

ll_status ll_cpu_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                              float *scores, double *bounds, ll_error *err)
{
    struct request request = {.row = row,
                              .rows = rows,
                              .count = state_of(be)->compare->options.keep,
                              .out_columns = columns,
                              .scores = scores};

    for (int64_t r = 0; r < rows; r++)
        bounds[r] = k_bound;
    return run_request(be, &request, extract_rows, ll_ceil_div(rows, ROWS_A_JOB), err);
}

static ll_status rescore_rows(void *context, long job, int thread, ll_error *err)
{
    const struct request *const request = context;
    const struct cpu_compare *const compare = request->compare;
    const int64_t first = (int64_t)job * ROWS_A_JOB;

    (void)thread;
    (void)err;
    for (int64_t r = first; r < ll_min_i64(first + ROWS_A_JOB, request->rows); r++)
        ll_rescore_cpu(compare->options.features, compare->options.cols, compare->squares,
                       request->row + r, request->columns + r * request->count, request->count,
                       request->scores + r * request->count);
    return LL_OK;
}

ll_status ll_cpu_rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                int64_t count, float *scores, ll_error *err)
{
    struct request request = {
        .row = row, .rows = rows, .count = count, .columns = columns, .scores = scores};

    return run_request(be, &request, rescore_rows, ll_ceil_div(rows, ROWS_A_JOB), err);
}

/* Nothing to wait for: submit has waited already. */
ll_status ll_cpu_rescore_wait(ll_backend *be, ll_error *err)
{
    (void)be;
    (void)err;
    return LL_OK;
}

/* Some rows against the 64 rows of block number `job`. */
static ll_status rescore_block(void *context, long job, int thread, ll_error *err)
{
    const struct request *const request = context;
    const struct cpu_compare *const compare = request->compare;
    const ll_compare_options *const o = &compare->options;
    const int64_t first = (int64_t)job * COLUMNS_A_JOB;

    (void)thread;
    (void)err;
    ll_rescore_rows_cpu(o->features, o->rows, o->cols, compare->squares, request->columns,
                        request->count, first, ll_min_i64(first + COLUMNS_A_JOB, o->rows),
                        request->scores);
    return LL_OK;
}

ll_status ll_cpu_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                              ll_error *err)
{
    struct request request = {.columns = rows, .count = count, .scores = scores};
    const int64_t all = state_of(be)->compare->options.rows;

    return run_request(be, &request, rescore_block, ll_ceil_div(all, COLUMNS_A_JOB), err);
}
