/* weights/safetensors_header.c - see safetensors_header.h.
 *
 * The rules are those of the format: at most 100 MB of header, no name twice, and offsets that
 * cover the buffer exactly. So no byte belongs to two tensors, and none belongs to no tensor. */
#include "weights/safetensors_header.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000 };

static const struct {
    const char *name;
    int64_t bytes;
} k_dtypes[] = {
    {"F64", 8},     {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1},
    {"F8_E5M2", 1}, {"I64", 8}, {"I32", 4}, {"I16", 2},  {"I8", 1},
    {"U64", 8},     {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1},
};

static int64_t dtype_bytes(const char *name)
{
    for (size_t i = 0; i < sizeof k_dtypes / sizeof k_dtypes[0]; i++)
        if (strcmp(k_dtypes[i].name, name) == 0) return k_dtypes[i].bytes;
    return 0;
}

static bool read_size(const json_t *value, int64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *out = json_integer_value(value);
    return true;
}

/* Fill in `shape` and the bytes it stands for; false if it is no shape or too large to count. */
static bool read_shape(const json_t *shape, int64_t item_bytes, ll_tensor *out, int64_t *bytes)
{
    const size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > LL_SAFETENSORS_RANK) return false;
    out->rank = (int)rank;
    *bytes = item_bytes;
    for (size_t i = 0; i < rank; i++) {
        if (!read_size(json_array_get(shape, i), &out->shape[i])) return false;
        if (__builtin_mul_overflow(*bytes, out->shape[i], bytes)) return false;
    }
    return true;
}

static ll_status read_tensor(const char *path, const char *name, const json_t *entry,
                             int64_t buffer_bytes, ll_tensor *out, ll_error *err)
{
    const json_t *const offsets = json_object_get(entry, "data_offsets");
    const char *const dtype = json_string_value(json_object_get(entry, "dtype"));
    int64_t bytes = 0;

    LL_TRY(ll_text_copy(name, strlen(name), &out->name, err));
    if (dtype == NULL || dtype_bytes(dtype) == 0)
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: unknown dtype %s", path, name,
                       dtype == NULL ? "(none)" : dtype);
    LL_TRY(ll_text_fit(out->dtype, sizeof out->dtype, err, "%s", dtype));
    if (!read_shape(json_object_get(entry, "shape"), dtype_bytes(dtype), out, &bytes))
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: shape is not usable", path, name);
    if (json_array_size(offsets) != 2 || !read_size(json_array_get(offsets, 0), &out->begin) ||
        !read_size(json_array_get(offsets, 1), &out->end) || out->begin > out->end ||
        out->end > buffer_bytes)
        return ll_fail(err, LL_ERR_FORMAT,
                       "%s: %s: data_offsets do not lie in the %lld bytes of data", path, name,
                       (long long)buffer_bytes);
    if (out->end - out->begin != bytes)
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: %lld bytes for a shape that needs %lld", path,
                       name, (long long)(out->end - out->begin), (long long)bytes);
    return LL_OK;
}

/* By offset; tensors without bytes first among equals, so that they cannot look like an overlap. */
static int by_offset(const void *a, const void *b)
{
    const ll_tensor *const x = a, *const y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static ll_status check_cover(const char *path, const ll_tensors *tensors, int64_t buffer_bytes,
                             ll_error *err)
{
    int64_t at = 0;
    for (int64_t i = 0; i < tensors->count; i++) {
        const ll_tensor *const tensor = &tensors->items[i];
        if (tensor->begin != at)
            return ll_fail(err, LL_ERR_FORMAT, "%s: %s: begins at byte %lld of the data, %s %lld",
                           path, tensor->name, (long long)tensor->begin,
                           tensor->begin < at ? "inside a tensor that ends at"
                                              : "a gap after the one before, which ends at",
                           (long long)at);
        at = tensor->end;
    }
    if (at == buffer_bytes) return LL_OK;
    return ll_fail(err, LL_ERR_FORMAT, "%s: the last %lld bytes belong to no tensor", path,
                   (long long)(buffer_bytes - at));
}

static ll_status read_all(const char *path, json_t *root, int64_t data_begin, int64_t size,
                          ll_tensors *out, ll_error *err)
{
    const char *name = NULL;
    json_t *entry = NULL;

    LL_TRY(ll_alloc("safetensors header", (int64_t)json_object_size(root), sizeof *out->items,
                    &out->items, err));
    json_object_foreach(root, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        /* Counted first, so that release sees a tensor that is only half read. */
        ll_tensor *const tensor = &out->items[out->count++];
        LL_TRY(read_tensor(path, name, entry, size - data_begin, tensor, err));
    }
    qsort(out->items, (size_t)out->count, sizeof *out->items, by_offset);
    LL_TRY(check_cover(path, out, size - data_begin, err));
    for (int64_t i = 0; i < out->count; i++) {
        out->items[i].begin += data_begin;
        out->items[i].end += data_begin;
    }
    return LL_OK;
}

static ll_status read_length(int fd, const char *path, int64_t size, int64_t *out, ll_error *err)
{
    uint8_t bytes[LENGTH_BYTES];
    uint64_t length = 0;

    if (size < LENGTH_BYTES)
        return ll_fail(err, LL_ERR_FORMAT, "%s: too short for safetensors", path);
    LL_TRY(ll_file_pread(fd, bytes, sizeof bytes, 0, path, err));
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | bytes[i];
    if (length > MAX_HEADER_BYTES)
        return ll_fail(err, LL_ERR_FORMAT, "%s: header of %llu bytes, safetensors allows 100 MB",
                       path, (unsigned long long)length);
    if ((int64_t)length > size - LENGTH_BYTES)
        return ll_fail(err, LL_ERR_FORMAT, "%s: header of %lld bytes in a file of %lld", path,
                       (long long)length, (long long)size);
    *out = (int64_t)length;
    return LL_OK;
}

ll_status ll_tensors_read(int fd, const char *path, int64_t size, ll_tensors *out, ll_error *err)
{
    ll_status status = LL_OK;
    int64_t length = 0;
    char *text = NULL;
    json_t *root = NULL;
    json_error_t why;

    *out = (ll_tensors){NULL, 0};
    LL_TRY(read_length(fd, path, size, &length, err));
    LL_TRY(ll_alloc("safetensors header", length, 1, &text, err));
    LL_TRY_DONE(ll_file_pread(fd, text, (size_t)length, LENGTH_BYTES, path, err));
    root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: header is no JSON object%s%s", path,
                         root == NULL ? ": " : "", root == NULL ? why.text : "");
        goto done;
    }
    LL_TRY_DONE(read_all(path, root, LENGTH_BYTES + length, size, out, err));
done:
    json_decref(root);
    free(text);
    return status;
}

void ll_tensors_release(ll_tensors *tensors)
{
    for (int64_t i = 0; i < tensors->count; i++)
        free(tensors->items[i].name);
    free(tensors->items);
    *tensors = (ll_tensors){NULL, 0};
}

const ll_tensor *ll_tensors_find(const ll_tensors *tensors, const char *name)
{
    for (int64_t i = 0; i < tensors->count; i++)
        if (strcmp(tensors->items[i].name, name) == 0) return &tensors->items[i];
    return NULL;
}
