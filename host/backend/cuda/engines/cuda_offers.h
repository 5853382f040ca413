/* host/backend/cuda/engines/cuda_offers.h - which engines the libraries offer for a layer. Private
 * to host/backend/cuda/engines. */
#ifndef LL_CUDA_OFFERS_H
#define LL_CUDA_OFFERS_H

#include "host/backend/cuda/engines/cuda_timing.h"

void ll_cuda_offer_add(struct cuda_timing *c, const char *engine, bool pooled);

/** What the libraries offer, best guess first; where a pool follows, also engines that do it in the
 * same graph. With `c->known`, for a convolution like an earlier one, what won there alone. */
LL_NODISCARD ll_status ll_cuda_offers_collect(struct cuda_timing *c, int layer, ll_error *err);

/** conv5_2 is conv5_1 once more: what won there need not be found again. NULL: nothing like it. */
const char *ll_cuda_known_engine(const struct cuda_timing *c, int layer);

#endif
