/* host/h5/h5_scale.c - dimension scales: what an axis is called and how long it is; see h5.h. */
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/h5/h5.h"

#include <hdf5_hl.h>
#include <stdlib.h>
#include <string.h>

enum { PURE_BYTES = 96 };

/* netCDF-4 knows a length without values by this text. */
static void pure_name(char text[PURE_BYTES], int64_t length)
{
    ll_text_exact(text, PURE_BYTES, "This is a netCDF dimension but not a netCDF variable%10lld",
                  (long long)length);
}

ll_status ll_h5_scale_make(hid_t dataset, const char *name, ll_error *err)
{
    if (H5DSset_scale(dataset, name) < 0)
        return ll_h5_fail_at(err, LL_ERR_IO, dataset, NULL, "cannot make it a dimension scale");
    return LL_OK;
}

/* Big-endian floats that are never written take no space, and are what netCDF-4 itself writes. */
ll_status ll_h5_scale_create(hid_t parent, const char *name, int64_t length, hid_t *out,
                             ll_error *err)
{
    char text[PURE_BYTES];
    const hsize_t extent = (hsize_t)length;
    const hid_t space = H5Screate_simple(1, &extent, NULL);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);

    *out = -1;
    if (space >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0)
        *out = H5Dcreate2(parent, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    ll_status status = LL_OK;
    if (*out < 0) status = ll_h5_fail_at(err, LL_ERR_IO, parent, name, "cannot create the scale");
    ll_h5_close(creation);
    ll_h5_close(space);
    if (status != LL_OK) return status;
    pure_name(text, length);
    return ll_h5_scale_make(*out, text, err);
}

ll_status ll_h5_scale_attach(hid_t dataset, int axis, hid_t scale, ll_error *err)
{
    if (H5DSattach_scale(dataset, scale, (unsigned)axis) < 0)
        return ll_h5_fail_at(err, LL_ERR_IO, dataset, NULL, "cannot attach a dimension scale");
    return LL_OK;
}

/* ---- what is there --------------------------------------------------------------------- */

static ll_status check_text(hid_t dataset, const char *attribute, const char *expected,
                            ll_error *err)
{
    char *text = NULL, what[2 * PURE_BYTES];

    LL_TRY(ll_h5_attribute_read_text(dataset, attribute, &text, err));
    const bool same = strcmp(text, expected) == 0;
    free(text);
    if (same) return LL_OK;
    ll_text_say(what, sizeof what, "the attribute is not '%s'", expected);
    return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, attribute, what);
}

ll_status ll_h5_scale_check(hid_t dataset, const char *name, ll_error *err)
{
    LL_TRY(check_text(dataset, "CLASS", "DIMENSION_SCALE", err));
    return check_text(dataset, "NAME", name, err);
}

ll_status ll_h5_scale_check_pure(hid_t dataset, int64_t length, ll_error *err)
{
    char text[PURE_BYTES];
    hsize_t extent = 0;
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);

    const bool fits = type >= 0 && space >= 0 && H5Tequal(type, H5T_IEEE_F32BE) > 0 &&
                      H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &extent, NULL) == 1 &&
                      extent == (hsize_t)length;
    ll_h5_close(space);
    ll_h5_close(type);
    if (!fits) {
        ll_text_exact(text, sizeof text, "is no scale of length %lld", (long long)length);
        return ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, text);
    }
    LL_TRY(ll_h5_dataset_check(dataset, err));
    pure_name(text, length);
    return ll_h5_scale_check(dataset, text, err);
}

/* An attribute that is an array of one axis; `*attribute` is -1 if there is none. */
static ll_status open_list(hid_t object, const char *name, hid_t *attribute, int64_t *length,
                           ll_error *err)
{
    hsize_t extent = 0;
    const htri_t exists = H5Aexists(object, name);

    *length = 0;
    *attribute = exists > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
    if (exists == 0) return LL_OK;
    const hid_t space = *attribute >= 0 ? H5Aget_space(*attribute) : -1;
    const bool fits = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &extent, NULL) == 1 &&
                      extent <= (hsize_t)INT32_MAX;
    *length = (int64_t)extent;
    ll_h5_close(space);
    if (fits) return LL_OK;
    ll_h5_close(*attribute);
    *attribute = -1;
    return ll_h5_fail_at(err, LL_ERR_FORMAT, object, name, "the attribute has another shape");
}

static ll_status flatten(const hvl_t *lists, int64_t rank, ll_h5_scale_ref **out, int64_t *count,
                         ll_error *err)
{
    int64_t total = 0;

    for (int64_t axis = 0; axis < rank; axis++)
        total += (int64_t)lists[axis].len;
    LL_TRY(ll_alloc("DIMENSION_LIST", total, sizeof **out, out, err));
    for (int64_t axis = 0; axis < rank; axis++) {
        const hobj_ref_t *const scales = lists[axis].p;
        for (size_t i = 0; i < lists[axis].len; i++)
            (*out)[(*count)++] = (ll_h5_scale_ref){scales[i], axis};
    }
    return LL_OK;
}

ll_status ll_h5_scale_axes(hid_t dataset, ll_h5_scale_ref **out, int64_t *count, ll_error *err)
{
    ll_status status = LL_OK;
    const char *const name = "DIMENSION_LIST";
    hid_t attribute = -1, type = -1, space = -1;
    hvl_t *lists = NULL;
    int64_t rank = 0;

    *out = NULL;
    *count = 0;
    LL_TRY_DONE(open_list(dataset, name, &attribute, &rank, err));
    if (attribute < 0) goto done;
    LL_TRY_DONE(ll_alloc(name, rank, sizeof *lists, &lists, err));
    type = H5Tvlen_create(H5T_STD_REF_OBJ);
    space = H5Aget_space(attribute);
    if (type < 0 || space < 0 || H5Aread(attribute, type, lists) < 0) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, name, "cannot read the attribute");
        goto done;
    }
    status = flatten(lists, rank, out, count, err);
    (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists);
done:
    free(lists);
    ll_h5_close(space);
    ll_h5_close(type);
    ll_h5_close(attribute);
    return status;
}

ll_status ll_h5_scale_uses(hid_t scale, ll_h5_scale_ref **out, int64_t *count, ll_error *err)
{
    ll_status status = LL_OK;
    const char *const name = "REFERENCE_LIST";
    hid_t attribute = -1, type = -1;

    *out = NULL;
    *count = 0;
    LL_TRY_DONE(open_list(scale, name, &attribute, count, err));
    if (attribute < 0) goto done;
    LL_TRY_DONE(ll_alloc(name, *count, sizeof **out, out, err));
    type = H5Tcreate(H5T_COMPOUND, sizeof **out);
    if (type < 0 ||
        H5Tinsert(type, "dataset", HOFFSET(ll_h5_scale_ref, object), H5T_STD_REF_OBJ) < 0 ||
        H5Tinsert(type, "dimension", HOFFSET(ll_h5_scale_ref, axis), H5T_NATIVE_INT64) < 0 ||
        H5Aread(attribute, type, *out) < 0)
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, scale, name, "cannot read the attribute");
done:
    ll_h5_close(type);
    ll_h5_close(attribute);
    if (status != LL_OK) {
        free(*out);
        *out = NULL;
        *count = 0;
    }
    return status;
}
