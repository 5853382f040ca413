/* host/catalog/catalog.h - what the shop sells: one row an item, in the order of the file.
 *
 * A catalogue is an RFC 4180 CSV with a header, or a folder whose regular files are the items.
 * Everything is checked on opening, so that the rows below are unique, UTF-8 and complete; a
 * failure names file, line and column. Floor 1; includes base. */
#ifndef LL_CATALOG_H
#define LL_CATALOG_H

#include "host/base/status.h"

#include <stdint.h>

enum { LL_CATALOG_MAX_ID = 1024 }; /* bytes of an id */

typedef struct ll_catalog ll_catalog;

typedef struct ll_catalog_options {
    const char *id_column;      /* NULL: "id" */
    const char *image_column;   /* NULL: "image" */
    const char *image_template; /* e.g. "images/{id}.jpg" in place of an image column; or NULL */
    const char *image_root;     /* folder that image paths are relative to; NULL: catalogue's */
    char delimiter;             /* ',' ';' or '\t'; 0: sniffed from the header */
    const char *const *keep;    /* "COLUMN=VALUE" filters (--keep); or NULL */
    int keep_count;             /* the same column twice means or, different columns and */
} ll_catalog_options;

/** Read a catalogue. @return LL_OK; LL_ERR_IO; LL_ERR_FORMAT with "FILE:LINE: column COLUMN: ...";
 *  LL_ERR_ARGUMENT for options that name no column; LL_ERR_MEMORY. On failure `*out` is NULL. */
LL_NODISCARD ll_status ll_catalog_open(const char *path, const ll_catalog_options *options,
                                       ll_catalog **out, ll_error *err);
void ll_catalog_close(ll_catalog *catalog); /* accepts NULL */

/** Rows kept. */
int64_t ll_catalog_rows(const ll_catalog *catalog);

/* Texts are borrowed until ll_catalog_close. */
const char *ll_catalog_id(const ll_catalog *catalog, int64_t row);
const char *ll_catalog_image(const ll_catalog *catalog, int64_t row); /* as the catalogue gave it */

/** Path to open: image root and image joined; yours to free(). */
LL_NODISCARD ll_status ll_catalog_path(const ll_catalog *catalog, int64_t row, char **out,
                                       ll_error *err);

/** Why this row cannot be an item whatever its file holds (its image is a URL, or empty), or
 *  NULL. */
const char *ll_catalog_reject_reason(const ll_catalog *catalog, int64_t row);

/** The folder image paths are relative to. */
const char *ll_catalog_image_root(const ll_catalog *catalog);

/* Attributes: every column but id and image, in the order of the header; '/' became '_'. */
int ll_catalog_columns(const ll_catalog *catalog);
const char *ll_catalog_column_name(const ll_catalog *catalog, int column);
const char *ll_catalog_value(const ll_catalog *catalog, int64_t row, int column);

/** Column of this name, or -1. */
int ll_catalog_find_column(const ll_catalog *catalog, const char *name);

#endif
