/* weights/safetensors.c - see safetensors.h.
 *
 * Two spellings of the same network are known: torchvision's own, and timm's, which turns fc1 and
 * fc2 into convolutions ("pre_logits.fc1.weight", 4096 x 512 x 7 x 7) without moving a byte.
 * float16 and bfloat16 are made float32 as they are read: exact, and the file is half as large. */
#include "weights/safetensors.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/base/transpose.h"
#include "host/vgg16/vgg16.h"
#include "weights/float_types.h"
#include "weights/safetensors_header.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors are little-endian, as read");

enum {
    NAME_BYTES = 64, /* "classifier.0.weight", "pre_logits.fc1.weight" */
    TEXT_BYTES = LL_SAFETENSORS_RANK * sizeof "9223372036854775807, ",
    BLOCK_VALUES = 1 << 20
};

typedef enum tensor_kind { KERNEL, BIAS } tensor_kind;

struct ll_safetensors {
    char *path;
    int fd;
    ll_tensors tensors;
    bool timm;
    int last_layer;
    unsigned types; /* of all tensors that are ours */
};

static const struct {
    const char *dtype;
    unsigned type;
    int64_t bytes;
} k_types[] = {{"F32", LL_FLOAT32, 4}, {"F16", LL_FLOAT16, 2}, {"BF16", LL_BFLOAT16, 2}};
enum { TYPES = sizeof k_types / sizeof k_types[0] };

/* Row of k_types; TYPES for a dtype that is not read. */
static int type_find(const char *dtype)
{
    int t = 0;
    while (t < TYPES && strcmp(k_types[t].dtype, dtype) != 0)
        t++;
    return t;
}

static void tensor_name(const ll_safetensors *file, int layer, tensor_kind kind,
                        char out[NAME_BYTES])
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const char *const tail = kind == KERNEL ? "weight" : "bias";
    if (file->timm && it->kind == LL_VGG16_FC)
        ll_text_exact(out, NAME_BYTES, "pre_logits.%s.%s", it->name, tail);
    else
        ll_text_exact(out, NAME_BYTES, "%s.%s", it->torch, tail);
}

/* (out, in, h, w), (out, in h w) or (out). Returns the rank. */
static int tensor_shape(const ll_safetensors *file, int layer, tensor_kind kind, int64_t shape[4])
{
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const int64_t inputs = ll_vgg16_kernel_count(layer) / it->out_channels;
    const bool matrix = it->kind == LL_VGG16_FC && !file->timm;
    int rank = 0;

    shape[rank++] = it->out_channels;
    if (kind == BIAS) return rank;
    shape[rank++] = matrix ? inputs : it->in_channels;
    if (matrix) return rank;
    const int64_t side = it->kind == LL_VGG16_CONV ? 3 : it->in_side;
    shape[rank++] = side;
    shape[rank++] = side;
    return rank;
}

static void shape_text(int rank, const int64_t *shape, char out[TEXT_BYTES])
{
    out[0] = '\0';
    for (int i = 0; i < rank; i++)
        ll_text_say_more(out, TEXT_BYTES, "%s%lld", i == 0 ? "" : ", ", (long long)shape[i]);
}

static ll_status check_tensor(const ll_safetensors *file, int layer, tensor_kind kind,
                              const ll_tensor **out, ll_error *err)
{
    char name[NAME_BYTES], got[TEXT_BYTES], want[TEXT_BYTES];
    int64_t shape[4];

    tensor_name(file, layer, kind, name);
    const ll_tensor *const tensor = ll_tensors_find(&file->tensors, name);
    if (tensor == NULL) return ll_fail(err, LL_ERR_FORMAT, "%s: has no %s", file->path, name);
    if (type_find(tensor->dtype) == TYPES)
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: dtype is %s, lookloom reads F32, F16 and BF16",
                       file->path, name, tensor->dtype);
    const int rank = tensor_shape(file, layer, kind, shape);
    if (rank != tensor->rank || memcmp(shape, tensor->shape, (size_t)rank * sizeof *shape) != 0) {
        shape_text(tensor->rank, tensor->shape, got);
        shape_text(rank, shape, want);
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: shape is (%s), VGG16 has (%s)", file->path,
                       name, got, want);
    }
    *out = tensor;
    return LL_OK;
}

