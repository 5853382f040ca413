/* host/store/reader.c - open an index: check it against the schema and map it; see reader.h.
 *
 * Opening costs the same at any N: only ends and extents are looked at, and what lies between is
 * checked where it is used (lookup.c). `verify` is there to look at everything (check.c). */
#include "host/store/reader.h"
#include "host/base/memory.h"
#include "host/store/reader_state.h"

#include <stdlib.h>
#include <string.h>

/* A dataset that starts at an odd place (after h5repack, or a small one) is copied, up to here. */
static const size_t k_max_copy = (size_t)1 << 30;

static ll_status read_field(hid_t file, ll_store_provenance *provenance, int field, ll_error *err)
{
    const ll_field about = ll_layout_field(field);
    void *const value = ll_layout_field_of(provenance, field);

    if (about.optional && H5Aexists(file, about.name) == 0) return ll_text_copy("", 0, value, err);
    switch (about.kind) {
    case LL_FIELD_TEXT: return ll_h5_attribute_read_text(file, about.name, value, err);
    case LL_FIELD_INT: return ll_h5_attribute_read_int(file, about.name, value, err);
    case LL_FIELD_BOOL: return ll_h5_attribute_read_bool(file, about.name, value, err);
    }
    return LL_OK;
}

static ll_status check_format(ll_reader *reader, ll_error *err)
{
    ll_status status = LL_OK;
    char *format = NULL;
    int64_t version = 0;

    if (H5Aexists(reader->file, "format") <= 0) {
        status = ll_h5_fail(err, LL_ERR_FORMAT, reader->path, "not a lookloom index");
        goto done;
    }
    LL_TRY_DONE(ll_h5_attribute_read_text(reader->file, "format", &format, err));
    if (strcmp(format, LL_STORE_FORMAT) != 0) {
        status =
            ll_fail(err, LL_ERR_FORMAT, "%s: not a lookloom index but '%s'", reader->path, format);
        goto done;
    }
    LL_TRY_DONE(ll_h5_attribute_read_int(reader->file, "format_version", &version, err));
    if (version != LL_STORE_VERSION)
        status = ll_fail(err, LL_ERR_FORMAT, "%s: format version %lld; this lookloom reads %d",
                         reader->path, (long long)version, LL_STORE_VERSION);
done:
    free(format);
    return status;
}

static ll_status read_attributes(ll_reader *reader, ll_error *err)
{
    ll_status status = LL_OK;
    char *generation = NULL;
    ll_store_extents *const extents = &reader->layout.extents;

    LL_TRY_DONE(check_format(reader, err));
    LL_TRY_DONE(ll_h5_attribute_read_int(reader->file, "items", &extents->items, err));
    LL_TRY_DONE(ll_h5_attribute_read_int(reader->file, "neighbors", &extents->neighbors, err));
    LL_TRY_DONE(ll_h5_attribute_read_text(reader->file, "generation", &generation, err));
    if (strlen(generation) != LL_DIGEST_HEX - 1 ||
        strspn(generation, "0123456789abcdef") != LL_DIGEST_HEX - 1) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: generation is not 32 hexadecimal digits",
                         reader->path);
        goto done;
    }
    memcpy(reader->generation, generation, LL_DIGEST_HEX);
    for (int i = 0; i < ll_layout_fields(); i++)
        LL_TRY_DONE(read_field(reader->file, &reader->provenance, i, err));
done:
    free(generation);
    return status;
}

/* The extents no attribute gives: from the datasets themselves. */
static ll_status read_extents(ll_reader *reader, ll_error *err)
{
    ll_layout *const layout = &reader->layout;
    ll_h5_shape shape = {.rank = 0};

    layout->web = !ll_h5_exists(reader->file, "checksums");
    if (ll_h5_exists(reader->file, "features")) {
        LL_TRY(ll_h5_dataset_shape(reader->file, "features", &shape, err));
        layout->extents.features = shape.rank == 2 ? shape.extents[1] : 0;
        if (layout->extents.features < 1)
            return ll_fail(err, LL_ERR_FORMAT, "%s: /features has no columns", reader->path);
    }
    if (ll_h5_exists(reader->file, "similarity")) {
        LL_TRY(ll_h5_dataset_shape(reader->file, "similarity", &shape, err));
        const int matrix = ll_store_matrix_find(ll_h5_type_name(shape.type));
        if (matrix < 0)
            return ll_fail(err, LL_ERR_FORMAT, "%s: /similarity is of type %s", reader->path,
                           ll_h5_type_name(shape.type));
        layout->extents.matrix = (ll_matrix_type)matrix;
    }
    LL_TRY(ll_h5_dataset_shape(reader->groups[LL_GROUP_LOOKUP], "id_bytes", &shape, err));
    layout->id_bytes = shape.rank == 1 ? shape.extents[0] : 0;
    LL_TRY(ll_h5_dataset_shape(reader->groups[LL_GROUP_REJECTED], "id", &shape, err));
    layout->extents.rejected = shape.rank == 1 ? shape.extents[0] : -1;

    ll_error cause = LL_ERROR_INIT;
    if (ll_layout_check(layout, &cause) != LL_OK)
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s", reader->path, cause.text);
    return LL_OK;
}

