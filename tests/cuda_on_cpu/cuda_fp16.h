/* tests/cuda_on_cpu/cuda_fp16.h - stands in for CUDA's header of this name: float16 by the
 * definition of IEEE 754, in double arithmetic; on purpose another way than kernels/half.h. */
#ifndef LL_CUDA_ON_CPU_FP16_H
#define LL_CUDA_ON_CPU_FP16_H

#include <cmath>

struct __half {
    unsigned short bits;
};

static inline __half __ushort_as_half(unsigned short bits)
{
    return __half{bits};
}

static inline unsigned short __half_as_ushort(__half value)
{
    return value.bits;
}

/* Round to nearest, ties to even: a float16 counts steps of 2^(exponent - 10), of 2^-24 at least.
 */
static inline __half __float2half_rn(float value)
{
    const unsigned short sign = std::signbit(value) ? 0x8000 : 0;
    const double size = std::fabs((double)value);
    int exponent = -14;

    if (std::isnan(value)) return __half{0x7fff};
    if (size >= 65520.0) return __half{(unsigned short)(sign | 0x7c00)};
    if (size > 0.0 && std::ilogb(size) > exponent) exponent = std::ilogb(size);
    /* nearbyint rounds ties to even. A carry into the next exponent is a carry in the bits too. */
    const int steps = (int)std::nearbyint(std::ldexp(size, 10 - exponent));
    return __half{(unsigned short)(sign | (((exponent + 14) << 10) + steps))};
}

static inline float __half2float(__half value)
{
    const int exponent = value.bits >> 10 & 0x1f, mantissa = value.bits & 0x3ff;
    const double step = (1u << (exponent > 0 ? exponent - 1 : 0)) * 0x1p-24;
    const double size = exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                       : step * (exponent > 0 ? 1024 + mantissa : mantissa);
    return (float)(value.bits & 0x8000 ? -size : size);
}
#endif
