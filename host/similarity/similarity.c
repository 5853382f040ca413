/* host/similarity/similarity.c - see similarity.h.
 *
 * The neighbours are exact although the fast scores are not. A row's candidates are its K + M best
 * by fast score; they get exact scores and are sorted. An item that is no candidate has an exact
 * score of at most lowest + e, where lowest is the lowest fast score kept and e the backend's
 * bound; so if the K-th exact score is above that, no neighbour was missed. Otherwise the row is
 * redone: exact scores with every row, and the best K of those.
 *
 * Rows are processed in blocks, two at a time, so that device and host work at the same time:
 *
 *   device   lists of block n | exact scores of its first K          | of others that matter
 *   host                      | block n - 1 sorted, redone, given on | who matters */
#include "host/similarity/similarity.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/similarity/ranking.h"
#include "host/similarity/redo.h"
#include "host/similarity/tile_plan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILES_AT_ONCE = 256,     /* between two signs of progress: about 3 s on two cores */
    MAX_ROWS = 4096,         /* of a block, which goes to the neighbour sink in one call */
    MIN_ROWS = 256,          /* rows are a multiple of it, as the checksums of an index are */
    PAIRS_AT_ONCE = 1 << 20, /* candidates of a block */
    ROWS_A_TASK = 64,        /* about a tenth of a millisecond */
    MAX_THREADS = 8,         /* enough to be done before the device is, and to start in no time */
    ENOUGH_TO_SHOW = 10,     /* neighbours a product page shows */
};
static const float k_similar = 0.80f; /* the paper's threshold */

/* Rows on their way from candidates to neighbours; arrays (rows, keep) unless said otherwise. */
struct block {
    int64_t row, rows;
    uint32_t *columns;
    float *fast, *exact;
    double *bounds;     /* (rows) */
    bool *all;          /* (rows) the list holds every permitted row: nobody to miss */
    bool *certain;      /* (rows) */
    uint32_t *part;     /* (rows, max(K, M)) what is asked of rescore */
    float *part_scores; /* (rows, max(K, M)) */
};

struct run {
    ll_backend *be;
    const ll_similarity_options *options;
    ll_similarity_summary *summary;
    int64_t keep, rest; /* K + M, M; fewer if there are fewer rows */
    int threads;
    int64_t block_rows;
    struct block blocks[2], *at; /* `at`: what tasks work on */
    uint32_t *index;             /* (block_rows, K) the result of a block */
    float *score;                /* (block_rows, K) */
    uint32_t *uncertain;         /* (block_rows) row numbers */
    ll_redo *redo;
    float *best; /* (rows) each row's best score, of those that have a neighbour */
    int64_t bests;
};

/* ---- tiles ----------------------------------------------------------------------------- */

static ll_status run_tiles(struct run *run, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const int64_t tile = ll_compare_tile(run->be);
    const ll_tile_plan plan = ll_tile_plan_make(o->rows, tile);

    if (o->matrix != LL_MATRIX_NONE && o->matrix_begin != NULL)
        LL_TRY(o->matrix_begin(o->matrix_sink.to, LL_TILE_PLAN_BAND * tile, err));
    ll_log_progress(o->log, "compare", 0, plan.tiles);
    for (int64_t first = 0; first < plan.tiles; first += TILES_AT_ONCE) {
        const int64_t end = ll_min_i64(first + TILES_AT_ONCE, plan.tiles);
        for (int64_t number = first; number < end; number++) {
            int64_t i, j;
            ll_tile_plan_at(&plan, number, &i, &j);
            LL_TRY(ll_tile_submit(run->be, i, j, err));
        }
        LL_TRY(ll_compare_sync(run->be, err));
        ll_log_progress(o->log, "compare", end, plan.tiles);
    }
    run->summary->tiles = plan.tiles;
    run->summary->tile = ll_compare_tile(run->be);
    return LL_OK;
}

/* ---- candidates to neighbours, on the host --------------------------------------------- */

/* Every row of run->at, `work` on (run, row within the block), on a few threads. */
struct each_row {
    struct run *run;
    void (*work)(struct run *run, int64_t r);
};

