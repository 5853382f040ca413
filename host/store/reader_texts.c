/* host/store/reader_texts.c - the texts of an index, read through HDF5 when asked for; see
 * reader.h. */
#include "host/base/memory.h"
#include "host/store/reader.h"
#include "host/store/reader_state.h"

#include <stdlib.h>

static ll_status open_text(const ll_reader *reader, ll_text text, hid_t *out, ll_error *err)
{
    const ll_layout_object object = ll_layout_text(text);
    ll_h5_shape shape = ll_layout_shape(&reader->layout, &object);
    return ll_h5_dataset_open(reader->groups[object.group], object.name, &shape, out, err);
}

static ll_status open_column(const ll_reader *reader, int column, hid_t *out, ll_error *err)
{
    ll_h5_shape shape = {LL_H5_TEXT, 1, {reader->layout.extents.items}};
    return ll_h5_dataset_open(reader->groups[LL_GROUP_ATTRIBUTES], reader->column_names[column],
                              &shape, out, err);
}

static ll_status read_text(const ll_reader *reader, ll_text text, ll_h5_texts *out, ll_error *err)
{
    const ll_layout_object object = ll_layout_text(text);
    hid_t dataset = -1;

    LL_TRY(open_text(reader, text, &dataset, err));
    const ll_status status =
        ll_h5_texts_read(dataset, ll_layout_length(&reader->layout, object.axes[0]), out, err);
    ll_h5_close(dataset);
    return status;
}

static ll_status read_column(const ll_reader *reader, int column, ll_h5_texts *out, ll_error *err)
{
    hid_t dataset = -1;

    LL_TRY(open_column(reader, column, &dataset, err));
    const ll_status status = ll_h5_texts_read(dataset, reader->layout.extents.items, out, err);
    ll_h5_close(dataset);
    return status;
}

ll_status ll_reader_read_text(ll_reader *reader, ll_text text, ll_h5_texts *out, ll_error *err)
{
    ll_h5_lock();
    const ll_status status = read_text(reader, text, out, err);
    ll_h5_unlock();
    return status;
}

ll_status ll_reader_read_column(ll_reader *reader, int column, ll_h5_texts *out, ll_error *err)
{
    ll_h5_lock();
    const ll_status status = read_column(reader, column, out, err);
    ll_h5_unlock();
    return status;
}

ll_status ll_reader_images(ll_reader *reader, const char *const **out, ll_error *err)
{
    ll_status status = LL_OK;

    ll_h5_lock();
    if (reader->images.items == NULL)
        status = read_text(reader, LL_TEXT_IMAGE, &reader->images, err);
    *out = (const char *const *)reader->images.items;
    ll_h5_unlock();
    return status;
}

ll_status ll_reader_column(ll_reader *reader, int column, const char *const **out, ll_error *err)
{
    ll_status status = LL_OK;

    *out = NULL;
    if (column < 0 || column >= reader->columns)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: no column %d", reader->path, column);
    ll_h5_lock();
    if (reader->column_texts[column].items == NULL)
        status = read_column(reader, column, &reader->column_texts[column], err);
    *out = (const char *const *)reader->column_texts[column].items;
    ll_h5_unlock();
    return status;
}

ll_status ll_reader_rejected(ll_reader *reader, ll_reader_rejects *out, ll_error *err)
{
    ll_status status = LL_OK;

    *out = (ll_reader_rejects){.count = 0};
    ll_h5_lock();
    for (int i = 0; i < 3 && status == LL_OK; i++)
        if (reader->rejected[i].items == NULL)
            status =
                read_text(reader, (ll_text)(LL_TEXT_REJECTED_ID + i), &reader->rejected[i], err);
    ll_h5_unlock();
    if (status != LL_OK) return status;
    out->count = reader->layout.extents.rejected;
    out->ids = (const char *const *)reader->rejected[0].items;
    out->images = (const char *const *)reader->rejected[1].items;
    out->reasons = (const char *const *)reader->rejected[2].items;
    return LL_OK;
}

/* Datasets stay open, so that the next item costs two small reads a text. */
static ll_status read_item(ll_reader *reader, int64_t row, char **image, char **values,
                           ll_error *err)
{
    if (reader->image_dataset < 0)
        LL_TRY(open_text(reader, LL_TEXT_IMAGE, &reader->image_dataset, err));
    LL_TRY(ll_h5_text_read(reader->image_dataset, row, image, err));
    for (int i = 0; i < reader->columns; i++) {
        if (reader->column_datasets[i] < 0)
            LL_TRY(open_column(reader, i, &reader->column_datasets[i], err));
        LL_TRY(ll_h5_text_read(reader->column_datasets[i], row, &values[i], err));
    }
    return LL_OK;
}

ll_status ll_reader_item_texts(ll_reader *reader, int64_t row, char **image, char **values,
                               ll_error *err)
{
    *image = NULL;
    for (int i = 0; i < reader->columns; i++)
        values[i] = NULL;
    if (row < 0 || row >= reader->layout.extents.items)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: no row %lld", reader->path, (long long)row);
    ll_h5_lock();
    const ll_status status = read_item(reader, row, image, values, err);
    ll_h5_unlock();
    if (status == LL_OK) return LL_OK;
    free(*image);
    *image = NULL;
    for (int i = 0; i < reader->columns; i++) {
        free(values[i]);
        values[i] = NULL;
    }
    return status;
}

static ll_status read_run(ll_reader *reader, ll_error *err)
{
    ll_h5_shape shape = {.type = LL_H5_TEXT};
    hid_t dataset = -1;

    LL_TRY(ll_h5_dataset_open(reader->file, "run", &shape, &dataset, err));
    const ll_status status = ll_h5_text_read(dataset, 0, &reader->run, err);
    ll_h5_close(dataset);
    return status;
}

ll_status ll_reader_run(ll_reader *reader, const char **out, ll_error *err)
{
    ll_status status = LL_OK;

    ll_h5_lock();
    if (reader->run == NULL) status = read_run(reader, err);
    *out = reader->run;
    ll_h5_unlock();
    return status;
}
