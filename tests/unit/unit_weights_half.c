/* tests/unit/unit_weights_half.c - weights of 16 bits come out as the float32 they stand for, to
 * the bit, from safetensors (float16, bfloat16) and from HDF5 (float16). */
#include "host/vgg16/vgg16.h"
#include "kernels/half.h"
#include "tests/safetensors_fixture.h"
#include "tests/test.h"
#include "tests/weights_fixture.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONV2_1 = 3, PATTERNS = 1 << 16 };

static char folder[64];
static char path[128];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    (void)snprintf(path, sizeof path, "%s/weights", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- the judge: IEEE 754's definition, in double ---------------------------------------- */

typedef struct format {
    char letter; /* of safetensors_fixture.h */
    unsigned mantissa_bits, exponent_mask;
    const char *types;
} format;

static const format k_float16 = {'h', 10, 0x7C00, "float16"};
static const format k_bfloat16 = {'b', 7, 0x7F80, "bfloat16"};

static float value_of(const format *it, unsigned pattern)
{
    const unsigned steps = 1U << it->mantissa_bits, mantissa = pattern & (steps - 1);
    const int exponent = (int)((pattern & it->exponent_mask) >> it->mantissa_bits);
    const int bias = (int)(it->exponent_mask >> it->mantissa_bits) / 2;
    const int lowest = 1 - bias - (int)it->mantissa_bits; /* of the smallest step */
    const double size =
        exponent == 0 ? ldexp(mantissa, lowest) : ldexp(steps + mantissa, lowest + exponent - 1);
    return (float)((pattern & 0x8000U) != 0 ? -size : size);
}

/* Every pattern, with a mantissa only where it would be infinity or NaN. */
static uint16_t finite_pattern(const format *it, int64_t n)
{
    const unsigned pattern = (unsigned)(n % PATTERNS);
    const bool finite = (pattern & it->exponent_mask) != it->exponent_mask;
    return (uint16_t)(finite ? pattern : pattern & ~it->exponent_mask);
}

static uint16_t *all_patterns(const format *it, int64_t count)
{
    uint16_t *const patterns = malloc((size_t)count * sizeof *patterns);
    assert_non_null(patterns);
    assert_true(count >= PATTERNS);
    for (int64_t n = 0; n < count; n++)
        patterns[n] = finite_pattern(it, n);
    return patterns;
}

/* ---- safetensors ------------------------------------------------------------------------ */

static void check_every_pattern(const format *it)
{
    static fixture_header header;
    const char types[] = {it->letter, '\0'};
    const int64_t count = ll_vgg16_kernel_count(CONV2_1);
    ll_error err = LL_ERROR_INIT;
    uint16_t *const patterns = all_patterns(it, count);
    float *const kernel = fixture_floats(count), *const bias = fixture_floats(128);

    fixture_header_make(&header, LL_VGG16_POOL5, false, types);
    fixture_write_header(path, &header);
    fixture_put(path, fixture_tensor_begin(&header, "features.5.weight"), patterns, 2 * count);
    fixture_put(path, fixture_tensor_begin(&header, "features.5.bias"), patterns + 900, 256);
    ll_weights *const weights = fixture_weights(path);
    assert_string_equal(ll_weights_describe(weights)->types, it->types);
    assert_string_equal(ll_weights_describe(weights)->layout, "safetensors");
    assert_int_equal(ll_weights_load(weights, CONV2_1, kernel, bias, &err), LL_OK);
    for (int64_t n = 0; n < count; n++) { /* in the file (o, i, place), ours (o, place, i) */
        const int64_t o = n / 576, i = n / 9 % 64, tap = n % 9;
        const float want = value_of(it, patterns[n]);
        if (bits_of(kernel[(o * 9 + tap) * 64 + i]) != bits_of(want))
            fail_msg("%s 0x%04X: %a, not %a", it->types, (unsigned)patterns[n],
                     (double)kernel[(o * 9 + tap) * 64 + i], (double)want);
    }
    for (int i = 0; i < 128; i++)
        assert_int_equal(bits_of(bias[i]), bits_of(value_of(it, patterns[900 + i])));
    ll_weights_close(weights);
    free(bias);
    free(kernel);
    free(patterns);
}

static void test_every_pattern_is_exact(void **state)
{
    (void)state;
    check_every_pattern(&k_float16);
    check_every_pattern(&k_bfloat16);
}

static uint16_t encode(const format *it, float value)
{
    return it->letter == 'h' ? ll_half_bits(value) : (uint16_t)(bits_of(value) >> 16);
}

/* Column (c, h, w) of the file's fc1 is c * 49 + place, ours place * 512 + c. */
static void check_fully_connected(const format *it, bool timm)
{
    static fixture_header header;
    static const int64_t k_samples[][3] = {/* output, channel, place */
                                           {0, 0, 0}, {4095, 511, 48}, {0, 1, 0},
                                           {0, 0, 1}, {41, 17, 30},    {4095, 0, 48}};
    const int count = sizeof k_samples / sizeof k_samples[0];
    const char types[] = {it->letter, '\0'};
    ll_error err = LL_ERROR_INIT;
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(LL_VGG16_FC1)), *const bias =
                                                                                   fixture_floats(
                                                                                       4096);
    int64_t not_zero = 0;

    fixture_header_make(&header, LL_VGG16_FC2, timm, types);
    fixture_write_header(path, &header);
    const int64_t fc1 =
        fixture_tensor_begin(&header, timm ? "pre_logits.fc1.weight" : "classifier.0.weight");
    const int64_t fc2 =
        fixture_tensor_begin(&header, timm ? "pre_logits.fc2.weight" : "classifier.3.weight");
    for (int i = 0; i < count; i++) {
        const int64_t *const p = k_samples[i];
        const uint16_t value = encode(it, (float)(i + 1));
        fixture_put(path, fc1 + 2 * (p[0] * 25088 + p[1] * 49 + p[2]), &value, 2);
        fixture_put(path, fc2 + 2 * (p[0] * 4096 + 8 * p[1] + p[2] % 8), &value, 2);
    }
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_describe(weights)->last_layer, LL_VGG16_FC2);
    assert_string_equal(ll_weights_describe(weights)->types, it->types);
    for (int layer = LL_VGG16_FC1; layer <= LL_VGG16_FC2; layer++) {
        assert_int_equal(ll_weights_load(weights, layer, kernel, bias, &err), LL_OK);
        for (int i = 0; i < count; i++) {
            const int64_t *const p = k_samples[i];
            const int64_t at = layer == LL_VGG16_FC1 ? p[0] * 25088 + p[2] * 512 + p[1]
                                                     : p[0] * 4096 + 8 * p[1] + p[2] % 8;
            assert_true(kernel[at] == (float)(i + 1));
        }
        for (int64_t i = 0; i < ll_vgg16_kernel_count(layer); i++)
            not_zero += kernel[i] != 0.0F;
    }
    assert_int_equal(not_zero, 2 * count);
    ll_weights_close(weights);
    free(bias);
    free(kernel);
}

