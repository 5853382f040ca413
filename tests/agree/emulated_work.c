/* tests/agree/emulated_work.c - see emulated_work.h. Weights are drawn (random_weights.h). */
#include "tests/agree/emulated_work.h"
#include "host/base/memory.h"
#include "host/base/transpose.h"
#include "host/similarity/similarity.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

#ifndef LL_EMULATED_MODULE
#define LL_EMULATED_MODULE NULL /* the real one, beside the program */
#endif

enum { IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3, SLOTS = 2 };

/* ---- embedding ------------------------------------------------------------------------- */

static ll_status collect(const work_order *order, ll_backend *be, ll_net *net, int batch, int first,
                         work_result *out, ll_error *err)
{
    const int64_t width = ll_vgg16_width(order->layer);
    return ll_forward_wait(be, net, first / batch % SLOTS, out->features + first * width,
                           out->norms + first, err);
}

/* Two batches under way, the last one partial; the caller's pixels are spoilt once they are in. */
static ll_status embed(const work_order *order, ll_backend *be, ll_net *net, work_result *out,
                       ll_error *err)
{
    ll_status status = LL_OK;
    const int batch = ll_backend_describe(be).batch;
    uint8_t *copies[SLOTS] = {NULL, NULL};

    for (int s = 0; s < SLOTS; s++)
        LL_TRY_DONE(ll_alloc("photos", batch, IMAGE, &copies[s], err));
    for (int first = 0; first < order->images; first += batch) {
        const int slot = first / batch % SLOTS;
        const int n = order->images - first < batch ? order->images - first : batch;
        if (first >= SLOTS * batch)
            LL_TRY_DONE(collect(order, be, net, batch, first - SLOTS * batch, out, err));
        memcpy(copies[slot], order->pixels + (size_t)first * IMAGE, (size_t)n * IMAGE);
        LL_TRY_DONE(ll_forward_submit(be, net, slot, copies[slot], n, err));
    }
    const int batches = (order->images + batch - 1) / batch;
    for (int b = batches > SLOTS ? batches - SLOTS : 0; b < batches; b++)
        LL_TRY_DONE(collect(order, be, net, batch, b * batch, out, err));
done:
    for (int s = 0; s < SLOTS; s++) {
        if (status == LL_OK) memset(copies[s], 0, (size_t)batch * IMAGE);
        free(copies[s]);
    }
    return status;
}

static ll_status embed_all(const work_order *order, ll_backend *be, work_result *out, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_net_options options = {.layer = order->layer, .normalize = true};
    ll_weights *weights = NULL;
    ll_net *net = NULL;

    LL_TRY_DONE(ll_alloc("features", order->images * ll_vgg16_width(order->layer),
                         sizeof *out->features, &out->features, err));
    LL_TRY_DONE(ll_alloc("norms", order->images, sizeof *out->norms, &out->norms, err));
    LL_TRY_DONE(ll_weights_open("caffe:3:", &weights, err));
    LL_TRY_DONE(ll_net_create(be, weights, &options, &net, err));
    out->batch = ll_backend_describe(be).batch;
    LL_TRY_DONE(embed(order, be, net, out, err));
done:
    ll_net_free(be, net);
    ll_weights_close(weights);
    return status;
}

/* ---- comparing ------------------------------------------------------------------------- */

static ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                              const void *values, ll_error *err)
{
    const work_result *const out = to;

    (void)err;
    for (int64_t r = 0; r < rows; r++)
        memcpy(out->matrix + (size_t)((row + r) * out->rows + column) * out->stored_bytes,
               (const char *)values + (size_t)(r * columns) * out->stored_bytes,
               (size_t)columns * out->stored_bytes);
    if (row != column)
        ll_transpose(values, rows, columns, out->stored_bytes,
                     out->matrix + (size_t)(column * out->rows + row) * out->stored_bytes,
                     out->rows);
    return LL_OK;
}

static ll_status receive_neighbors(void *to, int64_t row, int64_t rows, const uint32_t *index,
                                   const float *score, ll_error *err)
{
    const work_result *const out = to;

    (void)err;
    memcpy(out->index + row * WORK_KEEP, index, (size_t)(rows * WORK_KEEP) * sizeof *index);
    memcpy(out->score + row * WORK_KEEP, score, (size_t)(rows * WORK_KEEP) * sizeof *score);
    return LL_OK;
}

static ll_status compare_all(const work_order *order, ll_backend *be, work_result *out,
                             ll_error *err)
{
    const ll_similarity_options options = {
        .features = order->features,
        .rows = order->rows,
        .cols = order->cols,
        .neighbors = WORK_KEEP,
        .group = order->group,
        .matrix = order->matrix,
        .matrix_sink = {out, receive_tile},
        .neighbor_sink = {out, receive_neighbors},
        .log = order->log,
    };
    ll_similarity_summary summary;

    out->rows = order->rows;
    out->stored_bytes = ll_matrix_type_bytes(order->matrix);
    LL_TRY(ll_alloc("neighbours", order->rows * WORK_KEEP, sizeof *out->index, &out->index, err));
    LL_TRY(ll_alloc("neighbours", order->rows * WORK_KEEP, sizeof *out->score, &out->score, err));
    if (out->stored_bytes > 0)
        LL_TRY(ll_alloc("matrix", order->rows * order->rows, out->stored_bytes, &out->matrix, err));
    return ll_similarity_run(be, &options, &summary, err);
}

/* ---- both ------------------------------------------------------------------------------ */

ll_status work_do(const work_order *order, work_result *out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_backend *be = NULL;
    const ll_backend_options options = {.name = order->backend,
                                        .cuda_module = LL_EMULATED_MODULE,
                                        .precision = order->precision,
                                        .threads = 2,
                                        .batch = order->batch,
                                        .slots = SLOTS,
                                        .patience_s = order->patience_s,
                                        .log = order->log};

    memset(out, 0, sizeof *out);
    LL_TRY_DONE(ll_backend_open(&options, &be, err));
    if (order->images > 0) LL_TRY_DONE(embed_all(order, be, out, err));
    if (order->rows > 0) LL_TRY_DONE(compare_all(order, be, out, err));
done:
    ll_backend_close(be);
    if (status != LL_OK) work_release(out);
    return status;
}

void work_release(work_result *result)
{
    free(result->matrix);
    free(result->score);
    free(result->index);
    free(result->norms);
    free(result->features);
    memset(result, 0, sizeof *result);
}
