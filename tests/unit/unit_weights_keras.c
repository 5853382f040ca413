/* tests/unit/unit_weights_keras.c - every Keras layout comes out as OHWI, and nothing else does. */
#include "host/vgg16/vgg16.h"
#include "tests/test.h"
#include "tests/weights_fixture.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    (void)snprintf(path, sizeof path, "%s/weights.h5", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

/* Every weight its own number: whole, below 2^24, so exact. */
static void number_set(const char *name)
{
    const fixture_set it = fixture_open(path, name);
    const hid_t space = H5Dget_space(it.set);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    float *const values = fixture_floats(count);
    for (hssize_t i = 0; i < count; i++)
        values[i] = (float)i;
    assert_true(H5Dwrite(it.set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    free(values);
    assert_true(H5Sclose(space) >= 0);
    fixture_close(it);
}

/* Set one value of a set of rank 1, 2 or 4. */
static void set_value(const char *name, const hsize_t *at, float value)
{
    const hsize_t one = 1;
    const fixture_set it = fixture_open(path, name);
    const hid_t space = H5Dget_space(it.set), single = H5Screate_simple(1, &one, NULL);
    assert_true(H5Sselect_elements(space, H5S_SELECT_SET, 1, at) >= 0);
    assert_true(H5Dwrite(it.set, H5T_NATIVE_FLOAT, single, space, H5P_DEFAULT, &value) >= 0);
    assert_true(H5Sclose(space) >= 0 && H5Sclose(single) >= 0);
    fixture_close(it);
}

/* Opening fails, with a line that names the file and says both words. */
static void refuse(ll_status want, const char *word, const char *other)
{
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    const ll_status status = ll_weights_open(path, &weights, &err);
    if (status != want || strstr(err.text, word) == NULL || strstr(err.text, other) == NULL)
        print_error("status %s, text: %s\n", ll_status_name(status), err.text);
    assert_int_equal(status, want);
    assert_null(weights);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, word));
    assert_non_null(strstr(err.text, other));
}

/* conv kernel[o][h][w][i] must be HWIO number ((h * 3 + w) * in + i) * out + o. */
static void check_numbered_conv(ll_weights *weights, int layer)
{
    ll_error err = LL_ERROR_INIT;
    const int64_t in = ll_vgg16_layer_at(layer)->in_channels;
    const int64_t out = ll_vgg16_layer_at(layer)->out_channels;
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(layer)), *const bias =
                                                                            fixture_floats(out);
    assert_int_equal(ll_weights_load(weights, layer, kernel, bias, &err), LL_OK);
    for (int64_t o = 0; o < out; o++) {
        for (int64_t tap = 0; tap < 9; tap++)
            for (int64_t i = 0; i < in; i++)
                if (kernel[(o * 9 + tap) * in + i] != (float)((tap * in + i) * out + o))
                    fail_msg("layer %d: o %d, place %d, i %d", layer, (int)o, (int)tap, (int)i);
        assert_true(bias[o] == (float)o);
    }
    free(kernel);
    free(bias);
}

static void test_all_layouts_come_out_as_one(void **state)
{
    (void)state;
    /* The first, one with more than a slab (conv4_1 is 4.7 MB), and the last. */
    static const int k_layers[] = {0, 10, 16};
    for (int l = 0; l < FIXTURE_LAYOUTS; l++) {
        const fixture_names *const names = &fixture_layouts[l];
        char name[128];
        fixture_keras(path, names, LL_VGG16_POOL5);
        for (size_t i = 0; i < sizeof k_layers / sizeof k_layers[0]; i++) {
            fixture_tensor(names, k_layers[i], false, name);
            number_set(name);
            fixture_tensor(names, k_layers[i], true, name);
            number_set(name);
        }
        ll_weights *const weights = fixture_weights(path);
        const ll_weights_info *const info = ll_weights_describe(weights);
        assert_string_equal(info->path, path);
        assert_string_equal(info->name, "vgg16 (keras)");
        assert_string_equal(info->layout, names->layout);
        assert_string_equal(info->license, "");
        assert_int_equal(strlen(info->sha256), 64);
        assert_true(info->trained);
        assert_int_equal(info->last_layer, LL_VGG16_POOL5);
        assert_int_equal(info->scale, LL_INPUT_CAFFE);
        for (size_t i = 0; i < sizeof k_layers / sizeof k_layers[0]; i++)
            check_numbered_conv(weights, k_layers[i]);
        ll_weights_close(weights);
    }
}

