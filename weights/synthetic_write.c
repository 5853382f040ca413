/* weights/synthetic_write.c - the untrained network as a file of the original Keras layout.
 *
 * Keras itself can load it, and so can everything that reads the official download; the root
 * attribute with the seed is what distinguishes ours.
 *
 * HDF5 writes only the frame of the file, 40 kB, and the values go to their places by pwrite: a
 * flush of HDF5 1.10 that fails on a full disk makes the process crash when it exits. For the same
 * reason the room for all of it is asked for before HDF5 comes in. */
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/base/transpose.h"
#include "host/h5/h5.h"
#include "host/vgg16/vgg16.h"
#include "weights/keras_h5.h"
#include "weights/synthetic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NAME_BYTES = 32, /* "block5_conv3_W_1:0" */
    SLAB_VALUES = 1 << 20,
    FRAME_BYTES = 1 << 17, /* groups, names and the seed; they take about 40 kB */
};

/* A name as HDF5 is told to keep it: fixed length, NUL-padded. */
typedef struct fixed_name {
    char text[NAME_BYTES];
} fixed_name;

/* A list of names as Keras keeps it: an attribute of fixed-length strings. */
static bool write_names(hid_t object, const char *attribute, const fixed_name *names, hsize_t count)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    const hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t list = -1;
    bool written = type >= 0 && space >= 0 && H5Tset_size(type, NAME_BYTES) >= 0;

    if (written) list = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    written = list >= 0 && (count == 0 || H5Awrite(list, type, names) >= 0);
    if (list >= 0) written = H5Aclose(list) >= 0 && written;
    ll_h5_close(space);
    ll_h5_close(type);
    return written;
}

/* Create a set whose values are not written yet, and say where in the file they belong. */
static bool create_set(hid_t group, const char *name, int rank, const hsize_t *shape,
                       int64_t *offset)
{
    const hid_t plan = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, shape, NULL);
    hid_t set = -1;
    haddr_t address = HADDR_UNDEF;

    /* No times: the same seed and biases are the same bytes. */
    if (plan >= 0 && space >= 0 && H5Pset_obj_track_times(plan, false) >= 0 &&
        H5Pset_alloc_time(plan, H5D_ALLOC_TIME_EARLY) >= 0 &&
        H5Pset_fill_time(plan, H5D_FILL_TIME_NEVER) >= 0)
        set = H5Dcreate2(group, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    if (set >= 0) address = H5Dget_offset(set);
    *offset = (int64_t)address;
    const bool created = set >= 0 && H5Dclose(set) >= 0 && address != HADDR_UNDEF;
    ll_h5_close(plan);
    ll_h5_close(space);
    return created;
}

static hid_t create_group(hid_t file, const char *name)
{
    const hid_t plan = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = -1;
    if (plan >= 0 && H5Pset_obj_track_times(plan, false) >= 0)
        group = H5Gcreate2(file, name, H5P_DEFAULT, plan, H5P_DEFAULT);
    ll_h5_close(plan);
    return group;
}

/* Where a layer's values belong in the file. */
typedef struct layer_offsets {
    int64_t kernel, bias;
} layer_offsets;

/* A pool is a group without weights, as Keras has it. */
static bool create_layer(hid_t file, int layer, layer_offsets *offsets)
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const bool pool = it->kind == LL_VGG16_POOL, conv = it->kind == LL_VGG16_CONV;
    const hsize_t in = (hsize_t)it->in_channels, out = (hsize_t)it->out_channels;
    const hsize_t rows = (hsize_t)ll_vgg16_kernel_count(layer) / out;
    const hsize_t conv_shape[] = {3, 3, in, out}, fc_shape[] = {rows, out};
    const hid_t group = create_group(file, it->keras);
    fixed_name names[2] = {0};

    ll_text_exact(names[0].text, NAME_BYTES, "%s_W_1:0", it->keras);
    ll_text_exact(names[1].text, NAME_BYTES, "%s_b_1:0", it->keras);
    bool created = group >= 0 && write_names(group, "weight_names", names, pool ? 0 : 2);
    if (created && !pool)
        created = create_set(group, names[0].text, conv ? 4 : 2, conv ? conv_shape : fc_shape,
                             &offsets->kernel) &&
                  create_set(group, names[1].text, 1, &out, &offsets->bias);
    if (group >= 0) created = H5Gclose(group) >= 0 && created;
    return created;
}

