/* host/similarity/similarity.h - the second long loop: features -> scores.
 *
 * Runs the tiles on and above the diagonal through the backend, rescores each row's candidates in
 * double precision, recomputes every row whose candidates are not certain (redo.h), and passes
 * neighbours to a sink. Independent of HDF5 and of the device. Floor 4; includes base and
 * backend. */
#ifndef LL_SIMILARITY_H
#define LL_SIMILARITY_H

#include "host/backend/backend.h"
#include "host/base/log.h"
#include "host/base/status.h"

#include <stdint.h>

#define LL_NO_NEIGHBOR 0xFFFFFFFFu /* fill of /neighbors/index; the score beside it is NaN */

typedef struct ll_neighbor_sink {
    void *to;
    /* Rows [row, row + rows), ascending, from the calling thread: (rows, K) each, best first. */
    ll_status (*receive)(void *to, int64_t row, int64_t rows, const uint32_t *index,
                         const float *score, ll_error *err);
} ll_neighbor_sink;

typedef struct ll_similarity_options {
    const float *features; /* (rows, cols) unit f32 */
    int64_t rows, cols;
    int neighbors;         /* K, already cut to max(rows - 1, 1) */
    const uint32_t *group; /* (rows) --within, or NULL */
    ll_matrix_type matrix;
    ll_tile_sink matrix_sink;
    /* Before the first tile, with the sink's `to`, or NULL: tiles come in bands of `band_rows`
     * rows; on and above the diagonal, work on a band begins after that on the band before. */
    ll_status (*matrix_begin)(void *to, int64_t band_rows, ll_error *err);
    ll_neighbor_sink neighbor_sink;
    int threads; /* of the host's own part; 0: one a processor. Results do not depend on it */
    const ll_log *log;
} ll_similarity_options;

typedef struct ll_similarity_summary {
    int64_t rows_redone; /* rows whose candidates were not certain */
    int64_t tiles, tile; /* how many, and the rows of one */
    double tile_seconds, rescore_seconds;
    /* How many items have similar ones at the paper's threshold. */
    int64_t rows_with_ten, rows_with_one; /* neighbours scoring >= 0.80 */
    double median_best;                   /* NaN if no row has a neighbour */
} ll_similarity_summary;

/** Candidates kept per row for K neighbours: K + M (ll_compare_margin), never more than the others.
 */
int64_t ll_similarity_candidates(const ll_backend *be, int64_t rows, int64_t neighbors);

/** Anonymous host memory a run will hold, the backend's part of it included: known before it.
 *  `features`, `group` and the sinks are not looked at. */
int64_t ll_similarity_host_bytes(const ll_backend *be, const ll_similarity_options *options);

/** Compare all rows with all rows. rows = 0 and rows = 1 succeed (row 0 then has no neighbour). */
LL_NODISCARD ll_status ll_similarity_run(ll_backend *be, const ll_similarity_options *options,
                                         ll_similarity_summary *summary, ll_error *err);

#endif
