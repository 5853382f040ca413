/* host/store/check_objects.c - the file as a general HDF5 reader sees it: every object and
 * attribute can be opened and read, and each that the format defines has exactly its type and is
 * connected with its scales in both directions. What the format does not know may be there, as long
 * as it can be read; see check_state.h. */
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/h5/h5_tree.h"
#include "host/store/check_state.h"

#include <stdlib.h>
#include <string.h>

/* A dataset that the format knows, but for the pure scales. */
struct known {
    char *path;
    int rank; /* axes with a scale; 0: none, or it is one itself */
    ll_axis axes[LL_H5_MAX_RANK];
    const ll_h5_object *object; /* of the tree; NULL: it is missing */
};

struct objects {
    ll_check *check;
    hid_t file;
    ll_h5_tree tree;
    struct known *known;
    int64_t count, capacity;
    ll_finding_kind faults; /* of every kind: each names its object */
    bool unreadable;        /* the tree had some: what cannot be read has been named */
};

static void note(void *to, const char *text)
{
    struct objects *const objects = to;
    ll_finding(&objects->faults, "%s", text);
}

/* What the file is at fault for is a finding. */
static ll_status found(struct objects *objects, ll_status status, const ll_error *cause,
                       ll_error *err)
{
    if (status == LL_ERR_MEMORY) return ll_fail(err, status, "%s", cause->text);
    if (status != LL_OK) note(objects, ll_h5_without_file(objects->file, cause));
    return LL_OK;
}

/* ---- what is known --------------------------------------------------------------------- */

static ll_status add_known(struct objects *objects, const char *folder, const char *name, int rank,
                           const ll_axis *axes, ll_error *err)
{
    struct known known = {.rank = rank};

    for (int i = 0; i < rank; i++)
        known.axes[i] = axes[i];
    LL_TRY(ll_text_format(&known.path, err, "%s%s", folder, name));
    const ll_status status = ll_grow("objects", &objects->known, &objects->capacity,
                                     objects->count + 1, sizeof known, err);
    if (status != LL_OK) {
        free(known.path);
        return status;
    }
    known.object = ll_h5_tree_find(&objects->tree, known.path);
    objects->known[objects->count++] = known;
    return LL_OK;
}

static ll_status add_all_known(struct objects *objects, ll_error *err)
{
    const ll_reader *const reader = objects->check->reader;
    const ll_layout *const layout = &reader->layout;
    const ll_axis rows = LL_AXIS_ITEM;

    for (int i = 0; i < LL_ARRAYS; i++) {
        const ll_layout_object object = ll_layout_array(layout, (ll_array)i);
        if (ll_layout_has_array(layout, (ll_array)i))
            LL_TRY(add_known(objects, "", object.path, object.rank, object.axes, err));
    }
    for (int i = 0; i < LL_TEXTS; i++) {
        const ll_layout_object object = ll_layout_text((ll_text)i);
        const bool is_scale = i == LL_TEXT_ITEM || i == LL_TEXT_OTHER;
        if (ll_layout_has_text(layout, (ll_text)i))
            LL_TRY(
                add_known(objects, "", object.path, is_scale ? 0 : object.rank, object.axes, err));
    }
    for (int i = 0; i < reader->columns; i++)
        LL_TRY(add_known(objects, "/items/attributes/", reader->column_names[i], 1, &rows, err));
    return add_known(objects, "", "/run", 0, NULL, err);
}

static const ll_h5_object *find_scale(const struct objects *objects, ll_axis axis)
{
    char path[32]; /* of our own table of axes */

    ll_text_exact(path, sizeof path, "/%s", ll_layout_axis_name(axis));
    return ll_h5_tree_find(&objects->tree, path);
}

/* ---- attributes ------------------------------------------------------------------------ */

static ll_status check_attribute(struct objects *objects, hid_t object, const char *name,
                                 hid_t type, ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;
    return found(objects, ll_h5_attribute_check(object, name, type, &cause), &cause, err);
}

