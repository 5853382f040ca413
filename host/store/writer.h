/* host/store/writer.h - make an index file under a temporary name, piece by piece, then finish it.
 *
 * HDF5 lays the file out; /features, /similarity and /neighbors are contiguous, allocated at once
 * and never filled, so that rows and tiles go straight to their place by pwrite from any thread.
 * Floor 2; includes base, h5. */
#ifndef LL_STORE_WRITER_H
#define LL_STORE_WRITER_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/store/schema.h"

#include <stdint.h>

typedef struct ll_writer ll_writer;

/* Items and rejects as columns of text. Borrowed during ll_writer_create only. */
typedef struct ll_store_items {
    const char *const *ids;    /* (N), unique */
    const char *const *images; /* (N) */
    const uint8_t *digests;    /* (N, 16) */
    int columns;
    const char *const *column_names;         /* (columns) */
    const char *const *const *column_values; /* (columns), each (N) */
    const char *const *rejected_ids;         /* (M) */
    const char *const *rejected_images;
    const char *const *rejected_reasons;
} ll_store_items;

/** Create `path` (overwritten), with every dataset in place and the texts written.
 *  LL_ERR_IO when the disk cannot hold the matrix: space is reserved here, not met half-way. */
LL_NODISCARD ll_status ll_writer_create(const char *path, const ll_store_extents *extents,
                                        const ll_store_items *items, ll_writer **out,
                                        ll_error *err);

/** Rows [row, row + rows) of a dataset that the file has and that callers write. Thread-safe. */
LL_NODISCARD ll_status ll_writer_rows(ll_writer *writer, ll_array array, int64_t row, int64_t rows,
                                      const void *data, ll_error *err);

/** Rows [row, row + rows) of /features (skipped if D = 0) and /norms. */
LL_NODISCARD ll_status ll_writer_features(ll_writer *writer, int64_t row, int64_t rows,
                                          const float *unit, const float *norms, ll_error *err);

/** A rectangle of /similarity in the stored type, row-major. Thread-safe. */
LL_NODISCARD ll_status ll_writer_matrix(ll_writer *writer, int64_t row, int64_t rows,
                                        int64_t column, int64_t columns, const void *values,
                                        ll_error *err);

/** Rows of /neighbors, (rows, K) each. */
LL_NODISCARD ll_status ll_writer_neighbors(ll_writer *writer, int64_t row, int64_t rows,
                                           const uint32_t *index, const float *score,
                                           ll_error *err);

/** Write attributes, /run, /checksums and the generation, flush and close the HDF5 file.
 *  The file is then complete but unpublished (store/publish.h). */
LL_NODISCARD ll_status ll_writer_finish(ll_writer *writer, const ll_store_provenance *provenance,
                                        const char *run_json, const ll_log *log, ll_error *err);

/** Free; an unfinished file is removed. Accepts NULL. */
void ll_writer_close(ll_writer *writer);

#endif
