/* host/backend/cuda/compare/cuda_compare.c - a comparison on a card: what it holds, from begin to
 * end.
 *
 * Everything is allocated in the beginning, so that a night that will not fit ends before it has
 * computed anything. If there is less memory than the card reported (other programs use it too),
 * the tile is halved, down to a minimum, and that is logged. The largest buffers are allocated
 * last: if only the f32 features do not fit, they are loaded after the halves are freed, and the
 * tile stays as it is.
 *
 * The algorithm of the product is chosen by shape, so the bits of a stored matrix depend on the
 * tile; neighbours do not: they are rescored. */
#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "kernels/halve.h"
#include "kernels/launch_shape.h"

#include <stdlib.h>
#include <string.h>

enum { STAGE_TEXT = 64 };
/* The waiting thread sleeps instead of spinning, which leaves the core to the sink. */
static const unsigned k_waitable = cudaEventDisableTiming | cudaEventBlockingSync;

static struct cuda_state *state_of(const ll_backend *be)
{
    return be->state;
}

ll_status ll_cuda_compare_failed(ll_status status, const ll_error *cause, const char *stage,
                                 ll_error *err)
{
    if (status == LL_OK) return LL_OK;
    if (status != LL_ERR_DEVICE && status != LL_ERR_MEMORY)
        return ll_fail(err, status, "%s", cause->text);
    return ll_fail(err, status, "comparing, %s: %s", stage, cause->text);
}

/* ---- memory ---------------------------------------------------------------------------- */

/* Device and pinned memory, and the product: what the next smaller tile needs anew. */
static void release(struct cuda_compare *compare)
{
    ll_gemm_free(compare->tail);
    ll_gemm_free(compare->gemm);
    compare->tail = compare->gemm = NULL;
    for (int b = 0; b < LL_CUDA_BUFFERS; b++) {
        (void)cudaFree(compare->device[b]); /* accepts NULL; a failure here has nobody to hear it */
        compare->device[b] = NULL;
    }
    for (int s = 0; s < LL_CUDA_SLOTS; s++) {
        if (compare->slots[s].host != NULL) (void)cudaFreeHost(compare->slots[s].host);
        compare->slots[s].host = compare->slots[s].device = NULL;
    }
    (void)cudaGetLastError();
}

static ll_status make_slots(struct cuda_compare *compare, ll_error *err)
{
    for (int s = 0; s < LL_CUDA_SLOTS; s++) {
        struct cuda_slot *const slot = &compare->slots[s];
        const cudaError_t code =
            cudaHostAlloc(&slot->host, (size_t)compare->plan.slot_bytes, cudaHostAllocDefault);
        if (code != cudaSuccess) {
            slot->host = NULL;
            (void)cudaGetLastError();
            return ll_cuda_status(err, code, "cudaHostAlloc");
        }
        slot->device = compare->device[LL_CUDA_SLOT_0 + s];
    }
    return LL_OK;
}

static ll_status make_product(struct cuda_compare *compare, ll_error *err)
{
    const int64_t tile = compare->plan.tile, cols = compare->options.cols;
    const bool stored = compare->demand.stored_bytes > 0;
    const int64_t tail = stored && cols > LL_CUDA_PART_COLS ? cols % LL_CUDA_PART_COLS : 0;
    ll_gemm_shape shape = {.m = tile,
                           .n = tile,
                           .k = stored ? ll_min_i64(cols, LL_CUDA_PART_COLS) : cols,
                           .type = stored ? LL_GEMM_FP32 : LL_GEMM_FP16_FP32,
                           .accumulate = stored,
                           .stride = cols};
    size_t bytes;

    LL_TRY(ll_gemm_make_first(compare->state->gemm, &shape, LL_CUDA_WORKSPACE_BYTES, &compare->gemm,
                              compare->algorithms[0], err));
    bytes = ll_gemm_workspace_bytes(compare->gemm);
    if (tail > 0) {
        shape.k = tail;
        LL_TRY(ll_gemm_make_first(compare->state->gemm, &shape, LL_CUDA_WORKSPACE_BYTES,
                                  &compare->tail, compare->algorithms[1], err));
        const size_t more = ll_gemm_workspace_bytes(compare->tail);
        bytes = more > bytes ? more : bytes;
    }
    if (bytes == 0) return LL_OK;
    return ll_cuda_buffer_make(compare, LL_CUDA_WORKSPACE, (int64_t)bytes, err);
}

