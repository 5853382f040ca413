/* host/store/writer_layout.c - make the file: every scale, group and dataset, the texts, the lookup
 * table, and the space for everything that comes later; and end a writer, with its file unless it
 * is finished; see writer.h. */
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/store/writer_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Open handles of a file in the making. */
struct making {
    ll_writer *writer;
    const ll_store_items *items;
    hid_t file;
    hid_t groups[LL_GROUPS];
    hid_t scales[LL_AXES];
};

struct id_row {
    const char *id;
    uint32_t row;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct id_row *)a)->id, ((const struct id_row *)b)->id);
}

/* ---- the HDF5 part --------------------------------------------------------------------- */

static ll_status attach_scales(const struct making *making, hid_t dataset,
                               const ll_layout_object *object, ll_error *err)
{
    for (int i = 0; i < object->rank; i++)
        LL_TRY(ll_h5_scale_attach(dataset, i, making->scales[object->axes[i]], err));
    return LL_OK;
}

/* The ids along items and columns; a plain length along every other axis. */
static ll_status make_scale(struct making *making, ll_axis axis, ll_error *err)
{
    const ll_layout *const layout = &making->writer->layout;
    const char *const name = ll_layout_axis_name(axis);
    const int64_t length = ll_layout_length(layout, axis);

    if (axis != LL_AXIS_ITEM && axis != LL_AXIS_OTHER)
        return ll_h5_scale_create(making->file, name, length, &making->scales[axis], err);

    const ll_h5_shape shape = {LL_H5_TEXT, 1, {length}};
    LL_TRY(ll_h5_dataset_create(making->file, name, &shape, &making->scales[axis], err));
    LL_TRY(ll_h5_texts_write(making->scales[axis], making->items->ids, length, err));
    return ll_h5_scale_make(making->scales[axis], name, err);
}

static ll_status make_array(struct making *making, ll_array array, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t dataset = -1;
    ll_writer *const writer = making->writer;
    const ll_layout_object object = ll_layout_array(&writer->layout, array);
    const ll_h5_shape shape = ll_layout_shape(&writer->layout, &object);

    LL_TRY_DONE(
        ll_h5_dataset_create(making->groups[object.group], object.name, &shape, &dataset, err));
    /* CF: unpacked = packed * scale_factor; without an add_offset it unpacks to float32. */
    if (array == LL_ARRAY_SIMILARITY && shape.type == LL_H5_UINT16)
        LL_TRY_DONE(ll_h5_attribute_write_float(dataset, "scale_factor", LL_STORE_SCALE, err));
    LL_TRY_DONE(attach_scales(making, dataset, &object, err));
    LL_TRY_DONE(ll_h5_dataset_offset(dataset, ll_layout_bytes(&writer->layout, array),
                                     &writer->offsets[array], err));
done:
    ll_h5_close(dataset);
    return status;
}

static ll_status make_text(struct making *making, const ll_layout_object *object,
                           const char *const *texts, ll_error *err)
{
    ll_status status = LL_OK;
    hid_t dataset = -1;
    const ll_h5_shape shape = ll_layout_shape(&making->writer->layout, object);

    LL_TRY_DONE(
        ll_h5_dataset_create(making->groups[object->group], object->name, &shape, &dataset, err));
    LL_TRY_DONE(ll_h5_texts_write(dataset, texts, shape.extents[0], err));
    LL_TRY_DONE(attach_scales(making, dataset, object, err));
done:
    ll_h5_close(dataset);
    return status;
}

static ll_status make_groups(struct making *making, ll_error *err)
{
    making->groups[LL_GROUP_ROOT] = making->file;
    for (int i = LL_GROUP_ROOT + 1; i < LL_GROUPS; i++) {
        ll_group parent = LL_GROUP_ROOT;
        const char *const name = ll_layout_group_name((ll_group)i, &parent);
        if (!ll_layout_has_group(&making->writer->layout, (ll_group)i)) continue;
        LL_TRY(ll_h5_group_create(making->groups[parent], name, &making->groups[i], err));
    }
    return LL_OK;
}

