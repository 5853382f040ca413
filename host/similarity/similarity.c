/* host/similarity/similarity.c - see similarity.h.
 *
 * The neighbours are exact although the fast scores are not. A row's candidates are its K + M best
 * by fast score; they get exact scores and are sorted. Whoever is no candidate has an exact score
 * of at most lowest + e, where lowest is the lowest fast score kept and e the backend's bound; so
 * if the K-th exact score is above that, nobody was missed. Otherwise the row is redone: exact
 * scores with every row, and the best K of those. */
#include "host/similarity/similarity.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/similarity/ranking.h"
#include "host/similarity/tile_plan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILES_AT_ONCE = 256, /* between two signs of progress: about 3 s on two cores */
    ROWS_AT_ONCE = 1024, /* handed to the neighbour sink in one call */
    WHOLE_ROWS = 4,      /* redone rows remembered */
    LEAST_MARGIN = 28,   /* M = max(28, K / 4) */
    ENOUGH_TO_SHOW = 10, /* neighbours a product page shows */
};
static const float k_similar = 0.80f; /* the paper's threshold */

/* All exact scores of a row. Byte-equal photos have byte-equal features and so the same scores:
 * a shop's thousand "no image yet" pictures are redone once, not a thousand times. */
struct whole_row {
    int64_t row;   /* -1: none yet */
    int64_t used;  /* when, for throwing out the one not used for longest */
    float *scores; /* (rows) */
};

struct run {
    ll_backend *be;
    const ll_similarity_options *options;
    ll_similarity_summary *summary;
    int64_t keep, rest; /* K + M, M; fewer if there are fewer rows */
    /* One block of at most ROWS_AT_ONCE rows, (block, keep) unless said otherwise. */
    uint32_t *columns;
    float *fast, *exact;
    double *bounds;     /* (block) */
    bool *all;          /* (block) the list holds every permitted row: nobody to miss */
    uint32_t *part;     /* (block, max(K, M)) what is asked of rescore */
    float *part_scores; /* (block, max(K, M)) */
    uint32_t *index;    /* (block, K) the result */
    float *score;       /* (block, K) */
    float *best;        /* (rows) each row's best score, of those that have a neighbour */
    int64_t bests, clock;
    struct whole_row whole[WHOLE_ROWS];
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
    return LL_OK;
}

/* ---- candidates to neighbours ---------------------------------------------------------- */

/* run->part (rows, count) holds candidates [from, from + count) of each row: their exact scores. */
static ll_status rescore_part(struct run *run, int64_t row, int64_t rows, int64_t from,
                              int64_t count, ll_error *err)
{
    if (count == 0) return LL_OK;
    LL_TRY(ll_rescore(run->be, row, rows, run->part, count, run->part_scores, err));
    for (int64_t r = 0; r < rows; r++)
        memcpy(run->exact + r * run->keep + from, run->part_scores + r * count,
               (size_t)count * sizeof *run->exact);
    return LL_OK;
}

/* Exact scores of the first K candidates, then of those among the others that could still come
 * before the worst of them; the others leave the list. */
static ll_status rescore_block(struct run *run, int64_t row, int64_t rows, ll_error *err)
{
    const int64_t keep = run->keep, rest = run->rest, head = keep - rest;

    for (int64_t r = 0; r < rows; r++)
        memcpy(run->part + r * head, run->columns + r * keep, (size_t)head * sizeof *run->part);
    LL_TRY(rescore_part(run, row, rows, 0, head, err));
    for (int64_t r = 0; r < rows; r++) {
        const float *const exact = run->exact + r * keep, *const fast = run->fast + r * keep;
        uint32_t *const columns = run->columns + r * keep;
        float worst = 1.0f;
        for (int64_t c = 0; c < head; c++)
            if (columns[c] != LL_NO_NEIGHBOR && exact[c] < worst) worst = exact[c];
        for (int64_t c = head; c < keep; c++)
            if ((double)fast[c] + run->bounds[r] < (double)worst) columns[c] = LL_NO_NEIGHBOR;
        if (rest > 0)
            memcpy(run->part + r * rest, columns + head, (size_t)rest * sizeof *run->part);
    }
    return rescore_part(run, row, rows, head, rest, err);
}

static ll_status whole_row_of(struct run *run, int64_t row, const float **scores, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const size_t row_bytes = (size_t)o->cols * sizeof *o->features;
    struct whole_row *oldest = &run->whole[0];

    for (int i = 0; i < WHOLE_ROWS; i++) {
        struct whole_row *const w = &run->whole[i];
        if (w->row >= 0 &&
            memcmp(o->features + w->row * o->cols, o->features + row * o->cols, row_bytes) == 0) {
            w->used = ++run->clock;
            *scores = w->scores;
            return LL_OK;
        }
        if (w->used < oldest->used) oldest = w;
    }
    if (oldest->scores == NULL)
        LL_TRY(ll_alloc("a row of scores", o->rows, sizeof *oldest->scores, &oldest->scores, err));
    oldest->row = -1;
    LL_TRY(ll_rescore_row(run->be, row, oldest->scores, err));
    oldest->row = row;
    oldest->used = ++run->clock;
    *scores = oldest->scores;
    return LL_OK;
}

