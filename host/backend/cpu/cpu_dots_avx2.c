/* host/backend/cpu/cpu_dots_avx2.c - cpu_dots_block.h with 8 sums of 8 floats at a time. */
#define LL_DOTS_BYTES   32
#define LL_DOTS_ROWS    4
#define LL_DOTS_VECTORS 2
#include "host/backend/cpu/cpu_dots_block.h"

void ll_cpu_dots_block_avx2(const float *x, const float *y, int64_t cols, bool add, float *sums,
                            int64_t stride)
{
    add_block(x, y, cols, add, sums, stride);
}
