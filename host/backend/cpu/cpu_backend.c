/* host/backend/cpu/cpu_backend.c - the cpu's row in the table of backends: open, close, describe.
 */
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/backend/cpu/cpu_dots.h"
#include "host/backend/cpu/cpu_net.h"
#include "host/backend/cpu/cpu_state.h"
#include "host/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BATCH = 32 };

/* The primitives are built here once to name them; net_create finds them in oneDNN's cache. Runs on
 * a pool thread, like everything of oneDNN's. */
static ll_status describe_engines(void *context, long job, int thread, ll_error *err)
{
    struct cpu_state *const state = context;
    dnnl_engine_t engine = NULL;
    ll_cpu_layer layers[LL_VGG16_LAYERS];
    char *chosen = NULL;
    const dnnl_version_t *const version = dnnl_version();
    (void)job, (void)thread;

    LL_TRY(LL_DNNL(dnnl_engine_create(&engine, dnnl_cpu, 0)));
    ll_status status = ll_cpu_layers_create(engine, LL_VGG16_FC2, ll_cpu_fc_rows(state->batch),
                                            false, layers, err);
    if (status == LL_OK) {
        status = ll_cpu_layers_describe(layers, LL_VGG16_FC2, &chosen, err);
        for (int i = 0; i < LL_VGG16_LAYERS; i++)
            ll_cpu_layer_release(&layers[i]);
    }
    if (status == LL_OK)
        status =
            ll_text_format(&state->engines, err, "oneDNN %d.%d.%d (%s), dots 1 %s", version->major,
                           version->minor, version->patch, chosen, ll_cpu_dots_name());
    free(chosen);
    dnnl_engine_destroy(engine);
    return status;
}

static ll_status cpu_open(ll_backend *be, const ll_backend_options *options, ll_error *err)
{
    struct cpu_state *state = NULL;
    ll_cpu_group group = {0};

    if (options->precision != NULL && strcmp(options->precision, "fp32") != 0)
        return ll_fail(err, LL_ERR_ARGUMENT, "precision %s: the cpu backend has fp32",
                       options->precision);
    LL_TRY(ll_alloc("cpu backend", 1, sizeof *state, &state, err));
    be->state = state;
    state->threads = options->threads;
    state->slots = options->slots;
    state->batch = options->batch > 0 ? options->batch : DEFAULT_BATCH;
    LL_TRY(ll_dnnl_device(&state->device, err));
    LL_TRY(ll_cpu_pool_create(state->threads, &state->pool, err));
    LL_TRY(ll_cpu_pool_submit(state->pool, &group, describe_engines, state, 0, 1, err));
    return ll_cpu_pool_wait(state->pool, &group, err);
}

static void cpu_close(ll_backend *be)
{
    struct cpu_state *const state = be->state;

    if (state == NULL) return;
    ll_cpu_compare_end(be);
    ll_cpu_pool_free(state->pool);
    free(state->engines);
    free(state->device);
    free(state);
}

static ll_backend_info cpu_describe(const ll_backend *be)
{
    const struct cpu_state *const state = be->state;
    return (ll_backend_info){
        .name = "cpu",
        .device = state->device,
        .precision = "fp32",
        .engines = state->engines,
        .devices = "",
        .batch = state->batch,
        .shares_processor = true,
    };
}

const struct ll_backend_ops ll_backend_cpu_ops = {
    .abi = LL_BACKEND_ABI,
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .describe = cpu_describe,
    .net_create = ll_cpu_net_create,
    .net_free = ll_cpu_net_free,
    .forward_submit = ll_cpu_forward_submit,
    .forward_wait = ll_cpu_forward_wait,
    .compare_margin = ll_cpu_compare_margin,
    .compare_host_bytes = ll_cpu_compare_host_bytes,
    .compare_begin = ll_cpu_compare_begin,
    .compare_tile = ll_cpu_compare_tile,
    .tile_submit = ll_cpu_tile_submit,
    .compare_sync = ll_cpu_compare_sync,
    .topk_extract = ll_cpu_topk_extract,
    .rescore_submit = ll_cpu_rescore_submit,
    .rescore_wait = ll_cpu_rescore_wait,
    .rescore_rows = ll_cpu_rescore_rows,
    .compare_end = ll_cpu_compare_end,
};
