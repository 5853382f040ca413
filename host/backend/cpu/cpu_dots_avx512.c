/* host/backend/cpu/cpu_dots_avx512.c - cpu_dots_block.h with 16 sums of 16 floats. */
#define LL_DOTS_BYTES   64
#define LL_DOTS_ROWS    16
#define LL_DOTS_VECTORS 1
#include "host/backend/cpu/cpu_dots_block.h"

void ll_cpu_dots_block_avx512(const float *x, const float *y, int64_t cols, bool add, float *sums,
                              int64_t stride)
{
    add_block(x, y, cols, add, sums, stride);
}
