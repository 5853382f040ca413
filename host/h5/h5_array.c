/* host/h5/h5_array.c - datasets of numbers: types, create, check, offset; see h5.h. */
#include "host/base/text.h"
#include "host/h5/h5.h"

#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} k_types[] = {
    [LL_H5_UINT8] = {"uint8", 1},     [LL_H5_UINT16] = {"uint16", 2},
    [LL_H5_UINT32] = {"uint32", 4},   [LL_H5_UINT64] = {"uint64", 8},
    [LL_H5_FLOAT16] = {"float16", 2}, [LL_H5_FLOAT32] = {"float32", 4},
    [LL_H5_TEXT] = {"text", 0},
};

const char *ll_h5_type_name(ll_h5_type type)
{
    return k_types[type].name;
}

size_t ll_h5_type_bytes(ll_h5_type type)
{
    return k_types[type].bytes;
}

static hid_t open_float16(void)
{
    /* sign 1, exponent 5, mantissa 10; fields first, or the size would cut them off */
    const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    if (type >= 0 && H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(type, 2) >= 0 &&
        H5Tset_ebias(type, 15) >= 0)
        return type;
    ll_h5_close(type);
    return -1;
}

static hid_t open_text(void)
{
    const hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        return type;
    ll_h5_close(type);
    return -1;
}

hid_t ll_h5_type_open(ll_h5_type type)
{
    switch (type) {
    case LL_H5_UINT8: return H5Tcopy(H5T_STD_U8LE);
    case LL_H5_UINT16: return H5Tcopy(H5T_STD_U16LE);
    case LL_H5_UINT32: return H5Tcopy(H5T_STD_U32LE);
    case LL_H5_UINT64: return H5Tcopy(H5T_STD_U64LE);
    case LL_H5_FLOAT16: return open_float16();
    case LL_H5_FLOAT32: return H5Tcopy(H5T_IEEE_F32LE);
    case LL_H5_TEXT: return open_text();
    }
    return -1;
}

static hid_t open_space(const ll_h5_shape *shape)
{
    hsize_t extents[LL_H5_MAX_RANK] = {0};

    if (shape->rank == 0) return H5Screate(H5S_SCALAR);
    for (int i = 0; i < shape->rank; i++)
        extents[i] = (hsize_t)shape->extents[i];
    return H5Screate_simple(shape->rank, extents, NULL);
}

static hid_t creation_list(const ll_h5_shape *shape)
{
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);

    if (creation < 0) return -1;
    if (H5Pset_obj_track_times(creation, 0) < 0 || H5Pset_layout(creation, H5D_CONTIGUOUS) < 0)
        goto failed;
    /* HDF5 must fill texts: what lies in the file before the first write is no valid reference. */
    if (shape->type != LL_H5_TEXT && (H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY) < 0 ||
                                      H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER) < 0))
        goto failed;
    return creation;
failed:
    ll_h5_close(creation);
    return -1;
}