static ll_status make_objects(struct making *making, ll_error *err)
{
    const ll_store_items *const items = making->items;
    const ll_layout *const layout = &making->writer->layout;
    const char *const *const texts[LL_TEXTS] = {
        [LL_TEXT_IMAGE] = items->images,
        [LL_TEXT_REJECTED_ID] = items->rejected_ids,
        [LL_TEXT_REJECTED_IMAGE] = items->rejected_images,
        [LL_TEXT_REJECTED_REASON] = items->rejected_reasons,
    };

    for (int i = 0; i < LL_AXES; i++)
        if (ll_layout_has_axis(layout, (ll_axis)i)) LL_TRY(make_scale(making, (ll_axis)i, err));
    LL_TRY(make_groups(making, err));
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(layout, (ll_array)i)) LL_TRY(make_array(making, (ll_array)i, err));
    for (int i = LL_TEXT_IMAGE; i < LL_TEXTS; i++) {
        const ll_layout_object object = ll_layout_text((ll_text)i);
        LL_TRY(make_text(making, &object, texts[i], err));
    }
    for (int i = 0; i < items->columns; i++) {
        const ll_layout_object object = {
            .name = items->column_names[i],
            .group = LL_GROUP_ATTRIBUTES,
            .type = LL_H5_TEXT,
            .rank = 1,
            .axes = {LL_AXIS_ITEM},
        };
        LL_TRY(make_text(making, &object, items->column_values[i], err));
    }
    return LL_OK;
}

static ll_status make_file(ll_writer *writer, const ll_store_items *items, ll_error *err)
{
    ll_status status = LL_OK;
    struct making making = {.writer = writer, .items = items, .file = -1};

    for (int i = 0; i < LL_GROUPS; i++)
        making.groups[i] = -1;
    for (int i = 0; i < LL_AXES; i++)
        making.scales[i] = -1;
    ll_h5_lock();
    ll_h5_init();
    LL_TRY_DONE(ll_h5_file_create(writer->path, &making.file, err));
    writer->created = true;
    status = make_objects(&making, err);
    for (int i = 0; i < LL_AXES; i++)
        ll_h5_close(making.scales[i]);
    for (int i = LL_GROUP_ROOT + 1; i < LL_GROUPS; i++)
        ll_h5_close(making.groups[i]);
    if (status == LL_OK) status = ll_h5_file_finish(&making.file, err);
done:
    ll_h5_close(making.file);
    ll_h5_unlock();
    return status;
}

/* ---- what is known at once ------------------------------------------------------------- */

/* Reserve the space now: a full disk is an error here, before anything is compared. */
static ll_status reserve(ll_writer *writer, ll_error *err)
{
    struct stat info;
    char size[LL_NUMBER_TEXT];

    if (fstat(writer->fd, &info) != 0)
        return ll_fail(err, LL_ERR_IO, "%s: %s", writer->path, strerror(errno));
    const int cause = posix_fallocate(writer->fd, 0, info.st_size);
    if (cause == 0) {
        /* A tile is hundreds of segments of 2 KB: into a map they go without a system call each,
         * and without the lock a file has for its writers. Only where the space is ours already, or
         * a full disk would be a SIGBUS. */
        void *const map =
            mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd, 0);
        if (map == MAP_FAILED) return LL_OK; /* then by pwrite */
        writer->map = map;
        writer->map_bytes = (size_t)info.st_size;
        return LL_OK;
    }
    /* A file system that cannot reserve has not refused either. */
    if (cause == EOPNOTSUPP || cause == EINVAL) return LL_OK;
    return ll_fail(err, LL_ERR_IO, "%s: needs %s (%lld bytes): %s", writer->path,
                   ll_number_size((double)info.st_size, size), (long long)info.st_size,
                   strerror(cause));
}

static ll_status write_array(const ll_writer *writer, ll_array array, const void *data,
                             ll_error *err)
{
    return ll_file_pwrite(writer->fd, data, ll_layout_bytes(&writer->layout, array),
                          writer->offsets[array], writer->path, err);
}

static ll_status write_order(const ll_writer *writer, const ll_store_items *items, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t count = writer->layout.extents.items;
    struct id_row *id_rows = NULL;
    uint32_t *order = NULL;

    LL_TRY_DONE(ll_alloc("order of ids", count, sizeof *id_rows, &id_rows, err));
    LL_TRY_DONE(ll_alloc("order of ids", count, sizeof *order, &order, err));
    for (int64_t i = 0; i < count; i++)
        id_rows[i] = (struct id_row){items->ids[i], (uint32_t)i};
    qsort(id_rows, (size_t)count, sizeof *id_rows, by_id);
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && strcmp(id_rows[i - 1].id, id_rows[i].id) == 0) {
            status = ll_fail(err, LL_ERR_ARGUMENT, "%s: two items have the id '%s'", writer->path,
                             id_rows[i].id);
            goto done;
        }
        order[i] = id_rows[i].row;
    }
    LL_TRY_DONE(write_array(writer, LL_ARRAY_ORDER, order, err));
