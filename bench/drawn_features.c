/* bench/drawn_features.c - see drawn_features.h. */
#include "bench/drawn_features.h"
#include "host/base/random.h"

#include <math.h>

enum {
    CLUSTER_ROWS = 50,
    BLOCK = 64, /* a copy is one of the first row of its block, which is always its own */
    /* of a hundred rows: */
    PLACEHOLDERS = 1,
    TWINS = 2,
    NEAR_TWINS = 3,
};

/* What a row is a picture of: itself, the first of its block, or the placeholder (row 0). */
static int64_t picture(const ll_drawn_features *drawn, int64_t row, int *near)
{
    const int64_t first = row - row % BLOCK;
    const uint64_t draw = ll_random_word(drawn->seed ^ ll_random_word((uint64_t)row, 0), 0) % 100;

    *near = 0;
    if (row == first) return row;
    if (draw < PLACEHOLDERS) return 0;
    if (draw < PLACEHOLDERS + TWINS) return first;
    *near = draw < PLACEHOLDERS + TWINS + NEAR_TWINS;
    return *near ? first : row;
}

int64_t ll_drawn_features_cluster(const ll_drawn_features *drawn, int64_t row)
{
    const int64_t of = drawn->cluster_rows > 0 ? drawn->cluster_rows : CLUSTER_ROWS;
    const int64_t clusters = drawn->rows > of ? drawn->rows / of : 1;
    int near;
    const int64_t shown = picture(drawn, row, &near);

    return (int64_t)(ll_random_word(~drawn->seed ^ ll_random_word((uint64_t)shown, 0), 0) %
                     (uint64_t)clusters);
}

/* Each value: the cluster's, half of them zero, and noise of the row's own, half of it zero. Sums,
 * products and roots of doubles in a fixed order: IEEE 754 leaves no choice. */
void ll_drawn_features_row(const ll_drawn_features *drawn, int64_t row, float *features)
{
    int near;
    const int64_t shown = picture(drawn, row, &near);
    const uint64_t shared = ll_random_word(drawn->seed + 1, 0) ^
                            ll_random_word((uint64_t)ll_drawn_features_cluster(drawn, row), 0)
                                << 20;
    const uint64_t own = ll_random_word(drawn->seed + 2, 0) ^ ll_random_word((uint64_t)shown, 0)
                                                                  << 20;
    double sum = 0.0;

    for (int64_t k = 0; k < drawn->cols; k++) {
        const double a = (double)(ll_random_word(shared + (uint64_t)k, 0) >> 11) * 0x1p-53 - 0.5;
        const double b = (double)(ll_random_word(own + (uint64_t)k, 0) >> 11) * 0x1p-53 - 0.5;
        const double value = (a > 0.0 ? a : 0.0) + 0.5 * (b > 0.0 ? b : 0.0);
        features[k] = (float)value;
        sum += (double)features[k] * (double)features[k];
    }
    if (!(sum > 0.0)) {
        features[0] = 1.0f;
        sum = 1.0;
    }
    for (int64_t k = 0; k < drawn->cols; k++)
        features[k] = (float)((double)features[k] / sqrt(sum));
    if (!near) return;
    for (int64_t k = row % 7; k < drawn->cols;
         k += 1 + (int64_t)(ll_random_word((uint64_t)row, 0) % 97))
        features[k] = nextafterf(features[k], row % 2 == 0 ? 1.0f : 0.0f);
}
