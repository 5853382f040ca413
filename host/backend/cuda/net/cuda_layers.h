/* host/backend/cuda/net/cuda_layers.h - a batch's work, queued on the compute stream. Private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_LAYERS_H
#define LL_CUDA_LAYERS_H

#include "host/backend/cuda/net/cuda_net.h"

LL_NODISCARD ll_status ll_cuda_input_queue(const ll_net *net, const uint8_t *pixels, void *input,
                                           ll_error *err);
/** `largest` (LL_CUDA_LAYERS) is raised to what the layer's activations reach; NULL: it is not. */
LL_NODISCARD ll_status ll_cuda_layer_queue(const ll_net *net, int layer, const void *x, void *y,
                                           uint32_t *largest, ll_error *err);
LL_NODISCARD ll_status ll_cuda_batch_queue(const ll_net *net, const struct cuda_slot *slot,
                                           ll_error *err);

#endif