/* Row number `r` of the block, which starts at `row`: its neighbours into run->index, run->score.
 */
static ll_status finish_row(struct run *run, int64_t row, int64_t r, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const int64_t keep = run->keep, wanted = o->neighbors;
    const double lowest = (double)run->fast[r * keep + keep - 1];
    uint32_t *const columns = run->columns + r * keep, *const index = run->index + r * wanted;
    float *const exact = run->exact + r * keep, *const score = run->score + r * wanted;
    int64_t count = ll_ranking_sort(columns, exact, keep);

    if (run->all[r] || (double)exact[wanted - 1] > lowest + run->bounds[r]) {
        count = ll_min_i64(count, wanted);
        memcpy(index, columns, (size_t)count * sizeof *index);
        memcpy(score, exact, (size_t)count * sizeof *score);
    } else {
        const float *scores = NULL;
        LL_TRY(whole_row_of(run, row + r, &scores, err));
        count = ll_ranking_best(scores, o->rows, row + r, o->group, wanted, index, score);
        run->summary->rows_redone++;
    }
    for (int64_t c = count; c < wanted; c++) {
        index[c] = LL_NO_NEIGHBOR;
        score[c] = NAN;
    }
    return LL_OK;
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

static ll_status run_rows(struct run *run, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const int64_t keep = run->keep;

    for (int64_t row = 0; row < o->rows; row += ROWS_AT_ONCE) {
        const int64_t rows = ll_min_i64(ROWS_AT_ONCE, o->rows - row);
        LL_TRY(ll_topk_take(run->be, row, rows, run->columns, run->fast, run->bounds, err));
        for (int64_t r = 0; r < rows; r++) {
            const bool room = run->columns[r * keep + keep - 1] == LL_NO_NEIGHBOR;
            run->all[r] = room || keep >= o->rows - 1;
        }
        LL_TRY(rescore_block(run, row, rows, err));
        for (int64_t r = 0; r < rows; r++) {
            LL_TRY(finish_row(run, row, r, err));
            count_row(run, run->score + r * o->neighbors);
        }
        LL_TRY(o->neighbor_sink.take(o->neighbor_sink.to, row, rows, run->index, run->score, err));
        ll_log_progress(o->log, "rescore", row + rows, o->rows);
    }
    return LL_OK;
}

/* ---- the whole ------------------------------------------------------------------------- */

static ll_status make_buffers(struct run *run, ll_error *err)
{
    const ll_similarity_options *const o = run->options;
    const int64_t block = ll_min_i64(ROWS_AT_ONCE, o->rows), wanted = o->neighbors;
    const int64_t all = block * run->keep, part = block * ll_max_i64(wanted, run->rest);

    LL_TRY(ll_alloc("candidates", all, sizeof *run->columns, &run->columns, err));
    LL_TRY(ll_alloc("candidates", all, sizeof *run->fast, &run->fast, err));
    LL_TRY(ll_alloc("candidates", all, sizeof *run->exact, &run->exact, err));
    LL_TRY(ll_alloc("candidates", part, sizeof *run->part, &run->part, err));
    LL_TRY(ll_alloc("candidates", part, sizeof *run->part_scores, &run->part_scores, err));
    LL_TRY(ll_alloc("candidates", block, sizeof *run->bounds, &run->bounds, err));
    LL_TRY(ll_alloc("candidates", block, sizeof *run->all, &run->all, err));
    LL_TRY(ll_alloc("neighbours", block * wanted, sizeof *run->index, &run->index, err));
    LL_TRY(ll_alloc("neighbours", block * wanted, sizeof *run->score, &run->score, err));
    return ll_alloc("best scores", o->rows, sizeof *run->best, &run->best, err);
}

static void free_buffers(struct run *run)
{
    for (int i = 0; i < WHOLE_ROWS; i++)
        free(run->whole[i].scores);
    free(run->best);
    free(run->score);
    free(run->index);
    free(run->all);
    free(run->bounds);
    free(run->part_scores);
    free(run->part);
    free(run->exact);
    free(run->fast);
    free(run->columns);
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

ll_status ll_similarity_run(ll_backend *be, const ll_similarity_options *options,
                            ll_similarity_summary *summary, ll_error *err)
{
    const int64_t wanted = options->neighbors, others = ll_max_i64(options->rows - 1, 1);
    const int64_t margin = ll_max_i64(LEAST_MARGIN, wanted / 4);
    struct run run = {.be = be, .options = options, .summary = summary};
    ll_status status = LL_OK;
    double start;

    assert(wanted >= 0 && wanted <= others);
    *summary = (ll_similarity_summary){.median_best = NAN};
    if (options->rows == 0) return LL_OK;
    run.keep = wanted == 0 ? 0 : ll_min_i64(wanted + margin, others);
    run.rest = run.keep - wanted;
    for (int i = 0; i < WHOLE_ROWS; i++)
        run.whole[i].row = -1;

    const ll_compare_options compare = {.features = options->features,
                                        .rows = options->rows,
                                        .cols = options->cols,
                                        .keep = (int)run.keep,
                                        .group = options->group,
                                        .matrix = options->matrix,
                                        .sink = options->matrix_sink};
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
