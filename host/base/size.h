/* host/base/size.h - byte counts that cannot overflow unnoticed.
 *
 * N x N float32 is past 2^32 bytes at N = 32 769, so every size of ours is a product made here.
 * Floor 0. */
#ifndef LL_BASE_SIZE_H
#define LL_BASE_SIZE_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** *out = a * b bytes; LL_ERR_MEMORY if that does not fit a size_t or a factor is negative. */
LL_NODISCARD static inline ll_status ll_size_mul(int64_t a, int64_t b, size_t *out, ll_error *err)
{
    size_t product = 0;
    if (a < 0 || b < 0 || __builtin_mul_overflow((size_t)a, (size_t)b, &product))
        return ll_fail(err, LL_ERR_MEMORY,
                       "%lld x %lld bytes are more than this machine can address", (long long)a,
                       (long long)b);
    *out = product;
    return LL_OK;
}

static inline int64_t ll_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t ll_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** ceil(a / b) for a >= 0, b > 0. */
static inline int64_t ll_ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

#endif