static void test_fully_connected_layers_are_widened(void **state)
{
    (void)state;
    check_fully_connected(&k_float16, true);
    check_fully_connected(&k_bfloat16, false);
}

/* Each tensor's first and last number is its own. */
static void put_ends(const fixture_header *header, char type, int layer, bool bias, float value)
{
    char name[64];
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const int64_t count = bias ? it->out_channels : ll_vgg16_kernel_count(layer);
    const uint16_t half = encode(type == 'h' ? &k_float16 : &k_bfloat16, value);
    const int64_t bytes = type == 'f' ? 4 : 2;
    const void *const data = type == 'f' ? (const void *)&value : &half;

    (void)snprintf(name, sizeof name, "%s.%s", it->torch, bias ? "bias" : "weight");
    const int64_t begin = fixture_tensor_begin(header, name);
    fixture_put(path, begin, data, bytes);
    fixture_put(path, begin + (count - 1) * bytes, data, bytes);
}

static void test_types_may_differ_from_tensor_to_tensor(void **state)
{
    static fixture_header header;
    static const char k_types[] = "hfbbf"; /* 5 and 26 have no common divisor */
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(16)), *const bias =
                                                                         fixture_floats(512);
    ll_error err = LL_ERROR_INIT;
    int tensor = 0;

    (void)state;
    fixture_header_make(&header, LL_VGG16_POOL5, false, k_types);
    fixture_write_header(path, &header);
    for (int layer = 0; layer <= LL_VGG16_POOL5; layer++) {
        if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL) continue;
        for (int bias_too = 0; bias_too < 2; bias_too++, tensor++)
            put_ends(&header, k_types[tensor % 5], layer, bias_too == 1, (float)tensor + 0.5F);
    }
    assert_int_equal(tensor, 26);
    ll_weights *const weights = fixture_weights(path);
    assert_string_equal(ll_weights_describe(weights)->types, "float16, bfloat16, float32");
    for (int layer = 0, t = 0; layer <= LL_VGG16_POOL5; layer++) {
        const int64_t count = ll_vgg16_kernel_count(layer);
        const int outputs = ll_vgg16_layer_at(layer)->out_channels;
        if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL) continue;
        assert_int_equal(ll_weights_load(weights, layer, kernel, bias, &err), LL_OK);
        assert_true(kernel[0] == (float)t + 0.5F && kernel[count - 1] == kernel[0]);
        assert_true(kernel[1] == 0.0F && kernel[count - 2] == 0.0F);
        assert_true(bias[0] == (float)t + 1.5F && bias[outputs - 1] == bias[0]);
        assert_true(bias[1] == 0.0F && bias[outputs - 2] == 0.0F);
        t += 2;
    }
    ll_weights_close(weights);
    free(bias);
    free(kernel);
}

