/* weights/keras_h5.c - see keras_h5.h.
 *
 * The three layouts differ only in what a tensor is called, so one table of names describes them.
 * Files are downloaded: host/h5 follows no link and reads no values that lead to another file. */
#include "weights/keras_h5.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/base/transpose.h"
#include "host/h5/h5.h"
#include "host/vgg16/vgg16.h"
#include "weights/float_types.h"

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

static ll_status shape_check(const ll_keras_h5 *keras, const char *name, const ll_h5_floats *got,
                             int layer, tensor_kind kind, ll_error *err)
{
    hsize_t want[MAX_RANK];
    char want_text[NAME_BYTES], got_text[NAME_BYTES];
    const int rank = tensor_shape(layer, kind, want);

    if (got->rank == rank && memcmp(got->extents, want, (size_t)rank * sizeof *want) == 0)
        return LL_OK;
    shape_text(rank, want, want_text);
    shape_text(got->rank, got->extents, got_text);
    return ll_fail(err, LL_ERR_FORMAT, "%s: %s: shape is (%s), VGG16 has (%s)", keras->path, name,
                   got_text, want_text);
}

/* Open a tensor that is there and as it must be. */
static ll_status tensor_open(const ll_keras_h5 *keras, int layer, tensor_kind kind, hid_t *out,
                             ll_h5_floats *floats, ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME_BYTES];

    tensor_name(keras->names, layer, kind, name);
    LL_TRY(ll_h5_find(keras->file, name, out, err));
    if (*out < 0 || H5Iget_type(*out) != H5I_DATASET) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: has no %s", keras->path, name);
        goto done;
    }
    LL_TRY_DONE(ll_h5_floats_describe(*out, floats, err));
    LL_TRY_DONE(shape_check(keras, name, floats, layer, kind, err));
    if (!floats->written)
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %s: was never written", keras->path, name);
done:
    if (status != LL_OK) {
        ll_h5_close(*out);
        *out = -1;
    }
    return status;
}

static ll_status object_exists(const ll_keras_h5 *keras, const char *name, bool *out, ll_error *err)
{
    hid_t object = -1;
    LL_TRY(ll_h5_find(keras->file, name, &object, err));
    *out = object >= 0;
    ll_h5_close(object);
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
static unsigned type_of(const ll_h5_floats *floats)
{
    const size_t exponent_bits = floats->exponent_bits, mantissa_bits = floats->mantissa_bits;

    if (exponent_bits == 5 && mantissa_bits == 10) return LL_FLOAT16;
    if (exponent_bits == 8 && mantissa_bits == 7) return LL_BFLOAT16;
    if (exponent_bits == 8 && mantissa_bits == 23) return LL_FLOAT32;
    if (exponent_bits == 11 && mantissa_bits == 52) return LL_FLOAT64;
    return LL_FLOAT_OTHER;
}

static ll_status check_all(ll_keras_h5 *keras, ll_error *err)
{
    char name[NAME_BYTES];
    ll_h5_floats floats;
    bool top = false;

    tensor_name(keras->names, LL_VGG16_FC1, KERNEL, name);
    LL_TRY(object_exists(keras, name, &top, err));
    keras->last_layer = top ? LL_VGG16_FC2 : LL_VGG16_POOL5;
    for (int layer = 0; layer <= keras->last_layer; layer++) {
        if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL) continue;
        for (tensor_kind kind = KERNEL; kind <= BIAS; kind++) {
            hid_t set = -1;
            LL_TRY(tensor_open(keras, layer, kind, &set, &floats, err));
            keras->types |= type_of(&floats);
            ll_h5_close(set);
        }
    }
    return LL_OK;
}

static ll_status read_seed(ll_keras_h5 *keras, ll_error *err)
{
    if (H5Aexists(keras->file, LL_KERAS_H5_SEED) == 0) return LL_OK;
    keras->synthetic = true;
    return ll_h5_attribute_read_sum(keras->file, LL_KERAS_H5_SEED, &keras->seed, err);
}

ll_status ll_keras_h5_open(const char *path, ll_keras_h5 **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_keras_h5 *keras = NULL;

    *out = NULL;
    ll_h5_init();
    LL_TRY(ll_alloc("weights", 1, sizeof *keras, &keras, err));
    keras->file = -1;
    LL_TRY_DONE(ll_text_copy(path, strlen(path), &keras->path, err));
    LL_TRY_DONE(ll_h5_file_open(path, &keras->file, err));
    LL_TRY_DONE(find_layout(keras, err));
    LL_TRY_DONE(refuse_vgg19(keras, err));
    LL_TRY_DONE(check_all(keras, err));
    LL_TRY_DONE(read_seed(keras, err));
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
    ll_h5_close(keras->file);
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

/* A Keras kernel is a matrix (rows, out), whatever its rank; ours is its transpose. */
static ll_status load_kernel(const ll_keras_h5 *keras, int layer, float *kernel, ll_error *err)
{
    ll_status status = LL_OK;
    float *slab = NULL;
    hid_t set = -1;
    ll_h5_floats floats;
    const int64_t columns = ll_vgg16_layer_at(layer)->out_channels;
    const int64_t rows = ll_vgg16_kernel_count(layer) / columns;

    LL_TRY(tensor_open(keras, layer, KERNEL, &set, &floats, err));
    const int64_t steps = (int64_t)floats.extents[0], step_rows = rows / steps;
    const int64_t count = ll_max_i64(1, SLAB_VALUES / (step_rows * columns));
    LL_TRY_DONE(ll_alloc("weights", count * step_rows * columns, sizeof *slab, &slab, err));
    for (int64_t first = 0; first < steps; first += count) {
        const int64_t now = ll_min_i64(count, steps - first);
        LL_TRY_DONE(ll_h5_floats_read(set, &floats, (hsize_t)first, (hsize_t)now, slab, err));
        ll_transpose(slab, now * step_rows, columns, sizeof *slab, kernel + first * step_rows,
                     rows);
    }
done:
    free(slab);
    ll_h5_close(set);
    return status;
}

ll_status ll_keras_h5_load(ll_keras_h5 *keras, int layer, float *kernel, float *bias, ll_error *err)
{
    hid_t set = -1;
    ll_h5_floats floats;

    LL_TRY(load_kernel(keras, layer, kernel, err));
    LL_TRY(tensor_open(keras, layer, BIAS, &set, &floats, err));
    const ll_status status = ll_h5_floats_read(set, &floats, 0, floats.extents[0], bias, err);
    ll_h5_close(set);
    return status;
}
