/* host/backend/cuda/compare/cuda_candidates.c - the lists of a comparison, and exact scores of
 * pairs.
 *
 * A block of rows at a time, as many as a slot holds: up, kernel, down, all on `compute`. The last
 * part of a block is left under way until somebody waits for it, so that the host can put the block
 * before it in order meanwhile. Copies do not overlap kernels: a kernel reads 16 KB a pair, against
 * the 8 bytes a pair that move.
 *
 * bounds[i] >= |fast - exact| for every pair (i, j). With h_j = fp16(64 u_j), r_j and l_j as
 * kernels/halve.h stores them, both rounded up:
 *     |u_i . u_j - (h_i . h_j) / 4096|  <=  r_i l_j + |u_i| r_j
 * where |u_i| <= 1 + 2^-17, and j is anybody: the largest l and the largest r stand for it. To that
 * comes what the sum itself may lose (ll_cuda_plan_slack). Clamping moves a fast score no further
 * from an exact one in [0, 1]. Products of f32 features have no r. */
#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "kernels/rescore.h"

#include <string.h>

enum {
    HOST_ROWS = 8,     /* a task of the cpu twin: about a millisecond */
    HOST_COLUMNS = 64, /* rows of features that stay in cache for all rows asked for */
};
static const double k_longest = 1.0 + 0x1p-17; /* |u|: cuda_features.c checks the squares */

static struct cuda_compare *compare_of(const ll_backend *be)
{
    return ((struct cuda_state *)be->state)->compare;
}

/* ---- candidates ------------------------------------------------------------------------ */

static ll_status extract(struct cuda_compare *compare, int64_t row, int64_t rows, uint32_t *columns,
                         float *scores, ll_error *err)
{
    const int64_t keep = compare->options.keep;
    const ll_topk_card lists = ll_cuda_lists(compare);
    const int64_t most = ll_cuda_plan_rows_at_once(&compare->plan, keep);
    void *const device_columns = compare->slots[0].device;
    void *const device_scores = compare->slots[1].device;

    for (int64_t at = 0; at < rows; at += most) {
        const int64_t part = ll_min_i64(most, rows - at), bytes = part * keep * 4;
        LL_TRY(LL_CUDA(ll_topk_extract_cuda(&lists, row + at, part, device_columns, device_scores,
                                            compare->state->compute)));
        LL_TRY(ll_cuda_download(compare, columns + at * keep, device_columns, bytes, err));
        LL_TRY(ll_cuda_download(compare, scores + at * keep, device_scores, bytes, err));
    }
    return LL_OK;
}

ll_status ll_cuda_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                               float *scores, double *bounds, ll_error *err)
{
    struct cuda_compare *const compare = compare_of(be);
    const bool stored = compare->demand.stored_bytes > 0;
    const double slack =
        ll_cuda_plan_slack(compare->options.cols, compare->state->capability, stored);
    ll_error cause = LL_ERROR_INIT;

    LL_TRY(ll_cuda_compare_drain(compare, err));
    for (int64_t r = 0; r < rows; r++)
        bounds[r] = stored ? slack
                           : (double)compare->residuals[row + r] * compare->max_length +
                                 k_longest * compare->max_residual + slack;
    return ll_cuda_compare_failed(extract(compare, row, rows, columns, scores, &cause), &cause,
                                  "candidates", err);
}

/* ---- exact scores on the device -------------------------------------------------------- */

static ll_status pairs_finish(struct cuda_compare *compare, ll_error *err)
{
    const struct cuda_pairs pairs = compare->pairs;
    const float *const got = compare->slots[1].host;

    compare->pairs.count = 0;
    if (pairs.count == 0) return LL_OK;
    LL_TRY(LL_CUDA(cudaEventSynchronize(compare->slots[1].moved)));
    for (int64_t k = 0; k < pairs.count; k++)
        pairs.scores[k] = pairs.columns[k] != UINT32_MAX ? got[k] : pairs.scores[k];
    return LL_OK;
}

/* Rows [row, row + rows) with `count` columns each; as many as a slot holds. Nothing is under way.
 */
static ll_status pairs_start(struct cuda_compare *compare, int64_t row, int64_t rows,
                             const uint32_t *columns, int64_t count, float *scores, ll_error *err)
{
    const size_t bytes = (size_t)(rows * count) * sizeof *columns;
    cudaStream_t const compute = compare->state->compute;
    const struct cuda_slot *const up = &compare->slots[0], *const down = &compare->slots[1];

    memcpy(up->host, columns, bytes);
    LL_TRY(LL_CUDA(cudaMemcpyAsync(up->device, up->host, bytes, cudaMemcpyHostToDevice, compute)));
    LL_TRY(LL_CUDA(ll_rescore_cuda(compare->device[LL_CUDA_EXACT], compare->options.cols,
                                   compare->device[LL_CUDA_SQUARES], row, rows, up->device, count,
                                   down->device, compute)));
    LL_TRY(
        LL_CUDA(cudaMemcpyAsync(down->host, down->device, bytes, cudaMemcpyDeviceToHost, compute)));
    LL_TRY(LL_CUDA(cudaEventRecord(down->moved, compute)));
    compare->pairs = (struct cuda_pairs){columns, scores, rows * count};
    return LL_OK;
}

