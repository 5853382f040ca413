/* host/catalog/catalog.c - see catalog.h.
 *
 * A CSV and a folder arrive row by row through their readers; this file decides what a row means:
 * which column is the id, which the image, which rows are kept, and what an id must be. Only kept
 * rows are held to the rules of ids, so that a catalogue with a row per product and language can
 * be read with --keep language=de. */
#include "host/catalog/catalog.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/base/utf8.h"
#include "host/catalog/catalog_error.h"
#include "host/catalog/column.h"
#include "host/catalog/csv.h"
#include "host/catalog/folder.h"
#include "host/catalog/select.h"
#include "host/catalog/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct ll_catalog {
    ll_table table;
    ll_columns columns;           /* of the file; the table may hold one more, the made image */
    int id_column, image_column;  /* of the table */
    int *attributes;              /* columns of the table that are attributes, and their names */
    const char **attribute_names; /* borrowed from `columns` */
    int attribute_count;
    char *image_root;
};

/* What only opening needs. */
typedef struct loader {
    ll_catalog *catalog;
    const char *path;
    const ll_catalog_options *options;
    ll_select *select;
    const char **fields; /* one row of the table */
    int64_t *lines;      /* of each row, for the other line of a duplicate */
    int64_t line_capacity;
    char *image; /* the template, filled in */
    int64_t image_capacity;
    bool opened; /* a header was seen */
} loader;

static const char k_placeholder[] = "{id}";

/* ---- columns */

/* A default that is not there is the file's fault, a column the user named is the user's. */
static ll_status find_column(const loader *l, const char *wanted, const char *fallback,
                             int64_t line, int *out, ll_error *err)
{
    const ll_columns *const columns = &l->catalog->columns;
    const char *const name = wanted != NULL ? wanted : fallback;
    char list[96];

    *out = ll_column_find(columns->names, columns->count, name, strlen(name));
    if (*out >= 0) return LL_OK;
    return ll_catalog_fail(
        err, wanted != NULL ? LL_ERR_ARGUMENT : LL_ERR_FORMAT, l->path, line, name,
        "missing; the columns are %s",
        ll_catalog_list_names(columns->names, columns->count, list, sizeof list));
}

static ll_status list_attributes(ll_catalog *c, ll_error *err)
{
    const int count = c->columns.count;

    LL_TRY(ll_alloc("columns", count, sizeof *c->attributes, &c->attributes, err));
    LL_TRY(ll_alloc("columns", count, sizeof *c->attribute_names, &c->attribute_names, err));
    for (int i = 0; i < count; i++) {
        if (i == c->id_column || i == c->image_column) continue;
        c->attributes[c->attribute_count] = i;
        c->attribute_names[c->attribute_count++] = c->columns.names[i];
    }
    return LL_OK;
}

static ll_status receive_header(void *to, const ll_csv_row *row, ll_error *err)
{
    loader *const l = to;
    ll_catalog *const c = l->catalog;
    const ll_catalog_options *const o = l->options;
    const bool made = o->image_template != NULL;

    l->opened = true;
    LL_TRY(ll_columns_init(&c->columns, row->fields, row->count, l->path, row->line, err));
    c->table.columns = row->count + (made ? 1 : 0);
    c->image_column = row->count;
    LL_TRY(find_column(l, o->id_column, "id", row->line, &c->id_column, err));
    if (!made) LL_TRY(find_column(l, o->image_column, "image", row->line, &c->image_column, err));
    c->table.key_column = c->id_column;
    LL_TRY(list_attributes(c, err));
    LL_TRY(ll_alloc("columns", c->table.columns, sizeof *l->fields, &l->fields, err));
    return ll_select_create(o->keep, o->keep_count, c->columns.names, c->columns.count, &l->select,
                            err);
}

/* ---- rows */

static ll_status check_id(const loader *l, const char *id, int64_t line, ll_error *err)
{
    const ll_catalog *const c = l->catalog;
    const char *const column = c->columns.names[c->id_column];
    const int64_t twin = ll_table_find(&c->table, id);
    const size_t length = strlen(id);
    char shown[LL_CATALOG_EXCERPT];

    if (length == 0) return ll_catalog_fail(err, LL_ERR_FORMAT, l->path, line, column, "empty id");
    if (length > LL_CATALOG_MAX_ID)
        return ll_catalog_fail(err, LL_ERR_FORMAT, l->path, line, column,
                               "id of %zu bytes; the limit is %d", length, LL_CATALOG_MAX_ID);
    if (twin >= 0)
        return ll_catalog_fail(err, LL_ERR_FORMAT, l->path, line, column,
                               "duplicate id %s, first on line %lld", ll_catalog_excerpt(id, shown),
                               (long long)l->lines[twin]);
    return LL_OK;
}

