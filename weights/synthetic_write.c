/* weights/synthetic_write.c - the untrained network as a file of the original Keras layout.
 *
 * Keras itself can load it, and so can everything that reads the official download; the root
 * attribute with the seed is what tells ours apart. */
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/vgg16/vgg16.h"
#include "weights/keras_h5.h"
#include "weights/layout.h"
#include "weights/synthetic.h"

#include <errno.h>
#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 32, SLAB_VALUES = 1 << 20 };

/* A name as HDF5 is told to keep it: fixed length, NUL-padded. */
typedef struct fixed_name {
    char text[NAME_BYTES];
} fixed_name;

/* A list of names as Keras keeps it: an attribute of fixed-length strings. */
static bool write_names(hid_t object, const char *attribute, const fixed_name *names, hsize_t count)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    const hid_t space = count > 0 ? H5Screate_simple(1, &count, NULL) : H5Screate(H5S_NULL);
    hid_t list = H5I_INVALID_HID;
    bool written = type >= 0 && space >= 0 && H5Tset_size(type, NAME_BYTES) >= 0;

    if (written) list = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    written = list >= 0 && (count == 0 || H5Awrite(list, type, names) >= 0);
    if (list >= 0) written = H5Aclose(list) >= 0 && written;
    if (space >= 0) (void)H5Sclose(space);
    if (type >= 0) (void)H5Tclose(type);
    return written;
}

static bool write_seed(hid_t file, uint64_t seed)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    hid_t value = H5I_INVALID_HID;

    if (space >= 0)
        value = H5Acreate2(file, LL_KERAS_H5_SEED, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool written = value >= 0 && H5Awrite(value, H5T_NATIVE_UINT64, &seed) >= 0;
    if (value >= 0) written = H5Aclose(value) >= 0 && written;
    if (space >= 0) (void)H5Sclose(space);
    return written;
}

static hid_t create_set(hid_t group, const char *name, int rank, const hsize_t *shape)
{
    const hid_t plan = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, shape, NULL);
    hid_t set = H5I_INVALID_HID;

    /* No times: the same seed and biases are the same bytes. */
    if (plan >= 0 && space >= 0 && H5Pset_obj_track_times(plan, false) >= 0 &&
        H5Pset_alloc_time(plan, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(plan, H5D_FILL_TIME_NEVER) >= 0)
        set = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    if (plan >= 0) (void)H5Pclose(plan);
    if (space >= 0) (void)H5Sclose(space);
    return set;
}

/* Write steps [first, first + count) of the first axis of a set of `rank` and `shape`. */
static bool write_slab(hid_t set, int rank, const hsize_t *shape, hsize_t first, hsize_t count,
                       const float *values)
{
    hsize_t start[4] = {first, 0, 0, 0}, block[4];
    memcpy(block, shape, (size_t)rank * sizeof *block);
    block[0] = count;
    const hid_t file = H5Dget_space(set), memory = H5Screate_simple(rank, block, NULL);
    const bool written = file >= 0 && memory >= 0 &&
                         H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, block, NULL) >= 0 &&
                         H5Dwrite(set, H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, values) >= 0;
    if (file >= 0) (void)H5Sclose(file);
    if (memory >= 0) (void)H5Sclose(memory);
    return written;
}

/* Our (out, rows) as Keras' (rows, out), a few rows at a time. */
static ll_status write_kernel(hid_t group, const char *name, int layer, const float *kernel,
                              bool *written, ll_error *err)
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const bool conv = it->kind == LL_VGG16_CONV;
    const int64_t columns = it->out_channels, rows = ll_vgg16_kernel_count(layer) / columns;
    const hsize_t in = (hsize_t)it->in_channels, out = (hsize_t)columns;
    const hsize_t conv_shape[] = {3, 3, in, out}, fc_shape[] = {(hsize_t)rows, out};
    const hsize_t *const shape = conv ? conv_shape : fc_shape;
    const int rank = conv ? 4 : 2;
    const int64_t steps = (int64_t)shape[0], step_rows = rows / steps;
    const int64_t count = ll_max_i64(1, SLAB_VALUES / (step_rows * columns));
    float *slab = NULL;

    LL_TRY(ll_alloc("weights", count * step_rows * columns, sizeof *slab, &slab, err));
    const hid_t set = create_set(group, name, rank, shape);
    *written = set >= 0;
    for (int64_t first = 0; first < steps && *written; first += count) {
        const int64_t now = ll_min_i64(count, steps - first);
        ll_layout_transpose(kernel + first * step_rows, columns, now * step_rows, rows, slab,
                            columns);
        *written = write_slab(set, rank, shape, (hsize_t)first, (hsize_t)now, slab);
    }
    if (set >= 0) *written = H5Dclose(set) >= 0 && *written;
    free(slab);
    return LL_OK;
}

