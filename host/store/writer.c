/* host/store/writer.c - writes rows and tiles at their offsets, and finishes the file; see
 * writer.h.
 *
 * HDF5 makes the file and closes it (writer_layout.c, which also ends a writer); from then on every
 * number is written by pwrite at an offset that is known. finish reads the file back through the
 * mapping, digests it, and adds the attributes: what was digested is what is on the disk. */
#include "host/store/writer.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/store/generation.h"
#include "host/store/writer_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_THREADS = 4 }; /* beyond these the stream is what one waits for */

ll_status ll_writer_create(const char *path, const ll_store_extents *extents,
                           const ll_store_items *items, ll_writer **out, ll_error *err)
{
    const ll_layout layout = {.extents = *extents};
    return ll_writer_create_layout(path, &layout, items, out, err);
}

ll_status ll_writer_rows(ll_writer *writer, ll_array array, int64_t row, int64_t rows,
                         const void *data, ll_error *err)
{
    const size_t row_bytes = ll_layout_row_bytes(&writer->layout, array);

    assert(ll_layout_has_array(&writer->layout, array) && ll_layout_role(array) != LL_ROLE_FILE);
    assert(row >= 0 && rows >= 0 && row + rows <= writer->layout.extents.items);
    return ll_file_pwrite(writer->fd, data, (size_t)rows * row_bytes,
                          writer->offsets[array] + row * (int64_t)row_bytes, writer->path, err);
}

ll_status ll_writer_features(ll_writer *writer, int64_t row, int64_t rows, const float *unit,
                             const float *norms, ll_error *err)
{
    if (writer->layout.extents.features > 0)
        LL_TRY(ll_writer_rows(writer, LL_ARRAY_FEATURES, row, rows, unit, err));
    return ll_writer_rows(writer, LL_ARRAY_NORMS, row, rows, norms, err);
}

ll_status ll_writer_matrix(ll_writer *writer, int64_t row, int64_t rows, int64_t column,
                           int64_t columns, const void *values, ll_error *err)
{
    const int64_t items = writer->layout.extents.items;
    const size_t value_bytes = ll_matrix_type_bytes(writer->layout.extents.matrix);
    const size_t segment_bytes = (size_t)columns * value_bytes;
    const char *const from = values;

    assert(value_bytes > 0);
    assert(row >= 0 && rows >= 0 && row + rows <= items);
    assert(column >= 0 && columns >= 0 && column + columns <= items);
    if (columns == items)
        return ll_writer_rows(writer, LL_ARRAY_SIMILARITY, row, rows, values, err);
    for (int64_t i = 0; i < rows; i++) {
        const char *const segment = from + (size_t)i * segment_bytes;
        const int64_t offset = writer->offsets[LL_ARRAY_SIMILARITY] +
                               ((row + i) * items + column) * (int64_t)value_bytes;
        if (writer->map != NULL)
            memcpy(writer->map + offset, segment, segment_bytes);
        else
            LL_TRY(ll_file_pwrite(writer->fd, segment, segment_bytes, offset, writer->path, err));
    }
    return LL_OK;
}

ll_status ll_writer_neighbors(ll_writer *writer, int64_t row, int64_t rows, const uint32_t *index,
                              const float *score, ll_error *err)
{
    LL_TRY(ll_writer_rows(writer, LL_ARRAY_INDEX, row, rows, index, err));
    return ll_writer_rows(writer, LL_ARRAY_SCORE, row, rows, score, err);
}

/* ---- finish ---------------------------------------------------------------------------- */

static ll_status write_field(hid_t file, const ll_store_provenance *provenance, int field,
                             ll_error *err)
{
    const ll_field about = ll_layout_field(field);
    const void *const value = ll_layout_field_in(provenance, field);

    switch (about.kind) {
    case LL_FIELD_TEXT:
        return ll_h5_attribute_write_text(file, about.name, *(const char *const *)value, err);
    case LL_FIELD_INT:
        return ll_h5_attribute_write_int(file, about.name, *(const int64_t *)value, err);
    case LL_FIELD_BOOL:
        return ll_h5_attribute_write_bool(file, about.name, *(const bool *)value, err);
    }
    return LL_OK;
}

static ll_status write_attributes(const ll_writer *writer, hid_t file, const char *generation,
                                  const ll_store_provenance *provenance, ll_error *err)
{
    const ll_store_extents *const extents = &writer->layout.extents;
    uint64_t sum = 0;

    LL_TRY(ll_digests_root(&writer->layout, provenance, generation, &sum, err));
    LL_TRY(ll_h5_attribute_write_text(file, "format", LL_STORE_FORMAT, err));
    LL_TRY(ll_h5_attribute_write_int(file, "format_version", LL_STORE_VERSION, err));
    LL_TRY(ll_h5_attribute_write_text(file, "generation", generation, err));
    LL_TRY(ll_h5_attribute_write_int(file, "items", extents->items, err));
    LL_TRY(ll_h5_attribute_write_int(file, "neighbors", extents->neighbors, err));
    for (int i = 0; i < ll_layout_fields(); i++)
        if (ll_layout_has_field(provenance, i)) LL_TRY(write_field(file, provenance, i, err));
    return ll_h5_attribute_write_sum(file, LL_CHECKSUM_ATTRIBUTE, sum, err);
}

