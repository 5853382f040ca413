/* kernels/narrow.c - see narrow.h.
 *
 * Plain integer arithmetic instead of the F16C instruction: it vectorises too, gives the same bits,
 * and runs on every machine. */
#include "kernels/narrow.h"
#include "kernels/target_clones.h"

#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint16_t to_float16(float score)
{
    const uint32_t smallest_normal = 0x38800000u; /* 2^-14 */
    const uint32_t bits = bits_of(score);

    /* 13 bits of the mantissa go. Half a step less one, plus one where the last bit kept is odd,
     * carries exactly when nearest-even rounds up; the carry may run on into the exponent, as it
     * should. Then the exponent's bias goes from 127 to 15. */
    const uint32_t normal = ((bits + 0xFFFu + ((bits >> 13) & 1u)) >> 13) - (112u << 10);
    /* Below 2^-14 a float16 counts steps of 2^-24, and so does a f32 in [0.5, 1): adding 0.5 lets
     * the processor do the rounding. */
    const uint32_t subnormal = bits_of(score + 0.5f) - bits_of(0.5f);
    return (uint16_t)(bits < smallest_normal ? subnormal : normal);
}

LL_TARGET_CLONES void ll_narrow_float16_cpu(const float *scores, int64_t count, uint16_t *narrowed)
{
    for (int64_t i = 0; i < count; i++)
        narrowed[i] = to_float16(scores[i]);
}

LL_TARGET_CLONES void ll_narrow_uint16_cpu(const float *scores, int64_t count, uint16_t *narrowed)
{
    /* The product has 40 significant bits at most, so product and sum are exact in f64. */
    for (int64_t i = 0; i < count; i++)
        narrowed[i] = (uint16_t)(int32_t)((double)scores[i] * 65535.0 + 0.5);
}

void ll_narrow_tile_cpu(const ll_narrow_tile *tile, ll_matrix_type type, void *narrowed)
{
    const int64_t columns = tile->columns;

    for (int64_t r = 0; r < tile->rows; r++) {
        const float *const row = tile->scores + r * tile->stride;
        if (type == LL_MATRIX_FLOAT32)
            memcpy((float *)narrowed + r * columns, row, (size_t)columns * sizeof *row);
        else if (type == LL_MATRIX_FLOAT16)
            ll_narrow_float16_cpu(row, columns, (uint16_t *)narrowed + r * columns);
        else
            ll_narrow_uint16_cpu(row, columns, (uint16_t *)narrowed + r * columns);
    }
}

void ll_narrow_mirror_cpu(float *scores, int64_t stride, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        scores[r * stride + r] = 1.0f;
        for (int64_t c = 0; c < r; c++)
            scores[r * stride + c] = scores[c * stride + r];
    }
}
