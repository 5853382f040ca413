/* host/backend/cuda/net/cuda_scale.h - fp16: the power of two that keeps activations within the
 * type. Private to host/backend/cuda/. */
#ifndef LL_CUDA_SCALE_H
#define LL_CUDA_SCALE_H

#include "host/backend/cuda/net/cuda_net.h"

/** Loads the weights, and finds `factor` and what fp32 makes of the calibration pictures.
 * @return LL_ERR_FORMAT if no factor will do */
LL_NODISCARD ll_status ll_cuda_scale_find(ll_net *net, struct ll_weights *weights, ll_error *err);

#endif
