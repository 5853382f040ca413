/* host/h5/h5_tree.c - see h5_tree.h.
 *
 * Each object is opened once. libhdf5 1.10 keeps the part of a damaged object header that it could
 * read, and a second opening takes that for the whole: only the first one says what is wrong. */
#include "host/h5/h5_tree.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/h5/h5.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128 }; /* of an attribute, in a fault's text */

static const size_t k_max_value = (size_t)1 << 26; /* bytes of an attribute: a sane one has a few */

struct walk {
    hid_t file;
    ll_h5_tree *tree;
    void (*fault)(void *to, const char *text);
    void *to;
};

/* To be called before HDF5 is called again: it would forget the cause. */
static void report(const struct walk *walk, const char *path, const char *what)
{
    ll_error cause = LL_ERROR_INIT;

    (void)ll_h5_fail(&cause, LL_ERR_FORMAT, path, what);
    walk->fault(walk->to, cause.text);
}

static ll_status add(struct walk *walk, const char *parent, const char *name, ll_error *err)
{
    ll_h5_tree *const tree = walk->tree;
    char *path = NULL;

    LL_TRY(ll_text_format(&path, err, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name));
    const ll_status status = ll_grow("objects", &tree->objects, &tree->capacity, tree->count + 1,
                                     sizeof *tree->objects, err);
    if (status != LL_OK) {
        free(path);
        return status;
    }
    tree->objects[tree->count++] = (ll_h5_object){path, 0, H5I_BADID};
    return LL_OK;
}

/* ---- attributes ------------------------------------------------------------------------ */

/* Its value as the file has it, whatever that is. */
static ll_status read_value(const struct walk *walk, const char *path, const char *name,
                            hid_t attribute, ll_error *err)
{
    ll_status status = LL_OK;
    void *value = NULL;
    char what[NAME_BYTES + 40];
    const hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    const size_t one = type >= 0 ? H5Tget_size(type) : 0;
    const hssize_t count = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;

    ll_text_say(what, sizeof what, "attribute %s cannot be read", name);
    if (one == 0 || count < 0 || (size_t)count > k_max_value / one) {
        report(walk, path, what);
        goto done;
    }
    if (count == 0) goto done;
    LL_TRY_DONE(ll_alloc(name, (int64_t)count, one, &value, err));
    if (H5Aread(attribute, type, value) < 0)
        report(walk, path, what);
    else
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, value);
done:
    free(value);
    ll_h5_close(space);
    ll_h5_close(type);
    return status;
}

static ll_status read_attributes(const struct walk *walk, const char *path, hid_t object,
                                 ll_error *err)
{
    ll_status status = LL_OK;
    char name[NAME_BYTES];
    const int count = H5Aget_num_attrs(object);

    if (count < 0) report(walk, path, "attributes cannot be counted");
    for (int i = 0; i < count && status == LL_OK; i++) {
        const hid_t attribute = H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, (hsize_t)i,
                                               H5P_DEFAULT, H5P_DEFAULT);
        if (attribute < 0) {
            ll_text_exact(name, sizeof name, "attribute %d cannot be opened", i);
            report(walk, path, name);
            continue;
        }
        if (H5Aget_name(attribute, sizeof name, name) < 0) name[0] = '\0';
        ll_text_mark_truncated(name, sizeof name);
        status = read_value(walk, path, name, attribute, err);
        ll_h5_close(attribute);
    }
    return status;
}

/* ---- members --------------------------------------------------------------------------- */