ll_status ll_h5_dataset_create(hid_t parent, const char *name, const ll_h5_shape *shape, hid_t *out,
                               ll_error *err)
{
    const hid_t type = ll_h5_type_open(shape->type);
    const hid_t space = open_space(shape);
    const hid_t creation = creation_list(shape);
    const hid_t link = H5Pcreate(H5P_LINK_CREATE);

    *out = -1;
    if (type >= 0 && space >= 0 && creation >= 0 && link >= 0 &&
        H5Pset_char_encoding(link, H5T_CSET_UTF8) >= 0)
        *out = H5Dcreate2(parent, name, type, space, link, creation, H5P_DEFAULT);
    ll_status status = LL_OK;
    if (*out < 0) status = ll_h5_fail_at(err, LL_ERR_IO, parent, name, "cannot create it");
    ll_h5_close(link);
    ll_h5_close(creation);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

/* The file's type as one of ours; -1 if it is another. */
static int find_type(hid_t type)
{
    if (H5Tis_variable_str(type) > 0) return LL_H5_TEXT;
    for (int i = LL_H5_UINT8; i < LL_H5_TEXT; i++) {
        const hid_t ours = ll_h5_type_open((ll_h5_type)i);
        const htri_t same = H5Tequal(type, ours);
        ll_h5_close(ours);
        if (same > 0) return i;
    }
    return -1;
}

static ll_status read_shape(hid_t dataset, ll_h5_shape *shape, ll_error *err)
{
    ll_status status = LL_OK;
    hsize_t extents[LL_H5_MAX_RANK] = {0};
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);
    const int known = type >= 0 ? find_type(type) : -1;
    const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    const H5S_class_t kind = space >= 0 ? H5Sget_simple_extent_type(space) : H5S_NO_CLASS;

    if (known < 0 || rank < 0 || rank > LL_H5_MAX_RANK || kind == H5S_NULL ||
        (rank > 0 && H5Sget_simple_extent_dims(space, extents, NULL) < 0)) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "has a type or shape of its own");
        goto done;
    }
    shape->type = (ll_h5_type)known;
    shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        if (extents[i] > (hsize_t)INT64_MAX) {
            status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "is impossibly long");
            goto done;
        }
        shape->extents[i] = (int64_t)extents[i];
    }
done:
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

/* A file from elsewhere must not make us read others. */
static bool stored_here(hid_t creation, H5D_layout_t layout)
{
    return layout != H5D_LAYOUT_ERROR && layout != H5D_VIRTUAL &&
           H5Pget_external_count(creation) == 0;
}

/* Bytes that lie elsewhere, or must be run through a filter, are none we ask for. */
static ll_status check_storage(hid_t dataset, ll_error *err)
{
    const hid_t creation = H5Dget_create_plist(dataset);
    const H5D_layout_t layout = creation >= 0 ? H5Pget_layout(creation) : H5D_LAYOUT_ERROR;
    const bool plain =
        stored_here(creation, layout) && layout != H5D_CHUNKED && H5Pget_nfilters(creation) == 0;

    ll_h5_close(creation);
    if (plain) return LL_OK;
    return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL,
                         "is chunked, filtered, virtual or stored elsewhere, which is refused");
}

static ll_status open_dataset(hid_t parent, const char *name, hid_t *out, ll_error *err)
{
    *out = -1;
    LL_TRY(ll_h5_check_link(parent, name, err));
    *out = H5Dopen2(parent, name, H5P_DEFAULT);
    if (*out < 0) return ll_h5_fail_at(err, LL_ERR_FORMAT, parent, name, "is no readable dataset");
    return LL_OK;
}

ll_status ll_h5_dataset_open(hid_t parent, const char *name, ll_h5_shape *shape, hid_t *out,
                             ll_error *err)
{
    ll_status status = LL_OK;
    ll_h5_shape found = {.rank = 0};
    char what[96];

    LL_TRY(open_dataset(parent, name, out, err));
    LL_TRY_DONE(check_storage(*out, err));
    LL_TRY_DONE(read_shape(*out, &found, err));
    if (found.type != shape->type || found.rank != shape->rank) {
        ll_text_exact(what, sizeof what, "is not %s with %d axes", ll_h5_type_name(shape->type),
                      shape->rank);
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, *out, NULL, what);
        goto done;
    }
    for (int i = 0; i < found.rank; i++) {
        if (shape->extents[i] >= 0 && shape->extents[i] != found.extents[i]) {
            ll_text_exact(what, sizeof what, "is %lld long on axis %d, not %lld",
                          (long long)found.extents[i], i, (long long)shape->extents[i]);
            status = ll_h5_fail_at(err, LL_ERR_FORMAT, *out, NULL, what);
            goto done;
        }
        shape->extents[i] = found.extents[i];
    }
done:
    if (status != LL_OK) {
        ll_h5_close(*out);
        *out = -1;
    }
    return status;
}