/* The halves, and the f32 features beside them if they find room there. */
static ll_status make_features(struct cuda_compare *compare, ll_error *err)
{
    const int64_t *const bytes = compare->plan.bytes;
    ll_error cause = LL_ERROR_INIT;

    if (bytes[LL_CUDA_HALVES] > 0)
        LL_TRY(ll_cuda_buffer_make(compare, LL_CUDA_HALVES, bytes[LL_CUDA_HALVES], err));
    if (compare->plan.rescoring != LL_CUDA_RESCORE_BESIDE) return LL_OK;
    const ll_status status =
        ll_cuda_buffer_make(compare, LL_CUDA_EXACT, bytes[LL_CUDA_EXACT], &cause);
    if (status == LL_ERR_MEMORY && bytes[LL_CUDA_HALVES] > 0) {
        compare->plan.rescoring = LL_CUDA_RESCORE_IN_TURN;
        ll_log_line(compare->state->log,
                    "no room on the device for features beside their halves; they come in turn");
        return LL_OK;
    }
    return status == LL_OK ? LL_OK : ll_fail(err, status, "%s", cause.text);
}

static ll_status acquire(struct cuda_compare *compare, ll_error *err)
{
    const int64_t *const bytes = compare->plan.bytes;

    for (int b = 0; b < LL_CUDA_HALVES; b++) {
        if (b == LL_CUDA_WORKSPACE || bytes[b] == 0) continue;
        LL_TRY(ll_cuda_buffer_make(compare, (ll_cuda_buffer)b, bytes[b], err));
    }
    LL_TRY(make_slots(compare, err));
    LL_TRY(make_product(compare, err));
    return make_features(compare, err);
}

static ll_status too_large(const struct cuda_compare *compare, const ll_cuda_limits *limits,
                           ll_error *err)
{
    char rows[LL_NUMBER_TEXT], needed[LL_NUMBER_TEXT], room[LL_NUMBER_TEXT];

    return ll_fail(err, LL_ERR_MEMORY,
                   "comparing %s rows of %lld features takes %s of device memory; there is room "
                   "for %s",
                   ll_number_grouped(compare->options.rows, rows), (long long)compare->options.cols,
                   ll_number_size((double)compare->plan.total_bytes, needed),
                   ll_number_size((double)limits->room_bytes, room));
}

/* The largest tile for which there is memory, and all that memory. */
static ll_status acquire_what_fits(struct cuda_compare *compare, ll_cuda_limits limits,
                                   ll_error *err)
{
    for (;;) {
        ll_error cause = LL_ERROR_INIT;
        if (!ll_cuda_plan_make(&compare->demand, &limits, &compare->plan))
            return too_large(compare, &limits, err);
        const ll_status status = acquire(compare, &cause);
        if (status == LL_OK) return LL_OK;
        release(compare);
        if (status != LL_ERR_MEMORY || compare->plan.tile <= LL_CUDA_TILE_MIN)
            return ll_cuda_compare_failed(status, &cause, "memory", err);
        limits.tile_max = compare->plan.tile / 2;
        ll_log_line(compare->state->log, "device memory is short for tiles of %lld; trying %lld",
                    (long long)compare->plan.tile, (long long)limits.tile_max);
    }
}

/* ---- begin and end --------------------------------------------------------------------- */

static ll_status make_events(struct cuda_compare *compare, ll_error *err)
{
    for (int s = 0; s < LL_CUDA_SLOTS; s++) {
        struct cuda_slot *const slot = &compare->slots[s];
        LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&slot->moved, k_waitable)));
        LL_TRY(LL_CUDA(cudaEventCreateWithFlags(&slot->made, cudaEventDisableTiming)));
    }
    return LL_OK;
}

static ll_status make_host_arrays(struct cuda_compare *compare, ll_error *err)
{
    const int64_t rows = compare->options.rows;

    LL_TRY(ll_alloc("lengths", rows, sizeof *compare->squares, &compare->squares, err));
    if (compare->demand.stored_bytes > 0) return LL_OK;
    LL_TRY(ll_alloc("residuals", rows, sizeof *compare->residuals, &compare->residuals, err));
    return ll_alloc("lengths", rows, sizeof *compare->lengths, &compare->lengths, err);
}

