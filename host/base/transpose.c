/* host/base/transpose.c - see transpose.h.
 *
 * It goes by squares whose sides are a cache line of floats: each line read is used up while it is
 * in the first cache, and each line written is complete before the next. */
#include "host/base/transpose.h"

#include "host/base/size.h"

#include <assert.h>

enum { SQUARE = 16 };

static void transpose_words(const uint32_t *from, int64_t rows, int64_t columns,
                            int64_t from_stride, uint32_t *to, int64_t to_stride)
{
    for (int64_t c0 = 0; c0 < columns; c0 += SQUARE)
        for (int64_t r0 = 0; r0 < rows; r0 += SQUARE)
            for (int64_t c = c0; c < ll_min_i64(c0 + SQUARE, columns); c++)
                for (int64_t r = r0; r < ll_min_i64(r0 + SQUARE, rows); r++)
                    to[c * to_stride + r] = from[r * from_stride + c];
}

static void transpose_halves(const uint16_t *from, int64_t rows, int64_t columns,
                             int64_t from_stride, uint16_t *to, int64_t to_stride)
{
    for (int64_t c0 = 0; c0 < columns; c0 += SQUARE)
        for (int64_t r0 = 0; r0 < rows; r0 += SQUARE)
            for (int64_t c = c0; c < ll_min_i64(c0 + SQUARE, columns); c++)
                for (int64_t r = r0; r < ll_min_i64(r0 + SQUARE, rows); r++)
                    to[c * to_stride + r] = from[r * from_stride + c];
}

void ll_transpose_strided(const void *from, int64_t rows, int64_t columns, int64_t from_stride,
                          size_t width, void *to, int64_t to_stride)
{
    assert(width == sizeof(uint32_t) || width == sizeof(uint16_t));
    if (width == sizeof(uint32_t))
        transpose_words(from, rows, columns, from_stride, to, to_stride);
    else
        transpose_halves(from, rows, columns, from_stride, to, to_stride);
}

void ll_transpose(const void *from, int64_t rows, int64_t columns, size_t width, void *to,
                  int64_t stride)
{
    ll_transpose_strided(from, rows, columns, columns, width, to, stride);
}