static ll_status work_rows(void *context, int64_t task, int thread, ll_error *err)
{
    const struct each_row *const each = context;
    const int64_t first = task * ROWS_A_TASK, end = first + ROWS_A_TASK;

    (void)thread;
    (void)err;
    for (int64_t r = first; r < ll_min_i64(end, each->run->at->rows); r++)
        each->work(each->run, r);
    return LL_OK;
}

static ll_status each_row(struct run *run, struct block *block,
                          void (*work)(struct run *run, int64_t r), ll_error *err)
{
    struct each_row each = {run, work};

    run->at = block;
    return ll_parallel_run(run->threads, ll_ceil_div(block->rows, ROWS_A_TASK), work_rows, &each,
                           err);
}

/* Of the candidates after the first K, whose exact scores are there, only those stay that could
 * still come before the worst of the first: they are asked for next. */
static void choose_others(struct run *run, int64_t r)
{
    struct block *const b = run->at;
    const int64_t keep = run->keep, rest = run->rest, head = keep - rest;
    const float *const fast = b->fast + r * keep;
    float *const exact = b->exact + r * keep;
    uint32_t *const columns = b->columns + r * keep;
    float worst = 1.0f;

    memcpy(exact, b->part_scores + r * head, (size_t)head * sizeof *exact);
    for (int64_t c = 0; c < head; c++)
        if (columns[c] != LL_NO_NEIGHBOR && exact[c] < worst) worst = exact[c];
    for (int64_t c = head; c < keep; c++)
        if ((double)fast[c] + b->bounds[r] < (double)worst) columns[c] = LL_NO_NEIGHBOR;
    memcpy(b->part + r * rest, columns + head, (size_t)rest * sizeof *columns);
}

/* All exact scores that matter are there: the neighbours of a row, if they are certain. */
static void order_row(struct run *run, int64_t r)
{
    struct block *const b = run->at;
    const int64_t keep = run->keep, rest = run->rest, wanted = run->options->neighbors;
    const double lowest = (double)b->fast[r * keep + keep - 1];
    uint32_t *const columns = b->columns + r * keep;
    float *const exact = b->exact + r * keep;

    memcpy(exact + keep - rest, b->part_scores + r * rest, (size_t)rest * sizeof *exact);
    const int64_t count = ll_ranking_sort(columns, exact, keep);
    b->certain[r] = b->all[r] || (double)exact[wanted - 1] > lowest + b->bounds[r];
    if (b->certain[r])
        ll_ranking_without_self(columns, exact, count, b->row + r, wanted, run->index + r * wanted,
                                run->score + r * wanted);
}

static void count_row(struct run *run, const float *score)
{
    const int64_t wanted = run->options->neighbors;

    if (isnan(score[0])) return;
    run->best[run->bests++] = score[0];
    run->summary->rows_with_one += score[0] >= k_similar;
    if (wanted >= ENOUGH_TO_SHOW)
        run->summary->rows_with_ten += score[ENOUGH_TO_SHOW - 1] >= k_similar;
}

/* ---- a block, step by step ------------------------------------------------------------- */

/* The lists of the rows from `row` on, and exact scores of the first K of each, under way. */
static ll_status start_block(struct run *run, struct block *b, int64_t row, ll_error *err)
{
    const int64_t keep = run->keep, head = keep - run->rest, others = run->options->rows - 1;

    b->row = row;
    b->rows = ll_min_i64(run->block_rows, run->options->rows - row);
    LL_TRY(ll_topk_extract(run->be, row, b->rows, b->columns, b->fast, b->bounds, err));
    for (int64_t r = 0; r < b->rows; r++) {
        const uint32_t *const columns = b->columns + r * keep;
        b->all[r] = columns[keep - 1] == LL_NO_NEIGHBOR || keep >= others;
        memcpy(b->part + r * head, columns, (size_t)head * sizeof *columns);
    }
    return ll_rescore_submit(run->be, row, b->rows, b->part, head, b->part_scores, err);
}

/* The exact scores of the others that matter. */
static ll_status score_others(struct run *run, struct block *b, ll_error *err)
{
    LL_TRY(ll_rescore_wait(run->be, err));
    LL_TRY(each_row(run, b, choose_others, err));
    if (run->rest == 0) return LL_OK;
    return ll_rescore(run->be, b->row, b->rows, b->part, run->rest, b->part_scores, err);
}

