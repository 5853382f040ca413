/* host/h5/h5_scale.c - dimension scales: what an axis is called and how long it is; see h5.h. */
#include "host/base/text.h"
#include "host/h5/h5.h"

#include <hdf5_hl.h>

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
    char text[96];
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
    ll_text_exact(text, sizeof text, "This is a netCDF dimension but not a netCDF variable%10lld",
                  (long long)length);
    return ll_h5_scale_make(*out, text, err);
}

ll_status ll_h5_scale_attach(hid_t dataset, int axis, hid_t scale, ll_error *err)
{
    if (H5DSattach_scale(dataset, scale, (unsigned)axis) < 0)
        return ll_h5_fail_at(err, LL_ERR_IO, dataset, NULL, "cannot attach a dimension scale");
    return LL_OK;
}
