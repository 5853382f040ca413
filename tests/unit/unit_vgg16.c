/* tests/unit/unit_vgg16.c - the network table against the paper, Keras and torchvision. */
#include "host/vgg16/vgg16.h"
#include "tests/test.h"

#include <stdio.h>
#include <string.h>

static void test_each_layer_takes_what_the_one_before_gives(void **state)
{
    (void)state;
    assert_int_equal(ll_vgg16_layer_at(0)->in_side, LL_VGG16_SIDE);
    assert_int_equal(ll_vgg16_layer_at(0)->in_channels, 3);
    for (int i = 0; i < LL_VGG16_LAYERS; i++) {
        const ll_vgg16_layer *layer = ll_vgg16_layer_at(i);
        const int side = layer->kind == LL_VGG16_POOL ? layer->in_side / 2
                         : layer->kind == LL_VGG16_FC ? 1
                                                      : layer->in_side;
        assert_int_equal(layer->out_side, side);
        if (layer->kind == LL_VGG16_POOL) assert_int_equal(layer->in_channels, layer->out_channels);
        if (i == 0) continue;
        assert_int_equal(layer->in_side, ll_vgg16_layer_at(i - 1)->out_side);
        assert_int_equal(layer->in_channels, ll_vgg16_layer_at(i - 1)->out_channels);
    }
}

static void test_it_is_configuration_d(void **state)
{
    (void)state;
    /* Table 1, column D; the pools are M, fc1 and fc2 are F. */
    static const char k_shape[] = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M F F";
    char shape[sizeof k_shape + 16];
    size_t at = 0;
    for (int i = 0; i < LL_VGG16_LAYERS; i++) {
        const ll_vgg16_layer *layer = ll_vgg16_layer_at(i);
        const char *gap = i ? " " : "";
        int more = 0;
        if (layer->kind == LL_VGG16_CONV)
            more = snprintf(shape + at, sizeof shape - at, "%s%d", gap, (int)layer->out_channels);
        else
            more = snprintf(shape + at, sizeof shape - at, "%s%c", gap,
                            layer->kind == LL_VGG16_POOL ? 'M' : 'F');
        assert_true(more > 0);
        at += (size_t)more;
    }
    assert_string_equal(shape, k_shape);
}

/* torchvision numbers a Sequential: conv, ReLU | conv, ReLU | pool ..., then fc, ReLU, dropout. */
static void test_names_follow_both_frameworks(void **state)
{
    (void)state;
    int place = 0, block = 1, conv = 1, fc = 0;
    for (int i = 0; i < LL_VGG16_LAYERS; i++) {
        const ll_vgg16_layer *layer = ll_vgg16_layer_at(i);
        char keras[32], torch[32], paper[32];
        if (layer->kind == LL_VGG16_CONV) {
            (void)snprintf(keras, sizeof keras, "block%d_conv%d", block, conv);
            (void)snprintf(paper, sizeof paper, "conv%d_%d", block, conv);
            (void)snprintf(torch, sizeof torch, "features.%d", place);
            place += 2, conv++;
        } else if (layer->kind == LL_VGG16_POOL) {
            (void)snprintf(keras, sizeof keras, "block%d_pool", block);
            (void)snprintf(paper, sizeof paper, "pool%d", block);
            place += 1, block++, conv = 1;
        } else {
            (void)snprintf(keras, sizeof keras, "fc%d", fc + 1);
            (void)snprintf(paper, sizeof paper, "fc%d", fc + 1);
            (void)snprintf(torch, sizeof torch, "classifier.%d", 3 * fc);
            fc++;
        }
        assert_string_equal(layer->keras, keras);
        assert_string_equal(layer->name, paper);
        if (layer->kind == LL_VGG16_POOL)
            assert_null(layer->torch);
        else
            assert_string_equal(layer->torch, torch);
    }
}

static void test_sums_are_the_published_ones(void **state)
{
    (void)state;
    assert_int_equal(ll_vgg16_parameters(LL_VGG16_FC2), 134260544);
    assert_int_equal(ll_vgg16_parameters(LL_VGG16_POOL5), 14714688); /* Keras, include_top=False */
    assert_int_equal(ll_vgg16_parameters(LL_VGG16_GAP), 14714688);
    assert_int_equal(ll_vgg16_parameters(0), 1792);
    /* 15.3466, 0.1028 and 0.0168 G multiply-adds: convolutions, fc1, fc2. */
    assert_true(ll_vgg16_flops(LL_VGG16_POOL5) == 2.0 * 15346630656.0);
    assert_true(ll_vgg16_flops(LL_VGG16_FC1) - ll_vgg16_flops(LL_VGG16_POOL5) == 2.0 * 102760448.0);
    assert_true(ll_vgg16_flops(LL_VGG16_FC2) - ll_vgg16_flops(LL_VGG16_FC1) == 2.0 * 16777216.0);
}

static void test_widths_and_kernels(void **state)
{
    (void)state;
    assert_int_equal(ll_vgg16_width(0), 224 * 224 * 64);
    assert_int_equal(ll_vgg16_width(LL_VGG16_POOL5), 25088);
    assert_int_equal(ll_vgg16_width(LL_VGG16_FC1), 4096);
    assert_int_equal(ll_vgg16_width(LL_VGG16_FC2), 4096);
    assert_int_equal(ll_vgg16_width(LL_VGG16_GAP), 512);
    assert_int_equal(ll_vgg16_kernel_count(0), 3 * 3 * 3 * 64);
    assert_int_equal(ll_vgg16_kernel_count(2), 0);
    assert_int_equal(ll_vgg16_kernel_count(LL_VGG16_FC1), 25088 * 4096);
    assert_int_equal(ll_vgg16_kernel_count(LL_VGG16_FC2), 4096 * 4096);
}

static void test_names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i <= LL_VGG16_GAP; i++)
        assert_int_equal(ll_vgg16_find(ll_vgg16_name(i)), i);
    assert_int_equal(ll_vgg16_find("pool5"), LL_VGG16_POOL5);
    assert_int_equal(ll_vgg16_find("fc3"), -1);
    assert_int_equal(ll_vgg16_find("FC2"), -1);
    assert_int_equal(ll_vgg16_find(""), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_layer_takes_what_the_one_before_gives),
        cmocka_unit_test(test_it_is_configuration_d),
        cmocka_unit_test(test_names_follow_both_frameworks),
        cmocka_unit_test(test_sums_are_the_published_ones),
        cmocka_unit_test(test_widths_and_kernels),
        cmocka_unit_test(test_names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