static ll_status finish_block(struct run *run, struct block *b, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    int64_t uncertain = 0;

    LL_TRY(each_row(run, b, order_row, err));
    for (int64_t r = 0; r < b->rows; r++)
        if (!b->certain[r]) run->uncertain[uncertain++] = (uint32_t)(b->row + r);
    LL_TRY(ll_redo_rows(run->redo, run->uncertain, uncertain, b->row, run->index, run->score, err));
    run->summary->rows_redone += uncertain;
    for (int64_t r = 0; r < b->rows; r++)
        count_row(run, run->score + r * o->neighbors);
    LL_TRY(o->neighbor_sink.receive(o->neighbor_sink.to, b->row, b->rows, run->index, run->score,
                                    err));
    ll_log_progress(o->log, "rescore", b->row + b->rows, o->rows);
    return LL_OK;
}

static ll_status run_rows(struct run *run, ll_error *err)
{
    const int64_t blocks = ll_ceil_div(run->options->rows, run->block_rows);

    for (int64_t n = 0; n <= blocks; n++) {
        struct block *const b = &run->blocks[n % 2], *const before = &run->blocks[(n + 1) % 2];
        if (n < blocks) LL_TRY(start_block(run, b, n * run->block_rows, err));
        if (n > 0) LL_TRY(finish_block(run, before, err));
        if (n < blocks) LL_TRY(score_others(run, b, err));
    }
    return LL_OK;
}

/* ---- the whole ------------------------------------------------------------------------- */

static ll_status make_block(const struct run *run, struct block *b, ll_error *err)
{
    const int64_t rows = run->block_rows, all = rows * run->keep;
    const int64_t part = rows * ll_max_i64(run->options->neighbors, run->rest);

    LL_TRY(ll_alloc("candidates", all, sizeof *b->columns, &b->columns, err));
    LL_TRY(ll_alloc("candidates", all, sizeof *b->fast, &b->fast, err));
    LL_TRY(ll_alloc("candidates", all, sizeof *b->exact, &b->exact, err));
    LL_TRY(ll_alloc("candidates", part, sizeof *b->part, &b->part, err));
    LL_TRY(ll_alloc("candidates", part, sizeof *b->part_scores, &b->part_scores, err));
    LL_TRY(ll_alloc("candidates", rows, sizeof *b->bounds, &b->bounds, err));
    LL_TRY(ll_alloc("candidates", rows, sizeof *b->certain, &b->certain, err));
    return ll_alloc("candidates", rows, sizeof *b->all, &b->all, err);
}

static int64_t rows_of_block(int64_t rows, int64_t keep)
{
    const int64_t most = PAIRS_AT_ONCE / keep / MIN_ROWS * MIN_ROWS;

    return ll_min_i64(ll_max_i64(ll_min_i64(most, MAX_ROWS), MIN_ROWS), rows);
}

static ll_redo_options redo_options(const struct run *run)
{
    const ll_similarity_options *const o = run->options;

    return (ll_redo_options){.be = run->be,
                             .features = o->features,
                             .rows = o->rows,
                             .cols = o->cols,
                             .group = o->group,
                             .neighbors = o->neighbors,
                             .most = run->block_rows,
                             .threads = run->threads};
}

/* What make_buffers allocates. */
static int64_t buffer_bytes(const struct run *run)
{
    const struct block *const b = run->blocks;
    const int64_t wanted = run->options->neighbors, part = ll_max_i64(wanted, run->rest);
    const int64_t block_row =
        run->keep * (int64_t)(sizeof *b->columns + sizeof *b->fast + sizeof *b->exact) +
        part * (int64_t)(sizeof *b->part + sizeof *b->part_scores) +
        (int64_t)(sizeof *b->bounds + sizeof *b->certain + sizeof *b->all);
    const int64_t result_row = wanted * (int64_t)(sizeof *run->index + sizeof *run->score) +
                               (int64_t)sizeof *run->uncertain;
    const ll_redo_options redo = redo_options(run);

    return run->block_rows * (2 * block_row + result_row) + ll_redo_bytes(&redo) +
           run->options->rows * (int64_t)sizeof *run->best;
}

