/* host/store/web_copy.c - see web_copy.h. */
#include "host/store/web_copy.h"
#include "host/base/memory.h"
#include "host/store/reader_state.h"
#include "host/store/writer_state.h"

#include <stdlib.h>

/* What ll_store_items borrows; all but `ids` and the two tables stay the reader's. */
struct copied {
    ll_h5_texts ids;
    const char **column_names;
    const char *const **column_values;
    ll_store_items items;
};

static ll_status gather(ll_reader *reader, struct copied *to, ll_error *err)
{
    ll_reader_rejects rejects;

    LL_TRY(ll_reader_read_text(reader, LL_TEXT_ITEM, &to->ids, err));
    LL_TRY(ll_reader_images(reader, &to->items.images, err));
    LL_TRY(ll_reader_rejected(reader, &rejects, err));
    LL_TRY(ll_alloc("columns", reader->columns, sizeof *to->column_names, &to->column_names, err));
    LL_TRY(
        ll_alloc("columns", reader->columns, sizeof *to->column_values, &to->column_values, err));
    for (int i = 0; i < reader->columns; i++) {
        to->column_names[i] = ll_reader_column_name(reader, i);
        LL_TRY(ll_reader_column(reader, i, &to->column_values[i], err));
    }
    to->items.ids = (const char *const *)to->ids.items;
    to->items.columns = reader->columns;
    to->items.column_names = to->column_names;
    to->items.column_values = to->column_values;
    to->items.rejected_ids = rejects.ids;
    to->items.rejected_images = rejects.images;
    to->items.rejected_reasons = rejects.reasons;
    return LL_OK;
}

static ll_status copy_arrays(const ll_reader *reader, const ll_layout *layout, ll_writer *writer,
                             ll_error *err)
{
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(layout, (ll_array)i) && ll_layout_role((ll_array)i) != LL_ROLE_FILE)
            LL_TRY(ll_writer_rows(writer, (ll_array)i, 0, layout->extents.items,
                                  ll_reader_array(reader, (ll_array)i), err));
    return LL_OK;
}

ll_status ll_store_copy_web(ll_reader *reader, const char *path, const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    struct copied copied = {.column_names = NULL};
    ll_layout layout = {.extents = *ll_reader_extents(reader), .web = true};
    ll_writer *writer = NULL;
    const char *run = NULL;

    layout.extents.features = 0;
    layout.extents.matrix = LL_MATRIX_NONE;
    LL_TRY_DONE(gather(reader, &copied, err));
    LL_TRY_DONE(ll_reader_run(reader, &run, err));
    LL_TRY_DONE(ll_writer_create_layout(path, &layout, &copied.items, &writer, err));
    LL_TRY_DONE(copy_arrays(reader, &layout, writer, err));
    LL_TRY_DONE(ll_writer_finish_as(writer, ll_reader_generation(reader),
                                    ll_reader_provenance(reader), run, log, err));
done:
    ll_writer_close(writer);
    ll_h5_texts_release(&copied.ids);
    free(copied.column_names);
    free(copied.column_values);
    return status;
}
