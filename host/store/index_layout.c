/* host/store/index_layout.c - see index_layout.h. */
#include "host/store/index_layout.h"
#include "host/base/size.h"

#include <assert.h>

static const char *const k_axes[LL_AXES] = {
    "item", "other", "feature", "rank", "digest_byte", "reject", "id_byte", "id_offset", "block",
};

static const struct {
    const char *name;
    ll_group parent;
} k_groups[LL_GROUPS] = {
    {"", LL_GROUP_ROOT},          {"neighbors", LL_GROUP_ROOT},
    {"items", LL_GROUP_ROOT},     {"attributes", LL_GROUP_ITEMS},
    {"lookup", LL_GROUP_ROOT},    {"rejected", LL_GROUP_ROOT},
    {"checksums", LL_GROUP_ROOT},
};

/* clang-format off: a table */
static const struct {
    ll_layout_object object;
    ll_array_role role;
    bool in_web; /* a web copy has it, if its extents do */
} k_arrays[LL_ARRAYS] = {
    {{"/features", "features", LL_GROUP_ROOT, LL_H5_FLOAT32, 2, {LL_AXIS_ITEM, LL_AXIS_FEATURE}},
     LL_ROLE_ITEM,
     true},
    {{"/similarity", "similarity", LL_GROUP_ROOT, LL_H5_FLOAT32, 2, {LL_AXIS_ITEM, LL_AXIS_OTHER}},
     LL_ROLE_PAIR,
     true},
    {{"/neighbors/index",
      "index",
      LL_GROUP_NEIGHBORS,
      LL_H5_UINT32,
      2,
      {LL_AXIS_ITEM, LL_AXIS_RANK}},
     LL_ROLE_PAIR,
     true},
    {{"/neighbors/score",
      "score",
      LL_GROUP_NEIGHBORS,
      LL_H5_FLOAT32,
      2,
      {LL_AXIS_ITEM, LL_AXIS_RANK}},
     LL_ROLE_PAIR,
     true},
    {{"/norms", "norms", LL_GROUP_ROOT, LL_H5_FLOAT32, 1, {LL_AXIS_ITEM}}, LL_ROLE_ITEM, false},
    {{"/items/digest",
      "digest",
      LL_GROUP_ITEMS,
      LL_H5_UINT8,
      2,
      {LL_AXIS_ITEM, LL_AXIS_DIGEST_BYTE}},
     LL_ROLE_ITEM,
     false},
    {{"/lookup/id_bytes", "id_bytes", LL_GROUP_LOOKUP, LL_H5_UINT8, 1, {LL_AXIS_ID_BYTE}},
     LL_ROLE_FILE,
     true},
    {{"/lookup/id_start", "id_start", LL_GROUP_LOOKUP, LL_H5_UINT64, 1, {LL_AXIS_ID_OFFSET}},
     LL_ROLE_FILE,
     true},
    {{"/lookup/order", "order", LL_GROUP_LOOKUP, LL_H5_UINT32, 1, {LL_AXIS_ITEM}},
     LL_ROLE_FILE,
     true},
    {{"/checksums/features", "features", LL_GROUP_CHECKSUMS, LL_H5_UINT64, 1, {LL_AXIS_BLOCK}},
     LL_ROLE_FILE,
     true},
    {{"/checksums/similarity", "similarity", LL_GROUP_CHECKSUMS, LL_H5_UINT64, 1, {LL_AXIS_BLOCK}},
     LL_ROLE_FILE,
     true},
    {{"/checksums/index", "index", LL_GROUP_CHECKSUMS, LL_H5_UINT64, 1, {LL_AXIS_BLOCK}},
     LL_ROLE_FILE,
     false},
    {{"/checksums/score", "score", LL_GROUP_CHECKSUMS, LL_H5_UINT64, 1, {LL_AXIS_BLOCK}},
     LL_ROLE_FILE,
     false},
};