done:
    free(order);
    free(id_rows);
    return status;
}

static ll_status write_ids(const ll_writer *writer, const ll_store_items *items, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t count = writer->layout.extents.items;
    char *bytes = NULL;
    uint64_t *start = NULL;

    LL_TRY_DONE(ll_alloc("ids", writer->layout.id_bytes, 1, &bytes, err));
    LL_TRY_DONE(ll_alloc("ids", count + 1, sizeof *start, &start, err));
    for (int64_t i = 0; i < count; i++) {
        const size_t length = strlen(items->ids[i]);
        memcpy(bytes + start[i], items->ids[i], length);
        start[i + 1] = start[i] + length;
    }
    LL_TRY_DONE(write_array(writer, LL_ARRAY_ID_BYTES, bytes, err));
    LL_TRY_DONE(write_array(writer, LL_ARRAY_ID_START, start, err));
done:
    free(start);
    free(bytes);
    return status;
}

static ll_status copy_names(ll_writer *writer, const ll_store_items *items, ll_error *err)
{
    LL_TRY(ll_alloc("columns", items->columns, sizeof *writer->column_names, &writer->column_names,
                    err));
    for (; writer->columns < items->columns; writer->columns++) {
        const char *const name = items->column_names[writer->columns];
        if (name[0] == '\0' || strcmp(name, ".") == 0 || strchr(name, '/') != NULL)
            return ll_fail(err, LL_ERR_ARGUMENT, "%s: a column cannot be called '%s'", writer->path,
                           name);
        LL_TRY(ll_text_copy(name, strlen(name), &writer->column_names[writer->columns], err));
    }
    return LL_OK;
}

static ll_status prepare(ll_writer *writer, const char *path, const ll_store_items *items,
                         ll_error *err)
{
    LL_TRY(ll_text_copy(path, strlen(path), &writer->path, err));
    for (int64_t i = 0; i < writer->layout.extents.items; i++) {
        const size_t length = strlen(items->ids[i]);
        if (length == 0)
            return ll_fail(err, LL_ERR_ARGUMENT, "%s: row %lld has an empty id", path,
                           (long long)i);
        writer->layout.id_bytes += (int64_t)length;
    }
    LL_TRY(ll_layout_check(&writer->layout, err));
    return copy_names(writer, items, err);
}

static ll_status fill(ll_writer *writer, const ll_store_items *items, ll_error *err)
{
    LL_TRY(make_file(writer, items, err));
    writer->fd = open(writer->path, O_RDWR | O_CLOEXEC);
    if (writer->fd < 0) return ll_fail(err, LL_ERR_IO, "%s: %s", writer->path, strerror(errno));
    LL_TRY(reserve(writer, err));
    LL_TRY(write_ids(writer, items, err));
    LL_TRY(write_order(writer, items, err));
    if (writer->layout.web) return LL_OK;
    return write_array(writer, LL_ARRAY_DIGEST, items->digests, err);
}

void ll_writer_close(ll_writer *writer)
{
    if (writer == NULL) return;
    if (writer->map != NULL) munmap(writer->map, writer->map_bytes);
    if (writer->fd >= 0) close(writer->fd);
    if (!writer->finished && writer->created) unlink(writer->path);
    ll_h5_names_free(writer->column_names, writer->columns);
    free(writer->path);
    free(writer);
}

ll_status ll_writer_create_layout(const char *path, const ll_layout *layout,
                                  const ll_store_items *items, ll_writer **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_writer *writer = NULL;

    *out = NULL;
    LL_TRY(ll_alloc(path, 1, sizeof *writer, &writer, err));
    writer->fd = -1;
    writer->layout = *layout;
    writer->layout.id_bytes = 0;
    LL_TRY_DONE(prepare(writer, path, items, err));
    LL_TRY_DONE(fill(writer, items, err));
    *out = writer;
done:
    if (status != LL_OK) ll_writer_close(writer);
    return status;
}