/* Rows of Keras' fc1 are places (h, w, c) of a 7 x 7 x 512 volume, columns are outputs. */
static void check_sparse_fc(ll_weights *weights, int layer, const hsize_t at[][2], int count)
{
    ll_error err = LL_ERROR_INIT;
    const int64_t weights_count = ll_vgg16_kernel_count(layer), inputs = weights_count / 4096;
    float *const kernel = fixture_floats(weights_count), *const bias = fixture_floats(4096);
    int64_t not_zero = 0;
    assert_int_equal(ll_weights_load(weights, layer, kernel, bias, &err), LL_OK);
    for (int i = 0; i < count; i++)
        assert_true(kernel[(int64_t)at[i][1] * inputs + (int64_t)at[i][0]] == (float)(i + 1));
    for (int64_t i = 0; i < weights_count; i++)
        not_zero += kernel[i] != 0.0F;
    assert_int_equal(not_zero, count);
    free(kernel);
    free(bias);
}

static void test_fully_connected_layers_keep_their_order(void **state)
{
    (void)state;
    /* First, last, and corners of slabs and of 32 x 32 tiles. */
    static const hsize_t k_fc1[][2] = {{0, 0},      {25087, 4095}, {0, 4095},   {25087, 0},
                                       {255, 31},   {256, 32},     {511, 33},   {512, 4064},
                                       {3583, 100}, {3584, 2000},  {12345, 678}};
    static const hsize_t k_fc2[][2] = {{0, 1}, {1, 0}, {4095, 4095}, {4095, 0}, {255, 256}};
    const int fc1 = sizeof k_fc1 / sizeof k_fc1[0], fc2 = sizeof k_fc2 / sizeof k_fc2[0];
    fixture_keras(path, &fixture_layouts[1], LL_VGG16_FC2);
    for (int i = 0; i < fc1; i++)
        set_value("fc1/fc1/kernel:0", k_fc1[i], (float)(i + 1));
    for (int i = 0; i < fc2; i++)
        set_value("fc2/fc2/kernel:0", k_fc2[i], (float)(i + 1));
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_describe(weights)->last_layer, LL_VGG16_FC2);
    check_sparse_fc(weights, LL_VGG16_FC1, k_fc1, fc1);
    check_sparse_fc(weights, LL_VGG16_FC2, k_fc2, fc2);
    ll_weights_close(weights);
}

static void test_a_layer_that_is_not_there_is_an_argument(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT, other = LL_ERROR_INIT;
    float none = 0.0F;
    fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
    ll_weights *const weights = fixture_weights(path);
    assert_int_equal(ll_weights_load(weights, LL_VGG16_FC1, &none, &none, &err), LL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "ends at pool5, fc1 is not in it"));
    assert_int_equal(ll_weights_load(weights, 2, &none, &none, &other), LL_ERR_ARGUMENT);
    assert_non_null(strstr(other.text, "pool1 has no weights"));
    ll_weights_close(weights);
}

static void test_weights_must_be_finite(void **state)
{
    (void)state;
    static const hsize_t k_at[] = {2, 2, 2, 63};
    const float bad[] = {NAN, INFINITY, -INFINITY};
    float *const kernel = fixture_floats(ll_vgg16_kernel_count(0)), *const bias =
                                                                        fixture_floats(64);
    for (int i = 0; i < 6; i++) {
        const bool in_bias = i >= 3;
        ll_error err = LL_ERROR_INIT;
        fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
        set_value(in_bias ? "block1_conv1/block1_conv1_b_1:0" : "block1_conv1/block1_conv1_W_1:0",
                  in_bias ? &k_at[3] : k_at, bad[i % 3]);
        ll_weights *const weights = fixture_weights(path);
        assert_int_equal(ll_weights_load(weights, 0, kernel, bias, &err), LL_ERR_FORMAT);
        assert_non_null(strstr(err.text, in_bias ? "bias of conv1_1" : "kernel of conv1_1"));
        ll_weights_close(weights);
    }
    free(kernel);
    free(bias);
}

/* ---- files that are refused ------------------------------------------------------------ */