static void check_not_finite(const format *it, unsigned pattern, bool in_bias)
{
    static fixture_header header;
    const char types[] = {it->letter, '\0'};
    const uint16_t bad = (uint16_t)pattern;
    ll_error err = LL_ERROR_INIT;
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(0)), *const bias =
                                                                        fixture_floats(64);

    fixture_header_make(&header, LL_VGG16_POOL5, false, types);
    fixture_write_header(path, &header);
    if (in_bias)
        fixture_put(path, fixture_tensor_begin(&header, "features.0.bias") + 126, &bad, 2);
    else
        fixture_put(path, fixture_tensor_begin(&header, "features.0.weight") + 3454, &bad, 2);
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_load(weights, 0, kernel, bias, &err), LL_ERR_FORMAT);
    assert_non_null(
        strstr(err.text, in_bias ? "bias of conv1_1 holds" : "kernel of conv1_1 holds"));
    ll_weights_close(weights);
    free(bias);
    free(kernel);
}

static void test_infinity_and_nan_are_refused(void **state)
{
    (void)state;
    for (int side = 0; side < 4; side++) {
        const unsigned sign = side % 2 == 0 ? 0 : 0x8000;
        check_not_finite(&k_float16, 0x7C00 | sign, side < 2); /* infinity */
        check_not_finite(&k_float16, 0x7C01 | sign, side < 2); /* NaNs: the least mantissa, */
        check_not_finite(&k_float16, 0x7FFF | sign, side < 2); /* and the largest */
        check_not_finite(&k_bfloat16, 0x7F80 | sign, side < 2);
        check_not_finite(&k_bfloat16, 0x7F81 | sign, side < 2);
        check_not_finite(&k_bfloat16, 0x7FFF | sign, side < 2);
    }
}

/* ---- what is refused -------------------------------------------------------------------- */

static void refuse(const char *word)
{
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    const ll_status status = ll_weights_open(path, &weights, &err);
    if (status != LL_ERR_FORMAT || strstr(err.text, word) == NULL) print_error("%s\n", err.text);
    assert_int_equal(status, LL_ERR_FORMAT);
    assert_null(weights);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, word));
}

