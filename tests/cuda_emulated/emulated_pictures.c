/* tests/cuda_emulated/emulated_pictures.c - the calibration pictures, drawn once a process.
 *
 * A net draws them anew when it is made, twice in fp16; tests make hundreds. The linker sends the
 * module's calls here (--wrap). */
#include "weights/drawn_batch.h"
#include "weights/synthetic.h"

#include <stdbool.h>
#include <string.h>

void __real_ll_synthetic_pixels(uint8_t *pixels);
void __wrap_ll_synthetic_pixels(uint8_t *pixels);

void __wrap_ll_synthetic_pixels(uint8_t *pixels)
{
    static uint8_t drawn[LL_SYNTHETIC_BATCH * LL_DRAWN_BYTES];
    static bool made;

    if (!made) __real_ll_synthetic_pixels(drawn);
    made = true;
    memcpy(pixels, drawn, sizeof drawn);
}
