/* host/backend/cpu/cpu_net.c - choose primitives, pack weights, make room for slots and threads. */
#include "host/backend/cpu/cpu_net.h"
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/backend/cpu/cpu_range.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

ll_status ll_cpu_layers_create(dnnl_engine_t engine, int last, int rows, bool checked,
                               ll_cpu_layer layers[LL_VGG16_LAYERS], ll_error *err)
{
    for (int i = 0; i <= last; i++) {
        const bool chained = i > 0 && i <= LL_VGG16_POOL5; /* fc layers take rows */
        const ll_cpu_layer_options options = {
            .index = i,
            .rows = rows,
            .bias = true,
            .relu = !checked,
            .direct = checked,
            .src = chained ? layers[i - 1].dst : NULL,
            .dst = dnnl_format_tag_any,
        };
        const ll_status status = ll_cpu_layer_create(engine, &options, &layers[i], err);
        if (status == LL_OK) continue;
        while (i > 0)
            ll_cpu_layer_release(&layers[--i]);
        return status;
    }
    return LL_OK;
}

/* One entry for each run of layers with the same implementation; pools are exact in any. */
ll_status ll_cpu_layers_describe(const ll_cpu_layer *layers, int last, char **out, ll_error *err)
{
    char *text = NULL;
    int next, end;

    *out = NULL;
    for (int first = 0; first <= last; first = next) {
        for (next = first + 1, end = first; next <= last; next++) {
            if (ll_vgg16_layer_at(next)->kind == LL_VGG16_POOL) continue;
            if (strcmp(layers[next].implementation, layers[first].implementation) != 0) break;
            end = next;
        }
        const ll_status status =
            ll_text_append(&text, err, "%s%s%s%s %s", text == NULL ? "" : ", ",
                           ll_vgg16_name(first), end > first ? "-" : "",
                           end > first ? ll_vgg16_name(end) : "", layers[first].implementation);
        if (status != LL_OK) {
            free(text);
            return status;
        }
    }
    *out = text;
    return LL_OK;
}

/* ---- weights ---- */

struct packing {
    ll_net *net;
    ll_cpu_layer *layer;
    const float *kernel, *bias;
    ll_cpu_range *range;
};

static ll_status create_job(void *context, long job, int thread, ll_error *err)
{
    ll_net *const net = context;
    (void)job, (void)thread;
    return ll_cpu_layers_create(net->engine, net->last, net->rows, net->checked, net->layers, err);
}

static ll_status pack_job(void *context, long job, int thread, ll_error *err)
{
    const struct packing *const p = context;
    const int channels = ll_vgg16_layer_at(p->layer->index)->out_channels / p->layer->chunks;
    (void)thread;
    ll_cpu_range_add(p->range, p->layer->index, p->kernel, p->bias, (int)job * channels, channels);
    return ll_cpu_layer_pack(p->layer, p->net->engine, p->kernel, (int)job, err);
}

/* Run on the pool and wait: primitives are built and weights packed where OpenMP is one thread. */
static ll_status on_pool(ll_net *net, ll_cpu_job_fn run, void *context, long jobs, ll_error *err)
{
    ll_cpu_group group = {0};
    LL_TRY(ll_cpu_pool_submit(net->state->pool, &group, run, context, 0, jobs, err));
    return ll_cpu_pool_wait(net->state->pool, &group, err);
}

static ll_status pack_layer(ll_net *net, struct ll_weights *weights, int index, ll_cpu_range *range,
                            ll_error *err)
{
    ll_status status = LL_OK;
    float *kernel = NULL, *bias = NULL;
    ll_cpu_layer *const layer = &net->layers[index];
    struct packing packing = {.net = net, .layer = layer, .range = range};

    LL_TRY_DONE(ll_alloc("weights", ll_vgg16_kernel_count(index), sizeof *kernel, &kernel, err));
    LL_TRY_DONE(
        ll_alloc("weights", ll_vgg16_layer_at(index)->out_channels, sizeof *bias, &bias, err));
    LL_TRY_DONE(ll_weights_load(weights, index, kernel, bias, err));
    LL_TRY_DONE(ll_cpu_layer_pack_begin(layer, bias, err));
    packing.kernel = kernel;
    packing.bias = bias;
    LL_TRY_DONE(on_pool(net, pack_job, &packing, layer->chunks, err));
    ll_cpu_range_advance(range, index);
done:
    free(bias);
    free(kernel);
    return status;
}

static void layers_release(ll_net *net)
{
    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        ll_cpu_layer_release(&net->layers[i]);
}

static ll_status pack_all(ll_net *net, struct ll_weights *weights, bool *safe, ll_error *err)
{
    ll_status status = LL_OK;
    ll_cpu_range *range = NULL;

    *safe = true;
    LL_TRY(ll_alloc("ranges", 1, sizeof *range, &range, err));
    ll_cpu_range_input(range, net->kind);
    LL_TRY_DONE(on_pool(net, create_job, net, 1, err));
    for (int i = 0; i <= net->last; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        LL_TRY_DONE(pack_layer(net, weights, i, range, err));
        *safe = *safe && ll_cpu_range_safe(range, i);
    }
done:
    free(range);
    return status;
}