/* Pinned slots, and the arrays above. Lists and features are on the card. */
int64_t ll_cuda_compare_host_bytes(const ll_backend *be, const ll_compare_options *options)
{
    const int64_t row_bytes = sizeof(double) + 2 * sizeof(float);

    (void)be;
    return LL_CUDA_SLOTS * (int64_t)LL_CUDA_CHUNK_BYTES + options->rows * row_bytes;
}

/* Zeros are empty lists; keys may hold anything. */
static ll_status empty_lists(const struct cuda_compare *compare, ll_error *err)
{
    static const ll_cuda_buffer k_zeros[] = {LL_CUDA_WORST, LL_CUDA_COUNTS, LL_CUDA_BASE_COUNTS};

    for (int k = 0; compare->options.keep > 0 && k < 3; k++)
        LL_TRY(LL_CUDA(cudaMemsetAsync(compare->device[k_zeros[k]], 0,
                                       (size_t)compare->plan.bytes[k_zeros[k]],
                                       compare->state->compute)));
    return LL_OK;
}

static ll_status fill(struct cuda_compare *compare, ll_error *err)
{
    const int64_t bytes = compare->plan.bytes[LL_CUDA_GROUP];

    LL_TRY(empty_lists(compare, err));
    if (bytes > 0)
        LL_TRY(ll_cuda_upload(compare, compare->device[LL_CUDA_GROUP], compare->options.group,
                              bytes, err));
    return ll_cuda_features_bind(compare, err);
}

/* Characters of a name without the library's own description of the algorithm. */
static int printed_length(const char *algorithm)
{
    const char *const last = strrchr(algorithm, ' ');
    return (int)(last == NULL ? strlen(algorithm) : (size_t)(last - algorithm));
}

/* How tiles are multiplied decides the bits of a stored matrix: the index says it, behind the
 * engines of the features, whose fingerprint it does not touch. */
static ll_status describe_product(const struct cuda_compare *compare, ll_error *err)
{
    return ll_text_append(&compare->state->engines, err, "; tiles of %lld %.*s%s%.*s",
                          (long long)compare->plan.tile, printed_length(compare->algorithms[0]),
                          compare->algorithms[0], compare->tail != NULL ? ", " : "",
                          printed_length(compare->algorithms[1]), compare->algorithms[1]);
}

static ll_status demand_of(const ll_compare_options *options, ll_cuda_demand *demand, ll_error *err)
{
    if (options->cols > LL_HALVE_MAX_COLS)
        return ll_fail(err, LL_ERR_ARGUMENT, "features: %lld columns; cuda compares up to %d",
                       (long long)options->cols, (int)LL_HALVE_MAX_COLS);
    if (options->keep > LL_TOPK_MAX_KEEP)
        return ll_fail(err, LL_ERR_ARGUMENT, "candidates: %d a row; cuda keeps up to %d",
                       options->keep, (int)LL_TOPK_MAX_KEEP);
    *demand = (ll_cuda_demand){.rows = options->rows,
                               .cols = options->cols,
                               .keep = options->keep,
                               .group = options->group != NULL,
                               .stored_bytes = (int)ll_matrix_type_bytes(options->matrix)};
    return LL_OK;
}

static ll_status query_limits(const ll_cuda_demand *demand, ll_cuda_limits *limits, ll_error *err)
{
    size_t free_bytes = 0, all_bytes = 0;

    LL_TRY(LL_CUDA(cudaMemGetInfo(&free_bytes, &all_bytes)));
    *limits = ll_cuda_limits_of(demand, (int64_t)free_bytes);
    return LL_OK;
}

