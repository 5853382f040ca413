/* weights/keras_h5.c - see keras_h5.h.
 *
 * The three layouts differ only in what a tensor is called, so one table of names describes them.
 * A path is walked group by group and every link must be a hard one: Keras writes no others, and a
 * soft, external or user-defined link, external storage or a virtual dataset could make a
 * downloaded file read another one. */
#include "weights/keras_h5.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/vgg16/vgg16.h"
#include "weights/float_types.h"
#include "weights/kernel_order.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_BYTES = 128, /* the longest folder of k_names, a layer twice, "/kernel:0": 65 */
    MAX_RANK = 4,
    SLAB_VALUES = 1 << 20, /* 4 MiB read at a time: fc1 would need 411 MB a second time */
};

/* A tensor is called <folder><layer>/<layer><kernel>, or <folder><class>_<number><kernel>. */
typedef struct keras_names {
    const char *layout;
    const char *folder;
    const char *kernel, *bias;
    bool by_class; /* "conv2d_3" for the fourth convolution, whatever the layer is called */
} keras_names;

/* model.save() puts what model.save_weights() writes one group further down. */
static const keras_names k_names[] = {
    {"keras-original", "", "_W_1:0", "_b_1:0", false},
    {"keras-original", "model_weights/", "_W_1:0", "_b_1:0", false},
    {"keras-2", "", "/kernel:0", "/bias:0", false},
    {"keras-2", "model_weights/", "/kernel:0", "/bias:0", false},
    {"keras-2", "model_weights/", "/kernel", "/bias", false}, /* Keras 3, model.save("x.h5") */
    {"keras-3", "layers/", "/vars/0", "/vars/1", true},
    {"keras-3", "_layer_checkpoint_dependencies/", "/vars/0", "/vars/1", true}, /* tf.keras 2.13 */
};
enum { NAMES = sizeof k_names / sizeof k_names[0] };

typedef enum tensor_kind { KERNEL, BIAS } tensor_kind;

struct ll_keras_h5 {
    char *path;
    hid_t file;
    const keras_names *names;
    int last_layer;
    unsigned types; /* of all tensors that are ours */
    bool synthetic;
    uint64_t seed;
};

/* HDF5 stacks its messages from the call we made down to the cause; the last one is the cause. */
static herr_t copy_cause(unsigned depth, const H5E_error2_t *error, void *to)
{
    (void)depth;
    if (error->desc != NULL) ll_text_say(to, NAME_BYTES, "%s", error->desc);
    return 0;
}

static ll_status h5_fail(const ll_keras_h5 *keras, const char *tensor, ll_error *err)
{
    char cause[NAME_BYTES] = "HDF5 cannot read it";
    (void)H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, copy_cause, cause);
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s%s%s", keras->path, tensor,
                   tensor[0] == '\0' ? "" : ": ", cause);
}

static void tensor_name(const keras_names *names, int layer, tensor_kind kind, char out[NAME_BYTES])
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const char *const tail = kind == KERNEL ? names->kernel : names->bias;
    int number = 0;

    if (!names->by_class) {
        ll_text_exact(out, NAME_BYTES, "%s%s/%s%s", names->folder, it->keras, it->keras, tail);
        return;
    }
    for (int i = 0; i < layer; i++)
        if (ll_vgg16_layer_at(i)->kind == it->kind) number++;
    const char *const class = it->kind == LL_VGG16_CONV ? "conv2d" : "dense";
    if (number == 0)
        ll_text_exact(out, NAME_BYTES, "%s%s%s", names->folder, class, tail);
    else
        ll_text_exact(out, NAME_BYTES, "%s%s_%d%s", names->folder, class, number, tail);
}

/* Open the object at `name` by hard links alone. *out is H5I_INVALID_HID where there is none. */
static ll_status object_open(const ll_keras_h5 *keras, const char *name, hid_t *out, ll_error *err)
{
    ll_status status = LL_OK;
    char step[NAME_BYTES];
    hid_t at = H5Oopen(keras->file, "/", H5P_DEFAULT);

    *out = H5I_INVALID_HID;
    if (at < 0) return h5_fail(keras, "", err);
    for (const char *rest = name; *rest != '\0';) {
        const size_t length = strcspn(rest, "/");
        H5L_info_t link;
        status = ll_text_fit(step, sizeof step, err, "%.*s", (int)length, rest);
        if (status != LL_OK) goto done;
        rest += length + (rest[length] == '/');
        const htri_t there = H5Iget_type(at) == H5I_GROUP ? H5Lexists(at, step, H5P_DEFAULT) : 0;
        if (there == 0) goto done;
        if (there < 0 || H5Lget_info(at, step, &link, H5P_DEFAULT) < 0) {
            status = h5_fail(keras, name, err);
            goto done;
        }
        if (link.type != H5L_TYPE_HARD) {
            status = ll_fail(err, LL_ERR_FORMAT, "%s: %s: is a link, which is refused", keras->path,
                             name);
            goto done;
        }
        const hid_t next = H5Oopen(at, step, H5P_DEFAULT);
        if (next < 0) {
            status = h5_fail(keras, name, err);
            goto done;
        }
        (void)H5Oclose(at);
        at = next;
    }
    *out = at;
    return LL_OK;
done:
    (void)H5Oclose(at);
    return status;
}

