/* host/backend/cpu/cpu_dots_plain.c - cpu_dots_block.h with 8 sums of 4 floats at a time, for every
 * processor. */
#define LL_DOTS_BYTES   16
#define LL_DOTS_ROWS    4
#define LL_DOTS_VECTORS 2
#include "host/backend/cpu/cpu_dots_block.h"

void ll_cpu_dots_block_plain(const float *x, const float *y, int64_t cols, bool add, float *sums,
                             int64_t stride)
{
    add_block(x, y, cols, add, sums, stride);
}
