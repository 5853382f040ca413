/* kernels/normalize.c - the CPU twin; see normalize.h. */
#include "kernels/normalize.h"

#include <math.h>

enum { LANES = LL_NORMALIZE_LANES };

static double length(const float *row, int64_t cols)
{
    double partial[LANES] = {0.0};

    for (int64_t j = 0; j < cols; j++)
        partial[j % LANES] += (double)row[j] * row[j];
    for (int step = LANES / 2; step > 0; step /= 2)
        for (int lane = 0; lane < step; lane++)
            partial[lane] += partial[lane + step];
    return sqrt(partial[0]);
}

void ll_normalize_rows_cpu(float *x, int64_t rows, int64_t cols, float *norms)
{
    for (int64_t i = 0; i < rows; i++) {
        float *const row = x + i * cols;
        const double norm = length(row, cols);
        norms[i] = (float)norm;
        if (norm == 0.0) continue; /* no direction to keep */
        for (int64_t j = 0; j < cols; j++)
            row[j] = (float)((double)row[j] / norm);
    }
}