/* The shape Keras gives a tensor: (3, 3, in, out), (in, out) or (out). Returns its rank. */
static int tensor_shape(int layer, tensor_kind kind, hsize_t shape[MAX_RANK])
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const hsize_t out = (hsize_t)it->out_channels;
    int rank = 0;

    if (kind == KERNEL && it->kind == LL_VGG16_CONV) {
        shape[rank++] = 3;
        shape[rank++] = 3;
        shape[rank++] = (hsize_t)it->in_channels;
    } else if (kind == KERNEL) {
        shape[rank++] = (hsize_t)ll_vgg16_kernel_count(layer) / out;
    }
    shape[rank++] = out;
    return rank;
}

static void shape_text(int rank, const hsize_t *shape, char out[NAME_BYTES])
{
    out[0] = '\0';
    for (int i = 0; i < rank; i++)
        ll_text_say_more(out, NAME_BYTES, "%s%llu", i == 0 ? "" : ", ",
                         (unsigned long long)shape[i]);
}

static ll_status shape_check(const ll_keras_h5 *keras, const char *name, hid_t space, int layer,
                             tensor_kind kind, ll_error *err)
{
    hsize_t want[MAX_RANK], got[H5S_MAX_RANK];
    char want_text[NAME_BYTES], got_text[NAME_BYTES];
    const int want_rank = tensor_shape(layer, kind, want);
    const int got_rank = H5Sget_simple_extent_dims(space, got, NULL);

    if (got_rank < 0) return h5_fail(keras, name, err);
    if (got_rank == want_rank && memcmp(got, want, (size_t)got_rank * sizeof *got) == 0)
        return LL_OK;
    shape_text(want_rank, want, want_text);
    shape_text(got_rank, got, got_text);
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s: shape is (%s), VGG16 has (%s)", keras->path, name,
                   got_text, want_text);
}

/* Its values must be floats that stand in this very file. */
static ll_status storage_check(const ll_keras_h5 *keras, const char *name, hid_t set, ll_error *err)
{
    ll_status status = LL_OK;
    const hid_t type = H5Dget_type(set), plan = H5Dget_create_plist(set);

    if (type < 0 || plan < 0)
        status = h5_fail(keras, name, err);
    else if (H5Tget_class(type) != H5T_FLOAT)
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %s: is not of a floating-point type", keras->path,
                         name);
    else if (H5Pget_external_count(plan) != 0 || H5Pget_layout(plan) == H5D_VIRTUAL)
        status = ll_fail(err, LL_ERR_FORMAT,
                         "%s: %s: keeps its values in another file, which is "
                         "refused",
                         keras->path, name);
    else if (H5Dget_storage_size(set) == 0)
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %s: was never written", keras->path, name);
    if (type >= 0) (void)H5Tclose(type);
    if (plan >= 0) (void)H5Pclose(plan);
    return status;
}

/* Open a tensor that is there and as it must be. */
static ll_status tensor_open(const ll_keras_h5 *keras, int layer, tensor_kind kind, hid_t *out,
                             ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME_BYTES];
    hid_t space = H5I_INVALID_HID;

    tensor_name(keras->names, layer, kind, name);
    LL_TRY(object_open(keras, name, out, err));
    if (*out < 0 || H5Iget_type(*out) != H5I_DATASET) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: has no %s", keras->path, name);
        goto done;
    }
    space = H5Dget_space(*out);
    if (space < 0) {
        status = h5_fail(keras, name, err);
        goto done;
    }
    LL_TRY_DONE(shape_check(keras, name, space, layer, kind, err));
    LL_TRY_DONE(storage_check(keras, name, *out, err));
done:
    if (space >= 0) (void)H5Sclose(space);
    if (status != LL_OK && *out >= 0) {
        (void)H5Oclose(*out);
        *out = H5I_INVALID_HID;
    }
    return status;
}

static ll_status object_exists(const ll_keras_h5 *keras, const char *name, bool *out, ll_error *err)
{
    hid_t object = H5I_INVALID_HID;
    LL_TRY(object_open(keras, name, &object, err));
    *out = object >= 0;
    if (object >= 0) (void)H5Oclose(object);
    return LL_OK;
}

