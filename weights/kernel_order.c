/* weights/kernel_order.c - see kernel_order.h. */
#include "weights/kernel_order.h"
#include "host/base/size.h"

/* 32 x 32 floats of source and target fit the first-level cache; fc1 is 411 MB and would otherwise
 * miss it once per value. */
enum { TILE = 32 };

void ll_layout_transpose(const float *src, int64_t rows, int64_t columns, int64_t src_stride,
                         float *dst, int64_t dst_stride)
{
    for (int64_t row = 0; row < rows; row += TILE) {
        const int64_t row_end = ll_min_i64(row + TILE, rows);
        for (int64_t column = 0; column < columns; column += TILE) {
            const int64_t column_end = ll_min_i64(column + TILE, columns);
            for (int64_t c = column; c < column_end; c++)
                for (int64_t r = row; r < row_end; r++)
                    dst[c * dst_stride + r] = src[r * src_stride + c];
        }
    }
}