static ll_status follow(struct walk *walk, int64_t from, hid_t group, const char *name,
                        ll_error *err)
{
    H5L_info_t link;
    char *path = NULL;
    const char *const parent = walk->tree->objects[from].path;

    const bool known = H5Lget_info(group, name, &link, H5P_DEFAULT) >= 0;
    if (known && link.type == H5L_TYPE_HARD) return add(walk, parent, name, err);
    if (known && (link.type != H5L_TYPE_SOFT || H5Oexists_by_name(group, name, H5P_DEFAULT) > 0))
        return LL_OK;
    LL_TRY(ll_text_format(&path, err, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name));
    report(walk, path, known ? "is a link that leads nowhere" : "its link cannot be read");
    free(path);
    return LL_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool same_names(char **a, int a_count, char **b, int b_count)
{
    if (a_count != b_count) return false;
    if (a_count == 0) return true;
    qsort(a, (size_t)a_count, sizeof *a, by_text);
    qsort(b, (size_t)b_count, sizeof *b, by_text);
    for (int i = 0; i < a_count; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

/* None, and a fault, if they cannot be listed. */
static ll_status names_by(const struct walk *walk, hid_t group, H5_index_t index, char ***out,
                          int *count, ll_error *err)
{
    ll_error cause = LL_ERROR_INIT;

    const ll_status status = ll_h5_group_names_by(group, index, out, count, &cause);
    if (status == LL_ERR_MEMORY) return ll_fail(err, status, "%s", cause.text);
    if (status != LL_OK) walk->fault(walk->to, ll_h5_without_file(group, &cause));
    return LL_OK;
}

/* A group that keeps the order of creation has two lists of its members, and readers use either. */
static ll_status check_order(const struct walk *walk, const char *path, hid_t group, char **names,
                             int count, ll_error *err)
{
    char **ordered = NULL;
    int ordered_count = 0;

    if (!ll_h5_group_ordered(group)) return LL_OK;
    LL_TRY(names_by(walk, group, H5_INDEX_CRT_ORDER, &ordered, &ordered_count, err));
    if (ordered_count > 0 && !same_names(names, count, ordered, ordered_count))
        report(walk, path, "lists other members by creation than by name");
    ll_h5_names_free(ordered, ordered_count);
    return LL_OK;
}

static ll_status read_members(struct walk *walk, int64_t from, hid_t group, ll_error *err)
{
    ll_status status = LL_OK;
    char **names = NULL;
    int count = 0;

    LL_TRY_DONE(names_by(walk, group, H5_INDEX_NAME, &names, &count, err));
    LL_TRY_DONE(check_order(walk, walk->tree->objects[from].path, group, names, count, err));
    for (int i = 0; i < count; i++)
        LL_TRY_DONE(follow(walk, from, group, names[i], err));
done:
    ll_h5_names_free(names, count);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static void read_dataset(const struct walk *walk, const char *path, hid_t dataset)
{
    const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    const hid_t creation = H5Dget_create_plist(dataset);

    if (type < 0 || space < 0 || creation < 0)
        report(walk, path, "its type, shape or storage cannot be read");
    ll_h5_close(creation);
    ll_h5_close(space);
    ll_h5_close(type);
}

static bool is_repeated(const ll_h5_tree *tree, int64_t index)
{
    for (int64_t i = 0; i < index; i++)
        if (tree->objects[i].kind != H5I_BADID &&
            tree->objects[i].address == tree->objects[index].address)
            return true;
    return false;
}

/* Members go to the end of the list: its own length is the only depth there is. */
static ll_status visit(struct walk *walk, int64_t index, ll_error *err)
{
    ll_status status = LL_OK;
    ll_h5_object *const object = &walk->tree->objects[index];
    const char *const path = object->path; /* stays where it is when the list grows */
    const hid_t id = H5Oopen(walk->file, path, H5P_DEFAULT);

    if (id < 0 || H5Rcreate(&object->address, id, ".", H5R_OBJECT, -1) < 0) {
        report(walk, path, "cannot be opened");
        goto done;
    }
    object->kind = H5Iget_type(id);
    if (is_repeated(walk->tree, index)) goto done;
    LL_TRY_DONE(read_attributes(walk, path, id, err));
    if (object->kind == H5I_DATASET) read_dataset(walk, path, id);
    if (object->kind == H5I_GROUP) LL_TRY_DONE(read_members(walk, index, id, err));
done:
    ll_h5_close(id);
    return status;
}

ll_status ll_h5_tree_read(hid_t file, void (*fault)(void *to, const char *text), void *to,
                          ll_h5_tree *out, ll_error *err)
{
    ll_status status = LL_OK;
    struct walk walk = {file, out, fault, to};

    *out = (ll_h5_tree){NULL, 0, 0};
    LL_TRY_DONE(add(&walk, "/", "", err));
    for (int64_t i = 0; i < out->count; i++)
        LL_TRY_DONE(visit(&walk, i, err));
done:
    if (status != LL_OK) ll_h5_tree_release(out);
    return status;
}

void ll_h5_tree_release(ll_h5_tree *tree)
{
    for (int64_t i = 0; i < tree->count; i++)
        free(tree->objects[i].path);
    free(tree->objects);
    *tree = (ll_h5_tree){NULL, 0, 0};
}

const ll_h5_object *ll_h5_tree_find(const ll_h5_tree *tree, const char *path)
{
    for (int64_t i = 0; i < tree->count; i++)
        if (strcmp(tree->objects[i].path, path) == 0) return &tree->objects[i];
    return NULL;
}

bool ll_h5_tree_has(const ll_h5_tree *tree, hobj_ref_t address)
{
    for (int64_t i = 0; i < tree->count; i++)
        if (tree->objects[i].kind != H5I_BADID && tree->objects[i].address == address) return true;
    return false;
}
