/* weights/keras_h5.h - VGG16 weights in the HDF5 files Keras writes. Private to weights.
 *
 * HDF5 keeps global state without a lock: one thread at a time for all files. */
#ifndef LL_WEIGHTS_KERAS_H5_H
#define LL_WEIGHTS_KERAS_H5_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_keras_h5 ll_keras_h5;

/** Open a file, recognise its layout and check every tensor. LL_ERR_IO, LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_keras_h5_open(const char *path, ll_keras_h5 **out, ll_error *err);
void ll_keras_h5_close(ll_keras_h5 *keras); /* accepts NULL */

/** "keras-original", "keras-2" or "keras-3". */
const char *ll_keras_h5_layout(const ll_keras_h5 *keras);

/** LL_VGG16_FC2, or LL_VGG16_POOL5 for a no-top file. */
int ll_keras_h5_last_layer(const ll_keras_h5 *keras);

/** Was it written by ll_synthetic_write, and with which seed? */
bool ll_keras_h5_synthetic(const ll_keras_h5 *keras, uint64_t *seed);

/** In which types its tensors are kept: LL_FLOAT32 and so on (float_types.h). */
unsigned ll_keras_h5_types(const ll_keras_h5 *keras);

/** One layer as ll_weights_load gives it; whether it is finite is not looked at. */
LL_NODISCARD ll_status ll_keras_h5_load(ll_keras_h5 *keras, int layer, float *kernel, float *bias,
                                        ll_error *err);

/* The root attribute ll_synthetic_write leaves: the seed, unsigned 64 bit. */
#define LL_KERAS_H5_SEED "lookloom_synthetic_seed"

#endif