static bool write_bias(hid_t group, const char *name, int layer, const float *bias)
{
    const hsize_t count = (hsize_t)ll_vgg16_layer_at(layer)->out_channels;
    const hid_t set = create_set(group, name, 1, &count);
    bool written = set >= 0 && write_slab(set, 1, &count, 0, count, bias);
    if (set >= 0) written = H5Dclose(set) >= 0 && written;
    return written;
}

static hid_t create_group(hid_t file, const char *name)
{
    const hid_t plan = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = H5I_INVALID_HID;
    if (plan >= 0 && H5Pset_obj_track_times(plan, false) >= 0)
        group = H5Gcreate2(file, name, H5P_DEFAULT, plan, H5P_DEFAULT);
    if (plan >= 0) (void)H5Pclose(plan);
    return group;
}

/* A pool is a group without weights, as Keras has it. */
static ll_status write_layer(hid_t file, uint64_t seed, int layer, const float *bias, bool *written,
                             ll_error *err)
{
    ll_status status = LL_OK;
    const char *const name = ll_vgg16_layer_at(layer)->keras;
    const bool pool = ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL;
    const hid_t group = create_group(file, name);
    float *kernel = NULL;
    fixed_name names[2] = {0};

    (void)snprintf(names[0].text, NAME_BYTES, "%s_W_1:0", name);
    (void)snprintf(names[1].text, NAME_BYTES, "%s_b_1:0", name);
    *written = group >= 0 && write_names(group, "weight_names", names, pool ? 0 : 2);
    if (!*written || pool) goto done;
    LL_TRY_DONE(ll_alloc("weights", ll_vgg16_kernel_count(layer), sizeof *kernel, &kernel, err));
    LL_TRY_DONE(ll_synthetic_kernel(seed, layer, kernel, err));
    LL_TRY_DONE(write_kernel(group, names[0].text, layer, kernel, written, err));
    *written = *written && write_bias(group, names[1].text, layer, bias);
done:
    free(kernel);
    if (group >= 0) *written = H5Gclose(group) >= 0 && *written;
    return status;
}

static ll_status write_file(const char *path, uint64_t seed, const float *biases, bool *written,
                            ll_error *err)
{
    ll_status status = LL_OK;
    fixed_name layers[LL_VGG16_LAYERS] = {0};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        (void)snprintf(layers[i].text, NAME_BYTES, "%s", ll_vgg16_layer_at(i)->keras);
    *written = file >= 0 && write_names(file, "layer_names", layers, LL_VGG16_LAYERS) &&
               write_seed(file, seed);
    for (int i = 0; i < LL_VGG16_LAYERS && *written; i++) {
        LL_TRY_DONE(write_layer(file, seed, i, biases, written, err));
        if (ll_vgg16_kernel_count(i) > 0) biases += ll_vgg16_layer_at(i)->out_channels;
    }
done:
    if (file >= 0) *written = H5Fclose(file) >= 0 && *written;
    return status;
}

ll_status ll_synthetic_write(const char *path, uint64_t seed, const float *biases, ll_error *err)
{
    ll_status status = LL_OK;
    char *draft = NULL;
    bool written = false;

    /* No other process of this machine has our number, so no other one writes this draft. */
    LL_TRY(ll_text_format(&draft, err, "%s.%ld.part", path, (long)getpid()));
    errno = 0;
    H5E_BEGIN_TRY
    {
        status = write_file(draft, seed, biases, &written, err);
    }
    H5E_END_TRY
    if (status == LL_OK && !written)
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path,
                         errno != 0 ? strerror(errno) : "HDF5 cannot write it");
    if (status == LL_OK) status = ll_file_publish(draft, path, err);
    if (status != LL_OK) (void)unlink(draft);
    free(draft);
    return status;
}