static void test_other_types_are_refused_by_name(void **state)
{
    static fixture_header header;
    static const struct {
        const char *types, *word;
    } k_cases[] = {
        {"d", "features.0.weight: dtype is F64, lookloom reads F32, F16 and BF16"},
        {"hd", "features.0.bias: dtype is F64"},
        {"bbe", "features.2.weight: dtype is F8_E5M2"},
        {"hhhhi", "features.5.weight: dtype is I16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        fixture_header_make(&header, LL_VGG16_POOL5, false, k_cases[i].types);
        fixture_write_header(path, &header);
        refuse(k_cases[i].word);
    }
}

/* A type that lies about its size, and files that end early or late. */
static void test_lengths_follow_the_type(void **state)
{
    static fixture_header header;
    (void)state;
    fixture_header_make(&header, LL_VGG16_POOL5, false, "h");
    const int64_t whole = 8 + (int64_t)header.length + header.data_bytes;
    fixture_write_header(path, &header);
    for (int64_t less = 1; less <= 2; less++) {
        assert_int_equal(truncate(path, (off_t)(whole - less)), 0);
        refuse("features.28.bias: data_offsets do not lie in the");
    }
    fixture_write_header(path, &header);
    assert_int_equal(truncate(path, (off_t)(whole + 1)), 0);
    refuse("the last 1 bytes belong to no tensor");

    char *const at = strstr(header.text, "\"F16\",\"shape\":[64]");
    assert_non_null(at);
    memcpy(at, "\"F32\"", 5);
    fixture_write_header(path, &header);
    refuse("features.0.bias: 128 bytes for a shape that needs 256");
    fixture_header_make(&header, LL_VGG16_POOL5, false, "f");
    char *const other = strstr(header.text, "\"F32\",\"shape\":[64]");
    assert_non_null(other);
    memcpy(other, "\"F16\"", 5);
    fixture_write_header(path, &header);
    refuse("features.0.bias: 256 bytes for a shape that needs 128");
}

/* ---- HDF5 ------------------------------------------------------------------------------- */

static hid_t float16_of_hdf5(void)
{
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE); /* as h5py makes its float16 */
    assert_true(H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0);
    assert_true(H5Tset_size(type, 2) >= 0 && H5Tset_ebias(type, 15) >= 0);
    return type;
}

static void test_hdf5_widens_every_float16(void **state)
{
    static const hsize_t k_shape[] = {3, 3, 64, 128};
    const int64_t count = ll_vgg16_kernel_count(CONV2_1);
    char name[128];
    ll_error err = LL_ERROR_INIT;
    uint16_t *const patterns = all_patterns(&k_float16, count);
    float *const kernel = fixture_floats(count), *const bias = fixture_floats(128);

    (void)state;
    const hid_t type = float16_of_hdf5();
    fixture_keras(path, &fixture_layouts[1], LL_VGG16_POOL5);
    fixture_tensor(&fixture_layouts[1], CONV2_1, false, name);
    fixture_replace(path, name, type, 4, k_shape, H5P_DEFAULT);
    const fixture_set it = fixture_open(path, name);
    assert_true(H5Dwrite(it.set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, patterns) >= 0);
    fixture_close(it);
    assert_true(H5Tclose(type) >= 0);
    ll_weights *const weights = fixture_weights(path);
    assert_string_equal(ll_weights_describe(weights)->types, "float16, float32");
    assert_int_equal(ll_weights_load(weights, CONV2_1, kernel, bias, &err), LL_OK);
    for (int64_t n = 0; n < count; n++) { /* in the file (place, i, o) */
        const int64_t tap = n / 8192, i = n / 128 % 64, o = n % 128;
        const float want = value_of(&k_float16, patterns[n]);
        if (bits_of(kernel[(o * 9 + tap) * 64 + i]) != bits_of(want))
            fail_msg("0x%04X: %a, not %a", (unsigned)patterns[n],
                     (double)kernel[(o * 9 + tap) * 64 + i], (double)want);
    }
    ll_weights_close(weights);
    free(bias);
    free(kernel);
    free(patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_pattern_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fully_connected_layers_are_widened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_types_may_differ_from_tensor_to_tensor, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_infinity_and_nan_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_types_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lengths_follow_the_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hdf5_widens_every_float16, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
