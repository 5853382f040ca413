/* host/backend/cuda/compare/cuda_features.c - features from the host to the card, in chunks.
 *
 * A chunk of rows is copied into a pinned slot by a few host threads (features are mapped from
 * shards, so they may be read from disk here), goes over on `in`, and is measured and halved on
 * `compute`, while the next chunk is copied into the other slot:
 *
 *   host     waits for moved[s]; copies into slot s
 *   in       waits for made[s] if the chunk lands in the slot; copies; records moved[s]
 *   compute  waits for moved[s]; squares, halves; records made[s]
 *
 * Where f32 features stay, they are copied to their place at once and no slot on the device is
 * needed. Rows of padding are zeros: their scores are never looked at, but NaN among them would
 * make some libraries slow. */
#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "kernels/halve.h"
#include "kernels/rescore.h"

#include <math.h>
#include <string.h>

enum {
    COPY_THREADS = 8,     /* more do not make memory faster */
    COPY_BYTES = 2 << 20, /* a thread's piece */
    MIN_SHARED = 8 << 20, /* below, one thread is quicker than starting others */
};
static const double k_unit_tolerance = 0x1p-16; /* as on the cpu: the slack counts on it */

/* ---- copies ---------------------------------------------------------------------------- */

struct copy {
    const char *src;
    char *dst;
    int64_t bytes;
};

static ll_status copy_piece(void *context, int64_t task, int thread, ll_error *err)
{
    const struct copy *const copy = context;
    const int64_t at = task * COPY_BYTES;

    (void)thread;
    (void)err;
    memcpy(copy->dst + at, copy->src + at, (size_t)ll_min_i64(COPY_BYTES, copy->bytes - at));
    return LL_OK;
}

static ll_status copy_shared(void *dst, const void *src, int64_t bytes, ll_error *err)
{
    struct copy copy = {src, dst, bytes};
    const int threads = (int)ll_min_i64(ll_parallel_cores(), COPY_THREADS);

    if (bytes < MIN_SHARED) {
        memcpy(dst, src, (size_t)bytes);
        return LL_OK;
    }
    return ll_parallel_run(threads, ll_ceil_div(bytes, COPY_BYTES), copy_piece, &copy, err);
}

ll_status ll_cuda_download(struct cuda_compare *compare, void *dst, const void *src, int64_t bytes,
                           ll_error *err)
{
    cudaStream_t const compute = compare->state->compute;
    void *const pinned = compare->slots[1].host;

    for (int64_t at = 0; at < bytes; at += compare->plan.slot_bytes) {
        const size_t part = (size_t)ll_min_i64(compare->plan.slot_bytes, bytes - at);
        LL_TRY(LL_CUDA(cudaMemcpyAsync(pinned, (const char *)src + at, part, cudaMemcpyDeviceToHost,
                                       compute)));
        LL_TRY(LL_CUDA(cudaStreamSynchronize(compute)));
        LL_TRY(copy_shared((char *)dst + at, pinned, (int64_t)part, err));
    }
    return LL_OK;
}

ll_status ll_cuda_upload(struct cuda_compare *compare, void *dst, const void *src, int64_t bytes,
                         ll_error *err)
{
    cudaStream_t const compute = compare->state->compute;
    void *const pinned = compare->slots[0].host;

    for (int64_t at = 0; at < bytes; at += compare->plan.slot_bytes) {
        const size_t part = (size_t)ll_min_i64(compare->plan.slot_bytes, bytes - at);
        memcpy(pinned, (const char *)src + at, part);
        LL_TRY(LL_CUDA(
            cudaMemcpyAsync((char *)dst + at, pinned, part, cudaMemcpyHostToDevice, compute)));
        LL_TRY(LL_CUDA(cudaStreamSynchronize(compute)));
    }
    return LL_OK;
}

/* ---- one chunk ------------------------------------------------------------------------- */

/* Squares and halves of rows [row, row + rows), which lie at `features`. */
static ll_status measure_chunk(struct cuda_compare *compare, const float *features, int64_t row,
                               int64_t rows, ll_error *err)
{
    const int64_t cols = compare->options.cols;
    void *const *const device = compare->device;
    cudaStream_t const compute = compare->state->compute;

    LL_TRY(LL_CUDA(ll_rescore_squares_cuda(features, rows, cols,
                                           (double *)device[LL_CUDA_SQUARES] + row, compute)));
    if (device[LL_CUDA_HALVES] == NULL) return LL_OK;
    return LL_CUDA(ll_halve_rows_cuda(
        features, rows, cols, (uint16_t *)device[LL_CUDA_HALVES] + row * cols,
        (float *)device[LL_CUDA_RESIDUALS] + row, (float *)device[LL_CUDA_LENGTHS] + row, compute));
}

static ll_status upload_chunk(struct cuda_compare *compare, int64_t number, ll_error *err)
{
    struct cuda_state *const state = compare->state;
    struct cuda_slot *const slot = &compare->slots[number % LL_CUDA_SLOTS];
    const ll_compare_options *const o = &compare->options;
    const int64_t row = number * compare->plan.chunk_rows;
    const int64_t rows = ll_min_i64(compare->plan.chunk_rows, o->rows - row);
    const size_t bytes = (size_t)(rows * o->cols) * sizeof *o->features;
    float *const exact = compare->device[LL_CUDA_EXACT];
    float *const target = exact != NULL ? exact + row * o->cols : slot->device;
    const bool used = number >= LL_CUDA_SLOTS;

    if (used) LL_TRY(LL_CUDA(cudaEventSynchronize(slot->moved)));
    LL_TRY(copy_shared(slot->host, o->features + row * o->cols, (int64_t)bytes, err));
    if (used && exact == NULL) LL_TRY(LL_CUDA(cudaStreamWaitEvent(state->in, slot->made, 0)));
    LL_TRY(LL_CUDA(cudaMemcpyAsync(target, slot->host, bytes, cudaMemcpyHostToDevice, state->in)));
    LL_TRY(LL_CUDA(cudaEventRecord(slot->moved, state->in)));
    LL_TRY(LL_CUDA(cudaStreamWaitEvent(state->compute, slot->moved, 0)));
    LL_TRY(measure_chunk(compare, target, row, rows, err));
    return LL_CUDA(cudaEventRecord(slot->made, state->compute));
}

