/* bench/drawn_features.h - features of a shop that never was, any row of any size at once: what the
 * second half of a night is measured and judged with.
 *
 * Rows are like activations after a ReLU: no negatives, half zeros, unit length. They come in
 * clusters (within one scores are about 0.9, between two 0.4); some rows are the byte-same picture
 * as another, one picture in a hundred is one and the same placeholder, and some differ from
 * another row by a unit in the last place here and there, so that scores tie or nearly do. Floor 6.
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

/** Row `row` into `features` (cols): the same bytes on every machine, whoever asks in whatever
 *  order. */
void ll_drawn_features_row(const ll_drawn_features *drawn, int64_t row, float *features);

/** The cluster of a row. */
int64_t ll_drawn_features_cluster(const ll_drawn_features *drawn, int64_t row);

#endif
