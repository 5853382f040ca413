/* host/h5/h5_text.c - datasets of variable-length UTF-8 texts; see h5.h.
 *
 * On disk a text is a reference of 16 bytes: its length (u32), the address of a heap (u64), a
 * number in it (u32). Source: HDF5 File Format Specification 3.0, VIII.B. */
#include "host/base/memory.h"
#include "host/h5/h5.h"
#include "host/h5/h5_heap.h"

#include <stdlib.h>
#include <string.h>

enum { REFERENCE_BYTES = 16 };

ll_status ll_h5_texts_write(hid_t dataset, const char *const *texts, int64_t count, ll_error *err)
{
    ll_status status = LL_OK;

    if (count == 0) return LL_OK;
    const hid_t type = ll_h5_type_open(LL_H5_TEXT);
    if (type < 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)
        status = ll_h5_fail_at(err, LL_ERR_IO, dataset, NULL, "cannot write the texts");
    ll_h5_close(type);
    return status;
}

ll_status ll_h5_texts_bind(hid_t dataset, const ll_h5_map *map, int64_t count,
                           ll_h5_text_array *out, ll_error *err)
{
    int64_t offset = 0;

    *out = (ll_h5_text_array){*map, NULL, count};
    if (count == 0) return LL_OK;
    if ((uint64_t)count > map->size_bytes / REFERENCE_BYTES)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "is longer than the file");
    const size_t size_bytes = (size_t)count * REFERENCE_BYTES;
    LL_TRY(ll_h5_dataset_offset(dataset, size_bytes, &offset, err));
    if ((size_t)offset > map->size_bytes - size_bytes)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "ends beyond the file: cut short?");
    out->references = map->bytes + offset;
    return LL_OK;
}

/* As ll_h5_u64_at. Datasets are mapped as they lie, too. */
static uint32_t u32_at(const uint8_t *bytes)
{
    uint32_t value = 0;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* Where the last text was found. A heap is a list of up to 2000 objects, and texts were written one
 * after the other: without it, reading a column would walk each heap once a text. */
struct cursor {
    uint64_t address; /* of a heap; 0: none yet */
    uint64_t at;      /* in it */
};

/* Object `number` of the heap at `address`: its bytes and how many, or NULL. */
static const uint8_t *find_object(const ll_h5_map *map, uint64_t address, uint32_t number,
                                  struct cursor *cursor, uint64_t *size_bytes)
{
    const uint8_t *object = NULL;
    uint64_t at = 0;

    if (address >= map->size_bytes) return NULL;
    const uint8_t *const heap = map->bytes + address;
    const uint64_t available = map->size_bytes - address;
    if (cursor->address == address)
        at = ll_h5_heap_find(heap, available, cursor->at, number, &object, size_bytes);
    if (at == 0)
        at = ll_h5_heap_find(heap, available, LL_H5_HEAP_HEAD_BYTES, number, &object, size_bytes);
    if (at == 0) return NULL;
    *cursor = (struct cursor){address, at};
    return object;
}

static bool text_at(const ll_h5_text_array *texts, int64_t index, struct cursor *cursor,
                    const char **bytes, size_t *length)
{
    const uint8_t *const reference = texts->references + index * REFERENCE_BYTES;
    const uint32_t text_bytes = u32_at(reference);
    const uint64_t address = ll_h5_u64_at(reference + 4);
    uint64_t object_bytes = 0;

    *bytes = "";
    *length = 0;
    if (address == 0) return text_bytes == 0; /* HDF5 stores an empty text as no object at all */
    const uint8_t *const object =
        find_object(&texts->map, address, u32_at(reference + 12), cursor, &object_bytes);
    if (object == NULL || text_bytes != object_bytes) return false;
    *bytes = (const char *)object;
    *length = strnlen(*bytes, text_bytes);
    return true;
}

bool ll_h5_text_at(const ll_h5_text_array *texts, int64_t index, const char **bytes, size_t *length)
{
    struct cursor cursor = {0, 0};
    return text_at(texts, index, &cursor, bytes, length);
}

/* libhdf5 reads a heap whole: what is wrong anywhere in it can cost others any of its texts, though
 * they were found here. */
static bool heap_valid(const ll_h5_text_array *texts, uint64_t address)
{
    if (address == 0) return true;
    return address < texts->map.size_bytes &&
           ll_h5_heap_valid(texts->map.bytes + address, texts->map.size_bytes - address);
}

ll_status ll_h5_texts_read(const ll_h5_text_array *texts, const char *name, ll_h5_texts *out,
                           ll_error *err)
{
    ll_status status = LL_OK;
    const char *bytes = NULL;
    size_t length = 0, total = 1;
    char *to = NULL;
    struct cursor cursor = {0, 0};
    uint64_t checked = 0;

    memset(out, 0, sizeof *out);
    for (int64_t i = 0; i < texts->count; i++) {
        const uint64_t heap = ll_h5_u64_at(texts->references + i * REFERENCE_BYTES + 4);
        const bool sound = heap == checked || heap_valid(texts, heap);
        checked = heap;
        if (!sound || !text_at(texts, i, &cursor, &bytes, &length)) {
            status = ll_fail(err, LL_ERR_FORMAT, "%s: text %lld is damaged", name, (long long)i);
            goto done;
        }
        total += length + 1;
    }
    LL_TRY_DONE(ll_alloc(name, texts->count, sizeof *out->items, &out->items, err));
    LL_TRY_DONE(ll_alloc(name, (int64_t)total, 1, &out->bytes, err));
    to = out->bytes;
    for (int64_t i = 0; i < texts->count; i++) {
        (void)text_at(texts, i, &cursor, &bytes, &length);
        memcpy(to, bytes, length);
        out->items[i] = to;
        to += length + 1; /* the NUL is there: ll_alloc clears */
    }
    out->count = texts->count;
done:
    if (status != LL_OK) ll_h5_texts_release(out);
    return status;
}

void ll_h5_texts_release(ll_h5_texts *texts)
{
    free(texts->items);
    free(texts->bytes);
    memset(texts, 0, sizeof *texts);
}
