/* host/backend/cuda/engines/cuda_engine_set.h - an engine, put to work on a layer. Private to
 * host/backend/cuda/engines. */
#ifndef LL_CUDA_ENGINE_SET_H
#define LL_CUDA_ENGINE_SET_H

#include "host/backend/cuda/net/cuda_net.h"

/** An engine, or a product's algorithm, in place of the one the layer had. The workspace grows to
 * what it needs. LL_ERR_UNSUPPORTED, LL_ERR_FORMAT: it cannot. */
LL_NODISCARD ll_status ll_cuda_engine_set(ll_net *net, int layer, const char *engine, bool pooled,
                                          ll_error *err);

/** A workspace of what the engines set need, and no more. */
LL_NODISCARD ll_status ll_cuda_workspace_fit(ll_net *net, ll_error *err);

#endif
