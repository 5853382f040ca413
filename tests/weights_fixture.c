/* tests/weights_fixture.c - see weights_fixture.h. Shapes are derived here a second time, so that a
 * mistake in the loader is not repeated. */
#include "tests/weights_fixture.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const fixture_names fixture_layouts[FIXTURE_LAYOUTS] = {
    {"keras-original", "", "_W_1:0", "_b_1:0", false},
    {"keras-2", "", "/kernel:0", "/bias:0", false},
    {"keras-2", "model_weights/", "/kernel:0", "/bias:0", false},
    {"keras-2", "model_weights/", "/kernel", "/bias", false},
    {"keras-3", "layers/", "/vars/0", "/vars/1", true},
    {"keras-3", "_layer_checkpoint_dependencies/", "/vars/0", "/vars/1", true},
};

void fixture_tensor(const fixture_names *names, int layer, bool bias, char out[128])
{
    /* Classes in the order of the network; a pool has none. */
    static const char *const k_classes[LL_VGG16_LAYERS] = {
        "conv2d",    "conv2d_1",  "",          "conv2d_2", "conv2d_3", "",         "conv2d_4",
        "conv2d_5",  "conv2d_6",  "",          "conv2d_7", "conv2d_8", "conv2d_9", "",
        "conv2d_10", "conv2d_11", "conv2d_12", "",         "dense",    "dense_1"};
    const char *const name = ll_vgg16_layer_at(layer)->keras;
    const char *const tail = bias ? names->bias : names->kernel;

    if (names->by_class)
        (void)snprintf(out, 128, "%s%s%s", names->folder, k_classes[layer], tail);
    else
        (void)snprintf(out, 128, "%s%s/%s%s", names->folder, name, name, tail);
}

/* Holes need space that is allocated early and never filled. */
static void create_set(hid_t file, const char *name, int rank, const hsize_t *shape)
{
    const hid_t links = H5Pcreate(H5P_LINK_CREATE), plan = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t space = H5Screate_simple(rank, shape, NULL);
    assert_true(H5Pset_create_intermediate_group(links, 1) >= 0);
    assert_true(H5Pset_alloc_time(plan, H5D_ALLOC_TIME_EARLY) >= 0);
    assert_true(H5Pset_fill_time(plan, H5D_FILL_TIME_NEVER) >= 0);
    const hid_t set = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, links, plan, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dclose(set) >= 0 && H5Sclose(space) >= 0);
    assert_true(H5Pclose(plan) >= 0 && H5Pclose(links) >= 0);
}

void fixture_keras(const char *path, const fixture_names *names, int last)
{
    char name[128];
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    for (int i = 0; i <= last; i++) {
        const ll_vgg16_layer *const layer = ll_vgg16_layer_at(i);
        const hsize_t in = (hsize_t)layer->in_channels, out = (hsize_t)layer->out_channels;
        const hsize_t side = (hsize_t)layer->in_side;
        const hsize_t conv[] = {3, 3, in, out}, fc[] = {side * side * in, out};
        if (layer->kind == LL_VGG16_POOL) continue;
        fixture_tensor(names, i, false, name);
        if (layer->kind == LL_VGG16_CONV)
            create_set(file, name, 4, conv);
        else
            create_set(file, name, 2, fc);
        fixture_tensor(names, i, true, name);
        create_set(file, name, 1, &out);
    }
    if (last == LL_VGG16_FC2) {
        const hsize_t shape[] = {4096, 1000};
        (void)snprintf(name, sizeof name, "%s%s%s", names->folder,
                       names->by_class ? "dense_2" : "predictions/predictions", names->kernel);
        create_set(file, name, 2, shape);
    }
    assert_true(H5Fclose(file) >= 0);
}

fixture_set fixture_open(const char *path, const char *name)
{
    fixture_set it;
    it.file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(it.file >= 0);
    it.set = H5Dopen2(it.file, name, H5P_DEFAULT);
    assert_true(it.set >= 0);
    return it;
}

void fixture_close(fixture_set set)
{
    assert_true(H5Dclose(set.set) >= 0 && H5Fclose(set.file) >= 0);
}

void fixture_replace(const char *path, const char *name, hid_t type, int rank, const hsize_t *shape,
                     hid_t plan)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0 && H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    const hid_t space = H5Screate_simple(rank, shape, NULL);
    const hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    assert_true(set >= 0 && H5Dclose(set) >= 0 && H5Sclose(space) >= 0 && H5Fclose(file) >= 0);
}

void fixture_folder(char out[64])
{
    /* Memory where there is some: half a gigabyte of synthetic weights is synced to it. */
    (void)snprintf(out, 64, "/dev/shm/lookloom-test-XXXXXX");
    if (mkdtemp(out) != NULL) return;
    (void)snprintf(out, 64, "/tmp/lookloom-test-XXXXXX");
    assert_non_null(mkdtemp(out));
}

void fixture_remove(const char *folder)
{
    char path[400];
    DIR *const list = opendir(folder);
    assert_non_null(list);
    for (const struct dirent *it = readdir(list); it != NULL; it = readdir(list)) {
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0) continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, it->d_name);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(closedir(list), 0);
    assert_int_equal(rmdir(folder), 0);
}

float *fixture_floats(int64_t count)
{
    float *const values = malloc((size_t)count * sizeof *values);
    assert_non_null(values);
    return values;
}

ll_weights *fixture_weights(const char *path)
{
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    const ll_status status = ll_weights_open(path, &weights, &err);
    if (status != LL_OK) print_error("%s\n", err.text);
    assert_int_equal(status, LL_OK);
    return weights;
}
