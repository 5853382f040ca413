/* tests/unit/unit_cudnn_graphs.c - cuDNN's graphs of all 13 convolutions, in three precisions, with
 * and without the pool, at three batches, built for the stored properties of a card that is not
 * here. Each must have an engine that makes a plan, or whose only obstacle is the missing driver.
 *
 * The properties are those an H200 is known by (tests/reference/h200_properties.json, written by
 * hand until bench/gpu brings home what a real card reports, with what cuDNN 9.28 asks for on top
 * of 9.19: smCountOrigin, oversizedSharedMemoryPerBlock, memoryBusWidth). That a plan can be made
 * proves that the graph is well formed and not refused early; not that it runs. */
#include "host/backend/cuda/cuda_conv_graph.h"
#include "host/base/file.h"
#include "host/vgg16/vgg16.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the four first above it */

enum { MAX_ENGINES = 48, MAX_BYTES = 1 << 16 };

static const char *const k_types[] = {"fp16", "tf32", "fp32"};
static const char k_properties[] = "tests/reference/h200_properties.json";
static const int k_batches[] = {1, 64, 256};

static ll_conv_target k_target; /* set once, before any test */

/* What cuDNN said last of why an engine cannot. */
static bool lacks_driver;

static void listen(cudnnSeverity_t severity, void *to, const cudnnDebug_t *about, const char *text)
{
    (void)severity, (void)to, (void)about;
    if (strstr(text, "libcuda == nullptr") != NULL) lacks_driver = true;
}

/* An engine that makes a plan, or would with a driver. */
static bool engine_would_do(const ll_conv_graph *graph, const char *engine, char reason[256])
{
    ll_error err = LL_ERROR_INIT;
    cudnnBackendDescriptor_t plan = NULL;

    lacks_driver = false;
    const ll_status status = ll_conv_graph_plan(graph, engine, &plan, &err);
    if (status == LL_OK) cudnnBackendDestroyDescriptor(plan);
    snprintf(reason, 256, "%s", err.text);
    return status == LL_OK || lacks_driver ||
           strstr(err.text, "RUNTIME_PREREQUISITE_MISSING") != NULL ||
           strstr(err.text, "EXECUTION_FAILED_CUDA_DRIVER") != NULL; /* a libcuda without one */
}

static void check(const ll_conv_shape *shape, const char *name)
{
    static char engines[MAX_ENGINES][LL_CONV_ENGINE_TEXT];
    ll_error err = LL_ERROR_INIT;
    ll_conv_graph graph;
    char why[256] = "", reason[256] = "";
    int count = 0, good = -1;

    if (ll_conv_graph_build(&k_target, shape, 1.0f, &graph, &err) != LL_OK)
        fail_msg("%s: %s", name, err.text);
    if (ll_conv_graph_engines(&graph, shape->type, engines, MAX_ENGINES, &count, why, &err) !=
        LL_OK)
        fail_msg("%s: %s", name, err.text);
    for (int i = 0; i < count && good < 0; i++)
        if (engine_would_do(&graph, engines[i], reason)) good = i;
    ll_conv_graph_release(&graph);
    /* The pool in one graph is a convenience: without it there is our kernel. fp32 has none. */
    if (good < 0 && shape->pool && shape->type == LL_CONV_FP32) {
        print_message("%-8s %s batch %3d with pool: none; %s; %s\n", name, k_types[shape->type],
                      shape->batch, why, reason);
        return;
    }
    if (good < 0)
        fail_msg("%s %s batch %d%s: %d engines, none would do; %s; %s", name, k_types[shape->type],
                 shape->batch, shape->pool ? " with pool" : "", count, why, reason);
    print_message("%-8s %s batch %3d%s: %2d engines, first %s\n", name, k_types[shape->type],
                  shape->batch, shape->pool ? " with pool" : "          ", count, engines[good]);
}

/* conv4_2 and conv4_3 are the same graph: once is enough. */
static bool seen_before(int layer)
{
    const ll_vgg16_layer *const a = ll_vgg16_layer_at(layer);
    for (int i = 0; i < layer; i++) {
        const ll_vgg16_layer *const b = ll_vgg16_layer_at(i);
        if (b->kind == LL_VGG16_CONV && a->in_channels == b->in_channels &&
            a->in_side == b->in_side && a->out_channels == b->out_channels)
            return true;
    }
    return false;
}

