/* host/backend/cuda/net/cuda_weights.h - the network's numbers, brought to the card. Private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_WEIGHTS_H
#define LL_CUDA_WEIGHTS_H

#include "host/backend/cuda/net/cuda_net.h"

/** Kernels to the card, biases kept on the host until the scale is known. `seen` (may be NULL) is
 *  called with the f32 kernel of each layer before that is freed. */
typedef ll_status (*ll_cuda_layer_fn)(void *to, int layer, const float *kernel, const float *bias,
                                      ll_error *err);
LL_NODISCARD ll_status ll_cuda_weights_load(ll_net *net, struct ll_weights *weights,
                                            ll_cuda_layer_fn seen, void *to, ll_error *err);
LL_NODISCARD ll_status ll_cuda_biases_upload(ll_net *net, ll_error *err);

/** OHWI f32 to `channels` inputs, those added zero, in `type`. */
LL_NODISCARD ll_status ll_cuda_kernel_pack(const float *kernel, int layer, int channels,
                                           ll_pool_type type, void *packed, ll_error *err);

#endif
