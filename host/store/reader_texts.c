/* host/store/reader_texts.c - the texts of an index, from mapped memory; see reader.h. */
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/store/reader.h"
#include "host/store/reader_state.h"

#include <stdlib.h>

enum { NAME = 4096 + 512 }; /* the longest path, and an object in it */

static const char *name_of(const ll_reader *reader, const char *object, char buffer[NAME])
{
    return ll_text_say(buffer, NAME, "%s: %s", reader->path, object);
}

ll_status ll_reader_read_text(const ll_reader *reader, ll_text text, ll_h5_texts *out,
                              ll_error *err)
{
    char name[NAME];
    return ll_h5_texts_read(&reader->texts[text], name_of(reader, ll_layout_text(text).path, name),
                            out, err);
}

ll_status ll_reader_read_column(const ll_reader *reader, int column, ll_h5_texts *out,
                                ll_error *err)
{
    char name[NAME];
    return ll_h5_texts_read(&reader->column_texts[column],
                            name_of(reader, reader->column_names[column], name), out, err);
}

/* ---- whole, kept ----------------------------------------------------------------------- */

static ll_status keep_text(ll_reader *reader, ll_text text, const char *const **out, ll_error *err)
{
    ll_status status = LL_OK;

    pthread_mutex_lock(&reader->mutex);
    if (reader->kept[text].items == NULL) {
        ll_h5_map_advise(&reader->map, false);
        status = ll_reader_read_text(reader, text, &reader->kept[text], err);
    }
    *out = (const char *const *)reader->kept[text].items;
    pthread_mutex_unlock(&reader->mutex);
    return status;
}

ll_status ll_reader_images(ll_reader *reader, const char *const **out, ll_error *err)
{
    return keep_text(reader, LL_TEXT_IMAGE, out, err);
}

ll_status ll_reader_column(ll_reader *reader, int column, const char *const **out, ll_error *err)
{
    ll_status status = LL_OK;

    *out = NULL;
    if (column < 0 || column >= reader->columns)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: no column %d", reader->path, column);
    pthread_mutex_lock(&reader->mutex);
    if (reader->kept_columns[column].items == NULL) {
        ll_h5_map_advise(&reader->map, false);
        status = ll_reader_read_column(reader, column, &reader->kept_columns[column], err);
    }
    *out = (const char *const *)reader->kept_columns[column].items;
    pthread_mutex_unlock(&reader->mutex);
    return status;
}

ll_status ll_reader_rejected(ll_reader *reader, ll_reader_rejects *out, ll_error *err)
{
    *out = (ll_reader_rejects){.count = 0};
    LL_TRY(keep_text(reader, LL_TEXT_REJECTED_ID, &out->ids, err));
    LL_TRY(keep_text(reader, LL_TEXT_REJECTED_IMAGE, &out->images, err));
    LL_TRY(keep_text(reader, LL_TEXT_REJECTED_REASON, &out->reasons, err));
    out->count = reader->layout.extents.rejected;
    return LL_OK;
}

ll_status ll_reader_run(ll_reader *reader, const char **out, ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME];

    pthread_mutex_lock(&reader->mutex);
    if (reader->kept_run.items == NULL)
        status = ll_h5_texts_read(&reader->run_text, name_of(reader, "/run", name),
                                  &reader->kept_run, err);
    *out = reader->kept_run.items != NULL ? reader->kept_run.items[0] : NULL;
    pthread_mutex_unlock(&reader->mutex);
    return status;
}

/* ---- one row --------------------------------------------------------------------------- */

static ll_status copy_one(const ll_reader *reader, const ll_h5_text_array *texts,
                          const char *object, int64_t row, char **out, ll_error *err)
{
    const char *bytes = NULL;
    size_t length = 0;

    if (!ll_h5_text_at(texts, row, &bytes, &length))
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: text %lld is damaged", reader->path, object,
                       (long long)row);
    return ll_text_copy(bytes, length, out, err);
}

ll_status ll_reader_item_texts(ll_reader *reader, int64_t row, char **image, char **values,
                               ll_error *err)
{
    ll_status status = LL_OK;

    *image = NULL;
    for (int i = 0; i < reader->columns; i++)
        values[i] = NULL;
    if (row < 0 || row >= reader->layout.extents.items)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: no row %lld", reader->path, (long long)row);
    LL_TRY_DONE(copy_one(reader, &reader->texts[LL_TEXT_IMAGE], "/items/image", row, image, err));
    for (int i = 0; i < reader->columns; i++)
        LL_TRY_DONE(copy_one(reader, &reader->column_texts[i], reader->column_names[i], row,
                             &values[i], err));
done:
    if (status == LL_OK) return LL_OK;
    free(*image);
    *image = NULL;
    for (int i = 0; i < reader->columns; i++) {
        free(values[i]);
        values[i] = NULL;
    }
    return status;
}