static ll_status rescore_on_device(struct cuda_compare *compare, int64_t row, int64_t rows,
                                   const uint32_t *columns, int64_t count, float *scores,
                                   ll_error *err)
{
    /* Either many rows of all their columns, or one row and some of them. */
    const int64_t most = ll_cuda_plan_rows_at_once(&compare->plan, count);
    const int64_t width = ll_cuda_plan_values_at_once(&compare->plan, count);

    for (int64_t at = 0; at < rows; at += most)
        for (int64_t c = 0; c < count; c += width) {
            LL_TRY(pairs_finish(compare, err));
            LL_TRY(pairs_start(compare, row + at, ll_min_i64(most, rows - at),
                               columns + at * count + c, ll_min_i64(width, count - c),
                               scores + at * count + c, err));
        }
    return LL_OK;
}

static ll_status rescore_rows_on_device(struct cuda_compare *compare, const uint32_t *rows,
                                        int64_t count, float *scores, ll_error *err)
{
    const int64_t all = compare->options.rows, most = compare->plan.whole_rows;
    void *const which = compare->slots[0].device, *const made = compare->device[LL_CUDA_ROW_SCORES];

    for (int64_t at = 0; at < count; at += most) {
        const int64_t part = ll_min_i64(most, count - at);
        LL_TRY(ll_cuda_upload(compare, which, rows + at, part * (int64_t)sizeof *rows, err));
        LL_TRY(LL_CUDA(ll_rescore_rows_cuda(compare->device[LL_CUDA_EXACT], all,
                                            compare->options.cols, compare->device[LL_CUDA_SQUARES],
                                            which, part, made, compare->state->compute)));
        LL_TRY(ll_cuda_download(compare, scores + at * all, made,
                                part * all * (int64_t)sizeof *scores, err));
    }
    return LL_OK;
}

/* ---- exact scores on the host, where features never fit the device --------------------- */

struct request {
    const struct cuda_compare *compare;
    int64_t row, rows, count;
    const uint32_t *columns; /* (rows, count); rows against all: the rows (count) */
    float *scores;           /* (rows, count); rows against all: (count, all) */
};

static ll_status rescore_rows(void *context, int64_t task, int thread, ll_error *err)
{
    const struct request *const q = context;
    const ll_compare_options *const o = &q->compare->options;
    const int64_t first = task * HOST_ROWS;

    (void)thread;
    (void)err;
    for (int64_t r = first; r < ll_min_i64(first + HOST_ROWS, q->rows); r++)
        ll_rescore_cpu(o->features, o->cols, q->compare->squares, q->row + r,
                       q->columns + r * q->count, q->count, q->scores + r * q->count);
    return LL_OK;
}

/* Some rows against 64 of all. */
static ll_status rescore_block(void *context, int64_t task, int thread, ll_error *err)
{
    const struct request *const q = context;
    const ll_compare_options *const o = &q->compare->options;
    const int64_t first = task * HOST_COLUMNS;

    (void)thread;
    (void)err;
    ll_rescore_rows_cpu(o->features, o->rows, o->cols, q->compare->squares, q->columns, q->count,
                        first, ll_min_i64(first + HOST_COLUMNS, o->rows), q->scores);
    return LL_OK;
}

/* ---- both ------------------------------------------------------------------------------ */

ll_status ll_cuda_rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                 int64_t count, float *scores, ll_error *err)
{
    struct cuda_compare *const compare = compare_of(be);
    struct request request = {compare, row, rows, count, columns, scores};
    ll_error cause = LL_ERROR_INIT;

    if (rows == 0 || count == 0) return LL_OK;
    LL_TRY(ll_cuda_compare_drain(compare, err));
    LL_TRY(ll_cuda_compare_failed(ll_cuda_features_for_rescoring(compare, &cause), &cause,
                                  "features", err));
    if (compare->plan.rescoring == LL_CUDA_RESCORE_ON_HOST)
        return ll_parallel_run(ll_parallel_cores(), ll_ceil_div(rows, HOST_ROWS), rescore_rows,
                               &request, err);
    return ll_cuda_compare_failed(
        rescore_on_device(compare, row, rows, columns, count, scores, &cause), &cause, "rescoring",
        err);
}

ll_status ll_cuda_rescore_wait(ll_backend *be, ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;
    return ll_cuda_compare_failed(pairs_finish(compare_of(be), &cause), &cause, "rescoring", err);
}

ll_status ll_cuda_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                               ll_error *err)
{
    struct cuda_compare *const compare = compare_of(be);
    const int64_t all = compare->options.rows;
    struct request request = {
        .compare = compare, .count = count, .columns = rows, .scores = scores};
    ll_error cause = LL_ERROR_INIT;

    LL_TRY(ll_cuda_compare_drain(compare, err));
    LL_TRY(ll_cuda_compare_failed(ll_cuda_features_for_rescoring(compare, &cause), &cause,
                                  "features", err));
    if (compare->plan.rescoring == LL_CUDA_RESCORE_ON_HOST)
        return ll_parallel_run(ll_parallel_cores(), ll_ceil_div(all, HOST_COLUMNS), rescore_block,
                               &request, err);
    return ll_cuda_compare_failed(rescore_rows_on_device(compare, rows, count, scores, &cause),
                                  &cause, "rescoring rows", err);
}