/* Everything but the values. */
static bool create_frame(const char *path, uint64_t seed, layer_offsets offsets[LL_VGG16_LAYERS])
{
    fixed_name layers[LL_VGG16_LAYERS] = {0};
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    hid_t file = -1;

    /* Nobody knows the file before it is published: no lock, so any file system will do. */
    if (access >= 0 && H5Pset_file_locking(access, false, true) >= 0)
        file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    ll_h5_close(access);
    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        ll_text_exact(layers[i].text, NAME_BYTES, "%s", ll_vgg16_layer_at(i)->keras);
    bool created = file >= 0 && write_names(file, "layer_names", layers, LL_VGG16_LAYERS) &&
                   ll_h5_attribute_write_sum(file, LL_KERAS_H5_SEED, seed, NULL) == LL_OK;
    for (int i = 0; i < LL_VGG16_LAYERS && created; i++)
        created = create_layer(file, i, &offsets[i]);
    if (file >= 0) created = H5Fclose(file) >= 0 && created;
    return created;
}

/* Our (out, rows) as Keras' (rows, out), a few rows at a time. */
static ll_status write_kernel(int fd, const char *path, uint64_t seed, int layer, int64_t offset,
                              ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t columns = ll_vgg16_layer_at(layer)->out_channels;
    const int64_t rows = ll_vgg16_kernel_count(layer) / columns;
    const int64_t count = ll_min_i64(rows, SLAB_VALUES / columns);
    const int64_t row_bytes = columns * (int64_t)sizeof(float);
    float *kernel = NULL, *slab = NULL;

    LL_TRY_DONE(ll_alloc("weights", rows * columns, sizeof *kernel, &kernel, err));
    LL_TRY_DONE(ll_alloc("weights", count * columns, sizeof *slab, &slab, err));
    LL_TRY_DONE(ll_synthetic_kernel(seed, layer, kernel, err));
    for (int64_t first = 0; first < rows; first += count) {
        const int64_t now = ll_min_i64(count, rows - first);
        ll_transpose_strided(kernel + first, columns, now, rows, sizeof *slab, slab, columns);
        LL_TRY_DONE(ll_file_pwrite(fd, slab, (size_t)(now * row_bytes), offset + first * row_bytes,
                                   path, err));
    }
done:
    free(kernel);
    free(slab);
    return status;
}

static ll_status write_values(int fd, const char *path, uint64_t seed, const float *biases,
                              const layer_offsets offsets[LL_VGG16_LAYERS], ll_error *err)
{
    for (int i = 0; i < LL_VGG16_LAYERS; i++) {
        const int32_t outputs = ll_vgg16_layer_at(i)->out_channels;
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        LL_TRY(write_kernel(fd, path, seed, i, offsets[i].kernel, err));
        LL_TRY(ll_file_pwrite(fd, biases, (size_t)outputs * sizeof *biases, offsets[i].bias, path,
                              err));
        biases += outputs;
    }
    return LL_OK;
}

static ll_status reserve(int fd, const char *path, ll_error *err)
{
    const int64_t bytes = ll_vgg16_parameters(LL_VGG16_FC2) * (int64_t)sizeof(float) + FRAME_BYTES;
    const int cause = posix_fallocate(fd, 0, bytes);
    if (cause == 0) return LL_OK;
    return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(cause));
}

static ll_status write_draft(const char *draft, const char *path, uint64_t seed,
                             const float *biases, ll_error *err)
{
    ll_status status = LL_OK;
    layer_offsets offsets[LL_VGG16_LAYERS];

    const int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    LL_TRY_DONE(reserve(fd, path, err));
    ll_h5_init();
    if (!create_frame(draft, seed, offsets)) {
        status = ll_fail(err, LL_ERR_IO, "%s: HDF5 cannot write it", path);
        goto done;
    }
    LL_TRY_DONE(write_values(fd, path, seed, biases, offsets, err));
done:
    (void)close(fd); /* publishing syncs what was written */
    return status;
}

ll_status ll_synthetic_write(const char *path, uint64_t seed, const float *biases, ll_error *err)
{
    ll_status status = LL_OK;
    char *draft = NULL;

    /* No other process of this machine has our number, so no other one writes this draft. */
    LL_TRY(ll_text_format(&draft, err, "%s.%ld.part", path, (long)getpid()));
    status = write_draft(draft, path, seed, biases, err);
    if (status == LL_OK) status = ll_file_publish(draft, path, err);
    if (status != LL_OK) (void)unlink(draft);
    free(draft);
    return status;
}