static const ll_layout_object k_texts[LL_TEXTS] = {
    {"/item", "item", LL_GROUP_ROOT, LL_H5_TEXT, 1, {LL_AXIS_ITEM}},
    {"/other", "other", LL_GROUP_ROOT, LL_H5_TEXT, 1, {LL_AXIS_OTHER}},
    {"/items/image", "image", LL_GROUP_ITEMS, LL_H5_TEXT, 1, {LL_AXIS_ITEM}},
    {"/rejected/id", "id", LL_GROUP_REJECTED, LL_H5_TEXT, 1, {LL_AXIS_REJECT}},
    {"/rejected/image", "image", LL_GROUP_REJECTED, LL_H5_TEXT, 1, {LL_AXIS_REJECT}},
    {"/rejected/reason", "reason", LL_GROUP_REJECTED, LL_H5_TEXT, 1, {LL_AXIS_REJECT}},
};

#define FIELD(name, kind)                                                                          \
    {                                                                                              \
        {#name, kind, true, false}, offsetof(ll_store_provenance, name)                            \
    }
static const struct {
    ll_field field;
    size_t offset;
} k_fields[] = {
    {{"created", LL_FIELD_TEXT, false, false}, offsetof(ll_store_provenance, created)},
    FIELD(generator, LL_FIELD_TEXT),
    FIELD(model, LL_FIELD_TEXT),
    FIELD(layer, LL_FIELD_TEXT),
    FIELD(preprocess, LL_FIELD_TEXT),
    FIELD(resize, LL_FIELD_TEXT),
    FIELD(exif, LL_FIELD_TEXT),
    FIELD(alpha, LL_FIELD_TEXT),
    FIELD(decoder, LL_FIELD_TEXT),
    {{"jpeg", LL_FIELD_TEXT, false, true}, offsetof(ll_store_provenance, jpeg)},
    FIELD(image_root, LL_FIELD_TEXT),
    FIELD(weights_sha256, LL_FIELD_TEXT),
    FIELD(weights_name, LL_FIELD_TEXT),
    FIELD(weights_trained, LL_FIELD_BOOL),
    FIELD(backend, LL_FIELD_TEXT),
    FIELD(device, LL_FIELD_TEXT),
    FIELD(precision, LL_FIELD_TEXT),
    FIELD(engines, LL_FIELD_TEXT),
    FIELD(fingerprint, LL_FIELD_TEXT),
    FIELD(within, LL_FIELD_TEXT),
    FIELD(rows_redone, LL_FIELD_INT),
    FIELD(license, LL_FIELD_TEXT),
};
/* clang-format on */

const char *ll_layout_axis_name(ll_axis axis)
{
    return k_axes[axis];
}

int64_t ll_layout_length(const ll_layout *layout, ll_axis axis)
{
    const ll_store_extents *const extents = &layout->extents;

    switch (axis) {
    case LL_AXIS_ITEM:
    case LL_AXIS_OTHER: return extents->items;
    case LL_AXIS_FEATURE: return extents->features;
    case LL_AXIS_RANK: return extents->neighbors;
    case LL_AXIS_DIGEST_BYTE: return LL_STORE_DIGEST;
    case LL_AXIS_REJECT: return extents->rejected;
    case LL_AXIS_ID_BYTE: return layout->id_bytes;
    case LL_AXIS_ID_OFFSET: return extents->items + 1;
    case LL_AXIS_BLOCK: return ll_ceil_div(extents->items, LL_STORE_CHECK_ROWS);
    case LL_AXES: break;
    }
    assert(!"no such axis");
    return 0;
}

const char *ll_layout_group_name(ll_group group, ll_group *parent)
{
    *parent = k_groups[group].parent;
    return k_groups[group].name;
}

ll_layout_object ll_layout_array(const ll_layout *layout, ll_array array)
{
    ll_layout_object object = k_arrays[array].object;

    if (array == LL_ARRAY_SIMILARITY && layout->extents.matrix == LL_MATRIX_FLOAT16)
        object.type = LL_H5_FLOAT16;
    if (array == LL_ARRAY_SIMILARITY && layout->extents.matrix == LL_MATRIX_UINT16)
        object.type = LL_H5_UINT16;
    return object;
}

ll_layout_object ll_layout_text(ll_text text)
{
    return k_texts[text];
}

bool ll_layout_has_group(const ll_layout *layout, ll_group group)
{
    return group != LL_GROUP_CHECKSUMS || !layout->web;
}

bool ll_layout_has_axis(const ll_layout *layout, ll_axis axis)
{
    switch (axis) {
    case LL_AXIS_OTHER: return layout->extents.matrix != LL_MATRIX_NONE;
    case LL_AXIS_FEATURE: return layout->extents.features > 0;
    case LL_AXIS_DIGEST_BYTE:
    case LL_AXIS_BLOCK: return !layout->web;
    default: return true;
    }
}

bool ll_layout_has_array(const ll_layout *layout, ll_array array)
{
    switch (array) {
    case LL_ARRAY_FEATURES:
    case LL_ARRAY_SUM_FEATURES: return layout->extents.features > 0;
    case LL_ARRAY_SIMILARITY:
    case LL_ARRAY_SUM_SIMILARITY: return layout->extents.matrix != LL_MATRIX_NONE;
    default: return k_arrays[array].in_web || !layout->web;
    }
}

ll_array_role ll_layout_role(ll_array array)
{
    return k_arrays[array].role;
}

bool ll_layout_has_text(const ll_layout *layout, ll_text text)
{
    return text != LL_TEXT_OTHER || layout->extents.matrix != LL_MATRIX_NONE;
}

ll_h5_shape ll_layout_shape(const ll_layout *layout, const ll_layout_object *object)
{
    ll_h5_shape shape = {.type = object->type, .rank = object->rank};

    for (int i = 0; i < object->rank; i++)
        shape.extents[i] = ll_layout_length(layout, object->axes[i]);
    return shape;
}

static ll_status checked_bytes(const ll_layout *layout, ll_array array, size_t *out, ll_error *err)
{
    const ll_layout_object object = ll_layout_array(layout, array);
    const ll_h5_shape shape = ll_layout_shape(layout, &object);

    *out = ll_h5_type_bytes(shape.type);
    for (int i = 0; i < shape.rank; i++)
        LL_TRY(ll_size_mul(shape.extents[i], (int64_t)*out, out, err));
    if (*out > (size_t)INT64_MAX / 2)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: too large", object.path);
    return LL_OK;
}

ll_status ll_layout_check(const ll_layout *layout, ll_error *err)
{
    const ll_store_extents *const extents = &layout->extents;
    size_t bytes = 0;

    /* 0xFFFFFFFF marks an empty place among neighbours, so it is no row. */
    if (extents->items < 1 || extents->items >= (int64_t)UINT32_MAX)
        return ll_fail(err, LL_ERR_ARGUMENT, "an index cannot hold %lld items",
                       (long long)extents->items);
    if (extents->neighbors < 1 || extents->neighbors > ll_max_i64(extents->items - 1, 1))
        return ll_fail(err, LL_ERR_ARGUMENT, "%lld items cannot have %lld neighbours each",
                       (long long)extents->items, (long long)extents->neighbors);
    if (extents->features < 0 || extents->rejected < 0 || layout->id_bytes < 1)
        return ll_fail(err, LL_ERR_ARGUMENT, "an index cannot have such extents");
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(layout, (ll_array)i))
            LL_TRY(checked_bytes(layout, (ll_array)i, &bytes, err));
    return LL_OK;
}

