/* tests/unit/unit_weights_safetensors.c - torchvision's order comes out as OHWI; a header that lies
 * is refused. */
#include "host/vgg16/vgg16.h"
#include "tests/safetensors_fixture.h"
#include "tests/test.h"
#include "tests/weights_fixture.h"
#include "weights/weights.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static char path[128];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    (void)snprintf(path, sizeof path, "%s/weights.safetensors", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

/* ---- a well-formed file ---------------------------------------------------------------- */

static void test_torchvision_comes_out_as_ohwi(void **state)
{
    (void)state;
    static fixture_header it;
    static const int k_layers[] = {0, 8, 16};
    ll_error err = LL_ERROR_INIT;
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    fixture_write_header(path, &it);
    for (int l = 0; l < 3; l++) { /* every weight its own number */
        char name[64];
        const int64_t count = ll_vgg16_kernel_count(k_layers[l]);
        float *const values = fixture_floats(count);
        for (int64_t i = 0; i < count; i++)
            values[i] = (float)i;
        (void)snprintf(name, sizeof name, "%s.weight", ll_vgg16_layer_at(k_layers[l])->torch);
        fixture_put(path, fixture_tensor_begin(&it, name), values, 4 * count);
        (void)snprintf(name, sizeof name, "%s.bias", ll_vgg16_layer_at(k_layers[l])->torch);
        fixture_put(path, fixture_tensor_begin(&it, name), values,
                    INT64_C(4) * ll_vgg16_layer_at(k_layers[l])->out_channels);
        free(values);
    }
    ll_weights *const weights = fixture_weights(path);
    const ll_weights_info *const info = ll_weights_describe(weights);
    assert_string_equal(info->name, "vgg16 (torchvision)");
    assert_string_equal(info->layout, "safetensors");
    assert_string_equal(info->types, "float32");
    assert_int_equal(info->last_layer, LL_VGG16_POOL5);
    assert_int_equal(info->scale, LL_INPUT_TORCH);
    assert_true(info->trained);
    for (int l = 0; l < 3; l++) {
        const ll_vgg16_layer *const layer = ll_vgg16_layer_at(k_layers[l]);
        const int64_t in = layer->in_channels, out = layer->out_channels;
        float *const kernel = fixture_floats(out * in * 9), *const bias = fixture_floats(out);
        assert_int_equal(ll_weights_load(weights, k_layers[l], kernel, bias, &err), LL_OK);
        for (int64_t o = 0; o < out; o++) {
            for (int64_t i = 0; i < in; i++)
                for (int64_t tap = 0; tap < 9; tap++)
                    if (kernel[(o * 9 + tap) * in + i] != (float)((o * in + i) * 9 + tap))
                        fail_msg("%s: o %d, i %d, place %d", layer->name, (int)o, (int)i, (int)tap);
            assert_true(bias[o] == (float)o);
        }
        free(kernel);
        free(bias);
    }
    ll_weights_close(weights);
}

/* Columns of torchvision's fc1 are (c, h, w): column c * 49 + place is ours place * 512 + c. */
static void check_fully_connected(bool timm)
{
    static fixture_header it;
    static const int64_t k_samples[][3] = {/* output, channel, place */
                                           {0, 0, 0}, {4095, 511, 48}, {0, 1, 0},
                                           {0, 0, 1}, {41, 17, 30},    {4095, 0, 48}};
    ll_error err = LL_ERROR_INIT;
    const int count = sizeof k_samples / sizeof k_samples[0];
    int64_t not_zero = 0;
    fixture_header_make(&it, LL_VGG16_FC2, timm, "f");
    fixture_write_header(path, &it);
    const int64_t fc1 =
        fixture_tensor_begin(&it, timm ? "pre_logits.fc1.weight" : "classifier.0.weight");
    const int64_t fc2 =
        fixture_tensor_begin(&it, timm ? "pre_logits.fc2.weight" : "classifier.3.weight");
    for (int i = 0; i < count; i++) {
        const float value = (float)(i + 1);
        const int64_t *const p = k_samples[i];
        fixture_put(path, fc1 + 4 * (p[0] * 25088 + p[1] * 49 + p[2]), &value, 4);
        fixture_put(path, fc2 + 4 * (p[0] * 4096 + p[1]), &value, p[2] == 0 ? 4 : 0);
    }
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_describe(weights)->last_layer, LL_VGG16_FC2);
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(LL_VGG16_FC1)), *const bias =
                                                                                   fixture_floats(
                                                                                       4096);
    assert_int_equal(ll_weights_load(weights, LL_VGG16_FC1, kernel, bias, &err), LL_OK);
    for (int i = 0; i < count; i++) {
        const int64_t *const p = k_samples[i];
        assert_true(kernel[p[0] * 25088 + p[2] * 512 + p[1]] == (float)(i + 1));
    }
    for (int64_t i = 0; i < ll_vgg16_kernel_count(LL_VGG16_FC1); i++)
        not_zero += kernel[i] != 0.0F;
    assert_int_equal(not_zero, count);
    assert_int_equal(ll_weights_load(weights, LL_VGG16_FC2, kernel, bias, &err), LL_OK);
    assert_true(kernel[0] == 1.0F && kernel[1] == 3.0F && kernel[2] == 0.0F);
    free(kernel);
    free(bias);
    ll_weights_close(weights);
}

static void test_fully_connected_columns_are_reordered(void **state)
{
    (void)state;
    check_fully_connected(false);
    check_fully_connected(true);
}