static ll_status bind_array(ll_reader *reader, ll_array array, ll_error *err)
{
    ll_status status = LL_OK;
    int64_t offset = 0;
    hid_t dataset = -1;
    const ll_layout_object object = ll_layout_array(&reader->layout, array);
    const size_t size_bytes = ll_layout_bytes(&reader->layout, array);
    ll_h5_shape shape = ll_layout_shape(&reader->layout, &object);

    LL_TRY(ll_h5_dataset_open(reader->groups[object.group], object.name, &shape, &dataset, err));
    LL_TRY_DONE(ll_h5_dataset_offset(dataset, size_bytes, &offset, err));
    if (size_bytes > reader->map.size_bytes ||
        (size_t)offset > reader->map.size_bytes - size_bytes) {
        status = ll_fail(err, LL_ERR_FORMAT, "%s: %s ends beyond the file: cut short?",
                         reader->path, object.path);
        goto done;
    }
    reader->arrays[array] = reader->map.bytes + offset;
    if ((size_t)offset % ll_h5_type_bytes(object.type) == 0) goto done;
    if (size_bytes > k_max_copy) {
        status = ll_fail(err, LL_ERR_FORMAT,
                         "%s: %s starts at an odd byte; h5repack -t 4096 -a 4096 moves it",
                         reader->path, object.path);
        goto done;
    }
    LL_TRY_DONE(ll_alloc(object.path, (int64_t)size_bytes, 1, &reader->copies[array], err));
    memcpy(reader->copies[array], reader->map.bytes + offset, size_bytes);
    reader->arrays[array] = reader->copies[array];
done:
    ll_h5_close(dataset);
    return status;
}

/* The two ends of the id table; what lies between is checked at each use. */
static ll_status check_lookup(const ll_reader *reader, ll_error *err)
{
    const uint64_t *const start = reader->arrays[LL_ARRAY_ID_START];

    if (start[0] != 0 || start[reader->layout.extents.items] != (uint64_t)reader->layout.id_bytes)
        return ll_fail(err, LL_ERR_FORMAT, "%s: /lookup/id_start does not span /lookup/id_bytes",
                       reader->path);
    return LL_OK;
}

static ll_status open_groups(ll_reader *reader, ll_error *err)
{
    reader->groups[LL_GROUP_ROOT] = reader->file;
    for (int i = LL_GROUP_ROOT + 1; i < LL_GROUPS; i++) {
        ll_group parent = LL_GROUP_ROOT;
        const char *const name = ll_layout_group_name((ll_group)i, &parent);
        /* A web copy has no checksums. */
        if (i == LL_GROUP_CHECKSUMS && !ll_h5_exists(reader->file, name)) continue;
        LL_TRY(ll_h5_group_open(reader->groups[parent], name, &reader->groups[i], err));
    }
    return LL_OK;
}

static ll_status bind_text(ll_reader *reader, hid_t parent, const char *name, ll_h5_shape shape,
                           ll_h5_text_array *out, ll_error *err)
{
    hid_t dataset = -1;

    LL_TRY(ll_h5_dataset_open(parent, name, &shape, &dataset, err));
    const ll_status status =
        ll_h5_texts_bind(dataset, &reader->map, shape.rank == 0 ? 1 : shape.extents[0], out, err);
    ll_h5_close(dataset);
    return status;
}

static ll_status bind_columns(ll_reader *reader, ll_error *err)
{
    const hid_t group = reader->groups[LL_GROUP_ATTRIBUTES];
    const ll_h5_shape shape = {LL_H5_TEXT, 1, {reader->layout.extents.items}};

    LL_TRY(ll_h5_group_names(group, &reader->column_names, &reader->columns, err));
    LL_TRY(ll_alloc("columns", reader->columns, sizeof *reader->column_texts, &reader->column_texts,
                    err));
    LL_TRY(ll_alloc("columns", reader->columns, sizeof *reader->kept_columns, &reader->kept_columns,
                    err));
    for (int i = 0; i < reader->columns; i++)
        LL_TRY(bind_text(reader, group, reader->column_names[i], shape, &reader->column_texts[i],
                         err));
    return LL_OK;
}

