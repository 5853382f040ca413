/* host/h5/h5_text.c - datasets of variable-length UTF-8 texts; see h5.h. */
#include "host/base/memory.h"
#include "host/h5/h5.h"

#include <stdlib.h>
#include <string.h>

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

/* From HDF5's many small pieces to one: two allocations, freed as two. HDF5 hands out NULL for an
 * empty text. */
static ll_status gather(char *const *pieces, int64_t count, ll_h5_texts *out, ll_error *err)
{
    size_t total = 0;
    char *to = NULL;

    for (int64_t i = 0; i < count; i++)
        total += (pieces[i] != NULL ? strlen(pieces[i]) : 0) + 1;
    LL_TRY(ll_alloc("texts", count, sizeof *out->items, &out->items, err));
    out->bytes = malloc(total > 0 ? total : 1);
    if (out->bytes == NULL)
        return ll_fail(err, LL_ERR_MEMORY, "texts: no memory for %zu bytes", total);
    to = out->bytes;
    for (int64_t i = 0; i < count; i++) {
        const char *const piece = pieces[i] != NULL ? pieces[i] : "";
        const size_t length = strlen(piece) + 1;
        memcpy(to, piece, length);
        out->items[i] = to;
        to += length;
    }
    out->count = count;
    return LL_OK;
}

ll_status ll_h5_texts_read(hid_t dataset, int64_t count, ll_h5_texts *out, ll_error *err)
{
    ll_status status = LL_OK;
    char **pieces = NULL;
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);

    memset(out, 0, sizeof *out);
    if (type < 0 || space < 0 || H5Tis_variable_str(type) <= 0 ||
        H5Sget_simple_extent_npoints(space) != count) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "is not as many texts");
        goto done;
    }
    LL_TRY_DONE(ll_alloc("texts", count, sizeof *pieces, &pieces, err));
    if (count > 0 && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pieces) < 0) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "cannot read the texts");
        goto done;
    }
    LL_TRY_DONE(gather(pieces, count, out, err));
done:
    if (pieces != NULL && count > 0) (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, pieces);
    free(pieces);
    if (status != LL_OK) ll_h5_texts_release(out);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

void ll_h5_texts_release(ll_h5_texts *texts)
{
    free(texts->items);
    free(texts->bytes);
    memset(texts, 0, sizeof *texts);
}

ll_status ll_h5_text_read(hid_t dataset, int64_t row, char **out, ll_error *err)
{
    ll_status status = LL_OK;
    char *piece = NULL;
    const hsize_t place = (hsize_t)row;
    const hid_t type = H5Dget_type(dataset);
    const hid_t space = H5Dget_space(dataset);
    const hid_t memory = H5Screate(H5S_SCALAR);
    const int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;

    *out = NULL;
    if (type < 0 || memory < 0 || rank < 0 || rank > 1 || H5Tis_variable_str(type) <= 0 ||
        row < 0 || row >= H5Sget_simple_extent_npoints(space)) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "has no such text");
        goto done;
    }
    if ((rank == 1 && H5Sselect_elements(space, H5S_SELECT_SET, 1, &place) < 0) ||
        H5Dread(dataset, type, memory, space, H5P_DEFAULT, &piece) < 0) {
        status = ll_h5_fail_at(err, LL_ERR_FORMAT, dataset, NULL, "cannot read a text");
        goto done;
    }
    status = ll_text_copy(piece != NULL ? piece : "", piece != NULL ? strlen(piece) : 0, out, err);
done:
    if (piece != NULL) (void)H5free_memory(piece);
    ll_h5_close(memory);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}
