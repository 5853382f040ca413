/* host/base/transpose.h - a tile of values written as its mirror image. Floor 0. */
#ifndef LL_BASE_TRANSPOSE_H
#define LL_BASE_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>

/** to[c * stride + r] = from[r * columns + c]
 *
 * @param from    (rows, columns), packed
 * @param width   bytes of a value: 2 or 4; both arrays are aligned to it
 * @param to      (columns, rows), `stride` values from row to row; does not overlap `from` */
void ll_transpose(const void *from, int64_t rows, int64_t columns, size_t width, void *to,
                  int64_t stride);

/** The same of a part of a larger array, whose rows are `from_stride` values apart:
 *  to[c * to_stride + r] = from[r * from_stride + c] */
void ll_transpose_strided(const void *from, int64_t rows, int64_t columns, int64_t from_stride,
                          size_t width, void *to, int64_t to_stride);

#endif
