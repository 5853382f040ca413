/* tests/cuda_emulated/emulated_half.h - a card's number types for OpenBLAS, which has only f32.
 * Private to tests/cuda_emulated/. */
#ifndef LL_EMULATED_HALF_H
#define LL_EMULATED_HALF_H

#include "kernels/half.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum ll_emulated_type {
    LL_EMULATED_FP16,
    LL_EMULATED_TF32,
    LL_EMULATED_FP32
} ll_emulated_type;

static inline size_t ll_emulated_type_bytes(ll_emulated_type type)
{
    return type == LL_EMULATED_FP16 ? sizeof(uint16_t) : sizeof(float);
}

/* TF32 keeps 10 bits of the fraction: to nearest, ties away from zero (PTX ISA, cvt.rna.tf32). */
static inline float ll_emulated_tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x1000u) & ~UINT32_C(0x1FFF);
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Half a photo's network is this: a table of all 65 536 is three times as quick as ll_half_value.
 */
static inline const float *ll_emulated_halves(void)
{
    static float halves[1 << 16];
    static bool made;

    for (uint32_t bits = 0; !made && bits < 1 << 16; bits++)
        halves[bits] = ll_half_value((uint16_t)bits);
    made = true;
    return halves;
}

/** Values [first, first + n) of `src` as f32, with what its type loses. */
static inline void ll_emulated_widen(const void *src, ll_emulated_type type, size_t first, size_t n,
                                     float *dst)
{
    const float *const halves = ll_emulated_halves();

    if (type == LL_EMULATED_FP16)
        for (size_t i = 0; i < n; i++)
            dst[i] = halves[((const uint16_t *)src)[first + i]];
    else if (type == LL_EMULATED_TF32)
        for (size_t i = 0; i < n; i++)
            dst[i] = ll_emulated_tf32(((const float *)src)[first + i]);
    else
        memcpy(dst, (const float *)src + first, n * sizeof *dst);
}

static inline void ll_emulated_store(void *dst, bool half, size_t at, float value)
{
    if (half)
        ((uint16_t *)dst)[at] = ll_half_bits(value);
    else
        ((float *)dst)[at] = value;
}

#endif