static void remove_link(const char *name)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0 && H5Ldelete(file, name, H5P_DEFAULT) >= 0 && H5Fclose(file) >= 0);
}

static void test_missing_tensors(void **state)
{
    (void)state;
    fixture_keras(path, &fixture_layouts[1], LL_VGG16_FC2);
    remove_link("fc2/fc2/bias:0");
    refuse(LL_ERR_FORMAT, "has no", "fc2/fc2/bias:0");
    remove_link("block3_conv2");
    refuse(LL_ERR_FORMAT, "has no", "block3_conv2/block3_conv2/kernel:0");
    remove_link("block1_conv1");
    refuse(LL_ERR_FORMAT, "no VGG16", "block1_conv1");
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    const hsize_t oihw[] = {512, 512, 3, 3}, flat[] = {4608, 512}, long_bias[] = {513};
    fixture_keras(path, &fixture_layouts[4], LL_VGG16_POOL5);
    fixture_replace(path, "layers/conv2d_12/vars/0", H5T_IEEE_F32LE, 4, oihw, H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, "layers/conv2d_12/vars/0",
           "(512, 512, 3, 3), VGG16 has (3, 3, 512, 512)");
    fixture_replace(path, "layers/conv2d_12/vars/0", H5T_IEEE_F32LE, 2, flat, H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, "layers/conv2d_12/vars/0", "shape is (4608, 512)");
    fixture_replace(path, "layers/conv2d_11/vars/1", H5T_IEEE_F32LE, 1, long_bias, H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, "layers/conv2d_11/vars/1", "shape is (513), VGG16 has (512)");
}

/* A shape too long for a line ends in dots. */
static void test_shapes_that_are_long(void **state)
{
    (void)state;
    hsize_t shape[H5S_MAX_RANK] = {0};
    for (int i = 1; i < H5S_MAX_RANK; i++)
        shape[i] = 1000000000;
    fixture_keras(path, &fixture_layouts[4], LL_VGG16_POOL5);
    fixture_replace(path, "layers/conv2d_12/vars/0", H5T_IEEE_F32LE, H5S_MAX_RANK, shape,
                    H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, "layers/conv2d_12/vars/0", "...), VGG16 has (3, 3, 512, 512)");
}

static void test_wrong_types_and_unwritten_values(void **state)
{
    (void)state;
    static const char k_name[] = "block2_conv1/block2_conv1_b_1:0";
    const hsize_t shape[] = {128};
    fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
    fixture_replace(path, k_name, H5T_STD_I32LE, 1, shape, H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, k_name, "not of a floating-point type");
    fixture_replace(path, k_name, H5T_IEEE_F32LE, 1, shape, H5P_DEFAULT);
    refuse(LL_ERR_FORMAT, k_name, "was never written");
}

/* A downloaded file must not make us read others. */
static void test_values_elsewhere(void **state)
{
    (void)state;
    static const char k_name[] = "block2_conv1/block2_conv1_b_1:0";
    const hsize_t shape[] = {128};
    fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_external(plan, "/etc/passwd", 0, 512) >= 0);
    fixture_replace(path, k_name, H5T_IEEE_F32LE, 1, shape, plan);
    refuse(LL_ERR_FORMAT, k_name, "in another file");
    assert_true(H5Pclose(plan) >= 0);

    plan = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(1, shape, NULL);
    assert_true(H5Pset_virtual(plan, space, "other.h5", "/x", space) >= 0);
    fixture_replace(path, k_name, H5T_IEEE_F32LE, 1, shape, plan);
    refuse(LL_ERR_FORMAT, k_name, "in another file");
    assert_true(H5Pclose(plan) >= 0 && H5Sclose(space) >= 0);
}

static void test_links_elsewhere(void **state)
{
    (void)state;
    fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
    for (int i = 0; i < 4; i++) {
        static const char *const k_at[] = {"block2_conv1/block2_conv1_b_1:0", "block2_conv1"};
        const char *const name = k_at[i / 2];
        const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        assert_true(file >= 0 && H5Ldelete(file, name, H5P_DEFAULT) >= 0);
        if (i % 2 == 0)
            assert_true(H5Lcreate_soft("/block1_conv1", file, name, H5P_DEFAULT, H5P_DEFAULT) >= 0);
        else
            assert_true(H5Lcreate_external(path, "/block1_conv1", file, name, H5P_DEFAULT,
                                           H5P_DEFAULT) >= 0);
        assert_true(H5Fclose(file) >= 0);
        refuse(LL_ERR_FORMAT, name, "is a link to elsewhere, which is refused");
    }
}

