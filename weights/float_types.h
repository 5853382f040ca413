/* weights/float_types.h - the types a weights file keeps its numbers in. Private to weights. */
#ifndef LL_WEIGHTS_FLOAT_TYPES_H
#define LL_WEIGHTS_FLOAT_TYPES_H

#include <stdint.h>

/* Bits: the tensors of one file may differ. */
enum {
    LL_FLOAT16 = 1,  /* IEEE 754 binary16: sign, 5 bits of exponent, 10 of mantissa */
    LL_BFLOAT16 = 2, /* the upper half of a float32 */
    LL_FLOAT32 = 4,
    LL_FLOAT64 = 8,
    LL_FLOAT_OTHER = 16,
};

enum { LL_FLOAT_TYPES_TEXT = 64 };

/** "float16", or "float16, float32" where tensors differ. */
void ll_float_types_text(unsigned types, char out[LL_FLOAT_TYPES_TEXT]);

/** Make 16-bit numbers float32, in place and exactly; infinity and NaN stay what they are.
 * @param type    LL_FLOAT16 or LL_BFLOAT16
 * @param values  (count) f32, overwritten; the numbers fill its last 2 * count bytes */
void ll_float_widen(unsigned type, int64_t count, float *values);

#endif
