/* host/backend/cuda/compare/cuda_tile.c - one tile of scores: multiplied, selected from, sent home.
 *
 * In this order, all from one buffer of scores:
 *   product    halves, sums in f32, alpha 1/4096 for the 64 x 64 of the halves; or f32 features,
 *              part by part
 *   mirror     on the diagonal: both halves of it to the bit, before anybody looks at it
 *   offer      to the lists of its rows and, off the diagonal, of its columns
 *   narrow     into a slot, packed
 *
 * Where nothing is stored, the product runs on `compute` and records made[s]; what selects from it
 * runs on `out` and records moved[s], for which the product after the next waits. So selecting from
 * one tile, which is bound by memory, overlaps with multiplying the next, at the price of a second
 * buffer.
 *
 * Where a matrix is stored, all of it runs on `compute`,
 * then on `out`, after made[s], the copy to the host, which records moved[s]. The host hands it to
 * the sink when it needs the slot again, or at the sync: so one tile's copy and the sink's work on
 * it go on while the next is computed. `compute` need not wait for the copy: the host waits for
 * moved[s] before it queues the next tile for this slot. */
#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/size.h"
#include "kernels/halve.h"
#include "kernels/narrow.h"

ll_topk_card ll_cuda_lists(const struct cuda_compare *compare)
{
    void *const *const device = compare->device;
    return (ll_topk_card){.keys = device[LL_CUDA_KEYS],
                          .worst = device[LL_CUDA_WORST],
                          .counts = device[LL_CUDA_COUNTS],
                          .base_counts = device[LL_CUDA_BASE_COUNTS],
                          .keep = compare->options.keep,
                          .capacity = ll_topk_capacity(compare->options.keep)};
}

static ll_status multiply_halves(struct cuda_compare *compare, int64_t i, int64_t j, void *scores,
                                 ll_error *err)
{
    const int64_t block = compare->plan.tile * compare->options.cols; /* entries */
    const uint16_t *const halves = compare->device[LL_CUDA_HALVES];

    return ll_gemm_run(compare->gemm, 1.0f / (LL_HALVE_SCALE * LL_HALVE_SCALE), halves + i * block,
                       halves + j * block, NULL, scores, compare->device[LL_CUDA_WORKSPACE],
                       compare->state->compute, err);
}

/* In parts of 256 columns, each added to the tile: a card adds all of a product's columns to one
 * sum, and the roundings of 4096 additions near 1 leave about 8e-7 (as a standard deviation), where
 * /similarity promises 1e-6 at most. A part's sum is small and so are its roundings; those of 16
 * parts and of adding them leave about 6e-8. */
static ll_status multiply_exact(struct cuda_compare *compare, int64_t i, int64_t j, ll_error *err)
{
    const int64_t cols = compare->options.cols, block = compare->plan.tile * cols;
    const float *const x = (const float *)compare->device[LL_CUDA_EXACT] + i * block;
    const float *const y = (const float *)compare->device[LL_CUDA_EXACT] + j * block;
    void *const scores = compare->device[LL_CUDA_SCORES];
    cudaStream_t const compute = compare->state->compute;

    LL_TRY(
        LL_CUDA(cudaMemsetAsync(scores, 0, (size_t)compare->plan.bytes[LL_CUDA_SCORES], compute)));
    for (int64_t k = 0; k < cols; k += LL_CUDA_PART_COLS) {
        const bool last = compare->tail != NULL && cols - k < LL_CUDA_PART_COLS;
        LL_TRY(ll_gemm_run(last ? compare->tail : compare->gemm, 1.0f, x + k, y + k, NULL, scores,
                           compare->device[LL_CUDA_WORKSPACE], compute, err));
    }
    return LL_OK;
}