static void test_vgg19_is_not_taken_for_vgg16(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *const name = i == 0 ? "block3_conv4" : "model_weights/block3_conv4";
        fixture_keras(path, &fixture_layouts[i == 0 ? 0 : 2], LL_VGG16_POOL5);
        const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
        const hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(group >= 0 && H5Gclose(group) >= 0 && H5Fclose(file) >= 0);
        refuse(LL_ERR_FORMAT, name, "is VGG19");
    }
}

static void write_bytes(const void *bytes, size_t count)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void test_what_is_no_weights_file(void **state)
{
    (void)state;
    static const char k_hdf5[64] = "\x89HDF\r\n\x1A\n";
    refuse(LL_ERR_IO, "No such file", "");
    write_bytes("", 0);
    refuse(LL_ERR_FORMAT, "too short", "");
    write_bytes("<html><body>404</body></html>", 29);
    refuse(LL_ERR_FORMAT, "neither HDF5 nor safetensors", "");
    write_bytes("PK\x03\x04 zip archive", 16);
    refuse(LL_ERR_FORMAT, ".keras archive", "safetensors");
    write_bytes("\x80\x02}q\x00 pickle", 12);
    refuse(LL_ERR_FORMAT, "PyTorch pickle", "safetensors");
    write_bytes(k_hdf5, sizeof k_hdf5);
    refuse(LL_ERR_FORMAT, "", "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    refuse(LL_ERR_FORMAT, "not a regular file", "");
}

static void test_truncated_files(void **state)
{
    (void)state;
    static const off_t k_lengths[] = {58000000, 1000000, 4096, 2048, 800, 96, 12};
    fixture_keras(path, &fixture_layouts[0], LL_VGG16_POOL5);
    for (size_t i = 0; i < sizeof k_lengths / sizeof k_lengths[0]; i++) {
        assert_int_equal(truncate(path, k_lengths[i]), 0);
        refuse(LL_ERR_FORMAT, "", "");
    }
}

/* ---- where they are looked for --------------------------------------------------------- */

static void test_weights_are_found(void **state)
{
    (void)state;
    char home[128], want[200];
    char *found = NULL;
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(unsetenv("XDG_DATA_HOME"), 0);
    assert_int_equal(setenv("LOOKLOOM_WEIGHTS", "/some/where.h5", 1), 0);
    assert_int_equal(ll_weights_find(&found, &err), LL_OK);
    assert_string_equal(found, "/some/where.h5");
    free(found);

    assert_int_equal(setenv("LOOKLOOM_WEIGHTS", "", 1), 0);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(ll_weights_folder(&found, &err), LL_OK);
    (void)snprintf(want, sizeof want, "%s/.local/share/lookloom", folder);
    assert_string_equal(found, want);
    free(found);

    assert_int_equal(setenv("XDG_DATA_HOME", folder, 1), 0);
    (void)snprintf(home, sizeof home, "%s/lookloom", folder);
    assert_int_equal(mkdir(home, 0700), 0);
    if (access("/var/lib/lookloom", F_OK) != 0) {
        assert_int_equal(ll_weights_find(&found, &err), LL_ERR_ARGUMENT);
        assert_string_equal(err.text, "no weights; run: lookloom weights fetch keras");
        assert_null(found);
    }
    static const char *const k_names[] = {"keras-notop.h5", "vgg16.safetensors", "keras.h5"};
    for (int i = 0; i < 3; i++) { /* each is preferred to those before it */
        (void)snprintf(want, sizeof want, "%s/%s", home, k_names[i]);
        FILE *const file = fopen(want, "wb");
        assert_true(file != NULL && fclose(file) == 0);
        assert_int_equal(ll_weights_find(&found, &err), LL_OK);
        assert_string_equal(found, want);
        free(found);
    }
    fixture_remove(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_layouts_come_out_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fully_connected_layers_keep_their_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_layer_that_is_not_there_is_an_argument, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_weights_must_be_finite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_tensors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shapes_that_are_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_types_and_unwritten_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vgg19_is_not_taken_for_vgg16, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_weights_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weights_are_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
