/* bench/drawn_features.h - random features of a made-up shop; any row can be generated on its own.
 * Input for timing and testing the second half of a run (compare, write, publish).
 *
 * Rows look like activations after a ReLU: no negatives, half zeros, unit length. They form
 * clusters (scores of about 0.9 within a cluster, 0.4 between two). Some rows are copies of another
 * row, one row in a hundred is the same placeholder, and some differ from another row by one unit
 * in the last place of a few values, so that scores are equal or nearly equal. Floor 6.
 */
#ifndef LL_BENCH_DRAWN_FEATURES_H
#define LL_BENCH_DRAWN_FEATURES_H

#include <stdint.h>

typedef struct ll_drawn_features {
    uint64_t seed;
    int64_t cols;
    int64_t cluster_rows; /* rows of a cluster, about; 0: 50 */
    int64_t rows;
} ll_drawn_features;

/** Row `row` into `features` (cols): the same bytes on every machine, whatever the order of the
 *  calls. */
void ll_drawn_features_row(const ll_drawn_features *drawn, int64_t row, float *features);

/** The cluster of a row. */
int64_t ll_drawn_features_cluster(const ll_drawn_features *drawn, int64_t row);

#endif