static ll_status check_all(ll_safetensors *file, ll_error *err)
{
    const ll_tensor *tensor = NULL;
    char name[NAME_BYTES];

    file->timm = ll_tensors_find(&file->tensors, "pre_logits.fc1.weight") != NULL;
    tensor_name(file, LL_VGG16_FC1, KERNEL, name);
    const bool top = ll_tensors_find(&file->tensors, name) != NULL;
    file->last_layer = top ? LL_VGG16_FC2 : LL_VGG16_POOL5;
    for (int layer = 0; layer <= file->last_layer; layer++) {
        if (ll_vgg16_layer_at(layer)->kind == LL_VGG16_POOL) continue;
        for (tensor_kind kind = KERNEL; kind <= BIAS; kind++) {
            LL_TRY(check_tensor(file, layer, kind, &tensor, err));
            file->types |= k_types[type_find(tensor->dtype)].type;
        }
    }
    return LL_OK;
}

ll_status ll_safetensors_open(const char *path, ll_safetensors **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_safetensors *file = NULL;
    struct stat info;

    *out = NULL;
    LL_TRY(ll_alloc("weights", 1, sizeof *file, &file, err));
    file->fd = -1;
    LL_TRY_DONE(ll_text_copy(path, strlen(path), &file->path, err));
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &info) != 0) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    LL_TRY_DONE(ll_tensors_read(file->fd, path, info.st_size, &file->tensors, err));
    LL_TRY_DONE(check_all(file, err));
done:
    if (status != LL_OK) {
        ll_safetensors_close(file);
        file = NULL;
    }
    *out = file;
    return status;
}

void ll_safetensors_close(ll_safetensors *file)
{
    if (file == NULL) return;
    if (file->fd >= 0) (void)close(file->fd);
    ll_tensors_release(&file->tensors);
    free(file->path);
    free(file);
}

int ll_safetensors_last_layer(const ll_safetensors *file)
{
    return file->last_layer;
}

unsigned ll_safetensors_types(const ll_safetensors *file)
{
    return file->types;
}

/* Numbers [first, first + count) of a tensor. Those of 16 bits are read into the end of the room
 * their float32 will fill. */
static ll_status read_values(const ll_safetensors *file, const ll_tensor *tensor, int64_t first,
                             int64_t count, float *values, ll_error *err)
{
    const int row = type_find(tensor->dtype);
    assert(row < TYPES);
    const int64_t bytes = k_types[row].bytes, room = count * (int64_t)sizeof *values;
    unsigned char *const to = (unsigned char *)values + (room - count * bytes);

    LL_TRY(ll_file_pread(file->fd, to, (size_t)(count * bytes), tensor->begin + first * bytes,
                         file->path, err));
    if (bytes == 2) ll_float_widen(k_types[row].type, count, values);
    return LL_OK;
}

/* Each output's (in, h w) becomes (h w, in). */
static ll_status load_kernel(const ll_safetensors *file, int layer, const ll_tensor *tensor,
                             float *kernel, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const it = ll_vgg16_layer_at(layer);
    const int64_t outputs = it->out_channels, inputs = it->in_channels;
    const int64_t size = ll_vgg16_kernel_count(layer) / outputs, taps = size / inputs;
    const int64_t count = ll_min_i64(outputs, ll_max_i64(1, BLOCK_VALUES / size));
    float *block = NULL;

    if (taps == 1) return read_values(file, tensor, 0, outputs * size, kernel, err);
    LL_TRY(ll_alloc("weights", count * size, sizeof *block, &block, err));
    for (int64_t first = 0; first < outputs; first += count) {
        const int64_t now = ll_min_i64(count, outputs - first);
        LL_TRY_DONE(read_values(file, tensor, first * size, now * size, block, err));
        for (int64_t o = 0; o < now; o++)
            ll_transpose(block + o * size, inputs, taps, sizeof *block, kernel + (first + o) * size,
                         inputs);
    }
done:
    free(block);
    return status;
}

ll_status ll_safetensors_load(ll_safetensors *file, int layer, float *kernel, float *bias,
                              ll_error *err)
{
    const ll_tensor *tensor = NULL;

    LL_TRY(check_tensor(file, layer, KERNEL, &tensor, err));
    LL_TRY(load_kernel(file, layer, tensor, kernel, err));
    LL_TRY(check_tensor(file, layer, BIAS, &tensor, err));
    return read_values(file, tensor, 0, ll_vgg16_layer_at(layer)->out_channels, bias, err);
}