ll_status ll_cuda_compare_begin_within(ll_backend *be, const ll_compare_options *options,
                                       const ll_cuda_limits *limits, ll_error *err)
{
    struct cuda_state *const state = state_of(be);
    struct cuda_compare *compare = NULL;
    ll_error cause = LL_ERROR_INIT;
    ll_cuda_demand demand;
    ll_cuda_limits default_limits;

    ll_cuda_compare_end(be);
    if (state->engines != NULL) state->engines[state->engines_length] = '\0';
    LL_TRY(demand_of(options, &demand, err));
    LL_TRY(ll_alloc("a comparison", 1, sizeof *compare, &compare, err));
    state->compare = compare; /* from here on compare_end frees what there is */
    compare->state = state;
    compare->options = *options;
    compare->demand = demand;
    compare->plan.tile = LL_CUDA_TILE_MIN;
    if (options->rows == 0) return LL_OK;
    LL_TRY(make_host_arrays(compare, err));
    (void)cudaGetLastError(); /* clears errors that an earlier stage has handled */
    /* The caller's thread may be another than the one that opened. */
    LL_TRY(ll_cuda_compare_failed(
        ll_cuda_status(&cause, cudaSetDevice(state->device), "cudaSetDevice"), &cause, "device",
        err));
    if (limits == NULL) {
        LL_TRY(ll_cuda_compare_failed(query_limits(&demand, &default_limits, &cause), &cause,
                                      "memory", err));
        limits = &default_limits;
    }
    LL_TRY(ll_cuda_compare_failed(make_events(compare, &cause), &cause, "events", err));
    LL_TRY(acquire_what_fits(compare, *limits, err));
    LL_TRY(describe_product(compare, err));
    return ll_cuda_compare_failed(fill(compare, &cause), &cause, "features", err);
}

ll_status ll_cuda_compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err)
{
    return ll_cuda_compare_begin_within(be, options, NULL, err);
}

/* Failures cannot be reported here. Everything must have finished before its memory is freed. */
void ll_cuda_compare_end(ll_backend *be)
{
    struct cuda_state *const state = state_of(be);
    struct cuda_compare *const compare = state->compare;

    if (compare == NULL) return;
    (void)cudaStreamSynchronize(state->in);
    (void)cudaStreamSynchronize(state->compute);
    (void)cudaStreamSynchronize(state->out);
    release(compare);
    for (int s = 0; s < LL_CUDA_SLOTS; s++) {
        if (compare->slots[s].moved != NULL) (void)cudaEventDestroy(compare->slots[s].moved);
        if (compare->slots[s].made != NULL) (void)cudaEventDestroy(compare->slots[s].made);
    }
    (void)cudaGetLastError();
    free(compare->lengths);
    free(compare->residuals);
    free(compare->squares);
    free(compare);
    state->compare = NULL;
}

int64_t ll_cuda_compare_tile(const ll_backend *be)
{
    return state_of(be)->compare->plan.tile;
}

/* ---- tiles ----------------------------------------------------------------------------- */

ll_status ll_cuda_compare_drain(struct cuda_compare *compare, ll_error *err)
{
    for (int s = 0; s < LL_CUDA_SLOTS; s++)
        LL_TRY(ll_cuda_tile_deliver(
            compare, &compare->slots[(compare->submitted + s) % LL_CUDA_SLOTS], err));
    return LL_OK;
}

ll_status ll_cuda_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err)
{
    struct cuda_compare *const compare = state_of(be)->compare;
    struct cuda_slot *const slot = &compare->slots[compare->submitted % LL_CUDA_SLOTS];
    ll_error cause = LL_ERROR_INIT;
    char stage[STAGE_TEXT];

    ll_text_exact(stage, sizeof stage, "tile (%lld, %lld)", (long long)i, (long long)j);
    LL_TRY(ll_cuda_tile_deliver(compare, slot, err));
    ll_status status = ll_cuda_features_for_tiles(compare, &cause);
    if (status == LL_OK) status = ll_cuda_tile_queue(compare, i, j, slot, &cause);
    if (status == LL_OK) compare->submitted++;
    return ll_cuda_compare_failed(status, &cause, stage, err);
}

ll_status ll_cuda_compare_sync(ll_backend *be, ll_error *err)
{
    struct cuda_compare *const compare = state_of(be)->compare;
    ll_error cause = LL_ERROR_INIT;

    ll_status status = ll_cuda_status(&cause, cudaStreamSynchronize(state_of(be)->compute),
                                      "cudaStreamSynchronize");
    if (status == LL_OK) /* what is selected or sent after that */
        status = ll_cuda_status(&cause, cudaStreamSynchronize(state_of(be)->out),
                                "cudaStreamSynchronize");
    LL_TRY(ll_cuda_compare_failed(status, &cause, "tiles", err));
    return ll_cuda_compare_drain(compare, err);
}
