/* host/h5/h5.h - a safe subset of HDF5: errors become one line, handles are closed, shapes are
 * checked, and links and filters that our files never use are refused. Floor 1; includes base.
 *
 * Serial HDF5 is not thread-safe: every function below, and every HDF5 call of ours, is made
 * between ll_h5_lock() and ll_h5_unlock() wherever a second thread might make one too. A failure's
 * text begins with the file and the object, e.g. "index.h5: /similarity: is not float32". */
#ifndef LL_H5_H
#define LL_H5_H

#include "host/base/status.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Call before the first use, as often as you like: turns HDF5's own error printing off and its
 *  plugins away. */
void ll_h5_init(void);

/** One lock a process, because HDF5 is one state a process. Not recursive. */
void ll_h5_lock(void);
void ll_h5_unlock(void);

/** LL_FAIL with "NAME: WHAT: <innermost HDF5 message>". */
ll_status ll_h5_fail(ll_error *err, ll_status code, const char *name, const char *what);

/** The same with "FILE: OBJECT/CHILD" as the name; `child` may be NULL. */
ll_status ll_h5_fail_at(ll_error *err, ll_status code, hid_t where, const char *child,
                        const char *what);

/** The text of such an error without the file: "OBJECT: WHAT: ...". */
const char *ll_h5_without_file(hid_t where, const ll_error *err);

/* ---- handles --------------------------------------------------------------------------- */

/** Close whatever `id` is; accepts a negative one. Files that were written: ll_h5_file_finish. */
void ll_h5_close(hid_t id);

/** Open a finished file to read: no lock is taken, so a reader never blocks a writer, and a damaged
 *  heap is only an error when something in it is read (h5_driver.h). LL_ERR_IO if it cannot be
 *  opened; LL_ERR_FORMAT if it is no regular or no HDF5 file. */
LL_NODISCARD ll_status ll_h5_file_open(const char *path, hid_t *out, ll_error *err);

/** Open a file of ours to add to it. */
LL_NODISCARD ll_status ll_h5_file_edit(const char *path, hid_t *out, ll_error *err);

/** Create or overwrite. Objects of a page and more start at a page (4096 bytes); metadata carries
 *  HDF5's own checksums (file format of HDF5 1.8, which everything since reads). */
LL_NODISCARD ll_status ll_h5_file_create(const char *path, hid_t *out, ll_error *err);

/** Flush and close a file that was written; `*file` becomes -1. */
LL_NODISCARD ll_status ll_h5_file_finish(hid_t *file, ll_error *err);

/** Map an open file into memory: the same file that HDF5 has open, even if its path now names
 *  another. LL_ERR_FORMAT if its addresses are not plain 64-bit offsets from its beginning. */
typedef struct ll_h5_map {
    const uint8_t *bytes; /* NULL: none */
    size_t size_bytes;
} ll_h5_map;
LL_NODISCARD ll_status ll_h5_map_open(hid_t file, ll_h5_map *out, ll_error *err);
void ll_h5_map_close(ll_h5_map *map);

/** madvise: random access, which turns the system's read-ahead off (pages are read one by one), or
 *  normal, which is how a map begins (often megabytes at once). */
void ll_h5_map_advise(const ll_h5_map *map, bool random_access);

/** Is there a link of this name, of whatever kind? */
bool ll_h5_exists(hid_t parent, const char *name);

/** LL_ERR_FORMAT if `name` is missing or no hard link: others could lead to another file. */
LL_NODISCARD ll_status ll_h5_check_link(hid_t parent, const char *name, ll_error *err);

/** Open whatever is at `path`, group by group, by hard links alone; `*out` is -1 if nothing is
 *  there. LL_ERR_FORMAT if a step is another link or cannot be read. */
LL_NODISCARD ll_status ll_h5_find(hid_t parent, const char *path, hid_t *out, ll_error *err);

/** Groups list their members in the order of creation. Opening follows hard links only. */
LL_NODISCARD ll_status ll_h5_group_create(hid_t parent, const char *name, hid_t *out,
                                          ll_error *err);
LL_NODISCARD ll_status ll_h5_group_open(hid_t parent, const char *name, hid_t *out, ll_error *err);

/** Names of a group's members, in order of creation where the file keeps it. Names and array are
 *  yours: ll_h5_names_free. */
LL_NODISCARD ll_status ll_h5_group_names(hid_t group, char ***out, int *count, ll_error *err);
void ll_h5_names_free(char **names, int count); /* accepts NULL */

