/* host/backend/cpu/cpu_forward.c - batches through the network.
 *
 * There are two kinds of job. An image job takes one photo from its pixels to pool5, so its result
 * cannot depend on the batch; two images per job were no faster. The last image job of a slot
 * starts the fc1 jobs, each 256 outputs for the whole batch, so that fc1's 411 MB are read once a
 * batch; the last of those starts fc2. A row of such a product has the same bits wherever it stands
 * (tests/property/property_forward.c). */
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/backend/cpu/cpu_net.h"
#include "kernels/normalize.h"

#include <math.h>
#include <string.h>

enum { PIXEL_BYTES = 3, PIXELS = LL_VGG16_SIDE * LL_VGG16_SIDE };

/* For weights that can overflow: look before the ReLU, which would turn a NaN into a zero. */
static ll_status check_and_relu(float *x, int64_t count, int layer, ll_error *err)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(x[i]))
            return ll_fail(err, LL_ERR_FORMAT,
                           "weights: an activation of %s is infinite or not a number",
                           ll_vgg16_name(layer));
        if (x[i] < 0.0f) x[i] = 0.0f;
    }
    return LL_OK;
}

static ll_status run_layer(const ll_net *net, int index, int chunk, const void *src,
                           struct cpu_scratch *scratch, ll_error *err)
{
    const ll_cpu_layer *const layer = &net->layers[index];

    LL_TRY(ll_cpu_layer_run(layer, net->engine, scratch->stream, chunk, src, scratch->to,
                            scratch->scratchpad, err));
    if (!net->checked || layer->packed == NULL) return LL_OK; /* a pool makes nothing new */
    return check_and_relu((float *)scratch->to, (int64_t)(layer->dst_bytes / sizeof(float)), index,
                          err);
}

/* Mean over positions of (7, 7, 512), in double and in the order of the positions. */
static void mean_of_positions(const float *pool5, float *mean)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(LL_VGG16_POOL5);
    const int positions = shape->out_side * shape->out_side;

    for (int c = 0; c < shape->out_channels; c++) {
        double sum = 0.0;
        for (int i = 0; i < positions; i++)
            sum += pool5[i * shape->out_channels + c];
        mean[c] = (float)(sum / positions);
    }
}

static ll_status fc_job(void *context, long job, int thread, ll_error *err);

/* A job of the stage that ends with `layer` is done; the last one starts the next stage. */
static ll_status stage_end(struct cpu_slot *slot, int layer, ll_error *err)
{
    const ll_net *const net = slot->net;

    if (atomic_fetch_sub(&slot->left, 1) != 1 || layer == net->last) return LL_OK;
    const long chunks = net->layers[layer + 1].chunks;
    atomic_store(&slot->left, (int)chunks);
    return ll_cpu_pool_continue(net->state->pool, &slot->group, fc_job, slot,
                                layer == LL_VGG16_POOL5 ? 0 : chunks, chunks, err);
}

static ll_status image_job(void *context, long job, int thread, ll_error *err)
{
    struct cpu_slot *const slot = context;
    const ll_net *const net = slot->net;
    struct cpu_scratch *const scratch = &net->scratch[thread];
    float *const row = slot->rows + job * net->row_width;

    ll_preprocess_cpu(net->kind, slot->pixels + job * PIXELS * PIXEL_BYTES, 1, PIXELS,
                      (float *)scratch->from);
    for (int i = 0; i <= net->images_last; i++) {
        LL_TRY(run_layer(net, i, 0, scratch->from, scratch, err));
        char *const done = scratch->to;
        scratch->to = scratch->from;
        scratch->from = done;
    }
    const bool gap = net->layer == LL_VGG16_GAP;
    float *const positions = gap ? (float *)scratch->to : row;
    LL_TRY(ll_dnnl_reorder(net->engine, net->layers[net->images_last].dst, scratch->from,
                           &net->nhwc, positions, err));
    if (gap) mean_of_positions(positions, row);
    return stage_end(slot, net->images_last, err);
}

/* Jobs 0 .. chunks - 1 are fc1's, the ones after them fc2's. */
static ll_status fc_job(void *context, long job, int thread, ll_error *err)
{
    struct cpu_slot *const slot = context;
    const ll_net *const net = slot->net;
    struct cpu_scratch *const scratch = &net->scratch[thread];
    const int chunks = net->layers[LL_VGG16_FC1].chunks;
    const int second = job >= chunks, chunk = (int)job - second * chunks;
    const int64_t width = ll_vgg16_width(LL_VGG16_FC1);
    const float *const block = (const float *)scratch->to;

    LL_TRY(run_layer(net, LL_VGG16_FC1 + second, chunk, second ? slot->fc[0] : slot->rows, scratch,
                     err));
    for (int64_t i = 0; i < net->state->batch; i++)
        memcpy(slot->fc[second] + i * width + chunk * LL_CPU_FC_CHUNK, block + i * LL_CPU_FC_CHUNK,
               LL_CPU_FC_CHUNK * sizeof *block);
    return stage_end(slot, LL_VGG16_FC1 + second, err);
}

ll_status ll_cpu_forward_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels, int n,
                                ll_error *err)
{
    struct cpu_state *const state = be->state;
    struct cpu_slot *const s = &net->slots[slot];

    if (s->n > 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "slot %d still holds a batch: wait for it first",
                       slot);
    s->pixels = pixels;
    s->n = n;
    atomic_store(&s->left, n);
    const ll_status status = ll_cpu_pool_submit(state->pool, &s->group, image_job, s, 0, n, err);
    if (status != LL_OK) s->n = 0;
    return status;
}

ll_status ll_cpu_forward_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                              ll_error *err)
{
    struct cpu_state *const state = be->state;
    struct cpu_slot *const s = &net->slots[slot];
    const int n = s->n;

    if (n == 0) return ll_fail(err, LL_ERR_ARGUMENT, "slot %d holds no batch to wait for", slot);
    s->n = 0;
    LL_TRY(ll_cpu_pool_wait(state->pool, &s->group, err));
    const int64_t width = ll_vgg16_width(net->layer);
    const float *const rows = net->last < LL_VGG16_FC1 ? s->rows : s->fc[net->last - LL_VGG16_FC1];
    memcpy(features, rows, (size_t)(n * width) * sizeof *features);
    if (!net->normalize) return LL_OK;
    ll_normalize_rows_cpu(features, n, width, norms);
    for (int i = 0; i < n; i++)
        if (!isfinite(norms[i]))
            return ll_fail(err, LL_ERR_FORMAT, "weights: the length of a row of %s is infinite",
                           ll_vgg16_name(net->layer));
    return LL_OK;
}