/* ---- room ---- */

static ll_status scratch_create(ll_net *net, ll_error *err)
{
    size_t activation = 0, scratchpad = 1;

    for (int i = 0; i <= net->last; i++) {
        const ll_cpu_layer *const layer = &net->layers[i];
        if (i <= net->images_last && layer->src_bytes > activation) activation = layer->src_bytes;
        if (layer->dst_bytes > activation) activation = layer->dst_bytes;
        if (layer->scratchpad_bytes > scratchpad) scratchpad = layer->scratchpad_bytes;
    }
    LL_TRY(ll_alloc("scratch", net->state->threads, sizeof *net->scratch, &net->scratch, err));
    for (int i = 0; i < net->state->threads; i++) {
        struct cpu_scratch *const scratch = &net->scratch[i];
        LL_TRY(
            LL_DNNL(dnnl_stream_create(&scratch->stream, net->engine, dnnl_stream_default_flags)));
        LL_TRY(ll_alloc("activations", 1, activation, &scratch->from, err));
        LL_TRY(ll_alloc("activations", 1, activation, &scratch->to, err));
        LL_TRY(ll_alloc("scratchpad", 1, scratchpad, &scratch->scratchpad, err));
    }
    return LL_OK;
}

static ll_status slots_create(ll_net *net, ll_error *err)
{
    LL_TRY(ll_alloc("slots", net->state->slots, sizeof *net->slots, &net->slots, err));
    for (int i = 0; i < net->state->slots; i++) {
        struct cpu_slot *const slot = &net->slots[i];
        slot->net = net;
        LL_TRY(ll_alloc("slot", net->rows * net->row_width, sizeof *slot->rows, &slot->rows, err));
        for (int fc = LL_VGG16_FC1; fc <= net->last; fc++) {
            float **const rows = &slot->fc[fc - LL_VGG16_FC1];
            LL_TRY(ll_alloc("slot", net->rows * ll_vgg16_width(fc), sizeof **rows, rows, err));
        }
    }
    return LL_OK;
}

/* ---- the net ---- */

static ll_status net_build(ll_net *net, struct ll_weights *weights, ll_error *err)
{
    bool safe = false;

    LL_TRY(LL_DNNL(dnnl_engine_create(&net->engine, dnnl_cpu, 0)));
    LL_TRY(pack_all(net, weights, &safe, err));
    if (!safe) { /* such weights are rare: once more, watching every activation */
        layers_release(net);
        net->checked = true;
        LL_TRY(pack_all(net, weights, &safe, err));
    }
    const ll_vgg16_layer *const end = ll_vgg16_layer_at(net->images_last);
    const dnnl_dims_t sizes = {1, end->out_channels, end->out_side, end->out_side};
    LL_TRY(ll_dnnl_tensor(&net->nhwc, dnnl_nhwc, 4, sizes, err));
    LL_TRY(scratch_create(net, err));
    return slots_create(net, err);
}

ll_status ll_cpu_net_create(ll_backend *be, struct ll_weights *weights,
                            const ll_net_options *options, ll_net **out, ll_error *err)
{
    ll_net *net = NULL;
    const bool gap = options->layer == LL_VGG16_GAP;

    LL_TRY(ll_alloc("network", 1, sizeof *net, &net, err));
    net->state = be->state;
    net->rows = ll_cpu_fc_rows(net->state->batch);
    net->layer = options->layer;
    net->normalize = options->normalize;
    net->last = gap ? LL_VGG16_POOL5 : options->layer;
    net->images_last = (int)ll_min_i64(net->last, LL_VGG16_POOL5);
    net->row_width = ll_vgg16_width(gap ? LL_VGG16_GAP : net->images_last);
    net->kind = ll_weights_describe(weights)->scale == LL_INPUT_TORCH ? LL_PREPROCESS_TORCH
                                                                      : LL_PREPROCESS_CAFFE;
    const ll_status status = net_build(net, weights, err);
    if (status != LL_OK) {
        ll_cpu_net_free(be, net);
        return status;
    }
    *out = net;
    return LL_OK;
}

void ll_cpu_net_free(ll_backend *be, ll_net *net)
{
    const struct cpu_state *const state = be->state;

    if (net == NULL) return;
    for (int i = 0; net->slots != NULL && i < state->slots; i++) {
        struct cpu_slot *const slot = &net->slots[i];
        /* A batch that nobody waited for may still use this memory; its result is ignored. */
        if (slot->n > 0) (void)!ll_cpu_pool_wait(state->pool, &slot->group, NULL);
        free(slot->rows);
        free(slot->fc[0]);
        free(slot->fc[1]);
    }
    for (int i = 0; net->scratch != NULL && i < state->threads; i++) {
        struct cpu_scratch *const scratch = &net->scratch[i];
        if (scratch->stream != NULL) dnnl_stream_destroy(scratch->stream);
        free(scratch->from);
        free(scratch->to);
        free(scratch->scratchpad);
    }
    layers_release(net);
    if (net->engine != NULL) dnnl_engine_destroy(net->engine);
    free(net->scratch);
    free(net->slots);
    free(net);
}