static void check_all(int batch, bool pool, bool plain)
{
    for (int type = plain ? LL_CONV_TF32 : 0; type < 3; type++)
        for (int i = 0; i < LL_VGG16_POOL5; i++) {
            const ll_vgg16_layer *const l = ll_vgg16_layer_at(i);
            const ll_conv_shape shape = {
                .batch = batch,
                .side = l->in_side,
                .in_channels = i > 0                  ? l->in_channels
                               : type == LL_CONV_FP16 ? 8
                                                      : 4,
                .out_channels = l->out_channels,
                .type = (ll_conv_type)type,
                .pool = pool,
                .plain = plain,
            };
            if (l->kind != LL_VGG16_CONV) continue;
            if (pool && ll_vgg16_layer_at(i + 1)->kind != LL_VGG16_POOL) continue;
            if (pool || !seen_before(i)) check(&shape, l->name);
        }
}

static void every_convolution_has_an_engine(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_batches / sizeof k_batches[0]; i++)
        check_all(k_batches[i], false, false);
}

/* What is left where nothing fuses. */
static void convolutions_alone_have_one_too(void **state)
{
    (void)state;
    check_all(64, false, true);
}

static void convolutions_before_a_pool_have_one_that_pools(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_batches / sizeof k_batches[0]; i++)
        check_all(k_batches[i], true, false);
}

/* The text finds the same engine again; what is no engine's text is refused. */
static void texts_are_read_back(void **state)
{
    static const char *const k_wrong[] = {"",           "e",         "x1",         "e-1",
                                          "e10 2=1",    "e10 k2",    "e10 k2=",    "e10 k99=1",
                                          "e10 k2=1;k", "e99999999", "e10 k2=1 k", "e1000"};
    const ll_conv_shape shape = {64, 56, 256, 256, LL_CONV_FP16, false, false};
    ll_error err = LL_ERROR_INIT;
    ll_conv_graph graph;
    cudnnBackendDescriptor_t plan = NULL;

    (void)state;
    assert_int_equal(ll_conv_graph_build(&k_target, &shape, 1.0f, &graph, &err), LL_OK);
    for (size_t i = 0; i < sizeof k_wrong / sizeof k_wrong[0]; i++) {
        err = (ll_error)LL_ERROR_INIT;
        const ll_status status = ll_conv_graph_plan(&graph, k_wrong[i], &plan, &err);
        if (status == LL_OK) fail_msg("'%s' made a plan", k_wrong[i]);
        assert_null(plan);
        assert_true(strlen(err.text) > 0);
    }
    /* A knob that the header we build with has no name for is cuDNN's to refuse, not ours. */
    err = (ll_error)LL_ERROR_INIT;
    assert_int_not_equal(ll_conv_graph_plan(&graph, "e10 k99=1", &plan, &err), LL_OK);
    assert_non_null(strstr(err.text, "CUDNN_STATUS_"));
    ll_conv_graph_release(&graph);
}

/* fp32 promises arithmetic that tensor cores do not have: its engines are fewer than tf32's. */
static void fp32_refuses_what_tf32_takes(void **state)
{
    static char engines[MAX_ENGINES][LL_CONV_ENGINE_TEXT];
    ll_conv_shape shape = {64, 56, 256, 256, LL_CONV_TF32, false, false};
    ll_error err = LL_ERROR_INIT;
    char why[256];
    int count[2] = {0, 0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        ll_conv_graph graph;
        shape.type = i == 0 ? LL_CONV_TF32 : LL_CONV_FP32;
        assert_int_equal(ll_conv_graph_build(&k_target, &shape, 1.0f, &graph, &err), LL_OK);
        assert_int_equal(
            ll_conv_graph_engines(&graph, shape.type, engines, MAX_ENGINES, &count[i], why, &err),
            LL_OK);
        ll_conv_graph_release(&graph);
    }
    assert_true(count[1] > 0 && count[1] < count[0]);
    assert_non_null(strstr(why, "engine "));
}

