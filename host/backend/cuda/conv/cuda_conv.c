/* host/backend/cuda/conv/cuda_conv.c - fused convolutions by cuDNN: made, run and freed.
 *
 * A plan is built from an engine's text and nothing else, so the plan that was timed, the one from
 * the cache and the one another run names are the same. The variant pack (which pointer is which
 * tensor) is made anew for each run: it costs a few microseconds, and runs are captured into a CUDA
 * graph once. */
#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/backend/cuda/conv/cuda_conv_graph.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <cudnn_graph.h>
#include <dlfcn.h>
#include <stdlib.h>

static const char k_nvrtc[] = "libnvrtc.so.13"; /* that of CUDA 13, as the runtime we build with */

struct ll_conv_library {
    cudnnHandle_t handle;
};

struct ll_conv {
    cudnnHandle_t handle;
    ll_conv_shape shape;
    ll_conv_graph graph;
    cudnnBackendDescriptor_t plan;
    size_t workspace_bytes;
};

/* ---- the library ------------------------------------------------------------------------ */

/* module_search.c has loaded it if it lies beside cuDNN; once loaded by its path, dlopen finds it
 * by its name. */
ll_status ll_conv_library_check(ll_error *err)
{
    if (dlopen(k_nvrtc, RTLD_LAZY) != NULL) return LL_OK;
    return ll_fail(err, LL_ERR_UNSUPPORTED, "no NVRTC, with which cuDNN compiles engines: %s",
                   dlerror());
}

ll_status ll_conv_library_open(ll_conv_library **out, char version[LL_CONV_VERSION_TEXT],
                               ll_error *err)
{
    ll_conv_library *library = NULL;

    *out = NULL;
    LL_TRY(ll_conv_version_check(cudnnGetVersion(), cudnnGetCudartVersion(), version, err));
    LL_TRY(ll_alloc("cuDNN", 1, sizeof *library, &library, err));
    const ll_status status = LL_CUDNN(cudnnCreate(&library->handle));
    if (status != LL_OK) {
        free(library);
        return status;
    }
    *out = library;
    return LL_OK;
}

void ll_conv_library_close(ll_conv_library *library)
{
    if (library == NULL) return;
    if (library->handle != NULL) (void)cudnnDestroy(library->handle);
    free(library);
}

static ll_status offers(ll_conv_library *library, const ll_conv_shape *shape,
                        char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count, char why[256],
                        ll_error *err)
{
    const ll_conv_target target = {.handle = library->handle};
    ll_error refused = LL_ERROR_INIT;
    ll_conv_graph graph;

    *count = 0;
    if (ll_conv_graph_build(&target, shape, 1.0f, &graph, &refused) != LL_OK) {
        ll_text_say(why, 256, "%s", refused.text);
        if (refused.code == LL_ERR_UNSUPPORTED) return LL_OK;
        return ll_fail(err, refused.code, "%s", refused.text);
    }
    ll_conv_tally tally;
    const ll_status status =
        ll_conv_graph_engines(&graph, shape->type, engines, max, count, &tally, err);
    ll_conv_tally_text(&tally, why);
    ll_conv_graph_release(&graph);
    return status;
}

ll_status ll_conv_engines(ll_conv_library *library, const ll_conv_shape *shape,
                          char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count, char why[256],
                          ll_error *err)
{
    ll_conv_shape plain = *shape;

    LL_TRY(offers(library, shape, engines, max, count, why, err));
    if (*count > 0 || shape->pool || shape->type == LL_CONV_FP16) return LL_OK;
    plain.plain = true;
    LL_TRY(offers(library, &plain, engines, max, count, why, err));
    ll_conv_plain_mark(engines, *count);
    return LL_OK;
}

/* ---- one plan --------------------------------------------------------------------------- */

ll_status ll_conv_make(ll_conv_library *library, const ll_conv_shape *shape, const char *engine,
                       float scale, ll_conv **out, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_conv_target target = {.handle = library->handle};
    ll_conv *conv = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("convolution", 1, sizeof *conv, &conv, err));
    conv->handle = library->handle;
    conv->shape = *shape;
    LL_TRY_DONE(ll_conv_plain_read(&engine, &conv->shape, err));
    LL_TRY_DONE(ll_conv_graph_build(&target, &conv->shape, scale, &conv->graph, err));
    LL_TRY_DONE(ll_conv_graph_plan(&conv->graph, engine, &conv->plan, err));
    LL_TRY_DONE(ll_conv_plan_workspace(conv->plan, &conv->workspace_bytes, err));
    *out = conv;
    return LL_OK;
done:
    ll_conv_free(conv);
    return status;
}

size_t ll_conv_workspace_bytes(const ll_conv *conv)
{
    return conv->workspace_bytes;
}

void ll_conv_free(ll_conv *conv)
{
    if (conv == NULL) return;
    if (conv->plan != NULL) (void)cudnnBackendDestroyDescriptor(conv->plan);
    ll_conv_graph_release(&conv->graph);
    free(conv);
}

static ll_status execute(const ll_conv *conv, cudnnBackendDescriptor_t pack, const void *x,
                         const void *w, const void *bias, void *y, void *workspace, ll_error *err)
{
    const int64_t uids[] = {LL_CONV_UID_X, LL_CONV_UID_W, LL_CONV_UID_Y, LL_CONV_UID_BIAS};
    const void *const pointers[] = {x, w, y, bias};
    const int64_t tensors = conv->shape.plain ? 3 : 4;

    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS,
                                             CUDNN_TYPE_INT64, tensors, uids)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                             CUDNN_TYPE_VOID_PTR, tensors, pointers)));
    LL_TRY(LL_CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE,
                                             CUDNN_TYPE_VOID_PTR, 1, &workspace)));
    LL_TRY(LL_CUDNN(cudnnBackendFinalize(pack)));
    return LL_CUDNN(cudnnBackendExecute(conv->handle, conv->plan, pack));
}

ll_status ll_conv_run(ll_conv *conv, const void *x, const void *w, const void *bias, void *y,
                      void *workspace, cudaStream_t stream, ll_error *err)
{
    cudnnBackendDescriptor_t pack = NULL;

    LL_TRY(LL_CUDNN(cudnnSetStream(conv->handle, stream)));
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack)));
    const ll_status status = execute(conv, pack, x, w, bias, y, workspace, err);
    (void)cudnnBackendDestroyDescriptor(pack);
    LL_TRY(status);
    return ll_conv_plain_finish(&conv->shape, bias, y, stream, err);
}
