/* host/store/reader.h - a finished index, opened once and then read as memory.
 *
 * Opening checks type, rank, extent and offset of every dataset against the schema and the file's
 * length, and maps the file; HDF5 is not used after that. A malicious file gives LL_ERR_FORMAT:
 * external links, external storage, filters and wrong shapes are refused. The values of mapped
 * arrays are not checked: a neighbour's index may be any number (`verify` checks them). Floor 2;
 * includes base, h5. */
#ifndef LL_STORE_READER_H
#define LL_STORE_READER_H

#include "host/base/status.h"
#include "host/store/schema.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_reader ll_reader;

LL_NODISCARD ll_status ll_reader_open(const char *path, ll_reader **out, ll_error *err);
void ll_reader_close(ll_reader *reader); /* accepts NULL */

/** Advise random access: of a file that is not in memory, only the needed pages are read. Reading a
 *  whole column ends it. */
void ll_reader_advise_random(const ll_reader *reader);

/* What the file says of itself; borrowed until close, like everything below. */
const ll_store_extents *ll_reader_extents(const ll_reader *reader);
const ll_store_provenance *ll_reader_provenance(const ll_reader *reader);
/** The next root attribute of those in ll_store_provenance, in the order of FORMAT.md; false behind
 *  the last. What the file lacks is passed over. `*field` counts on, from 0. `*text` is the value
 * if that is a text, else NULL and `*number` is it; a bool is 0 or 1. */
bool ll_reader_next_field(const ll_reader *reader, int *field, const char **name, const char **text,
                          int64_t *number);
const char *ll_reader_generation(const ll_reader *reader);
const char *ll_reader_path(const ll_reader *reader);

/* Mapped datasets; NULL where the file leaves them out. Thread-safe, no HDF5 behind them. */
const void *ll_reader_array(const ll_reader *reader, ll_array array); /* any; see FORMAT.md */
const float *ll_reader_features(const ll_reader *reader);             /* (N, D) */
const float *ll_reader_norms(const ll_reader *reader);                /* (N) */
const void *ll_reader_matrix(const ll_reader *reader);                /* (N, N), extents' type */
const uint32_t *ll_reader_neighbor_index(const ll_reader *reader);    /* (N, K) */
const float *ll_reader_neighbor_score(const ll_reader *reader);       /* (N, K) */
const uint8_t *ll_reader_digests(const ll_reader *reader);            /* (N, 16) */

/** One stored score as float, whatever the matrix type. Only if there is a matrix. */
float ll_reader_score(const ll_reader *reader, int64_t row, int64_t column);

/** Id of a row: bytes in mapped memory, not NUL-terminated; no bytes for a row that is none.
 *  Thread-safe. */
const char *ll_reader_id(const ll_reader *reader, int64_t row, size_t *length);

/** Prefetch what ll_reader_id reads of a row; for callers that read several ids. */
void ll_reader_prefetch_id(const ll_reader *reader, int64_t row);

/** Row of an id by binary search over mapped memory, or -1. Thread-safe. */
int64_t ll_reader_find(const ll_reader *reader, const char *id, size_t length);

/** Row at `position` of 0 .. N - 1 in byte order of id; -1 beyond, or where the table is
 *  damaged. */
int64_t ll_reader_row_in_order(const ll_reader *reader, int64_t position);

/** First position in byte order whose id is not below `id`: prefix listing, suggestions. */
int64_t ll_reader_lower_bound(const ll_reader *reader, const char *id, size_t length);

/* Attributes. */
int ll_reader_columns(const ll_reader *reader);
const char *ll_reader_column_name(const ll_reader *reader, int column);
int ll_reader_find_column(const ll_reader *reader, const char *name); /* -1 if none */

/* Texts on demand: each array has one text per row; it is read on first use, under this reader's
 * lock, and kept. Call it before threads start. */
LL_NODISCARD ll_status ll_reader_images(ll_reader *reader, const char *const **out, ll_error *err);
LL_NODISCARD ll_status ll_reader_column(ll_reader *reader, int column, const char *const **out,
                                        ll_error *err);

typedef struct ll_reader_rejects {
    int64_t count;
    const char *const *ids, *const *images, *const *reasons;
} ll_reader_rejects;
LL_NODISCARD ll_status ll_reader_rejected(ll_reader *reader, ll_reader_rejects *out, ll_error *err);

/** A few texts without reading the column: the image and every attribute of one row. Thread-safe,
 *  without a lock. `values` has ll_reader_columns() places. All yours to free(). */
LL_NODISCARD ll_status ll_reader_item_texts(ll_reader *reader, int64_t row, char **image,
                                            char **values, ll_error *err);

/** /run as JSON text. */
LL_NODISCARD ll_status ll_reader_run(ll_reader *reader, const char **out, ll_error *err);

#endif