static ll_status find_layout(ll_keras_h5 *keras, ll_error *err)
{
    char name[NAME_BYTES];
    bool found = false;

    for (int i = 0; i < NAMES; i++) {
        tensor_name(&k_names[i], 0, KERNEL, name);
        LL_TRY(object_exists(keras, name, &found, err));
        if (found) {
            keras->names = &k_names[i];
            return LL_OK;
        }
    }
    return ll_fail(err, LL_ERR_FORMAT,
                   "%s: no VGG16 of Keras: neither block1_conv1 nor layers/conv2d is in it",
                   keras->path);
}

/* VGG19 has all tensors of VGG16, in the same shapes, and three convolutions between them. */
static ll_status refuse_vgg19(const ll_keras_h5 *keras, ll_error *err)
{
    char name[NAME_BYTES];
    bool found = false;

    if (keras->names->by_class) return LL_OK; /* there the shapes give it away */
    ll_text_exact(name, sizeof name, "%sblock3_conv4", keras->names->folder);
    LL_TRY(object_exists(keras, name, &found, err));
    if (!found) return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s: is VGG19, lookloom needs VGG16", keras->path, name);
}

/* HDF5 reads any of them as float32. */
static unsigned type_of(hid_t set)
{
    const hid_t type = H5Dget_type(set);
    size_t sign, exponent_at, exponent_bits = 0, mantissa_at, mantissa_bits = 0;
    const bool told = type >= 0 && H5Tget_fields(type, &sign, &exponent_at, &exponent_bits,
                                                 &mantissa_at, &mantissa_bits) >= 0;

    if (type >= 0) (void)H5Tclose(type);
    if (!told) return LL_FLOAT_OTHER;
    if (exponent_bits == 5 && mantissa_bits == 10) return LL_FLOAT16;
    if (exponent_bits == 8 && mantissa_bits == 7) return LL_BFLOAT16;
    if (exponent_bits == 8 && mantissa_bits == 23) return LL_FLOAT32;
    if (exponent_bits == 11 && mantissa_bits == 52) return LL_FLOAT64;
    return LL_FLOAT_OTHER;
}

static ll_status check_all(ll_keras_h5 *keras, ll_error *err)
{
    char name[NAME_BYTES];
    bool top = false;

    tensor_name(keras->names, LL_VGG16_FC1, KERNEL, name);
    LL_TRY(object_exists(keras, name, &top, err));
    keras->last_layer = top ? LL_VGG16_FC2 : LL_VGG16_POOL5;
    for (int layer = 0; layer <= keras->last_layer; layer++) {
        if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL) continue;
        for (tensor_kind kind = KERNEL; kind <= BIAS; kind++) {
            hid_t set = H5I_INVALID_HID;
            LL_TRY(tensor_open(keras, layer, kind, &set, err));
            keras->types |= type_of(set);
            (void)H5Dclose(set);
        }
    }
    return LL_OK;
}

static ll_status read_seed(ll_keras_h5 *keras, ll_error *err)
{
    const htri_t there = H5Aexists(keras->file, LL_KERAS_H5_SEED);
    if (there == 0) return LL_OK;
    const hid_t seed = there < 0 ? -1 : H5Aopen(keras->file, LL_KERAS_H5_SEED, H5P_DEFAULT);
    const hid_t space = seed < 0 ? -1 : H5Aget_space(seed);
    /* One value: H5Aread would write as many as the file says. */
    const bool one = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    const bool read = one && H5Aread(seed, H5T_NATIVE_UINT64, &keras->seed) >= 0;
    keras->synthetic = true;
    if (space >= 0) (void)H5Sclose(space);
    if (seed >= 0) (void)H5Aclose(seed);
    return read ? LL_OK : h5_fail(keras, LL_KERAS_H5_SEED, err);
}

static ll_status open_quiet(ll_keras_h5 *keras, ll_error *err)
{
    ll_status status = LL_OK;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    /* A weights file is published whole and never changes: no lock, so read-only disks will do. */
    if (access >= 0 && H5Pset_file_locking(access, false, true) >= 0)
        keras->file = H5Fopen(keras->path, H5F_ACC_RDONLY, access);
    if (keras->file < 0) status = h5_fail(keras, "", err);
    if (access >= 0) (void)H5Pclose(access);
    LL_TRY(status);
    LL_TRY(find_layout(keras, err));
    LL_TRY(refuse_vgg19(keras, err));
    LL_TRY(check_all(keras, err));
    return read_seed(keras, err);
}

