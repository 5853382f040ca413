/* kernels/narrow.h - scores in half the bytes.
 *
 *   float16  IEEE 754 binary16, round to nearest, ties to even: off by at most 2^-12
 *   uint16   floor(65535 score + 1/2), exactly: off by at most 1/131070
 *
 * Scores lie in [0, 1]; for anything else the result means nothing. cpu and cuda twins give the
 * same bits. Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_NARROW_H
#define LL_KERNELS_NARROW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** narrowed[i] = the bits of scores[i] as float16. */
void ll_narrow_float16_cpu(const float *scores, int64_t count, uint16_t *narrowed);

/** narrowed[i] = scores[i] in steps of 1/65535. */
void ll_narrow_uint16_cpu(const float *scores, int64_t count, uint16_t *narrowed);

#ifdef __cplusplus
}
#endif
#endif
