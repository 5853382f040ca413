/* host/backend/cuda/engines/cuda_retime.h - the fastest engines of a layer, timed once more.
 * Private to host/backend/cuda/engines. */
#ifndef LL_CUDA_RETIME_H
#define LL_CUDA_RETIME_H

#include "host/backend/cuda/engines/cuda_timing.h"

/** Replace the times of offers within a few percent of the best by medians of runs in turns. */
LL_NODISCARD ll_status ll_cuda_retime_fastest(struct cuda_timing *c, int layer, ll_error *err);

#endif
