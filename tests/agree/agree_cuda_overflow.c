/* tests/agree/agree_cuda_overflow.c - activations as large as those of Keras' weights, in fp16:
 * they overflow when nothing is done about it, agree with the cpu's when the scale is; and whatever
 * is infinite anywhere ends as one line that names the layer, also with engines whose ReLU makes 0
 * of NaN. And cards without engines that fuse. On the emulated card. */
#include "host/backend/backend.h"
#include "host/backend/cuda/net/cuda_weights.h"
#include "host/vgg16/vgg16.h"
#include "tests/cuda_net_fixture.h"
#include "tests/numeric.h"
#include "tests/reference/random_weights.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3, IMAGES = 2 };
enum { CONV1_1 = 0, CONV1_2 = 1, POOL1 = 2, CONV2_1 = 3 };
static const float k_growth = 24.0f;  /* of activations from layer to layer */
static const float k_half = 65504.0f; /* the largest fp16 */

static uint8_t *pixels; /* (IMAGES, 224, 224, 3) */

static int setup(void **state)
{
    uint64_t seed = 5;

    (void)state;
    pixels = calloc(IMAGES, IMAGE);
    if (pixels == NULL) return -1;
    for (int i = 0; i < IMAGES * IMAGE; i++)
        pixels[i] = (uint8_t)(128.0f + 60.0f * ll_random(&seed) + (i < IMAGE ? 40.0f : -40.0f));
    ll_random_weights_scale(k_growth);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(pixels);
    return 0;
}

/* Another scale for a net that has one: its biases anew, nothing captured. */
static void set_factor(ll_net *net, float factor)
{
    ll_error err = LL_ERROR_INIT;

    for (int i = 0; i <= net->last; i++) {
        (void)cudaFree(net->layers[i].bias);
        net->layers[i].bias = NULL;
    }
    if (net->slots[0].graph != NULL) (void)cudaGraphExecDestroy(net->slots[0].graph);
    net->slots[0].graph = NULL;
    net->factor = factor;
    if (ll_cuda_biases_upload(net, &err) != LL_OK) fail_msg("%s", err.text);
}

static void cpu_features(int layer, float *features)
{
    const ll_backend_options options = {.name = "cpu", .threads = 2, .batch = IMAGES, .slots = 1};
    const ll_net_options wanted = {.layer = layer, .normalize = true};
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    ll_backend *be = NULL;
    ll_net *net = NULL;
    float norms[IMAGES];

    if (ll_backend_open(&options, &be, &err) != LL_OK ||
        ll_weights_open("caffe:3:", &weights, &err) != LL_OK ||
        ll_net_create(be, weights, &wanted, &net, &err) != LL_OK ||
        ll_forward_submit(be, net, 0, pixels, IMAGES, &err) != LL_OK ||
        ll_forward_wait(be, net, 0, features, norms, &err) != LL_OK)
        fail_msg("cpu: %s", err.text);
    ll_net_free(be, net);
    ll_weights_close(weights);
    ll_backend_close(be);
}

