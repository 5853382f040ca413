/* tests/unit/unit_cudnn_graphs.c - cuDNN's graphs of all 13 convolutions, in three precisions, with
 * and without the pool, at two batches, built for the stored properties of two cards that are not
 * here. Each must have an engine that makes a plan, or whose only obstacle is the missing driver.
 *
 *   unit_cudnn_graphs [--table [BATCH]]    instead: a line for each, all engines tried
 *
 * The properties were written by hand (tests/reference/README.md). That a plan can be made proves
 * that the graph is well formed and not refused early; not that it runs. */
#include "host/base/number.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"
#include "tests/unit/cudnn_cards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENGINES = CUDNN_ENGINES, TABLE_BATCH = 256 };

static const char *const k_types[] = {"fp16", "tf32", "fp32"};
static const int k_batches[] = {256, 1};
/* Asking takes long, and under sanitizers, which look at our own code alone, several times that. */
#ifdef __SANITIZE_ADDRESS__
enum { BATCHES = 1, ASKED_CARDS = 1 };
#else
enum { BATCHES = sizeof k_batches / sizeof k_batches[0], ASKED_CARDS = CUDNN_CARDS };
#endif

static cudnn_card cards[CUDNN_CARDS]; /* opened once, before any test */

static void check(const cudnn_card *card, const ll_conv_shape *shape, const char *layer)
{
    ll_error err = LL_ERROR_INIT;
    char name[64], tally[256];
    cudnn_row row;

    snprintf(name, sizeof name, "%s %-7s %s batch %3d%s", card->name, layer, k_types[shape->type],
             shape->batch,
             shape->pool    ? " with pool"
             : shape->plain ? " alone"
                            : "");
    if (cudnn_row_fill(card, shape, CUDNN_FIRST, &row, &err) != LL_OK)
        fail_msg("%s: %s", name, err.text);
    ll_conv_tally_text(&row.tally, tally);
    if (cudnn_row_left(&row) > 0) {
        print_message("%s: %s; takes %s\n", name, tally, row.first);
        return;
    }
    /* The pool in one graph is a convenience: without it there is our kernel. fp32 has none. */
    if (!(shape->pool && shape->type == LL_CONV_FP32))
        fail_msg("%s: %d engines, none would do: our own would; %s; %s", name, row.count, tally,
                 row.reason);
    print_message("%s: none, our pool; %s; %s\n", name, tally, row.reason);
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

static void check_all(const cudnn_card *card, int batch, bool pool, bool plain)
{
    for (int type = plain ? LL_CONV_TF32 : 0; type < 3; type++)
        for (int i = 0; i < LL_VGG16_POOL5; i++) {
            ll_conv_shape shape = cudnn_shape(i, batch, (ll_conv_type)type);
            shape.pool = pool;
            shape.plain = plain;
            if (ll_vgg16_layer_at(i)->kind != LL_VGG16_CONV) continue;
            if (pool && ll_vgg16_layer_at(i + 1)->kind != LL_VGG16_POOL) continue;
            if (pool || !seen_before(i)) check(card, &shape, ll_vgg16_name(i));
        }
}

static void check_batches(bool pool)
{
    for (int c = 0; c < ASKED_CARDS; c++)
        for (int i = 0; i < (c == 0 ? BATCHES : 1); i++)
            check_all(&cards[c], k_batches[i], pool, false);
}

static void every_convolution_has_an_engine(void **state)
{
    (void)state;
    check_batches(false);
}

/* What is left where nothing fuses. */
static void convolutions_alone_have_one_too(void **state)
{
    (void)state;
    for (int c = 0; c < ASKED_CARDS; c++)
        check_all(&cards[c], 64, false, true);
}

static void convolutions_before_a_pool_have_one_that_pools(void **state)
{
    (void)state;
    check_batches(true);
}

/* What fp16 and tf32 are for: no rule of ours, and no limit, leaves a layer without one. */
static void every_layer_has_an_engine_on_tensor_cores(void **state)
{
    (void)state;
    for (int c = 0; c < ASKED_CARDS; c++)
        for (int type = LL_CONV_FP16; type <= LL_CONV_TF32; type++)
            for (int i = 0; i < LL_VGG16_POOL5; i++) {
                const ll_conv_shape shape = cudnn_shape(i, TABLE_BATCH, (ll_conv_type)type);
                ll_error err = LL_ERROR_INIT;
                cudnn_row row;
                if (ll_vgg16_layer_at(i)->kind != LL_VGG16_CONV || seen_before(i)) continue;
                if (cudnn_row_fill(&cards[c], &shape, CUDNN_FIRST_TENSOR, &row, &err) != LL_OK)
                    fail_msg("%s", err.text);
                if (row.tensor == 0)
                    fail_msg("%s %s %s: the first that will do is %s; %s", cards[c].name,
                             ll_vgg16_name(i), k_types[type], row.first, row.reason);
            }
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
    assert_int_equal(ll_conv_graph_build(&cards[0].target, &shape, 1.0f, &graph, &err), LL_OK);
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

/* fp32 promises arithmetic that tensor cores do not have: its engines are fewer than tf32's. Each
 * that is not there was counted. */
static void fp32_refuses_what_tf32_takes(void **state)
{
    static char engines[MAX_ENGINES][LL_CONV_ENGINE_TEXT];
    ll_conv_shape shape = {64, 56, 256, 256, LL_CONV_TF32, false, false};
    ll_error err = LL_ERROR_INIT;
    ll_conv_tally tally;
    char text[256], want[64];
    int count[2] = {0, 0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        ll_conv_graph graph;
        shape.type = i == 0 ? LL_CONV_TF32 : LL_CONV_FP32;
        assert_int_equal(ll_conv_graph_build(&cards[0].target, &shape, 1.0f, &graph, &err), LL_OK);
        assert_int_equal(ll_conv_graph_engines(&graph, shape.type, engines, MAX_ENGINES, &count[i],
                                               &tally, &err),
                         LL_OK);
        ll_conv_graph_release(&graph);
        int refused = 0;
        for (int rule = 0; rule < LL_CONV_RULES; rule++)
            refused += tally.refused[rule];
        assert_int_equal(tally.offered + tally.added, count[i] + refused);
    }
    assert_true(count[1] > 0 && count[1] < count[0]);
    ll_conv_tally_text(&tally, text);
    snprintf(want, sizeof want, "tensor cores %d", tally.refused[LL_CONV_TENSOR_CORES]);
    assert_non_null(strstr(text, want));
}

/* The longest there is fits; what was refused is said last, with dots where it does not. */
static void tallies_become_one_line(void **state)
{
    ll_conv_tally tally = {0};
    char text[256];

    (void)state;
    ll_conv_tally_text(&tally, text);
    assert_string_equal(text, "0 offered");
    snprintf(tally.last, sizeof tally.last, "cuDNN: not today");
    ll_conv_tally_text(&tally, text);
    assert_string_equal(text, "0 offered; cuDNN: not today");
    tally.offered = 3;
    tally.refused[LL_CONV_FFT] = 1;
    ll_conv_tally_text(&tally, text);
    assert_string_equal(text, "3 offered, 1 refused (FFT 1)");
    for (int rule = LL_CONV_NOT_DETERMINISTIC; rule < LL_CONV_RULES; rule++)
        tally.refused[rule] = 999;
    tally.offered = 8 * 999 - 1;
    tally.known = 1;
    memset(tally.last, 'x', sizeof tally.last - 1);
    ll_conv_tally_text(&tally, text);
    assert_non_null(strstr(text, "7991 offered, 1 known, 7992 refused (not deterministic 999, "));
    assert_non_null(strstr(text, ", split sums 999, unable 999); xxx"));
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_string_equal(text + strlen(text) - 4, "x...");
}

static ll_status plan_for(int batch, const char *engine, ll_error *err)
{
    const ll_conv_shape shape = {batch, 224, 64, 64, LL_CONV_FP16, false, false};
    cudnnBackendDescriptor_t plan = NULL;
    ll_conv_graph graph;

    if (ll_conv_graph_build(&cards[0].target, &shape, 1.0f, &graph, err) != LL_OK)
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

/* What would split sums is not among the engines; one that does not has its place, and is counted.
 * For conv4_2 in tf32 it is cuDNN's first choice. */
static void twins_take_the_place_of_engines_that_split(void **state)
{
    static char engines[MAX_ENGINES][LL_CONV_ENGINE_TEXT];
    const ll_conv_shape shape = {256, 28, 512, 512, LL_CONV_TF32, false, false};
    ll_error err = LL_ERROR_INIT;
    ll_conv_graph graph;
    ll_conv_tally tally;
    int count = 0;

    (void)state;
    assert_int_equal(ll_conv_graph_build(&cards[0].target, &shape, 1.0f, &graph, &err), LL_OK);
    assert_int_equal(
        ll_conv_graph_engines(&graph, shape.type, engines, MAX_ENGINES, &count, &tally, &err),
        LL_OK);
    for (int i = 0; i < count; i++) {
        cudnnBackendDescriptor_t plan = NULL;
        err = (ll_error)LL_ERROR_INIT;
        if (ll_conv_graph_plan(&graph, engines[i], &plan, &err) == LL_OK)
            cudnnBackendDestroyDescriptor(plan);
        assert_null(strstr(err.text, "splits sums"));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(engines[i], engines[j]);
    }
    ll_conv_graph_release(&graph);
    if (cudnnGetVersion() / 100 != 919) return;
    assert_string_equal(engines[0], "e51 k2=3,k13=0,k18=0,k25=1,k27=1,k28=2");
    assert_int_equal(tally.refused[LL_CONV_SPLIT_SUMS], 2);
    assert_int_equal(tally.added, 2);
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

static int print_table(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int64_t batch = TABLE_BATCH;

    if (argc > 2) LL_TRY_DONE(ll_number_int("BATCH", argv[2], 1, 4096, &batch, &err));
    LL_TRY_DONE(cudnn_table_print(cards, (int)batch, &err));
done:
    if (status != LL_OK) printf("%s\n", err.text);
    return status == LL_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_convolution_has_an_engine),
        cmocka_unit_test(convolutions_alone_have_one_too),
        cmocka_unit_test(convolutions_before_a_pool_have_one_that_pools),
        cmocka_unit_test(every_layer_has_an_engine_on_tensor_cores),
        cmocka_unit_test(texts_are_read_back),
        cmocka_unit_test(fp32_refuses_what_tf32_takes),
        cmocka_unit_test(tallies_become_one_line),
        cmocka_unit_test(sums_are_not_split_where_tiles_lie),
        cmocka_unit_test(twins_take_the_place_of_engines_that_split),
        cmocka_unit_test(versions_for_other_cudas_are_refused),
    };
    const int closed = cudnn_cards_open(cards);
    if (closed != 0) return closed;
    const int failed = argc > 1 && strcmp(argv[1], "--table") == 0
                           ? print_table(argc, argv)
                           : cmocka_run_group_tests(tests, NULL, NULL);
    cudnn_cards_close(cards);
    return failed;
}
