/* host/store/index_layout.h - the schema as tables: every dataset of an index, its type, axes and
 * group. Writer, reader, generation and check all use these tables. Private to host/store. Floor 2;
 * includes base, h5. */
#ifndef LL_STORE_INDEX_LAYOUT_H
#define LL_STORE_INDEX_LAYOUT_H

#include "host/base/status.h"
#include "host/h5/h5.h"
#include "host/store/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ll_axis {
    LL_AXIS_ITEM,  /* N, its scale holds the ids */
    LL_AXIS_OTHER, /* N, the same ids: the columns of the matrix */
    LL_AXIS_FEATURE,
    LL_AXIS_RANK,
    LL_AXIS_DIGEST_BYTE,
    LL_AXIS_REJECT,
    LL_AXIS_ID_BYTE,
    LL_AXIS_ID_OFFSET, /* N + 1 */
    LL_AXIS_BLOCK,     /* of 256 rows */
    LL_AXES,
} ll_axis;

typedef enum ll_group {
    LL_GROUP_ROOT,
    LL_GROUP_NEIGHBORS,
    LL_GROUP_ITEMS,
    LL_GROUP_ATTRIBUTES, /* items/attributes */
    LL_GROUP_LOOKUP,
    LL_GROUP_REJECTED,
    LL_GROUP_CHECKSUMS,
    LL_GROUPS,
} ll_group;

/* What the rows of a dataset of numbers depend on, and who writes them. */
typedef enum ll_array_role {
    LL_ROLE_ITEM, /* row r depends on item r alone; the caller writes it, `diff` compares it */
    LL_ROLE_PAIR, /* scores of two items; the caller writes it, `diff` compares it by id */
    LL_ROLE_FILE, /* made by the writer: lookup and checksums */
} ll_array_role;
enum { LL_BLOCK_ARRAYS = LL_ARRAY_SCORE + 1 };

/* Datasets of texts, but for the catalogue's columns and /run. */
typedef enum ll_text {
    LL_TEXT_ITEM,
    LL_TEXT_OTHER,
    LL_TEXT_IMAGE,
    LL_TEXT_REJECTED_ID,
    LL_TEXT_REJECTED_IMAGE,
    LL_TEXT_REJECTED_REASON,
    LL_TEXTS,
} ll_text;

typedef struct ll_layout_object {
    const char *path; /* from the root, for people and for the generation */
    const char *name; /* within its group */
    ll_group group;
    ll_h5_type type;
    int rank;
    ll_axis axes[LL_H5_MAX_RANK];
} ll_layout_object;

/* What the tables leave open. */
typedef struct ll_layout {
    ll_store_extents extents;
    int64_t id_bytes; /* all ids end to end */
    bool web;         /* a web copy: no norms, digests or checksums */
} ll_layout;

/** LL_ERR_ARGUMENT if no file can have these extents. */
LL_NODISCARD ll_status ll_layout_check(const ll_layout *layout, ll_error *err);

const char *ll_layout_axis_name(ll_axis axis);
int64_t ll_layout_length(const ll_layout *layout, ll_axis axis);
/** Name within `parent`; "" for the root. */
const char *ll_layout_group_name(ll_group group, ll_group *parent);

ll_layout_object ll_layout_array(const ll_layout *layout, ll_array array);
ll_layout_object ll_layout_text(ll_text text);
bool ll_layout_has_group(const ll_layout *layout, ll_group group);
bool ll_layout_has_axis(const ll_layout *layout, ll_axis axis);
bool ll_layout_has_array(const ll_layout *layout, ll_array array);
ll_array_role ll_layout_role(ll_array array);
bool ll_layout_has_text(const ll_layout *layout, ll_text text);

ll_h5_shape ll_layout_shape(const ll_layout *layout, const ll_layout_object *object);
/** Bytes of a dataset of numbers, and of one of its rows. Checked by ll_layout_check. */
size_t ll_layout_bytes(const ll_layout *layout, ll_array array);
size_t ll_layout_row_bytes(const ll_layout *layout, ll_array array);

/* The root attributes that ll_store_provenance holds, in the order they are written. */
typedef enum ll_field_kind { LL_FIELD_TEXT, LL_FIELD_INT, LL_FIELD_BOOL } ll_field_kind;
typedef struct ll_field {
    const char *name;
    ll_field_kind kind;
    bool in_generation;
    bool optional; /* a text that older files do not have; an empty one is not written */
} ll_field;
int ll_layout_fields(void);
ll_field ll_layout_field(int field);
/** Where a field lives: const char *, int64_t or bool. */
void *ll_layout_field_of(ll_store_provenance *provenance, int field);
const void *ll_layout_field_in(const ll_store_provenance *provenance, int field);
/** Is this field an attribute of the file? Not if it is optional and empty. */
bool ll_layout_has_field(const ll_store_provenance *provenance, int field);

#define LL_STORE_SCALE (1.0f / 65535.0f) /* one step of a uint16 matrix */

#define LL_CHECKSUM_ATTRIBUTE "xxh3_64" /* of every dataset that has no blocks */

#endif
