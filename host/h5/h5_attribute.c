/* host/h5/h5_attribute.c - single values that say something about an object; see h5.h. */
#include "host/base/memory.h"
#include "host/h5/h5.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FIXED_BYTES = 1 << 20 }; /* of a fixed-length text: a sane file has a line or two */

static ll_status write_scalar(hid_t object, const char *name, hid_t file_type, hid_t memory_type,
                              const void *value, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t attribute = -1;
    const hid_t space = H5Screate(H5S_SCALAR);

    if (H5Aexists(object, name) > 0) attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, memory_type, value) < 0)
        status = ll_h5_fail_at(err, LL_ERR_IO, object, name, "cannot write the attribute");
    ll_h5_close(attribute);
    ll_h5_close(space);
    return status;
}

ll_status ll_h5_attribute_write_text(hid_t object, const char *name, const char *text,
                                     ll_error *err)
{
    const hid_t type = ll_h5_type_open(LL_H5_TEXT);
    const ll_status status = write_scalar(object, name, type, type, &text, err);
    ll_h5_close(type);
    return status;
}

ll_status ll_h5_attribute_write_int(hid_t object, const char *name, int64_t value, ll_error *err)
{
    return write_scalar(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
}

ll_status ll_h5_attribute_write_sum(hid_t object, const char *name, uint64_t value, ll_error *err)
{
    return write_scalar(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value, err);
}

ll_status ll_h5_attribute_write_bool(hid_t object, const char *name, bool value, ll_error *err)
{
    const int8_t byte = value;
    return write_scalar(object, name, H5T_STD_I8LE, H5T_NATIVE_INT8, &byte, err);
}

ll_status ll_h5_attribute_write_float(hid_t object, const char *name, float value, ll_error *err)
{
    return write_scalar(object, name, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, &value, err);
}

/* Open an attribute of one value of this class. */
static ll_status open_scalar(hid_t object, const char *name, H5T_class_t class, hid_t *attribute,
                             hid_t *type, ll_error *err)
{
    *type = -1;
    *attribute = -1;
    if (H5Aexists(object, name) > 0) *attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (*attribute < 0)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "the attribute is missing");
    *type = H5Aget_type(*attribute);
    const hid_t space = H5Aget_space(*attribute);
    const bool fits = *type >= 0 && space >= 0 && H5Tget_class(*type) == class &&
                      H5Sget_simple_extent_npoints(space) == 1;
    ll_h5_close(space);
    if (fits) return LL_OK;
    return ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "the attribute has another type");
}

static ll_status read_scalar(hid_t object, const char *name, H5T_class_t class, hid_t memory_type,
                             void *out, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t attribute = -1, type = -1;

    LL_TRY_DONE(open_scalar(object, name, class, &attribute, &type, err));
    if (H5Aread(attribute, memory_type, out) < 0)
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "cannot read the attribute");
done:
    ll_h5_close(type);
    ll_h5_close(attribute);
    return status;
}

static ll_status read_variable(hid_t object, const char *name, hid_t attribute, hid_t type,
                               char **out, ll_error *err)
{
    char *piece = NULL;

    if (H5Aread(attribute, type, &piece) < 0)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "cannot read the attribute");
    const ll_status status =
        ll_text_copy(piece != NULL ? piece : "", piece != NULL ? strlen(piece) : 0, out, err);
    if (piece != NULL) (void)H5free_memory(piece);
    return status;
}

static ll_status read_fixed(hid_t object, const char *name, hid_t attribute, hid_t type, char **out,
                            ll_error *err)
{
    ll_status status = LL_OK;
    char *bytes = NULL;
    const size_t size_bytes = H5Tget_size(type);

    if (size_bytes > MAX_FIXED_BYTES)
        return ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "the attribute is too long");
    LL_TRY(ll_alloc("attribute", (int64_t)size_bytes + 1, 1, &bytes, err));
    if (H5Aread(attribute, type, bytes) < 0)
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "cannot read the attribute");
    else
        status = ll_text_copy(bytes, strlen(bytes), out, err);
    free(bytes);
    return status;
}

ll_status ll_h5_attribute_read_text(hid_t object, const char *name, char **out, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t attribute = -1, type = -1;

    *out = NULL;
    LL_TRY_DONE(open_scalar(object, name, H5T_STRING, &attribute, &type, err));
    if (H5Tis_variable_str(type) > 0)
        LL_TRY_DONE(read_variable(object, name, attribute, type, out, err));
    else
        LL_TRY_DONE(read_fixed(object, name, attribute, type, out, err));
done:
    ll_h5_close(type);
    ll_h5_close(attribute);
    return status;
}

ll_status ll_h5_attribute_read_int(hid_t object, const char *name, int64_t *out, ll_error *err)
{
    return read_scalar(object, name, H5T_INTEGER, H5T_NATIVE_INT64, out, err);
}

ll_status ll_h5_attribute_read_sum(hid_t object, const char *name, uint64_t *out, ll_error *err)
{
    return read_scalar(object, name, H5T_INTEGER, H5T_NATIVE_UINT64, out, err);
}

ll_status ll_h5_attribute_read_bool(hid_t object, const char *name, bool *out, ll_error *err)
{
    int8_t byte = 0;

    *out = false;
    LL_TRY(read_scalar(object, name, H5T_INTEGER, H5T_NATIVE_INT8, &byte, err));
    *out = byte != 0;
    return LL_OK;
}

ll_status ll_h5_attribute_read_float(hid_t object, const char *name, float *out, ll_error *err)
{
    return read_scalar(object, name, H5T_FLOAT, H5T_NATIVE_FLOAT, out, err);
}

ll_status ll_h5_attribute_check(hid_t object, const char *name, hid_t type, ll_error *err)
{
    ll_status status = LL_OK;
    const htri_t exists = H5Aexists(object, name);

    if (exists == 0) return LL_OK;
    const hid_t attribute = exists > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
    const hid_t found = attribute >= 0 ? H5Aget_type(attribute) : -1;
    const hid_t space = attribute >= 0 ? H5Aget_space(attribute) : -1;
    if (found < 0 || space < 0 || H5Sget_simple_extent_type(space) != H5S_SCALAR ||
        H5Tequal(found, type) <= 0)
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "the attribute has another type");
    ll_h5_close(space);
    ll_h5_close(found);
    ll_h5_close(attribute);
    return status;
}
