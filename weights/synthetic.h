/* weights/synthetic.h - generates an untrained network that can still distinguish garments.
 *
 * Kernels are the same bytes on every machine: an integer generator, sums of uniforms (no libm),
 * He-scaled. Biases come from outside, because calibrating them needs a forward pass
 * (host/backend/backend.h: ll_backend_calibrate): each channel is centred on the fixed drawn batch
 * below. Uncentred, all cosines lie in 0.95 - 0.99. Floor 2; includes base, h5, vgg16. */
#ifndef LL_WEIGHTS_SYNTHETIC_H
#define LL_WEIGHTS_SYNTHETIC_H

#include "host/base/status.h"

#include <stdint.h>

enum { LL_SYNTHETIC_BATCH = 32 };

/** Fill one layer's kernel (OHWI, as ll_weights_load gives it) for a seed. */
LL_NODISCARD ll_status ll_synthetic_kernel(uint64_t seed, int layer, float *kernel, ll_error *err);

/** The calibration pictures: (LL_SYNTHETIC_BATCH, 224, 224, 3) u8 RGB, garments on white drawn with
 *  integers only, so they too are the same bytes everywhere. */
void ll_synthetic_pixels(uint8_t *pixels);

/** Write a weights file in the original Keras layout, marked untrained: kernels from `seed`, biases
 *  from `biases` (all layers' biases end to end, in layer order: 4 224 + 2 * 4096 values).
 *  Published whole or not at all. LL_ERR_IO, LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_synthetic_write(const char *path, uint64_t seed, const float *biases,
                                          ll_error *err);

#endif