/* Into the lists, on `stream`; a diagonal tile is made whole first. */
static ll_status offer(struct cuda_compare *compare, int64_t i, int64_t j, float *values,
                       cudaStream_t stream, ll_error *err)
{
    const int64_t tile = compare->plan.tile;
    const ll_topk_card lists = ll_cuda_lists(compare);
    const ll_topk_tile scores = {.scores = values,
                                 .stride = tile,
                                 .row = i * tile,
                                 .rows = ll_cuda_block_rows(compare, i),
                                 .column = j * tile,
                                 .columns = ll_cuda_block_rows(compare, j),
                                 .group = compare->device[LL_CUDA_GROUP]};

    if (i == j)
        LL_TRY(
            LL_CUDA(ll_narrow_mirror_cuda(values, tile, ll_cuda_block_rows(compare, i), stream)));
    if (compare->options.keep == 0) return LL_OK;
    return LL_CUDA(ll_topk_offer_cuda(&lists, &scores, stream));
}

static ll_status send(struct cuda_compare *compare, int64_t i, int64_t j, struct cuda_slot *slot,
                      ll_error *err)
{
    const ll_narrow_tile scores = {.scores = compare->device[LL_CUDA_SCORES],
                                   .stride = compare->plan.tile,
                                   .rows = ll_cuda_block_rows(compare, i),
                                   .columns = ll_cuda_block_rows(compare, j)};
    const int64_t bytes = scores.rows * scores.columns * compare->demand.stored_bytes;
    cudaStream_t const compute = compare->state->compute, out = compare->state->out;

    LL_TRY(LL_CUDA(ll_narrow_tile_cuda(&scores, compare->options.matrix, slot->device, compute)));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->made, compute)));
    LL_TRY(LL_CUDA(cudaStreamWaitEvent(out, slot->made, 0)));
    LL_TRY(LL_CUDA(
        cudaMemcpyAsync(slot->host, slot->device, (size_t)bytes, cudaMemcpyDeviceToHost, out)));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->moved, out)));
    slot->i = i;
    slot->j = j;
    slot->pending = true;
    return LL_OK;
}

/* On `out`, which has nothing else to do here, while `compute` multiplies the next tile into the
 * other buffer. */
static ll_status queue_overlapped(struct cuda_compare *compare, int64_t i, int64_t j,
                                  struct cuda_slot *slot, ll_error *err)
{
    const bool other = slot == &compare->slots[1];
    float *const scores = compare->device[other ? LL_CUDA_SCORES_2 : LL_CUDA_SCORES];
    cudaStream_t const compute = compare->state->compute, out = compare->state->out;

    /* This buffer holds the tile before the last one until its candidates have been selected. */
    LL_TRY(LL_CUDA(cudaStreamWaitEvent(compute, slot->moved, 0)));
    LL_TRY(multiply_halves(compare, i, j, scores, err));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->made, compute)));
    LL_TRY(LL_CUDA(cudaStreamWaitEvent(out, slot->made, 0)));
    LL_TRY(offer(compare, i, j, scores, out, err));
    return LL_CUDA(cudaEventRecord(slot->moved, out));
}

ll_status ll_cuda_tile_queue(struct cuda_compare *compare, int64_t i, int64_t j,
                             struct cuda_slot *slot, ll_error *err)
{
    if (compare->demand.stored_bytes == 0) return queue_overlapped(compare, i, j, slot, err);
    LL_TRY(multiply_exact(compare, i, j, err));
    LL_TRY(offer(compare, i, j, compare->device[LL_CUDA_SCORES], compare->state->compute, err));
    return send(compare, i, j, slot, err);
}

ll_status ll_cuda_tile_deliver(struct cuda_compare *compare, struct cuda_slot *slot, ll_error *err)
{
    const ll_tile_sink *const sink = &compare->options.sink;
    const int64_t tile = compare->plan.tile, i = slot->i, j = slot->j;

    if (!slot->pending) return LL_OK;
    slot->pending = false;
    const cudaError_t code = cudaEventSynchronize(slot->moved);
    if (code != cudaSuccess)
        return ll_fail(err, LL_ERR_DEVICE,
                       "comparing, tile (%lld, %lld): CUDA: %s in cudaEventSynchronize",
                       (long long)i, (long long)j, cudaGetErrorString(code));
    const int64_t rows = ll_cuda_block_rows(compare, i), columns = ll_cuda_block_rows(compare, j);
    return sink->receive(sink->to, i * tile, rows, j * tile, columns, slot->host, err);
}
