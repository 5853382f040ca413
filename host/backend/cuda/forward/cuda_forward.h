/* host/backend/cuda/forward/cuda_forward.h - a network on a card, from its making to its features:
 * the members of the table of backends. Private to host/backend/cuda/. */
#ifndef LL_CUDA_FORWARD_H
#define LL_CUDA_FORWARD_H

#include "host/backend/cuda/net/cuda_net.h"

/* ---- cuda_net.c */

ll_status ll_cuda_net_create(ll_backend *be, struct ll_weights *weights,
                             const ll_net_options *options, ll_net **out, ll_error *err);
void ll_cuda_net_free(ll_backend *be, ll_net *net);

/* ---- cuda_forward.c */

/** Every slot's batch as one graph; if an engine cannot be captured, that is logged, the graph
 *  stays NULL and the kernels of each batch are launched one by one. LL_ERR_MEMORY,
 *  LL_ERR_DEVICE. */
LL_NODISCARD ll_status ll_cuda_graphs_make(ll_net *net, ll_error *err);
ll_status ll_cuda_forward_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels,
                                 int n, ll_error *err);
ll_status ll_cuda_forward_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                               ll_error *err);

#endif