ll_status ll_keras_h5_open(const char *path, ll_keras_h5 **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_keras_h5 *keras = NULL;

    *out = NULL;
    LL_TRY(ll_alloc("weights", 1, sizeof *keras, &keras, err));
    keras->file = H5I_INVALID_HID;
    LL_TRY_DONE(ll_text_copy(path, strlen(path), &keras->path, err));
    if (H5PLset_loading_state(0) < 0) { /* a filter plugin is foreign code the file would name */
        status = ll_fail(err, LL_ERR_UNSUPPORTED, "HDF5 cannot turn its plugins off");
        goto done;
    }
    H5E_BEGIN_TRY
    {
        status = open_quiet(keras, err);
    }
    H5E_END_TRY
done:
    if (status != LL_OK) {
        ll_keras_h5_close(keras);
        keras = NULL;
    }
    *out = keras;
    return status;
}

void ll_keras_h5_close(ll_keras_h5 *keras)
{
    if (keras == NULL) return;
    if (keras->file >= 0) (void)H5Fclose(keras->file);
    free(keras->path);
    free(keras);
}

const char *ll_keras_h5_layout(const ll_keras_h5 *keras)
{
    return keras->names->layout;
}

int ll_keras_h5_last_layer(const ll_keras_h5 *keras)
{
    return keras->last_layer;
}

unsigned ll_keras_h5_types(const ll_keras_h5 *keras)
{
    return keras->types;
}

bool ll_keras_h5_synthetic(const ll_keras_h5 *keras, uint64_t *seed)
{
    *seed = keras->seed;
    return keras->synthetic;
}

/* Read steps [first, first + count) of a tensor's first axis. */
static ll_status read_slab(const ll_keras_h5 *keras, const char *name, hid_t set, hsize_t first,
                           hsize_t count, float *values, ll_error *err)
{
    hsize_t start[H5S_MAX_RANK] = {0}, block[H5S_MAX_RANK] = {0};
    const hid_t file = H5Dget_space(set);
    hid_t memory = H5I_INVALID_HID;
    bool read = false;

    const int rank = file < 0 ? -1 : H5Sget_simple_extent_dims(file, block, NULL);
    if (rank > 0) {
        start[0] = first;
        block[0] = count;
        memory = H5Screate_simple(rank, block, NULL);
        read = memory >= 0 &&
               H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, block, NULL) >= 0 &&
               H5Dread(set, H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, values) >= 0;
    }
    const ll_status status = read ? LL_OK : h5_fail(keras, name, err);
    if (memory >= 0) (void)H5Sclose(memory);
    if (file >= 0) (void)H5Sclose(file);
    return status;
}

/* A Keras kernel is a matrix (rows, out), whatever its rank; ours is its transpose. */
static ll_status load_kernel(const ll_keras_h5 *keras, int layer, hid_t set, float *kernel,
                             ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME_BYTES];
    float *slab = NULL;
    hsize_t shape[MAX_RANK];
    const int64_t columns = ll_vgg16_layer_at(layer)->out_channels;
    const int64_t rows = ll_vgg16_kernel_count(layer) / columns;

    tensor_name(keras->names, layer, KERNEL, name);
    (void)tensor_shape(layer, KERNEL, shape);
    const int64_t steps = (int64_t)shape[0], step_rows = rows / steps;
    const int64_t count = ll_max_i64(1, SLAB_VALUES / (step_rows * columns));
    LL_TRY(ll_alloc("weights", count * step_rows * columns, sizeof *slab, &slab, err));
    for (int64_t first = 0; first < steps; first += count) {
        const int64_t now = ll_min_i64(count, steps - first);
        LL_TRY_DONE(read_slab(keras, name, set, (hsize_t)first, (hsize_t)now, slab, err));
        ll_layout_transpose(slab, now * step_rows, columns, columns, kernel + first * step_rows,
                            rows);
    }
done:
    free(slab);
    return status;
}

static ll_status load_quiet(const ll_keras_h5 *keras, int layer, float *kernel, float *bias,
                            ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME_BYTES];
    hid_t set = H5I_INVALID_HID;

    LL_TRY(tensor_open(keras, layer, KERNEL, &set, err));
    status = load_kernel(keras, layer, set, kernel, err);
    (void)H5Dclose(set);
    LL_TRY(status);
    LL_TRY(tensor_open(keras, layer, BIAS, &set, err));
    tensor_name(keras->names, layer, BIAS, name);
    status =
        read_slab(keras, name, set, 0, (hsize_t)ll_vgg16_layer_at(layer)->out_channels, bias, err);
    (void)H5Dclose(set);
    return status;
}

ll_status ll_keras_h5_load(ll_keras_h5 *keras, int layer, float *kernel, float *bias, ll_error *err)
{
    ll_status status = LL_OK;
    H5E_BEGIN_TRY
    {
        status = load_quiet(keras, layer, kernel, bias, err);
    }
    H5E_END_TRY
    return status;
}