/** Does the group record the order of creation? Then the file has two indexes of its members, by
 *  name and by order. */
bool ll_h5_group_ordered(hid_t group);
LL_NODISCARD ll_status ll_h5_group_names_by(hid_t group, H5_index_t index, char ***out, int *count,
                                            ll_error *err);

/* ---- arrays ---------------------------------------------------------------------------- */

typedef enum ll_h5_type {
    LL_H5_UINT8,
    LL_H5_UINT16,
    LL_H5_UINT32,
    LL_H5_UINT64,
    LL_H5_FLOAT16, /* IEEE 754 binary16, numpy's float16 */
    LL_H5_FLOAT32,
    LL_H5_TEXT, /* variable-length UTF-8 */
} ll_h5_type;

/** "float32", "text", ... */
const char *ll_h5_type_name(ll_h5_type type);
/** Bytes of one number; 0 for LL_H5_TEXT. */
size_t ll_h5_type_bytes(ll_h5_type type);
/** A new handle, little-endian; negative if HDF5 has no memory. */
hid_t ll_h5_type_open(ll_h5_type type);

enum { LL_H5_MAX_RANK = 2 };

typedef struct ll_h5_shape {
    ll_h5_type type;
    int rank;                        /* 0: a single value */
    int64_t extents[LL_H5_MAX_RANK]; /* rows, columns */
} ll_h5_shape;

/** Numbers are laid out contiguously, their space taken at once and never filled: they are written
 *  and mapped at ll_h5_dataset_offset, without HDF5. */
LL_NODISCARD ll_status ll_h5_dataset_create(hid_t parent, const char *name,
                                            const ll_h5_shape *shape, hid_t *out, ll_error *err);

/** Open and check: a hard link, this type and rank, no filter, no external or virtual storage.
 *  A negative extent is filled in from the file; others must be equal. LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_h5_dataset_open(hid_t parent, const char *name, ll_h5_shape *shape,
                                          hid_t *out, ll_error *err);

/** Type and extents of whatever dataset is there, other checks as above; LL_ERR_FORMAT if it has
 *  another type than those above or too many axes. */
LL_NODISCARD ll_status ll_h5_dataset_shape(hid_t parent, const char *name, ll_h5_shape *shape,
                                           ll_error *err);

/** Further checks, for verify: LL_ERR_FORMAT if its texts are not UTF-8 by type, an axis may grow,
 *  or it has a fill value of its own. */
LL_NODISCARD ll_status ll_h5_dataset_check(hid_t dataset, ll_error *err);

/** The offset of a dataset's numbers in the file. LL_ERR_FORMAT if they are not `size_bytes` in one
 *  piece. */
LL_NODISCARD ll_status ll_h5_dataset_offset(hid_t dataset, size_t size_bytes, int64_t *offset,
                                            ll_error *err);

/* What other programs write as an array of floats: of any rank and floating-point type, in chunks
 * or not, packed by a filter of HDF5's own or not. */
typedef struct ll_h5_floats {
    int rank;
    hsize_t extents[H5S_MAX_RANK];
    size_t exponent_bits, mantissa_bits; /* of a number as it is stored: 8 and 23 for float32 */
    bool written;                        /* else all are the fill value */
} ll_h5_floats;

/** LL_ERR_FORMAT if the numbers are no floats, or are kept in another file. */
LL_NODISCARD ll_status ll_h5_floats_describe(hid_t dataset, ll_h5_floats *out, ll_error *err);

/** Read steps [first, first + count) of the first axis, converted to float32.
 *  @param values  (count, the other extents) f32 */
LL_NODISCARD ll_status ll_h5_floats_read(hid_t dataset, const ll_h5_floats *floats, hsize_t first,
                                         hsize_t count, float *values, ll_error *err);

/* ---- texts: variable-length UTF-8 ------------------------------------------------------ */

LL_NODISCARD ll_status ll_h5_texts_write(hid_t dataset, const char *const *texts, int64_t count,
                                         ll_error *err);

/* Texts are read from a map, without HDF5 and from any thread: HDF5 trusts the lengths in a file's
 * heaps, which have no checksums, so that a flipped bit makes it read out of bounds. */
typedef struct ll_h5_text_array {
    ll_h5_map map;
    const uint8_t *references; /* (count) into the heaps, 16 bytes each */
    int64_t count;
} ll_h5_text_array;