static void test_weights_must_be_finite(void **state)
{
    (void)state;
    static fixture_header it;
    const float bad = NAN;
    ll_error err = LL_ERROR_INIT;
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(0)), *const bias =
                                                                        fixture_floats(64);
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    fixture_write_header(path, &it);
    fixture_put(path, fixture_tensor_begin(&it, "features.0.bias") + 4 * 63, &bad, 4);
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_load(weights, 0, kernel, bias, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "bias of conv1_1"));
    ll_weights_close(weights);
    free(kernel);
    free(bias);
}

/* ---- headers that lie ------------------------------------------------------------------ */

static void refuse(const char *word, const char *other)
{
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    const ll_status status = ll_weights_open(path, &weights, &err);
    if (status != LL_ERR_FORMAT || strstr(err.text, word) == NULL ||
        strstr(err.text, other) == NULL)
        print_error("status %s, text: %s\n", ll_status_name(status), err.text);
    assert_int_equal(status, LL_ERR_FORMAT);
    assert_null(weights);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, word));
    assert_non_null(strstr(err.text, other));
}

/* A whole small file: its JSON, and so many bytes of data. */
static void refuse_json(const char *json, int64_t data_bytes, const char *word)
{
    fixture_write_file(path, strlen(json), json, strlen(json), data_bytes);
    refuse(word, "");
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    fixture_write_file(path, UINT64_MAX, "{}", 2, 0);
    refuse("allows 100 MB", "");
    fixture_write_file(path, UINT64_C(1) << 63, "{}", 2, 0);
    refuse("allows 100 MB", "");
    fixture_write_file(path, 100000001, "{}", 2, 0);
    refuse("allows 100 MB", "");
    fixture_write_file(path, 100000000, "{}", 2, 0);
    refuse("100000000 bytes in a file of 10", "");
    fixture_write_file(path, 3, "{}", 2, 0);
    refuse("header of 3 bytes", "");
    fixture_write_file(path, 0, "{}", 2, 0);
    refuse("no JSON object", "");
    fixture_write_file(path, 1, "{}", 2, 0);
    refuse("no JSON object", "");
}

static void test_json_that_is_none(void **state)
{
    (void)state;
    static char deep[40000];
    refuse_json("{\"a\":", 0, "no JSON object");
    refuse_json("{} trailing", 0, "no JSON object");
    refuse_json("{\"a\xFF\":1}", 0, "no JSON object");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
                "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                0, "duplicate");
    memset(deep, '[', sizeof deep - 1);
    memcpy(deep, "{\"a\":", 5);
    refuse_json(deep, 0, "no JSON object");
    refuse_json("{}", 4, "the last 4 bytes belong to no tensor");
    refuse_json("{\"__metadata__\":{\"format\":\"pt\"}}", 0, "has no features.0.weight");
}

static void test_tensors_that_lie(void **state)
{
    (void)state;
    static const struct {
        const char *entry, *word;
    } k_cases[] = {
        {"1", "unknown dtype (none)"},
        {"{}", "unknown dtype (none)"},
        {"{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}", "unknown dtype"},
        {"{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}", "unknown dtype F33"},
        {"{\"dtype\":\"F32\",\"data_offsets\":[0,8]}", "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}", "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}", "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}", "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}", "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],\"data_offsets\":[0,8]}",
         "shape is not usable"}, /* times 4 bytes and 4 is 16 modulo 2^64 */
        {"{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}",
         "shape is not usable"},
        {"{\"dtype\":\"F32\",\"shape\":[2]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}", "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]}",
         "data_offsets"},
        {"{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}",
         "4 bytes for a shape that needs 8"},
        {"{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}", "gap"},
        {"{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", "last 4 bytes belong to no"},
    };
    char json[256];
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        (void)snprintf(json, sizeof json, "{\"x\":%s}", k_cases[i].entry);
        refuse_json(json, 8, k_cases[i].word);
    }
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                12, "inside a tensor that ends at 8");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                8, "inside a tensor that ends at 8");
}

/* Change one piece of a good header into another of the same length. */
static void replace(fixture_header *it, const char *from, const char *to)
{
    char *const at = strstr(it->text, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    fixture_write_header(path, it);
}

static void test_tensors_of_another_network(void **state)
{
    (void)state;
    static fixture_header it;
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    replace(&it, "[512, 512, 3, 3]", "[512, 3, 3, 512]");
    refuse("features.19.weight", "(512, 3, 3, 512), VGG16 has (512, 512, 3, 3)");
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    replace(&it, "\"features.28.bias\"", "\"features.99.bias\"");
    refuse("has no features.28.bias", "");
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    replace(&it, "{\"dtype\":\"F32\",\"shape\":[64]", "{\"dtype\":\"I32\",\"shape\":[64]");
    refuse("features.0.bias: dtype is I32, lookloom reads F32, F16 and BF16", "");
    fixture_header_make(&it, LL_VGG16_FC2, false, "f");
    replace(&it, "classifier.3.bias", "classifier.4.bias");
    refuse("has no classifier.3.bias", "");
}

static void test_truncated_files(void **state)
{
    (void)state;
    static fixture_header it;
    fixture_header_make(&it, LL_VGG16_POOL5, false, "f");
    const int64_t whole = 8 + (int64_t)it.length + it.data_bytes;
    const int64_t lengths[] = {whole - 1, whole / 2, 8 + (int64_t)it.length, 1000, 9, 8, 0};
    fixture_write_header(path, &it);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(truncate(path, (off_t)lengths[i]), 0);
        refuse("", "");
    }
    fixture_write_header(path, &it);
    assert_int_equal(truncate(path, (off_t)whole + 1), 0);
    refuse("the last 1 bytes belong to no tensor", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_torchvision_comes_out_as_ohwi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fully_connected_columns_are_reordered, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_weights_must_be_finite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_that_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tensors_that_lie, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tensors_of_another_network, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
