/* weights/float_types.c - see float_types.h. */
#include "weights/float_types.h"
#include "host/base/text.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

_Static_assert(LL_FLOAT_TYPES_TEXT >= sizeof "float16, bfloat16, float32, float64, other",
               "all of them have room");

void ll_float_types_text(unsigned types, char out[LL_FLOAT_TYPES_TEXT])
{
    static const char *const k_names[] = {"float16", "bfloat16", "float32", "float64", "other"};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof k_names / sizeof k_names[0]; i++)
        if ((types & 1U << i) != 0)
            ll_text_say_more(out, LL_FLOAT_TYPES_TEXT, "%s%s", out[0] != '\0' ? ", " : "",
                             k_names[i]);
}

/* The exponent's bias goes from 15 to 127, but all ones stay all ones. Without an exponent the
 * mantissa counts steps of 2^-24, which float32 has an exponent for.
 * kernels/half.h has the like, of finite numbers; weights/ does not include kernels/. */
static float from_float16(uint16_t half)
{
    const uint32_t exponent = half >> 10 & 0x1FU, mantissa = half & 0x3FFU;
    const uint32_t wide = exponent == 0x1F ? 0xFF : exponent + 112;
    uint32_t bits = wide << 23 | mantissa << 13;
    float value = (float)mantissa * 0x1p-24F;

    if (exponent == 0) memcpy(&bits, &value, sizeof bits);
    bits |= (half & 0x8000U) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_bfloat16(uint16_t upper)
{
    const uint32_t bits = (uint32_t)upper << 16;
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Number i lies at byte 2 (count + i), and goes to 4 i: never past the one that is read next. */
void ll_float_widen(unsigned type, int64_t count, float *values)
{
    assert(type == LL_FLOAT16 || type == LL_BFLOAT16);
    const unsigned char *const numbers = (const unsigned char *)values + 2 * count;

    for (int64_t i = 0; i < count; i++) {
        uint16_t number;
        memcpy(&number, numbers + 2 * i, sizeof number);
        values[i] = type == LL_FLOAT16 ? from_float16(number) : from_bfloat16(number);
    }
}
