/* weights/safetensors.h - VGG16 weights in a safetensors file, named as torchvision names them.
 * Private to weights.
 *
 * Format: 8 bytes of little-endian length, that many bytes of JSON, then the tensors' bytes.
 * Source: github.com/huggingface/safetensors, README, "Format". */
#ifndef LL_WEIGHTS_SAFETENSORS_H
#define LL_WEIGHTS_SAFETENSORS_H

#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_safetensors ll_safetensors;

/** Open a file and check its header whole, then every tensor of ours. LL_ERR_IO, LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_safetensors_open(const char *path, ll_safetensors **out, ll_error *err);
void ll_safetensors_close(ll_safetensors *file); /* accepts NULL */

/** LL_VGG16_FC2, or LL_VGG16_POOL5 for a file without a classifier. */
int ll_safetensors_last_layer(const ll_safetensors *file);

/** In which types its tensors are kept: LL_FLOAT32, LL_FLOAT16, LL_BFLOAT16 (float_types.h). */
unsigned ll_safetensors_types(const ll_safetensors *file);

/** One layer as ll_weights_load gives it; whether it is finite is not looked at. */
LL_NODISCARD ll_status ll_safetensors_load(ll_safetensors *file, int layer, float *kernel,
                                           float *bias, ll_error *err);

#endif