static ll_status bind_all(ll_reader *reader, ll_error *err)
{
    LL_TRY(ll_h5_map_open(reader->file, &reader->map, err));
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_has_array(&reader->layout, (ll_array)i))
            LL_TRY(bind_array(reader, (ll_array)i, err));
    for (int i = 0; i < LL_TEXTS; i++) {
        const ll_layout_object object = ll_layout_text((ll_text)i);
        if (ll_layout_has_text(&reader->layout, (ll_text)i))
            LL_TRY(bind_text(reader, reader->groups[object.group], object.name,
                             ll_layout_shape(&reader->layout, &object), &reader->texts[i], err));
    }
    return bind_columns(reader, err);
}

static ll_status create(const char *path, ll_reader **out, ll_error *err)
{
    LL_TRY(ll_alloc(path, 1, sizeof **out, out, err));
    (*out)->file = -1;
    for (int i = 0; i < LL_GROUPS; i++)
        (*out)->groups[i] = -1;
    pthread_mutex_init(&(*out)->mutex, NULL); /* cannot fail on Linux */
    return ll_text_copy(path, strlen(path), &(*out)->path, err);
}

static ll_status open_locked(ll_reader *reader, const ll_layout *layout, ll_error *err)
{
    ll_h5_init();
    LL_TRY(ll_h5_file_open(reader->path, &reader->file, err));
    if (layout == NULL) LL_TRY(read_attributes(reader, err));
    LL_TRY(open_groups(reader, err));
    if (layout == NULL)
        LL_TRY(read_extents(reader, err));
    else
        reader->layout = *layout;
    LL_TRY(bind_all(reader, err));
    if (layout != NULL) return LL_OK; /* the rest is still to be written */
    const ll_h5_shape single = {.type = LL_H5_TEXT};
    LL_TRY(bind_text(reader, reader->file, "run", single, &reader->run_text, err));
    return check_lookup(reader, err);
}

ll_status ll_reader_open_unfinished(const char *path, const ll_layout *layout, ll_reader **out,
                                    ll_error *err)
{
    ll_status status = LL_OK;
    ll_reader *reader = NULL;

    *out = NULL;
    LL_TRY_DONE(create(path, &reader, err));
    ll_h5_lock();
    status = open_locked(reader, layout, err);
    ll_h5_unlock();
done:
    if (status != LL_OK) {
        ll_reader_close(reader);
        return status;
    }
    *out = reader;
    return LL_OK;
}

ll_status ll_reader_open(const char *path, ll_reader **out, ll_error *err)
{
    return ll_reader_open_unfinished(path, NULL, out, err);
}

void ll_reader_advise_random(const ll_reader *reader)
{
    ll_h5_map_advise(&reader->map, true);
}

bool ll_reader_next_field(const ll_reader *reader, int *field, const char **name, const char **text,
                          int64_t *number)
{
    const ll_store_provenance *const provenance = &reader->provenance;

    while (*field < ll_layout_fields() && !ll_layout_has_field(provenance, *field))
        ++*field;
    if (*field == ll_layout_fields()) return false;
    const ll_field about = ll_layout_field(*field);
    const void *const value = ll_layout_field_in(provenance, (*field)++);

    *name = about.name;
    *text = about.kind == LL_FIELD_TEXT ? *(const char *const *)value : NULL;
    *number = 0;
    if (about.kind == LL_FIELD_INT) *number = *(const int64_t *)value;
    if (about.kind == LL_FIELD_BOOL) *number = *(const bool *)value;
    return true;
}

static void release_provenance(ll_store_provenance *provenance)
{
    for (int i = 0; i < ll_layout_fields(); i++) {
        char *text = NULL;
        if (ll_layout_field(i).kind != LL_FIELD_TEXT) continue;
        memcpy(&text, ll_layout_field_of(provenance, i), sizeof text);
        free(text);
    }
}

static void release_handles(ll_reader *reader)
{
    ll_h5_lock();
    for (int i = LL_GROUP_ROOT + 1; i < LL_GROUPS; i++)
        ll_h5_close(reader->groups[i]);
    ll_h5_close(reader->file);
    ll_h5_unlock();
}

void ll_reader_close(ll_reader *reader)
{
    if (reader == NULL) return;
    release_handles(reader);
    ll_h5_map_close(&reader->map);
    for (int i = 0; i < LL_ARRAYS; i++)
        free(reader->copies[i]);
    for (int i = 0; i < LL_TEXTS; i++)
        ll_h5_texts_release(&reader->kept[i]);
    for (int i = 0; reader->kept_columns != NULL && i < reader->columns; i++)
        ll_h5_texts_release(&reader->kept_columns[i]);
    ll_h5_texts_release(&reader->kept_run);
    ll_h5_names_free(reader->column_names, reader->columns);
    free(reader->column_texts);
    free(reader->kept_columns);
    pthread_mutex_destroy(&reader->mutex);
    release_provenance(&reader->provenance);
    free(reader->path);
    free(reader);
}
