/* kernels/rescore.c - see rescore.h.
 *
 * The definition fixes the order of the additions and nothing else, and its 64 sums are independent
 * of each other, so any vector width gives the same bits: each sum keeps its own lane. Fusing a
 * product with its addition would not change them either, since the product is exact in f64.
 *
 * Candidates are rows of 16 KB at random addresses: too short for the hardware prefetcher, so the
 * next row is prefetched while this one is summed (2.2 times as many pairs a second). */
#include "kernels/rescore.h"
#include "kernels/target_clones.h"

#include <math.h>

enum { LINE = 16 }; /* floats in a cache line */

/* S(x, y); prefetches `next` (cols). */
LL_TARGET_CLONES static double dot(const float *x, const float *y, const float *next, int64_t cols)
{
    double partial[LL_RESCORE_LANES] = {0.0};
    const int64_t whole = cols - cols % LL_RESCORE_LANES;

    for (int64_t k = 0; k < whole; k += LL_RESCORE_LANES) {
        for (int l = 0; l < LL_RESCORE_LANES; l += LINE)
            __builtin_prefetch(next + k + l, 0, 2);
        for (int l = 0; l < LL_RESCORE_LANES; l++)
            partial[l] += (double)x[k + l] * (double)y[k + l];
    }
    for (int64_t k = whole; k < cols; k++)
        partial[k - whole] += (double)x[k] * (double)y[k];
    for (int s = LL_RESCORE_LANES / 2; s > 0; s /= 2)
        for (int l = 0; l < s; l++)
            partial[l] += partial[l + s];
    return partial[0];
}

double ll_rescore_dot_cpu(const float *x, const float *y, int64_t cols)
{
    return dot(x, y, y, cols);
}

float ll_rescore_score(double xy, double xx, double yy)
{
    const double lengths = sqrt(xx * yy);
    if (!(lengths > 0.0)) return 0.0f;

    const float score = (float)(xy / lengths);
    return !(score > 0.0f) ? 0.0f : score > 1.0f ? 1.0f : score; /* -0 becomes 0 too */
}

void ll_rescore_squares_cpu(const float *features, int64_t rows, int64_t cols, double *squares)
{
    for (int64_t i = 0; i < rows; i++)
        squares[i] = ll_rescore_dot_cpu(features + i * cols, features + i * cols, cols);
}

void ll_rescore_cpu(const float *features, int64_t cols, const double *squares, int64_t row,
                    const uint32_t *columns, int64_t count, float *scores)
{
    const float *const x = features + row * cols;

    for (int64_t c = 0; c < count; c++) {
        if (columns[c] == UINT32_MAX) continue;
        const int64_t column = columns[c];
        const int64_t next = c + 1 < count && columns[c + 1] != UINT32_MAX ? columns[c + 1] : row;
        const double xy = dot(x, features + column * cols, features + next * cols, cols);
        scores[c] = ll_rescore_score(xy, squares[row], squares[column]);
    }
}

void ll_rescore_rows_cpu(const float *features, int64_t all, int64_t cols, const double *squares,
                         const uint32_t *rows, int64_t count, int64_t first, int64_t end,
                         float *scores)
{
    for (int64_t r = 0; r < count; r++) {
        const int64_t row = rows[r];
        const float *const x = features + row * cols;
        for (int64_t c = first; c < end; c++) {
            const int64_t next = c + 1 < end ? c + 1 : first;
            const double xy = dot(x, features + c * cols, features + next * cols, cols);
            scores[r * all + c] = ll_rescore_score(xy, squares[row], squares[c]);
        }
    }
}
