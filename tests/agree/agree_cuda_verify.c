/* tests/agree/agree_cuda_verify.c - engines that are quick and not right, or fail: passed over with
 * a line, whether they were timed, named by an index or found in a cache. On the emulated card. */
#include "host/backend/cuda/engines/cuda_layer_choice.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/clock.h"
#include "host/vgg16/vgg16.h"
#include "tests/cuda_net_fixture.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONV1_1 = 0, CONV1_2 = 1, BATCH = 2, TEXT = 4096 };

static const char k_other_bits[] = "gives one picture different bits in different places";
static const char k_other_numbers[] = "gives other numbers than fp32";

static int setup(void **state)
{
    (void)state;
    return setenv("XDG_CACHE_HOME", "/dev/null", 1); /* nothing of one test for the next */
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) fail_msg("'%s' does not say '%s'", text, part);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) fail_msg("'%s' says '%s'", text, part);
}

/* A net up to `layer` on a card as it is now; its engines, and what was logged. */
static void make_net(const char *precision, int layer, const char *earlier, char engines[TEXT],
                     char said[TEXT])
{
    net_card card;

    net_card_open(&card, precision, BATCH);
    ll_net *const net = net_card_create(&card, layer, earlier);
    snprintf(engines, TEXT, "%s", card.be.ops->describe(&card.be).engines);
    snprintf(said, TEXT, "%s", card.logged);
    assert_int_equal(net->batch, BATCH);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
}

/* A card that computes nothing: for what is decided before. */
static void be_idle(void)
{
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->idle = true;
}

static void engines_that_are_right_are_believed(void **state)
{
    static char engines[TEXT], again[TEXT], said[TEXT];

    (void)state;
    be_idle();
    make_net("fp16", CONV1_2, NULL, engines, said);
    has(engines, "; conv1_1 e4 k2=1,k13=0; conv1_2 e4 k2=1,k13=0");
    lacks(said, "passed over");
    be_idle();
    make_net("fp16", CONV1_2, engines, again, said);
    assert_string_equal(again, engines);
    lacks(said, "chosen anew");
}

/* The fastest engine's bits hang on an image's place: it is found out wherever it comes from. */
static void an_image_has_the_same_bits_anywhere(void **state)
{
    static char engines[TEXT], uneven[TEXT], said[TEXT];

    (void)state;
    be_idle();
    make_net("tf32", CONV1_1, NULL, uneven, said);
    has(uneven, "; conv1_1 e4 k2=1,k13=0");

    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->uneven = true;
    make_net("tf32", CONV1_1, uneven, engines, said); /* as an index names it, then timed */
    has(engines, "; conv1_1 e1 k2=0");
    has(said, "conv1_1: engine e4 k2=1,k13=0 gives one picture different bits in different "
              "places; engines are chosen anew\n");
    has(said, "conv1_1: engine e4 k2=1,k13=0 gives one picture different bits in different "
              "places; passed over\n");
}

static void engines_that_lose_a_channel_are_passed_over(void **state)
{
    static char engines[TEXT], said[TEXT];

    (void)state;
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->unsound = true;
    make_net("fp16", CONV1_1, NULL, engines, said);
    has(engines, "; conv1_1 e1 k2=0");
    has(said, k_other_numbers);
    lacks(said, k_other_bits);
}

/* One engine fails where it runs, the card is well: there are others, in fp32 too, which fp16 needs
 * for its scale. */