/* Every {id} of the template replaced, into l->image. */
static ll_status fill_template(loader *l, const char *id, ll_error *err)
{
    const size_t id_bytes = strlen(id), mark_bytes = sizeof k_placeholder - 1;
    const char *from = l->options->image_template;
    const char *mark = NULL;
    size_t used = 0;

    do {
        mark = strstr(from, k_placeholder);
        const size_t before = mark != NULL ? (size_t)(mark - from) : strlen(from);
        LL_TRY(ll_grow("image path", &l->image, &l->image_capacity,
                       (int64_t)(used + before + id_bytes + 1), 1, err));
        memcpy(l->image + used, from, before);
        used += before;
        if (mark != NULL) {
            memcpy(l->image + used, id, id_bytes);
            used += id_bytes;
            from = mark + mark_bytes;
        }
    } while (mark != NULL);
    l->image[used] = '\0';
    return LL_OK;
}

static ll_status receive_row(void *to, const ll_csv_row *row, ll_error *err)
{
    loader *const l = to;
    ll_catalog *const c = l->catalog;
    const char *const id = row->fields[c->id_column];

    if (!ll_select_keeps(l->select, row->fields)) return LL_OK;
    LL_TRY(check_id(l, id, row->line, err));
    for (int i = 0; i < row->count; i++)
        l->fields[i] = row->fields[i];
    if (l->options->image_template != NULL) {
        LL_TRY(fill_template(l, id, err));
        l->fields[c->image_column] = l->image;
    }
    LL_TRY(ll_grow("line numbers", &l->lines, &l->line_capacity, c->table.rows + 1,
                   sizeof *l->lines, err));
    l->lines[c->table.rows] = row->line;
    return ll_table_add(&c->table, l->fields, err);
}

static ll_status load_csv(loader *l, ll_error *err)
{
    const ll_csv_sink sink = {.header = receive_header, .row = receive_row, .to = l};
    const ll_catalog_options *const o = l->options;
    const char *const id = o->id_column != NULL ? o->id_column : "id";

    if (o->image_template != NULL && strstr(o->image_template, k_placeholder) == NULL)
        return ll_fail(err, LL_ERR_ARGUMENT,
                       "image template %s: has no {id}, so all items would share one image",
                       o->image_template);
    LL_TRY(ll_csv_read(l->path, o->delimiter, &sink, err));
    if (!l->opened)
        return ll_catalog_fail(err, LL_ERR_FORMAT, l->path, 1, id, "missing; the file is empty");
    if (o->image_root != NULL)
        return ll_text_copy(o->image_root, strlen(o->image_root), &l->catalog->image_root, err);
    return ll_file_folder(l->path, &l->catalog->image_root, err);
}

/* ---- a folder: one text a row, which is both id and image */

static ll_status check_folder_options(const loader *l, ll_error *err)
{
    const ll_catalog_options *const o = l->options;
    struct stat root, folder;

    if (o->image_template != NULL)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: a folder takes no image template", l->path);
    if (o->image_root == NULL) return LL_OK;
    if (stat(o->image_root, &root) != 0)
        return ll_fail(err, LL_ERR_IO, "%s: %s", o->image_root, strerror(errno));
    if (stat(l->path, &folder) != 0)
        return ll_fail(err, LL_ERR_IO, "%s: %s", l->path, strerror(errno));
    if (root.st_dev != folder.st_dev || root.st_ino != folder.st_ino)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: a folder is its own image root, not %s", l->path,
                       o->image_root);
    return LL_OK;
}

static ll_status add_file(loader *l, const char *name, ll_error *err)
{
    const char *const fields[] = {name, name};
    const size_t length = strlen(name);
    char shown[LL_CATALOG_EXCERPT];

    if (!ll_select_keeps(l->select, fields)) return LL_OK;
    ll_catalog_excerpt(name, shown);
    if (ll_utf8_check(name, length) < length)
        return ll_fail(err, LL_ERR_FORMAT, "%s: invalid UTF-8 in the file name %s", l->path, shown);
    if (length > LL_CATALOG_MAX_ID)
        return ll_fail(err, LL_ERR_FORMAT, "%s: %s: id of %zu bytes; the limit is %d", l->path,
                       shown, length, LL_CATALOG_MAX_ID);
    return ll_table_add(&l->catalog->table, &name, err);
}