static ll_status make_buffers(struct run *run, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const int64_t wanted = o->neighbors;

    LL_TRY(make_block(run, &run->blocks[0], err));
    LL_TRY(make_block(run, &run->blocks[1], err));
    LL_TRY(ll_alloc("neighbours", run->block_rows * wanted, sizeof *run->index, &run->index, err));
    LL_TRY(ll_alloc("neighbours", run->block_rows * wanted, sizeof *run->score, &run->score, err));
    LL_TRY(ll_alloc("neighbours", run->block_rows, sizeof *run->uncertain, &run->uncertain, err));
    const ll_redo_options redo = redo_options(run);
    LL_TRY(ll_redo_create(&redo, &run->redo, err));
    return ll_alloc("best scores", o->rows, sizeof *run->best, &run->best, err);
}

static void free_buffers(struct run *run)
{
    ll_redo_free(run->redo);
    free(run->best);
    free(run->uncertain);
    free(run->score);
    free(run->index);
    for (int n = 0; n < 2; n++) {
        struct block *const b = &run->blocks[n];
        free(b->all);
        free(b->certain);
        free(b->bounds);
        free(b->part_scores);
        free(b->part);
        free(b->exact);
        free(b->fast);
        free(b->columns);
    }
}

static int by_score(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double median(float *values, int64_t count)
{
    if (count == 0) return NAN;
    qsort(values, (size_t)count, sizeof *values, by_score);
    return 0.5 * ((double)values[(count - 1) / 2] + (double)values[count / 2]);
}

int64_t ll_similarity_candidates(const ll_backend *be, int64_t rows, int64_t neighbors)
{
    if (neighbors == 0) return 0;
    return ll_min_i64(neighbors + ll_compare_margin(be, neighbors), ll_max_i64(rows - 1, 1));
}

static struct run make_run(const ll_backend *be, const ll_similarity_options *options)
{
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();
    struct run run = {.options = options, .threads = (int)ll_min_i64(threads, MAX_THREADS)};

    run.keep = ll_similarity_candidates(be, options->rows, options->neighbors);
    run.rest = run.keep - options->neighbors;
    if (run.keep > 0) run.block_rows = rows_of_block(options->rows, run.keep);
    return run;
}

static ll_compare_options compare_options(const struct run *run)
{
    const ll_similarity_options *const o = run->options;

    return (ll_compare_options){.features = o->features,
                                .rows = o->rows,
                                .cols = o->cols,
                                .keep = (int)run->keep,
                                .group = o->group,
                                .matrix = o->matrix,
                                .sink = o->matrix_sink};
}

int64_t ll_similarity_host_bytes(const ll_backend *be, const ll_similarity_options *options)
{
    const struct run run = make_run(be, options);
    const ll_compare_options compare = compare_options(&run);

    return ll_compare_host_bytes(be, &compare) + (run.keep > 0 ? buffer_bytes(&run) : 0);
}

ll_status ll_similarity_run(ll_backend *be, const ll_similarity_options *options,
                            ll_similarity_summary *summary, ll_error *err)
{
    const int64_t wanted = options->neighbors;
    struct run run = make_run(be, options);
    ll_status status = LL_OK;
    double start;

    assert(wanted >= 0 && wanted <= ll_max_i64(options->rows - 1, 1));
    *summary = (ll_similarity_summary){.median_best = NAN};
    if (options->rows == 0) return LL_OK;
    run.be = be;
    run.summary = summary;
    const ll_compare_options compare = compare_options(&run);
    start = ll_clock_seconds();
    LL_TRY_DONE(ll_compare_begin(be, &compare, err));
    LL_TRY_DONE(run_tiles(&run, err));
    summary->tile_seconds = ll_clock_seconds() - start;
    if (wanted == 0) goto done;

    start = ll_clock_seconds();
    LL_TRY_DONE(make_buffers(&run, err));
    LL_TRY_DONE(run_rows(&run, err));
    summary->median_best = median(run.best, run.bests);
    summary->rescore_seconds = ll_clock_seconds() - start;
done:
    ll_compare_end(be);
    free_buffers(&run);
    return status;
}