size_t ll_layout_bytes(const ll_layout *layout, ll_array array)
{
    size_t bytes = 0;
    const ll_status status = checked_bytes(layout, array, &bytes, NULL);

    assert(status == LL_OK);
    (void)status;
    return bytes;
}

size_t ll_layout_row_bytes(const ll_layout *layout, ll_array array)
{
    const ll_layout_object object = ll_layout_array(layout, array);
    const size_t columns =
        object.rank == 2 ? (size_t)ll_layout_length(layout, object.axes[1]) : (size_t)1;
    return columns * ll_h5_type_bytes(object.type);
}

int ll_layout_fields(void)
{
    return (int)(sizeof k_fields / sizeof k_fields[0]);
}

ll_field ll_layout_field(int field)
{
    return k_fields[field].field;
}

void *ll_layout_field_of(ll_store_provenance *provenance, int field)
{
    return (char *)provenance + k_fields[field].offset;
}

const void *ll_layout_field_in(const ll_store_provenance *provenance, int field)
{
    return (const char *)provenance + k_fields[field].offset;
}

bool ll_layout_has_field(const ll_store_provenance *provenance, int field)
{
    if (!k_fields[field].field.optional) return true;
    const char *const text = *(const char *const *)ll_layout_field_in(provenance, field);
    return text != NULL && text[0] != '\0';
}
