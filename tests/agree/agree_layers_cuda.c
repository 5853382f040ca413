/* tests/agree/agree_layers_cuda.c - each convolution and product of the network alone, in every
 * precision, by the engines the libraries offer, beside the definition in double precision
 * (layer_alone.h): on a card as gpu_layers, on the emulated libraries as agree_layers_cuda.
 *
 *   gpu_layers [SECONDS [BATCH]]
 *
 * The first engine of every layer, then the second of each, and so on until the seconds are gone
 * (20; each layer's first is tried in any case). A line an engine: what it takes, how far it is
 * off. Skipped where there is no card. */
#include "host/base/clock.h"
#include "host/vgg16/vgg16.h"
#include "tests/agree/layer_alone.h"
#ifdef LL_LAYERS_EMULATED
#include "tests/cuda_emulated/emulated.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the four first above it */

#ifdef LL_LAYERS_EMULATED
enum { SECONDS = 600, BATCH = 1, ROUNDS = 1 };
#else
enum { SECONDS = 20, BATCH = 8, ROUNDS = LAYER_ENGINES };
#endif
enum { MOST = 64, SKIPPED = 77 };

static struct {
    double seconds;
    int batch;
} given = {SECONDS, BATCH};

static struct {
    layer_libraries libraries;
    layer_alone layers[MOST];
    int count, tried, wrong;
    char first[LAYER_TEXT + 160]; /* of the wrong ones */
} work;

static void must(ll_status status, const ll_error *err)
{
    if (status != LL_OK) fail_msg("%s", err->text);
}

/* conv4_3 is conv4_2 once more. */
static bool seen_before(int layer)
{
    const ll_vgg16_layer *const a = ll_vgg16_layer_at(layer);

    for (int i = 0; i < layer; i++) {
        const ll_vgg16_layer *const b = ll_vgg16_layer_at(i);
        if (b->kind == a->kind && a->in_channels == b->in_channels && a->in_side == b->in_side &&
            a->out_channels == b->out_channels)
            return true;
    }
    return false;
}

static void add(int layer, ll_conv_type type, bool pool)
{
    layer_alone *const alone = &work.layers[work.count++];
    ll_error err = LL_ERROR_INIT;

    *alone = (layer_alone){.layer = layer, .batch = given.batch, .type = type, .pool = pool};
    must(layer_alone_init(alone, &work.libraries, &err), &err);
}

static int setup(void **state)
{
    char conv[LL_CONV_VERSION_TEXT] = "", gemm[32] = "";
    ll_error err = LL_ERROR_INIT;

    (void)state;
    must(ll_conv_library_open(&work.libraries.conv, conv, &err), &err);
    must(ll_gemm_library_open(&work.libraries.gemm, gemm, &err), &err);
    print_message("[   INFO   ] %s, %s, batch %d\n", conv, gemm, given.batch);
    if (cudaStreamCreate(&work.libraries.stream) != cudaSuccess) return -1;
    for (int type = LL_CONV_FP16; type <= LL_CONV_FP32; type++)
        for (int i = 0; i <= LL_VGG16_FC2; i++) {
            const ll_vgg16_kind kind = ll_vgg16_layer_at(i)->kind;
            if (kind == LL_VGG16_POOL) continue;
            if (!seen_before(i)) add(i, (ll_conv_type)type, false);
            if (kind == LL_VGG16_CONV && ll_vgg16_layer_at(i + 1)->kind == LL_VGG16_POOL)
                add(i, (ll_conv_type)type, true);
        }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < work.count; i++)
        layer_alone_release(&work.layers[i]);
    (void)cudaStreamDestroy(work.libraries.stream);
    ll_gemm_library_close(work.libraries.gemm);
    ll_conv_library_close(work.libraries.conv);
    return 0;
}

/* The next engine that can, of one layer. */
static void try_next(layer_alone *alone)
{
    ll_error err = LL_ERROR_INIT;
    layer_verdict verdict = {.refused = true};

    while (verdict.refused && alone->next < alone->count) {
        const char *const engine = alone->engines[alone->next];
        if (layer_alone_try(alone, &work.libraries, &verdict, &err) != LL_OK)
            fail_msg("%s, %s: %s", alone->name, engine, err.text);
        if (verdict.refused) {
            print_message("[   INFO   ] %s: refused: %s: %s\n", alone->name, verdict.text, engine);
            continue;
        }
        work.tried++;
        print_message(
            "[   INFO   ] %s: %s %.3f ms, off by %.3f of the bound, ready in %.2f s: %s\n",
            alone->name, verdict.wrong ? "WRONG" : "right", verdict.ms, verdict.error,
            verdict.made_s, engine);
        if (!verdict.wrong || work.wrong++ > 0) continue;
        snprintf(work.first, sizeof work.first, "%s: %s: %.100s", alone->name, verdict.text,
                 engine);
    }
}

static void engines_follow_the_definition(void **state)
{
    const double until = ll_clock_seconds() + given.seconds;

    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < work.count && ll_clock_seconds() < until; i++)
            try_next(&work.layers[i]);
    /* Not wrong: the network's contest has a kernel of ours for it. But to be known. */
    for (int i = 0; i < work.count; i++)
        if (work.layers[i].right == 0)
            print_message("[   INFO   ] %s: %s: %s\n", work.layers[i].name,
                          work.layers[i].next < work.layers[i].count ? "not tried" : "no engine",
                          work.layers[i].why);
    print_message("[   INFO   ] %d engines tried, %d wrong\n", work.tried, work.wrong);
    if (work.wrong > 0)
        fail_msg("%d of %d engines are wrong, first %s", work.wrong, work.tried, work.first);
    assert_true(work.tried > 0);
}

#ifdef LL_LAYERS_EMULATED
/* A channel of zeros. */
static void a_wrong_engine_is_noticed(void **state)
{
    ll_error err = LL_ERROR_INIT;
    layer_verdict verdict;
    layer_alone alone = {.layer = ll_vgg16_find("conv5_1"), .batch = 2, .type = LL_CONV_FP16};

    (void)state;
    must(layer_alone_init(&alone, &work.libraries, &err), &err);
    ll_emulated_card()->unsound = true;
    for (int wrong = 0; wrong == 0;) {
        if (alone.next == alone.count) fail_msg("no engine is found to be wrong");
        must(layer_alone_try(&alone, &work.libraries, &verdict, &err), &err);
        wrong = verdict.wrong;
    }
    assert_non_null(strstr(verdict.text, " is 0 instead of "));
    ll_emulated_card()->unsound = false;
    layer_alone_release(&alone);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_follow_the_definition),
#ifdef LL_LAYERS_EMULATED
        cmocka_unit_test(a_wrong_engine_is_noticed),
#endif
    };
    int devices = 0;

    if (argc > 1) given.seconds = strtod(argv[1], NULL);
    if (argc > 2) given.batch = (int)strtol(argv[2], NULL, 10);
    if (given.seconds <= 0.0 || given.batch < 1) return 2;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        printf("skipped: no device\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