/* All rows into whichever of HALVES and EXACT is there. */
static ll_status upload_all(struct cuda_compare *compare, ll_error *err)
{
    static const struct {
        ll_cuda_buffer buffer;
        int64_t bytes;
    } k_entries[] = {{LL_CUDA_HALVES, 2}, {LL_CUDA_EXACT, 4}};
    const int64_t rows = compare->options.rows, cols = compare->options.cols;
    const int64_t padding = compare->plan.padded_rows - rows;

    for (int k = 0; k < 2; k++) {
        char *const values = compare->device[k_entries[k].buffer];
        const int64_t bytes = k_entries[k].bytes;
        if (values == NULL || padding == 0) continue;
        LL_TRY(LL_CUDA(cudaMemsetAsync(values + rows * cols * bytes, 0,
                                       (size_t)(padding * cols * bytes), compare->state->compute)));
    }
    for (int64_t c = 0; c * compare->plan.chunk_rows < rows; c++)
        LL_TRY(upload_chunk(compare, c, err));
    return LL_CUDA(cudaStreamSynchronize(compare->state->compute));
}

/* ---- all ------------------------------------------------------------------------------- */

static ll_status check_lengths(const struct cuda_compare *compare, ll_error *err)
{
    for (int64_t i = 0; i < compare->options.rows; i++) {
        const double square = compare->squares[i];
        if (square != 0.0 && !(fabs(square - 1.0) <= k_unit_tolerance))
            return ll_fail(err, LL_ERR_ARGUMENT, "features: row %lld has length %g instead of 1",
                           (long long)i, sqrt(square));
    }
    return LL_OK;
}

static double max_of(const float *values, int64_t count)
{
    double most = 0.0;
    for (int64_t i = 0; i < count; i++)
        if ((double)values[i] > most) most = (double)values[i];
    return most;
}

ll_status ll_cuda_features_bind(struct cuda_compare *compare, ll_error *err)
{
    const int64_t rows = compare->options.rows;
    const int64_t floats = rows * (int64_t)sizeof(float);

    LL_TRY(upload_all(compare, err));
    LL_TRY(ll_cuda_download(compare, compare->squares, compare->device[LL_CUDA_SQUARES],
                            rows * (int64_t)sizeof *compare->squares, err));
    LL_TRY(check_lengths(compare, err));
    if (compare->device[LL_CUDA_HALVES] == NULL) return LL_OK;
    LL_TRY(ll_cuda_download(compare, compare->residuals, compare->device[LL_CUDA_RESIDUALS], floats,
                            err));
    LL_TRY(
        ll_cuda_download(compare, compare->lengths, compare->device[LL_CUDA_LENGTHS], floats, err));
    compare->max_residual = max_of(compare->residuals, rows);
    compare->max_length = max_of(compare->lengths, rows);
    return LL_OK;
}

/* ---- in turn --------------------------------------------------------------------------- */

static ll_status wait_for_all(const struct cuda_compare *compare, ll_error *err)
{
    LL_TRY(LL_CUDA(cudaStreamSynchronize(compare->state->in)));
    LL_TRY(LL_CUDA(cudaStreamSynchronize(compare->state->compute)));
    return LL_CUDA(cudaStreamSynchronize(compare->state->out));
}

ll_status ll_cuda_features_for_tiles(struct cuda_compare *compare, ll_error *err)
{
    const int64_t bytes = compare->plan.bytes[LL_CUDA_HALVES];

    if (bytes == 0 || compare->device[LL_CUDA_HALVES] != NULL) return LL_OK;
    LL_TRY(wait_for_all(compare, err));
    LL_TRY(ll_cuda_buffer_drop(compare, LL_CUDA_EXACT, err));
    LL_TRY(ll_cuda_buffer_make(compare, LL_CUDA_HALVES, bytes, err));
    return upload_all(compare, err);
}

/* If a tile follows, the halves are uploaded again from the host. */
ll_status ll_cuda_features_for_rescoring(struct cuda_compare *compare, ll_error *err)
{
    const int64_t bytes = compare->plan.bytes[LL_CUDA_EXACT];
    ll_error cause = LL_ERROR_INIT;
    char size[LL_NUMBER_TEXT];

    if (compare->device[LL_CUDA_EXACT] != NULL ||
        compare->plan.rescoring == LL_CUDA_RESCORE_ON_HOST)
        return LL_OK;
    LL_TRY(wait_for_all(compare, err));
    LL_TRY(ll_cuda_buffer_drop(compare, LL_CUDA_HALVES, err));
    const ll_status status = ll_cuda_buffer_make(compare, LL_CUDA_EXACT, bytes, &cause);
    if (status == LL_ERR_MEMORY) {
        compare->plan.rescoring = LL_CUDA_RESCORE_ON_HOST;
        ll_log_line(compare->state->log, "no %s on the device for rescoring; the cpu does it",
                    ll_number_size((double)bytes, size));
        return LL_OK;
    }
    if (status != LL_OK) return ll_fail(err, status, "%s", cause.text);
    return upload_all(compare, err);
}