/** The texts of a dataset of `count`; the map must stay open. LL_ERR_FORMAT if they lie beyond it.
 */
LL_NODISCARD ll_status ll_h5_texts_bind(hid_t dataset, const ll_h5_map *map, int64_t count,
                                        ll_h5_text_array *out, ll_error *err);

/** One text: borrowed bytes without a NUL. False if the file is damaged there. */
bool ll_h5_text_at(const ll_h5_text_array *texts, int64_t index, const char **bytes,
                   size_t *length);

typedef struct ll_h5_texts {
    const char **items; /* (count), never NULL ones */
    int64_t count;
    char *bytes; /* behind them */
} ll_h5_texts;

/** All of them as C strings; yours: ll_h5_texts_release. LL_ERR_FORMAT naming `name`. */
LL_NODISCARD ll_status ll_h5_texts_read(const ll_h5_text_array *texts, const char *name,
                                        ll_h5_texts *out, ll_error *err);
void ll_h5_texts_release(ll_h5_texts *texts);

/* ---- attributes: single values --------------------------------------------------------- */

LL_NODISCARD ll_status ll_h5_attribute_write_text(hid_t object, const char *name, const char *text,
                                                  ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_write_int(hid_t object, const char *name, int64_t value,
                                                 ll_error *err);
/** uint64, for checksums. */
LL_NODISCARD ll_status ll_h5_attribute_write_sum(hid_t object, const char *name, uint64_t value,
                                                 ll_error *err);
/** As int8 0 or 1: netCDF has no boolean and cannot read HDF5's enumerations. */
LL_NODISCARD ll_status ll_h5_attribute_write_bool(hid_t object, const char *name, bool value,
                                                  ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_write_float(hid_t object, const char *name, float value,
                                                   ll_error *err);

/** Yours to free(). Variable or fixed length; LL_ERR_FORMAT if it is missing or no single text. */
LL_NODISCARD ll_status ll_h5_attribute_read_text(hid_t object, const char *name, char **out,
                                                 ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_read_int(hid_t object, const char *name, int64_t *out,
                                                ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_read_sum(hid_t object, const char *name, uint64_t *out,
                                                ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_read_bool(hid_t object, const char *name, bool *out,
                                                 ll_error *err);

/** LL_ERR_FORMAT if there is an attribute of this name that is not one value of exactly this type.
 */
LL_NODISCARD ll_status ll_h5_attribute_check(hid_t object, const char *name, hid_t type,
                                             ll_error *err);
LL_NODISCARD ll_status ll_h5_attribute_read_float(hid_t object, const char *name, float *out,
                                                  ll_error *err);

/* ---- dimension scales ------------------------------------------------------------------ */

/** Make a dataset of one axis the scale `name`, e.g. the ids along "item". */
LL_NODISCARD ll_status ll_h5_scale_make(hid_t dataset, const char *name, ll_error *err);

/** A pure scale: a length with a name and no values, spelt as netCDF-4 expects it. */
LL_NODISCARD ll_status ll_h5_scale_create(hid_t parent, const char *name, int64_t length,
                                          hid_t *out, ll_error *err);

LL_NODISCARD ll_status ll_h5_scale_attach(hid_t dataset, int axis, hid_t scale, ll_error *err);

/** Is it the scale `name`? LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_h5_scale_check(hid_t dataset, const char *name, ll_error *err);
/** Is it a pure scale of this length, as ll_h5_scale_create makes it? LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_h5_scale_check_pure(hid_t dataset, int64_t length, ll_error *err);

/* A reference between an axis and a scale, as stored at one of the two. */
typedef struct ll_h5_scale_ref {
    hobj_ref_t object;
    int64_t axis;
} ll_h5_scale_ref;

/** DIMENSION_LIST: the scales along each axis of `dataset`, axis by axis. REFERENCE_LIST: the
 *  datasets, and which axis of them, that `scale` is along. A missing attribute counts as an empty
 *  list. LL_ERR_FORMAT if it is none of its kind or cannot be read. `*out` is yours to free(). */
LL_NODISCARD ll_status ll_h5_scale_axes(hid_t dataset, ll_h5_scale_ref **out, int64_t *count,
                                        ll_error *err);
LL_NODISCARD ll_status ll_h5_scale_uses(hid_t scale, ll_h5_scale_ref **out, int64_t *count,
                                        ll_error *err);

#endif