static ll_status load_folder(loader *l, ll_error *err)
{
    static const char *const header[] = {"id", "image"};
    const ll_catalog_options *const o = l->options;
    ll_catalog *const c = l->catalog;
    ll_status status = LL_OK;
    ll_folder folder = {.names = NULL};

    LL_TRY_DONE(check_folder_options(l, err));
    LL_TRY_DONE(ll_columns_init(&c->columns, header, 2, l->path, 1, err));
    LL_TRY_DONE(find_column(l, o->id_column, "id", 1, &c->id_column, err));
    LL_TRY_DONE(find_column(l, o->image_column, "image", 1, &c->image_column, err));
    LL_TRY_DONE(ll_select_create(o->keep, o->keep_count, header, 2, &l->select, err));
    c->id_column = c->image_column = c->table.key_column = 0;
    c->table.columns = 1;
    LL_TRY_DONE(ll_text_copy(l->path, strlen(l->path), &c->image_root, err));
    LL_TRY_DONE(ll_folder_walk(l->path, &folder, err));
    for (int64_t i = 0; i < folder.count; i++)
        LL_TRY_DONE(add_file(l, folder.names[i], err));
done:
    ll_folder_release(&folder);
    return status;
}

/* ---- public */

ll_status ll_catalog_open(const char *path, const ll_catalog_options *options, ll_catalog **out,
                          ll_error *err)
{
    static const ll_catalog_options defaults = {.id_column = NULL};
    ll_status status = LL_OK;
    loader l = {.path = path, .options = options != NULL ? options : &defaults};
    struct stat info;

    *out = NULL;
    if (stat(path, &info) != 0) return ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
    LL_TRY_DONE(ll_alloc("catalogue", 1, sizeof *l.catalog, &l.catalog, err));
    LL_TRY_DONE(S_ISDIR(info.st_mode) ? load_folder(&l, err) : load_csv(&l, err));
    ll_table_seal(&l.catalog->table);
    *out = l.catalog;
    l.catalog = NULL;
done:
    ll_catalog_close(l.catalog);
    ll_select_free(l.select);
    free(l.fields);
    free(l.lines);
    free(l.image);
    return status;
}

void ll_catalog_close(ll_catalog *catalog)
{
    if (catalog == NULL) return;
    ll_table_release(&catalog->table);
    ll_columns_release(&catalog->columns);
    free(catalog->attributes);
    free(catalog->attribute_names);
    free(catalog->image_root);
    free(catalog);
}

int64_t ll_catalog_rows(const ll_catalog *catalog)
{
    return catalog->table.rows;
}

const char *ll_catalog_id(const ll_catalog *catalog, int64_t row)
{
    return ll_table_text(&catalog->table, row, catalog->id_column);
}

const char *ll_catalog_image(const ll_catalog *catalog, int64_t row)
{
    return ll_table_text(&catalog->table, row, catalog->image_column);
}

ll_status ll_catalog_path(const ll_catalog *catalog, int64_t row, char **out, ll_error *err)
{
    const char *const image = ll_catalog_image(catalog, row), *const root = catalog->image_root;
    const size_t length = strlen(root);
    const bool slash = length > 0 && root[length - 1] != '/';

    if (image[0] == '/') return ll_text_copy(image, strlen(image), out, err);
    return ll_text_format(out, err, "%s%s%s", root, slash ? "/" : "", image);
}

const char *ll_catalog_reject_reason(const ll_catalog *catalog, int64_t row)
{
    const char *const image = ll_catalog_image(catalog, row);

    if (image[0] == '\0') return "no image given";
    if (strncasecmp(image, "http://", 7) == 0 || strncasecmp(image, "https://", 8) == 0)
        return "is a URL; lookloom reads files";
    return NULL;
}

const char *ll_catalog_image_root(const ll_catalog *catalog)
{
    return catalog->image_root;
}

int ll_catalog_columns(const ll_catalog *catalog)
{
    return catalog->attribute_count;
}

const char *ll_catalog_column_name(const ll_catalog *catalog, int column)
{
    return catalog->attribute_names[column];
}

const char *ll_catalog_value(const ll_catalog *catalog, int64_t row, int column)
{
    return ll_table_text(&catalog->table, row, catalog->attributes[column]);
}

int ll_catalog_find_column(const ll_catalog *catalog, const char *name)
{
    return ll_column_find(catalog->attribute_names, catalog->attribute_count, name, strlen(name));
}