static ll_status write_run(hid_t file, const char *run_json, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_h5_shape shape = {.type = LL_H5_TEXT};
    hid_t dataset = -1;
    uint64_t sum = 0;

    LL_TRY(ll_digests_text(run_json, &sum, err));
    LL_TRY(ll_h5_dataset_create(file, "run", &shape, &dataset, err));
    LL_TRY_DONE(ll_h5_texts_write(dataset, &run_json, 1, err));
    LL_TRY_DONE(ll_h5_attribute_write_sum(dataset, LL_CHECKSUM_ATTRIBUTE, sum, err));
done:
    ll_h5_close(dataset);
    return status;
}

static ll_status write_sum(hid_t file, const char *path, uint64_t sum, ll_error *err)
{
    const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);

    if (dataset < 0) return ll_h5_fail_at(err, LL_ERR_IO, file, path, "cannot open it again");
    const ll_status status = ll_h5_attribute_write_sum(dataset, LL_CHECKSUM_ATTRIBUTE, sum, err);
    ll_h5_close(dataset);
    return status;
}

static ll_status write_sums(const ll_writer *writer, hid_t file, const ll_digests *digests,
                            ll_error *err)
{
    ll_status status = LL_OK;
    char *path = NULL;

    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(&writer->layout, (ll_array)i) &&
            !ll_digests_in_blocks(&writer->layout, (ll_array)i))
            LL_TRY(write_sum(file, ll_layout_array(&writer->layout, (ll_array)i).path,
                             digests->arrays[i], err));
    for (int i = 0; i < LL_TEXTS; i++)
        if (ll_layout_has_text(&writer->layout, (ll_text)i))
            LL_TRY(write_sum(file, ll_layout_text((ll_text)i).path, digests->texts[i], err));
    for (int i = 0; i < writer->columns && status == LL_OK; i++) {
        LL_TRY(ll_text_format(&path, err, "/items/attributes/%s", writer->column_names[i]));
        status = write_sum(file, path, digests->columns[i], err);
        free(path);
    }
    return status;
}

static ll_status write_blocks(const ll_writer *writer, const ll_digests *digests, ll_error *err)
{
    for (int i = 0; i < LL_BLOCK_ARRAYS; i++) {
        const ll_array sum = (ll_array)(LL_ARRAY_SUM_FEATURES + i);
        if (!ll_layout_has_array(&writer->layout, sum)) continue;
        LL_TRY(ll_file_pwrite(writer->fd, digests->blocks[i], ll_layout_bytes(&writer->layout, sum),
                              writer->offsets[sum], writer->path, err));
    }
    return LL_OK;
}

static ll_status write_metadata(const ll_writer *writer, const ll_digests *digests,
                                const char *generation, const ll_store_provenance *provenance,
                                const char *run_json, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t file = -1;

    ll_h5_lock();
    LL_TRY_DONE(ll_h5_file_edit(writer->path, &file, err));
    LL_TRY_DONE(write_attributes(writer, file, generation, provenance, err));
    LL_TRY_DONE(write_run(file, run_json, err));
    LL_TRY_DONE(write_sums(writer, file, digests, err));
    LL_TRY_DONE(ll_h5_file_finish(&file, err));
done:
    ll_h5_close(file);
    ll_h5_unlock();
    return status;
}

ll_status ll_writer_finish_as(ll_writer *writer, const char *generation,
                              const ll_store_provenance *provenance, const char *run_json,
                              const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    ll_reader *reader = NULL;
    ll_digests digests = {.columns = NULL};
    const int cores = ll_parallel_cores();
    const ll_digests_options options = {
        .threads = cores < DIGEST_THREADS ? cores : DIGEST_THREADS,
        .log = log,
    };

    LL_TRY_DONE(ll_reader_open_unfinished(writer->path, &writer->layout, &reader, err));
    LL_TRY_DONE(ll_digests_compute(reader, provenance, &options, &digests, err));
    ll_reader_close(reader);
    reader = NULL;
    if (!writer->layout.web) LL_TRY_DONE(write_blocks(writer, &digests, err));
    LL_TRY_DONE(write_metadata(writer, &digests,
                               generation != NULL ? generation : digests.generation, provenance,
                               run_json, err));
    writer->finished = true;
done:
    ll_reader_close(reader);
    ll_digests_release(&digests);
    return status;
}

ll_status ll_writer_finish(ll_writer *writer, const ll_store_provenance *provenance,
                           const char *run_json, const ll_log *log, ll_error *err)
{
    return ll_writer_finish_as(writer, NULL, provenance, run_json, log, err);
}