/* Whether they are there, and what they say, is asked elsewhere: reader.c, check.c. */
static ll_status check_root(struct objects *objects, ll_error *err)
{
    ll_status status = LL_OK;
    const hid_t text = ll_h5_type_open(LL_H5_TEXT);
    const hid_t types[] = {
        [LL_FIELD_TEXT] = text, [LL_FIELD_INT] = H5T_STD_I64LE, [LL_FIELD_BOOL] = H5T_STD_I8LE};

    LL_TRY_DONE(check_attribute(objects, objects->file, "format", text, err));
    LL_TRY_DONE(check_attribute(objects, objects->file, "format_version", H5T_STD_I64LE, err));
    LL_TRY_DONE(check_attribute(objects, objects->file, "generation", text, err));
    LL_TRY_DONE(check_attribute(objects, objects->file, "items", H5T_STD_I64LE, err));
    LL_TRY_DONE(check_attribute(objects, objects->file, "neighbors", H5T_STD_I64LE, err));
    for (int i = 0; i < ll_layout_fields(); i++) {
        const ll_field field = ll_layout_field(i);
        if (!ll_layout_has_field(&objects->check->reader->provenance, i)) continue;
        LL_TRY_DONE(check_attribute(objects, objects->file, field.name, types[field.kind], err));
    }
    status = check_attribute(objects, objects->file, LL_CHECKSUM_ATTRIBUTE, H5T_STD_U64LE, err);
done:
    ll_h5_close(text);
    return status;
}

/* Of a matrix of uint16 it is what tells strangers the scores. */
static ll_status check_factor(struct objects *objects, hid_t dataset, ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;
    float factor = 0.0f;

    const ll_status status = ll_h5_attribute_read_float(dataset, "scale_factor", &factor, &cause);
    LL_TRY(found(objects, status, &cause, err));
    if (status == LL_OK && factor != LL_STORE_SCALE)
        ll_finding(&objects->faults, "/similarity: scale_factor is %.9g, not %.9g", (double)factor,
                   (double)LL_STORE_SCALE);
    return check_attribute(objects, dataset, "scale_factor", H5T_IEEE_F32LE, err);
}

/* ---- scales ---------------------------------------------------------------------------- */

/* Further ties may be a stranger's, but have to lead somewhere. Not asked where one of ours leads
 * elsewhere: that has been said. */
static void check_ends(struct objects *objects, const char *path, const char *list,
                       const ll_h5_scale_ref *refs, int64_t count)
{
    if (objects->unreadable) return; /* what cannot be opened has no known address */
    for (int64_t i = 0; i < count; i++)
        if (!ll_h5_tree_has(&objects->tree, refs[i].object))
            ll_finding(&objects->faults, "%s: %s names what is no object", path, list);
}

static bool has_ref(const ll_h5_scale_ref *refs, int64_t count, hobj_ref_t object, int64_t axis)
{
    for (int64_t i = 0; i < count; i++)
        if (refs[i].object == object && refs[i].axis == axis) return true;
    return false;
}

static ll_status check_axes(struct objects *objects, const struct known *known, hid_t dataset,
                            ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;
    ll_h5_scale_ref *refs = NULL;
    int64_t count = 0;
    const int64_t before = atomic_load(&objects->faults.count);

    const ll_status status = ll_h5_scale_axes(dataset, &refs, &count, &cause);
    if (status == LL_ERR_FORMAT && objects->unreadable) return LL_OK;
    if (status != LL_OK) return found(objects, status, &cause, err);
    for (int i = 0; i < known->rank; i++) {
        const ll_h5_object *const scale = find_scale(objects, known->axes[i]);
        if (scale != NULL && scale->kind != H5I_BADID && !has_ref(refs, count, scale->address, i))
            ll_finding(&objects->faults, "%s: axis %d is not tied to %s", known->path, i,
                       scale->path);
    }
    if (atomic_load(&objects->faults.count) == before)
        check_ends(objects, known->path, "DIMENSION_LIST", refs, count);
    free(refs);
    return LL_OK;
}

static ll_status check_uses(struct objects *objects, ll_axis axis, const char *path, hid_t scale,
                            ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;
    ll_h5_scale_ref *refs = NULL;
    int64_t count = 0;
    const int64_t before = atomic_load(&objects->faults.count);

    const ll_status status = ll_h5_scale_uses(scale, &refs, &count, &cause);
    if (status == LL_ERR_FORMAT && objects->unreadable) return LL_OK;
    if (status != LL_OK) return found(objects, status, &cause, err);
    for (int64_t i = 0; i < objects->count; i++) {
        const struct known *const known = &objects->known[i];
        for (int k = 0; k < known->rank; k++)
            if (known->axes[k] == axis && known->object != NULL &&
                known->object->kind != H5I_BADID &&
                !has_ref(refs, count, known->object->address, k))
                ll_finding(&objects->faults, "%s: is not tied to axis %d of %s", path, k,
                           known->path);
    }
    if (atomic_load(&objects->faults.count) == before)
        check_ends(objects, path, "REFERENCE_LIST", refs, count);
    free(refs);
    return LL_OK;
}

