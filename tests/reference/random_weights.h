/* tests/reference/random_weights.h - a drawn network behind weights/weights.h, without a file.
 *
 * Linking random_weights.c puts it in the place of weights/weights.c. `path` of ll_weights_open
 * says what to draw, "KIND:SEED:BIASES": KIND is caffe or torch, BIASES a file of all layers'
 * biases (f32, end to end) or nothing for small random ones. Kernel value i of a layer is a mix of
 * seed, layer and i, so any language can draw the same one (tests/agree/agree_forward.py).
 * He-scaled. What the functions below set is the only state, and only for tests. */
#ifndef LL_TESTS_RANDOM_WEIGHTS_H
#define LL_TESTS_RANDOM_WEIGHTS_H

#include <stdint.h>

/** Uniform in [-1, 1): value i of stream `stream`. */
float ll_random_at(uint64_t seed, uint64_t stream, uint64_t i);

/** Fill a layer's kernel (OHWI). */
void ll_random_kernel(uint64_t seed, int layer, float *kernel);

/** Multiply every weight of the networks opened from here on; for activations that overflow.
 *  1 at first. */
void ll_random_weights_scale(float factor);

/** Pretend the file ends with this layer (no-top files). LL_VGG16_FC2 at first. */
void ll_random_weights_end(int last_layer);

/** From here on keep what is drawn (537 MB to fc2, until the end) for networks of the same seed:
 *  for programs that open many, with little time. */
void ll_random_weights_keep(void);

#endif