ll_status ll_h5_dataset_shape(hid_t parent, const char *name, ll_h5_shape *shape, ll_error *err)
{
    hid_t dataset = -1;

    LL_TRY(open_dataset(parent, name, &dataset, err));
    const ll_status status = read_shape(dataset, shape, err);
    ll_h5_close(dataset);
    return status;
}

ll_status ll_h5_dataset_check(hid_t dataset, ll_error *err)
{
    LL_TRY(check_storage(dataset, err));
    hsize_t extents[H5S_MAX_RANK] = {0}, limits[H5S_MAX_RANK] = {0};
    H5D_fill_value_t fill = H5D_FILL_VALUE_ERROR;
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const hid_t creation = H5Dget_create_plist(dataset);
    const char *what = NULL;

    const int rank = space >= 0 ? H5Sget_simple_extent_dims(space, extents, limits) : -1;
    if (type < 0 || rank < 0 || creation < 0 || H5Pfill_value_defined(creation, &fill) < 0)
        what = "its type, shape or storage cannot be read";
    else if (fill == H5D_FILL_VALUE_USER_DEFINED)
        what = "has a fill value of its own";
    else if (H5Tget_class(type) == H5T_STRING && H5Tget_cset(type) != H5T_CSET_UTF8)
        what = "is not UTF-8";
    for (int i = 0; i < rank && what == NULL; i++)
        if (extents[i] != limits[i]) what = "has an axis that may grow";
    const ll_status status =
        what == NULL ? LL_OK : ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, what);
    ll_h5_close(creation);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

ll_status ll_h5_dataset_offset(hid_t dataset, size_t size_bytes, int64_t *offset, ll_error *err)
{
    const haddr_t at = H5Dget_offset(dataset);
    const hsize_t stored = H5Dget_storage_size(dataset);

    if (at == HADDR_UNDEF || at > (haddr_t)INT64_MAX || stored != size_bytes)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "is not stored in one piece");
    *offset = (int64_t)at;
    return LL_OK;
}

ll_status ll_h5_floats_describe(hid_t dataset, ll_h5_floats *out, ll_error *err)
{
    size_t sign = 0, exponent_at = 0, mantissa_at = 0;
    const char *what = NULL;
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const hid_t creation = H5Dget_create_plist(dataset);
    const H5D_layout_t layout = creation >= 0 ? H5Pget_layout(creation) : H5D_LAYOUT_ERROR;

    out->rank = space >= 0 ? H5Sget_simple_extent_dims(space, out->extents, NULL) : -1;
    if (type < 0 || out->rank < 0)
        what = "its type or shape cannot be read";
    else if (H5Tget_class(type) != H5T_FLOAT ||
             H5Tget_fields(type, &sign, &exponent_at, &out->exponent_bits, &mantissa_at,
                           &out->mantissa_bits) < 0)
        what = "is not of a floating-point type";
    else if (!stored_here(creation, layout))
        what = "keeps its values in another file, which is refused";
    const ll_status status =
        what == NULL ? LL_OK : ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, what);
    out->written = what == NULL && H5Dget_storage_size(dataset) > 0;
    ll_h5_close(creation);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

ll_status ll_h5_floats_read(hid_t dataset, const ll_h5_floats *floats, hsize_t first, hsize_t count,
                            float *values, ll_error *err)
{
    ll_status status = LL_OK;
    hsize_t start[H5S_MAX_RANK] = {first}, block[H5S_MAX_RANK];

    memcpy(block, floats->extents, sizeof block);
    block[0] = count;
    const hid_t file = H5Dget_space(dataset);
    const hid_t memory = H5Screate_simple(floats->rank, block, NULL);
    if (file < 0 || memory < 0 ||
        H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, block, NULL) < 0 ||
        H5Dread(dataset, H5T_NATIVE_FLOAT, memory, file, H5P_DEFAULT, values) < 0)
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "cannot be read");
    ll_h5_close(memory);
    ll_h5_close(file);
    return status;
}
