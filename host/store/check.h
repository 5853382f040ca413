/* host/store/check.h - checks an index against its format. Floor 2; includes base, h5. */
#ifndef LL_STORE_CHECK_H
#define LL_STORE_CHECK_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/store/reader.h"

#include <stdint.h>

/** Check everything the schema promises: every object and attribute can be opened, axes and scales
 *  are tied to each other, checksums by block of 256 rows, generation, lookup table,
 *  order and fill of neighbours, symmetry and diagonal of the matrix, unit rows; and recompute
 *  `sample` rows in float64 from /features (matrix bounds, neighbours to the bit).
 *  Each finding is one line to `log`; `*damages` counts them. Returns LL_OK even if there are any;
 *  LL_ERR_IO, LL_ERR_MEMORY if it could not check. */
LL_NODISCARD ll_status ll_store_check(ll_reader *reader, int64_t sample, int threads,
                                      const ll_log *log, int64_t *damages, ll_error *err);

typedef struct ll_store_diff_options {
    double tolerance; /* largest accepted difference of two scores; 0 with exact */
    int exact;        /* also features, norms and attributes, to the bit */
} ll_store_diff_options;

/** Compare two indexes, rows matched by id. Each difference (up to a handful a kind, then a count)
 *  is one line to `log`; `*differences` counts them. */
LL_NODISCARD ll_status ll_store_diff(ll_reader *a, ll_reader *b,
                                     const ll_store_diff_options *options, const ll_log *log,
                                     int64_t *differences, ll_error *err);

#endif
