/* host/store/store_size.c - see store_size.h.
 *
 * A text of variable length is a reference of 16 bytes and an object in a heap: a head of 16 bytes
 * and the bytes padded to 8, half of that padding on average; a heap of 4096 bytes has a head of 16
 * of its own and ends with what nothing fitted into (HDF5 File Format Specification 3.0, III.E). */
#include "host/store/store_size.h"
#include "host/base/size.h"
#include "host/store/index_layout.h"

enum {
    TEXT_BYTES = 16 + 16 + 4,  /* of a text besides its own */
    LAYOUT_BYTES = 128 * 1024, /* headers, attributes, scales, and datasets' places rounded up */
};
static const double k_heap_waste = 1.02;

static void add(ll_store_size *size, const char *name, int64_t bytes)
{
    size->parts[size->count++] = (ll_store_part){name, bytes};
    size->bytes += bytes;
}

ll_status ll_store_size_of(const ll_store_extents *extents, const ll_store_text_size *texts,
                           ll_store_size *out, ll_error *err)
{
    const ll_layout layout = {.extents = *extents,
                              .id_bytes = ll_max_i64(texts->id_bytes, extents->items)};
    /* /item, and /other where there is a matrix */
    const int64_t lists = extents->matrix == LL_MATRIX_NONE ? 1 : 2;
    const double text = (double)TEXT_BYTES * (double)(lists * extents->items + texts->other_texts) +
                        (double)(lists * texts->id_bytes + texts->other_bytes);

    *out = (ll_store_size){.count = 0};
    LL_TRY(ll_layout_check(&layout, err));
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(&layout, (ll_array)i))
            add(out, ll_layout_array(&layout, (ll_array)i).path,
                (int64_t)ll_layout_bytes(&layout, (ll_array)i));
    add(out, "texts", (int64_t)(k_heap_waste * text));
    add(out, "layout", LAYOUT_BYTES);
    return LL_OK;
}