static ll_status check_scale(struct objects *objects, ll_axis axis, ll_error *err)
{
    ll_status status = LL_OK;
    ll_error cause = LL_ERROR_INIT;
    const char *const name = ll_layout_axis_name(axis);
    const ll_h5_object *const object = find_scale(objects, axis);

    if (object == NULL) {
        ll_finding(&objects->faults, "/%s: missing", name);
        return LL_OK;
    }
    if (object->kind == H5I_BADID) return LL_OK; /* found before */
    const hid_t scale = H5Dopen2(objects->file, object->path, H5P_DEFAULT);
    if (scale < 0) {
        ll_finding(&objects->faults, "%s: is no dataset", object->path);
        return LL_OK;
    }
    if (axis == LL_AXIS_ITEM || axis == LL_AXIS_OTHER)
        status = ll_h5_scale_check(scale, name, &cause);
    else
        status = ll_h5_scale_check_pure(
            scale, ll_layout_length(&objects->check->reader->layout, axis), &cause);
    LL_TRY_DONE(found(objects, status, &cause, err));
    status = check_uses(objects, axis, object->path, scale, err);
done:
    ll_h5_close(scale);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static ll_status check_known(struct objects *objects, const struct known *known, ll_error *err)
{
    ll_status status = LL_OK;
    ll_error cause = LL_ERROR_INIT;
    const ll_layout *const layout = &objects->check->reader->layout;

    if (known->object == NULL || known->object->kind != H5I_DATASET) return LL_OK; /* as above */
    const hid_t dataset = H5Dopen2(objects->file, known->path, H5P_DEFAULT);
    if (dataset < 0) {
        (void)ll_h5_fail(&cause, LL_ERR_FORMAT, known->path, "cannot be opened");
        return found(objects, LL_ERR_FORMAT, &cause, err);
    }
    LL_TRY_DONE(found(objects, ll_h5_dataset_check(dataset, &cause), &cause, err));
    LL_TRY_DONE(check_attribute(objects, dataset, LL_CHECKSUM_ATTRIBUTE, H5T_STD_U64LE, err));
    if (layout->extents.matrix == LL_MATRIX_UINT16 && strcmp(known->path, "/similarity") == 0)
        LL_TRY_DONE(check_factor(objects, dataset, err));
    if (known->rank > 0) LL_TRY_DONE(check_axes(objects, known, dataset, err));
done:
    ll_h5_close(dataset);
    return status;
}

static ll_status check_all(struct objects *objects, ll_error *err)
{
    const ll_layout *const layout = &objects->check->reader->layout;

    LL_TRY(ll_h5_tree_read(objects->file, note, objects, &objects->tree, err));
    objects->unreadable = atomic_load(&objects->faults.count) > 0;
    LL_TRY(add_all_known(objects, err));
    LL_TRY(check_root(objects, err));
    for (int64_t i = 0; i < objects->count; i++)
        LL_TRY(check_known(objects, &objects->known[i], err));
    for (int i = 0; i < LL_AXES; i++)
        if (ll_layout_has_axis(layout, (ll_axis)i)) LL_TRY(check_scale(objects, (ll_axis)i, err));
    return LL_OK;
}

ll_status ll_check_objects(ll_check *check, ll_error *err)
{
    struct objects objects = {
        .check = check,
        .file = check->reader->file,
        .faults = {&check->findings, "", 0},
    };

    ll_h5_lock();
    const ll_status status = check_all(&objects, err);
    ll_h5_tree_release(&objects.tree);
    ll_h5_unlock();
    for (int64_t i = 0; i < objects.count; i++)
        free(objects.known[i].path);
    free(objects.known);
    objects.faults.name = "objects";
    ll_finding_end(&objects.faults);
    return status;
}