static void engines_that_fail_are_passed_over(void **state)
{
    static char engines[TEXT], said[TEXT];

    (void)state;
    for (int broken = 1; broken <= 2; broken++) {
        be_idle();
        ll_emulated_card()->breaks = broken;
        make_net("fp16", CONV1_1, NULL, engines, said);
        has(engines, broken == 1 ? "; conv1_1 e4 k2=1,k13=0" : "; conv1_1 e1 k2=0");
        has(said, broken == 1 ? "conv1_1: engine e1 k2=0 passed over: cuDNN: "
                              : "conv1_1: engine e4 k2=1,k13=0 passed over: cuDNN: ");
    }
    /* What an index names and does not run is no reason to fail either. */
    be_idle();
    make_net("tf32", CONV1_1, NULL, engines, said);
    ll_emulated_card()->breaks = 2;
    make_net("tf32", CONV1_1, engines, engines, said);
    has(engines, "; conv1_1 e1 k2=0");
    has(said, "conv1_1: engine e4 k2=1,k13=0 is gone; engines are chosen anew\n");
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

/* A net to pool5, its engines chosen; the seconds that took. */
static double make_slow_net(int slow_ms, int patience_s, net_card *card)
{
    be_idle();
    ll_emulated_card()->slow_ms = slow_ms;
    net_card_open(card, "tf32", 1);
    ((struct cuda_state *)card->be.state)->patience_s = patience_s;
    const double begin_s = ll_clock_seconds();
    ll_net *const net = net_card_create(card, LL_VGG16_POOL5, NULL);
    const double took_s = ll_clock_seconds() - begin_s;
    card->be.ops->net_free(&card->be, net);
    return took_s;
}

/* 40 engines a layer that cannot after all stand before the fastest, and making each takes long:
 * trying all would take half a minute. Patience ends it, every layer has an engine all the same,
 * and the table says of each engine what became of it. */
static void slow_engines_end_with_the_patience(void **state)
{
    enum { PATIENCE_S = 3, SLOW_MS = 50, CONVOLUTIONS = 13 };
    static net_card card;

    (void)state;
    const double undisturbed_s = make_slow_net(0, PATIENCE_S, &card);
    assert_null(strstr(card.details, "not tried"));
    net_card_close(&card);
    const double took_s = make_slow_net(SLOW_MS, PATIENCE_S, &card);
    print_message("[   INFO   ] %.2f s, undisturbed %.2f s\n", took_s, undisturbed_s);
    assert_true(took_s - undisturbed_s <= PATIENCE_S + 1.0);
    assert_int_equal(count_of(card.be.ops->describe(&card.be).engines, "; conv"), CONVOLUTIONS);
    assert_true(count_of(card.details, ": cuDNN: engine e9") > 5); /* tried, with the reason */
    assert_true(count_of(card.details, ": not tried: patience is over\n") > 100);
    has(card.details, "engines: conv1_1 44 offered, 1 refused (split sums 1)\n");
    has(card.details, "engines: conv1_2 with its pool ");
    net_card_close(&card);
}

/* Whichever allocation fails: the batch is halved, or, where it was the workspace that one engine
 * wants and another does not, it is not. */
static void an_engine_too_large_does_not_halve_the_batch(void **state)
{
    ll_emulated *const emulated = ll_emulated_card();
    int others = 0, halved = 0;
    bool reached = true;

    (void)state;
    for (int64_t which = 5; reached; which++) { /* the first are of the net itself */
        net_card card;
        be_idle();
        net_card_open(&card, "tf32", BATCH);
        emulated->fail_allocation = which;
        ll_net *const net = net_card_create(&card, CONV1_1, NULL);
        reached = emulated->allocations >= which;
        const char *const engines = card.be.ops->describe(&card.be).engines;
        others += strstr(engines, "; conv1_1 e1 k2=0") != NULL && net->batch == BATCH;
        halved += net->batch < BATCH;
        card.be.ops->net_free(&card.be, net);
        net_card_close(&card);
    }
    assert_int_equal(others, 1);
    assert_true(halved > 2);
}

/* ---- products ----------------------------------------------------------------------------- */

/* A net of which fc2 alone is there, with what comes into it. */
static ll_net *bare_fc2(net_card *card)
{
    const int64_t count = ll_vgg16_kernel_count(LL_VGG16_FC2);
    const int width = ll_vgg16_layer_at(LL_VGG16_FC2)->out_channels;
    ll_net *const net = calloc(1, sizeof *net);
    float *const values = calloc((size_t)count, sizeof *values);
    ll_error err = LL_ERROR_INIT;

    assert_true(net != NULL && values != NULL);
    *net = (ll_net){.be = &card->be,
                    .state = card->be.state,
                    .layer = LL_VGG16_FC2,
                    .last = LL_VGG16_FC2,
                    .batch = BATCH,
                    .channels = 4,
                    .type = LL_POOL_FLOAT32,
                    .factor = 1.0f};
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(i % 101) / 5000.0f;
    const size_t input = (size_t)BATCH * LL_VGG16_SIDE * LL_VGG16_SIDE * 4 * sizeof *values;
    if (ll_cuda_memory("x", input, &net->activations[0], &err) != LL_OK ||
        ll_cuda_memory("y", input, &net->activations[1], &err) != LL_OK ||
        ll_cuda_memory("w", (size_t)count * 4, &net->layers[LL_VGG16_FC2].kernel, &err) != LL_OK ||
        ll_cuda_memory("b", (size_t)width * 4, &net->layers[LL_VGG16_FC2].bias, &err) != LL_OK)
        fail_msg("%s", err.text);
    const cudaStream_t stream = net->state->compute;
    assert_int_equal(cudaMemcpyAsync(net->layers[LL_VGG16_FC2].kernel, values, (size_t)count * 4,
                                     cudaMemcpyHostToDevice, stream),
                     cudaSuccess);
    assert_int_equal(cudaMemcpyAsync(net->layers[LL_VGG16_FC2].bias, values, (size_t)width * 4,
                                     cudaMemcpyHostToDevice, stream),
                     cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
    free(values);
    return net;
}

/* Both images of the batch the same. */
static void feed(const ll_net *net)
{
    static float x[BATCH][4096];

    for (int i = 0; i < 4096; i++)
        x[0][i] = x[1][i] = (float)(i % 7);
    assert_int_equal(cudaMemcpyAsync(net->activations[0], x, sizeof x, cudaMemcpyHostToDevice,
                                     net->state->compute),
                     cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(net->state->compute), cudaSuccess);
}

/* Products have algorithms to choose from, and they are proven too. */
static void algorithms_are_timed_and_proven_too(void **state)
{
    struct cuda_timing *const c = calloc(1, sizeof *c);
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    assert_non_null(c);
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->uneven = true;
    net_card_open(&card, "tf32", BATCH);
    ll_net *const net = bare_fc2(&card);
    if (ll_cuda_timing_init(c, net, &err) != LL_OK) fail_msg("%s", err.text);
    feed(net);
    if (ll_cuda_layer_choose(c, LL_VGG16_FC2, &err) != LL_OK) fail_msg("%s", err.text);
    assert_string_equal(net->layers[LL_VGG16_FC2].engine, "sgemm 1");
    has(card.logged, "fc2: engine sgemm 2 gives one picture different bits");
    ll_cuda_timing_release(c);
    free(c);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
}

static void download(const ll_net *net, const void *from, float *to, size_t bytes)
{
    assert_int_equal(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, net->state->compute),
                     cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(net->state->compute), cudaSuccess);
}

/* With no algorithm at all, a kernel of ours multiplies: as the library does, to a few roundings.
 */
static void a_product_without_an_algorithm_is_right_all_the_same(void **state)
{
    static float want[4096], got[4096];
    struct cuda_timing *const c = calloc(1, sizeof *c);
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    assert_non_null(c);
    ll_emulated_reset(ll_emulated_card());
    net_card_open(&card, "fp32", BATCH);
    ll_net *const net = bare_fc2(&card);
    for (int turn = 0; turn < 2; turn++) {
        ll_emulated_card()->no_engine = turn > 0;
        memset(c, 0, sizeof *c);
        if (ll_cuda_timing_init(c, net, &err) != LL_OK) fail_msg("%s", err.text);
        feed(net);
        if (ll_cuda_layer_choose(c, LL_VGG16_FC2, &err) != LL_OK) fail_msg("%s", err.text);
        download(net, net->activations[1], turn > 0 ? got : want, sizeof got);
        ll_cuda_timing_release(c);
    }
    assert_string_equal(net->layers[LL_VGG16_FC2].engine, "own");
    has(card.logged, "fc2: no engine of the library computes it right here (0 tried; cuBLASLt: no "
                     "algorithm here); a kernel of ours does, slowly\n");
    for (int i = 0; i < 4096; i++)
        if (!(want[i] > 0.0f && fabsf(got[i] - want[i]) <= 1e-5f * want[i]))
            fail_msg("fc2: %d is %g instead of %g", i, (double)got[i], (double)want[i]);
    free(c);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
}

/* ---- batches ------------------------------------------------------------------------------ */

static void batches_end_where_counts_of_32_bits_do(void **state)
{
    net_card card;

    (void)state;
    ll_emulated_reset(ll_emulated_card());
    net_card_open(&card, "fp16", 513);
    assert_int_equal(card.be.batch, 512);
    assert_string_equal(card.logged, "batch 513: cuda takes up to 512, and 512 it is\n");
    net_card_close(&card);
    net_card_open(&card, "fp16", 512);
    assert_int_equal(card.be.batch, 512);
    assert_string_equal(card.logged, "");
    net_card_close(&card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_that_are_right_are_believed),
        cmocka_unit_test(an_image_has_the_same_bits_anywhere),
        cmocka_unit_test(engines_that_lose_a_channel_are_passed_over),
        cmocka_unit_test(engines_that_fail_are_passed_over),
        cmocka_unit_test(slow_engines_end_with_the_patience),
        cmocka_unit_test(an_engine_too_large_does_not_halve_the_batch),
        cmocka_unit_test(algorithms_are_timed_and_proven_too),
        cmocka_unit_test(a_product_without_an_algorithm_is_right_all_the_same),
        cmocka_unit_test(batches_end_where_counts_of_32_bits_do),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
