/* kernels/halve.c - the CPU twin; see halve.h. */
#include "kernels/halve.h"
#include "kernels/half.h"

#include <math.h>

enum { LANES = LL_HALVE_LANES };

static double tree(double *partial)
{
    for (int step = LANES / 2; step > 0; step /= 2)
        for (int lane = 0; lane < step; lane++)
            partial[lane] += partial[lane + step];
    return partial[0];
}

static float length_up(double squares)
{
    const double length = sqrt(squares) * (1.0 + 0x1p-40);
    const float nearest = (float)length;
    return (double)nearest < length ? nextafterf(nearest, INFINITY) : nearest;
}

void ll_halve_rows_cpu(const float *unit, int64_t rows, int64_t cols, uint16_t *half,
                       float *residuals, float *lengths)
{
    for (int64_t i = 0; i < rows; i++) {
        double missing[LANES] = {0.0}, kept[LANES] = {0.0};

        for (int64_t j = 0; j < cols; j++) {
            const int64_t at = i * cols + j;
            half[at] = ll_half_bits(unit[at] * (float)LL_HALVE_SCALE);
            const double value = (double)ll_half_value(half[at]) / LL_HALVE_SCALE;
            const double gone = (double)unit[at] - value;
            missing[j % LANES] += gone * gone;
            kept[j % LANES] += value * value;
        }
        residuals[i] = length_up(tree(missing));
        lengths[i] = length_up(tree(kept));
    }
}