static ll_status plan_for(int batch, const char *engine, ll_error *err)
{
    const ll_conv_shape shape = {batch, 224, 64, 64, LL_CONV_FP16, false, false};
    cudnnBackendDescriptor_t plan = NULL;
    ll_conv_graph graph;

    if (ll_conv_graph_build(&k_target, &shape, 1.0f, &graph, err) != LL_OK)
        fail_msg("%s", err->text);
    const ll_status status = ll_conv_graph_plan(&graph, engine, &plan, err);
    if (status == LL_OK) cudnnBackendDestroyDescriptor(plan);
    ll_conv_graph_release(&graph);
    return status;
}

/* Engines of cuDNN 9.19: with k25=0 some batches leave tiles for a last wave, which are summed in
 * parts; with k25=1 none is. Of 3 images they ask for memory for that, of 5 they do not. */
static void sums_are_not_split_where_tiles_lie(void **state)
{
    static const char k_may[] = "e41 k2=0,k13=1,k18=0,k25=0,k27=1,k28=1",
                      k_never[] = "e41 k2=0,k13=1,k18=0,k25=1,k27=1,k28=1";
    static const char *const k_split[] = {"e41 k38=1", "e29 k12=2", "e29 k12=-1,k17=2"};
    ll_error err = LL_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof k_split / sizeof k_split[0]; i++) {
        err = (ll_error)LL_ERROR_INIT;
        assert_int_equal(plan_for(5, k_split[i], &err), LL_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.text, "splits sums by place"));
    }
    err = (ll_error)LL_ERROR_INIT;
    if (plan_for(5, k_may, &err) != LL_OK || plan_for(3, k_never, &err) != LL_OK) {
        print_message("another cuDNN: %s\n", err.text);
        skip();
    }
    assert_int_equal(plan_for(3, k_may, &err), LL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "splits sums by place: it wants "));
}

static void versions_for_other_cudas_are_refused(void **state)
{
    char version[LL_CONV_VERSION_TEXT];
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_int_equal(ll_conv_version_check(91900, 13010, version, &err), LL_OK);
    assert_string_equal(version, "cuDNN 9.19.0 for CUDA 13.1");
    assert_int_equal(ll_conv_version_check(91900, 12090, version, &err), LL_ERR_UNSUPPORTED);
    assert_string_equal(err.text, "cuDNN 9.19.0 for CUDA 12.9: lookloom needs the one for CUDA 13");
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_conv_version_check(90701, 13000, version, &err), LL_ERR_UNSUPPORTED);
    assert_int_equal(
        ll_conv_version_check(cudnnGetVersion(), cudnnGetCudartVersion(), version, &err), LL_OK);
}

/* 0, or what to exit with: a younger cuDNN (seen with 9.28) wants a libcuda to load its parts. */
static int target_open(void)
{
    uint8_t *json = NULL;
    size_t size_bytes = 0;
    ll_error err = LL_ERROR_INIT;

    if (ll_file_read(k_properties, MAX_BYTES, &json, &size_bytes, &err) != LL_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    const ll_status status =
        ll_conv_device_of((const char *)json, size_bytes, &k_target.device, &err);
    if (status != LL_OK) printf("%s\n", err.text);
    free(json);
    if (strstr(err.text, "SUBLIBRARY_LOADING_FAILED") != NULL) return 77;
    return status == LL_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_convolution_has_an_engine),
        cmocka_unit_test(convolutions_alone_have_one_too),
        cmocka_unit_test(convolutions_before_a_pool_have_one_that_pools),
        cmocka_unit_test(texts_are_read_back),
        cmocka_unit_test(fp32_refuses_what_tf32_takes),
        cmocka_unit_test(sums_are_not_split_where_tiles_lie),
        cmocka_unit_test(versions_for_other_cudas_are_refused),
    };
    cudnnSetCallback(CUDNN_SEV_ERROR_EN | CUDNN_SEV_WARNING_EN, NULL, listen);
    const int closed = target_open();
    if (closed != 0) return closed;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cudnnBackendDestroyDescriptor(k_target.device);
    return failed;
}
