/* host/backend/cuda/engines/cuda_choice.h - an engine for every layer. Private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_CHOICE_H
#define LL_CUDA_CHOICE_H

#include "host/backend/cuda/net/cuda_net.h"

/** An engine for every layer: an earlier net's, the cache's, or the fastest that is right. */
LL_NODISCARD ll_status ll_cuda_engines_choose(ll_net *net, ll_error *err);

#endif
