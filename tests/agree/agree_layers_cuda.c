/* tests/agree/agree_layers_cuda.c - each convolution and product of the network alone, in every
 * precision, by the engines the libraries offer, beside the definition in double precision
 * (layer_alone.h): on a card as gpu_layers, on the emulated libraries as agree_layers_cuda.
 *
 *   gpu_layers [SECONDS [BATCH]]
 *
 * The first engine of every layer, then four more of each, and so on until the seconds (20) are
 * gone. A line an engine, begun before it is tried, so that one that ends the program is named:
 * what it takes, how far it is off. Skipped where there is no card. */
#include "host/base/clock.h"
#include "host/vgg16/vgg16.h"
#include "tests/agree/layer_alone.h"
#include "tests/test.h"
#ifdef LL_LAYERS_EMULATED
#include "tests/cuda_emulated/emulated.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LL_LAYERS_EMULATED
enum { SECONDS = 600, BATCH = 1, ROUNDS = 1, WITH_POOL = 1 };
#else
enum { SECONDS = 20, BATCH = 8, ROUNDS = LAYER_ENGINES, WITH_POOL = 0 };
#endif
enum { MOST = 64, VISIT = 4, SKIPPED = 77 }; /* VISIT: engines with the same operands */

static struct {
    double seconds;
    int batch;
} given = {SECONDS, BATCH};

static struct {
    layer_libraries libraries;
    layer_alone layers[MOST];
    int count, tried, wrong, failed;
    double until;                 /* ll_clock_seconds */
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
#ifdef LL_LAYERS_EMULATED
    const ll_emulated *const card = ll_emulated_card();
    if (card->misuse[0] != '\0' || card->alive != 0 || card->used_bytes != 0) {
        print_error("misuse '%s', %d alive, %zu bytes\n", card->misuse, (int)card->alive,
                    card->used_bytes);
        return -1;
    }
#endif
    return 0;
}

/* One engine; true if it could be tried. */
static bool try_one(layer_alone *alone)
{
    const char *const engine = alone->engines[alone->next];
    ll_error err = LL_ERROR_INIT;
    layer_verdict verdict;

    print_message("[   INFO   ] %s: %s: ", alone->name, engine);
    fflush(NULL);
    const ll_status status = layer_alone_try(alone, &work.libraries, &verdict, &err);
    if (status != LL_OK) print_message("\n");
    if (status != LL_OK) fail_msg("%s, %s: %s", alone->name, engine, err.text);
    if (verdict.refused || verdict.failed) {
        print_message("%s: %s\n", verdict.failed ? "FAILED" : "refused", verdict.text);
        work.failed += verdict.failed;
        return false;
    }
    work.tried++;
    print_message("%s, %.3f ms, off by %.3f of the bound, ready in %.2f s\n",
                  verdict.wrong ? "WRONG" : "right", verdict.ms, verdict.error, verdict.made_s);
    if (verdict.wrong && work.wrong++ == 0)
        snprintf(work.first, sizeof work.first, "%s: %s: %.100s", alone->name, verdict.text,
                 engine);
    return true;
}

/* The next `most` engines of a layer that can. */
static void visit(layer_alone *alone, int most)
{
    for (int tried = 0; tried < most && alone->next < alone->count;) {
        if (ll_clock_seconds() >= work.until) break;
        tried += try_one(alone);
    }
    layer_alone_rest(alone);
}

/* Every engine of `alone` was tried, and none is right. A pool in the same graph is a convenience,
 * and the network has a kernel of its own for what is left; but here something is amiss. */
static bool has_none(const layer_alone *alone)
{
    return alone->right == 0 && alone->next == alone->count;
}

static void engines_follow_the_definition(void **state)
{
    int untried = 0, without = 0;

    (void)state;
    work.until = ll_clock_seconds() + given.seconds;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < work.count; i++)
            visit(&work.layers[i], round == 0 ? 1 : VISIT);
    for (int i = 0; i < work.count; i++) {
        const layer_alone *const alone = &work.layers[i];
        untried += alone->next == 0 && alone->count > 0;
        without += has_none(alone) && (!alone->pool || WITH_POOL);
        if (has_none(alone))
            print_message("[   INFO   ] %s: no engine: %s\n", alone->name, alone->why);
    }
    print_message("[   INFO   ] %d engines tried, %d wrong, %d failed; %d of %d layers not tried\n",
                  work.tried, work.wrong, work.failed, untried, work.count);
    if (work.wrong > 0)
        fail_msg("%d of %d engines are wrong, first %s", work.wrong, work.tried, work.first);
    if (without > 0) fail_msg("%d layers have no engine that is right", without);
    assert_true(work.tried > 0);
}

#ifdef LL_LAYERS_EMULATED
static void must_be_wrong(const char *says)
{
    ll_error err = LL_ERROR_INIT;
    layer_verdict verdict = {0};
    layer_alone alone = {.layer = ll_vgg16_find("conv5_1"), .batch = 2, .type = LL_CONV_FP16};

    must(layer_alone_init(&alone, &work.libraries, &err), &err);
    while (!verdict.wrong) {
        if (alone.next == alone.count) fail_msg("no engine is found to be wrong");
        must(layer_alone_try(&alone, &work.libraries, &verdict, &err), &err);
    }
    if (strstr(verdict.text, says) == NULL) fail_msg("not '%s': %s", says, verdict.text);
    layer_alone_release(&alone);
}

/* A channel of zeros; results that nobody wrote. */
static void a_wrong_engine_is_noticed(void **state)
{
    (void)state;
    ll_emulated_card()->unsound = true;
    must_be_wrong(" is 0 instead of ");
    ll_emulated_card()->unsound = false;
    ll_emulated_card()->idle = true;
    must_be_wrong("result ");
    ll_emulated_card()->idle = false;
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
    if (!(given.seconds > 0.0) || given.batch < 1) {
        fprintf(stderr, "usage: gpu_layers [SECONDS [BATCH]]\n");
        return 2;
    }
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        printf("skipped: no device\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
