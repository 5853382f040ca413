/* kernels/half.h - float16 for the CPU twins, in plain integers: any f32, any machine.
 * Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_HALF_H
#define LL_KERNELS_HALF_H

#include <stdint.h>
#include <string.h>

/** The bits of `x` as float16: round to nearest, ties to even; NaN is 0x7FFF, as on a card. */
static inline uint16_t ll_half_bits(float x)
{
    const uint32_t infinity = 0x7F800000u, first_normal = 0x38800000u; /* 2^-14 */
    const uint32_t rounds_to_infinity = 0x477FF000u;                   /* 65520 */
    uint32_t bits, rounded;

    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u;
    bits &= 0x7FFFFFFFu;
    if (bits > infinity) return 0x7FFF;
    if (bits >= rounds_to_infinity) return (uint16_t)(sign | 0x7C00u);
    if (bits >= first_normal) {
        /* 13 bits go; the exponent's bias goes from 127 to 15. A carry runs on as it should. */
        rounded = ((bits + 0xFFFu + (bits >> 13 & 1u)) >> 13) - (112u << 10);
    } else {
        /* Steps of 2^-24, as those of a f32 in [0.5, 1): the addition rounds. */
        float size;
        memcpy(&size, &bits, sizeof size);
        size += 0.5f;
        memcpy(&rounded, &size, sizeof rounded);
        rounded -= 0x3F000000u;
    }
    return (uint16_t)(sign | rounded);
}

/** The value of a finite float16. */
static inline float ll_half_value(uint16_t half)
{
    const uint32_t exponent = half >> 10 & 0x1Fu, mantissa = half & 0x3FFu;
    const float tiny = (float)mantissa * 0x1p-24f;
    const uint32_t bits = (exponent + 112u) << 23 | mantissa << 13;
    float size;

    memcpy(&size, &bits, sizeof size);
    if (exponent == 0) size = tiny;
    return half & 0x8000u ? -size : size;
}
#endif