static double dot(const float *x, const float *y, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* The score of the two images with each other, and of each with itself as the cpu has it. */
static void same_scores(const float *got, const float *want, int64_t width)
{
    const double score = dot(want, want + width, width);
    const double delta = fabs(dot(got, got + width, width) - score);

    print_message("[   INFO   ] score %.4f, %.2g off\n", score, delta);
    assert_true(score > 0.1 && score < 0.999);
    assert_true(delta <= 1e-3);
    for (int i = 0; i < IMAGES; i++)
        assert_true(dot(got + i * width, want + i * width, width) >= 1.0 - 1e-3);
}

static void refused_for(net_card *card, ll_net *net, int layer, float *features)
{
    ll_error err = LL_ERROR_INIT;
    char want[160];
    float norms[1];

    snprintf(want, sizeof want,
             "weights: an activation of %s is infinite or not a number in fp16; use --precision "
             "tf32",
             ll_vgg16_name(layer));
    assert_int_equal(net_card_forward(card, net, pixels, 1, features, norms, &err), LL_ERR_FORMAT);
    assert_string_equal(err.text, want);
}

static void large_activations_agree_because_of_the_scale(void **state)
{
    const int64_t width = ll_vgg16_width(POOL1);
    float *const got = calloc((size_t)(IMAGES * width), sizeof *got);
    float *const want = calloc((size_t)(IMAGES * width), sizeof *want);
    float norms[1], most = 0.0f;
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    assert_true(got != NULL && want != NULL);
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->no_pool = true;
    net_card_open(&card, "fp16", 1);
    ll_net *const net = net_card_create(&card, POOL1, NULL);
    for (int i = 0; i <= net->last; i++)
        most = fmaxf(most, net->layers[i].largest);
    const float factor = net->factor;
    print_message("[   INFO   ] largest activation %g, scale %g\n", (double)most, (double)factor);
    assert_true(most > k_half && most < 16.0f * k_half);
    assert_true(factor < 1.0f && most * factor <= 2048.0f);
    assert_true(strstr(card.be.ops->describe(&card.be).engines, "; scale 0.") != NULL);

    set_factor(net, 1.0f); /* naive fp16 */
    refused_for(&card, net, CONV1_2, got);

    set_factor(net, factor);
    for (int i = 0; i < IMAGES; i++)
        if (net_card_forward(&card, net, pixels + (size_t)i * IMAGE, 1, got + i * width, norms,
                             &err) != LL_OK)
            fail_msg("%s", err.text);
    cpu_features(POOL1, want);
    same_scores(got, want, width);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
    free(want);
    free(got);
}

/* One channel of a layer becomes infinite. What the layers after it make of that need not be
 * infinite any more. */
static void poison(ll_net *net, int layer)
{
    const uint16_t infinity = 0x7C00;

    assert_int_equal(cudaMemcpyAsync(net->layers[layer].bias, &infinity, sizeof infinity,
                                     cudaMemcpyHostToDevice, net->state->compute),
                     cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(net->state->compute), cudaSuccess);
}

static void infinity_anywhere_names_its_layer(void **state)
{
    static const int k_layers[] = {CONV1_2, CONV2_1}; /* with its pool in one plan; the last */
    float *const got = calloc((size_t)ll_vgg16_width(CONV2_1), sizeof *got);
    float norms[1];
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    assert_non_null(got);
    ll_emulated_reset(ll_emulated_card());
    ll_emulated_card()->relu_hides_nan = true;
    net_card_open(&card, "fp16", 1);
    ll_net *const net = net_card_create(&card, CONV2_1, NULL);
    const float factor = net->factor;
    assert_true(net->layers[CONV1_2].pooled);
    for (size_t i = 0; i < sizeof k_layers / sizeof k_layers[0]; i++) {
        poison(net, k_layers[i]);
        refused_for(&card, net, k_layers[i], got);
        set_factor(net, factor);
    }
    if (net_card_forward(&card, net, pixels, 1, got, norms, &err) != LL_OK)
        fail_msg("%s", err.text);
    card.be.ops->net_free(&card.be, net);
    net_card_close(&card);
    free(got);
}

/* A card whose engines do not fuse in fp32 has the same features, and fp16 finds its scale there.
 */
static void engines_that_convolve_alone_do(void **state)
{
    const int64_t width = ll_vgg16_width(CONV1_1);
    float *const got = calloc((size_t)(IMAGES * width), sizeof *got);
    float *const want = calloc((size_t)(IMAGES * width), sizeof *want);
    float norms[1];
    ll_error err = LL_ERROR_INIT;
    net_card card;

    (void)state;
    assert_true(got != NULL && want != NULL);
    cpu_features(CONV1_1, want);
    for (int half = 0; half < 2; half++) {
        ll_emulated_reset(ll_emulated_card());
        ll_emulated_card()->no_fused = true;
        net_card_open(&card, half ? "fp16" : "fp32", 1);
        ll_net *const net = net_card_create(&card, CONV1_1, NULL);
        const char *const engines = card.be.ops->describe(&card.be).engines;
        assert_true((strstr(engines, "; conv1_1 plain e4 k2=1,k13=0") != NULL) == !half);
        assert_true(net->layers[CONV1_1].largest > 0.0f || !half); /* found without fusing */
        if (net_card_forward(&card, net, pixels, 1, got, norms, &err) != LL_OK)
            fail_msg("%s", err.text);
        assert_true(dot(got, want, width) >= 1.0 - (half ? 1e-3 : 1e-5));
        card.be.ops->net_free(&card.be, net);
        net_card_close(&card);
    }
    free(want);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_activations_agree_because_of_the_scale),
        cmocka_unit_test(infinity_anywhere_names_its_layer),
        cmocka_unit_test(engines_that_convolve_alone_do),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
