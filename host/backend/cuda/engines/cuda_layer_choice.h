/* host/backend/cuda/engines/cuda_layer_choice.h - which engine of a layer is the fastest that is
 * right. Private to host/backend/cuda/engines. */
#ifndef LL_CUDA_LAYER_CHOICE_H
#define LL_CUDA_LAYER_CHOICE_H

#include "host/backend/cuda/engines/cuda_timing.h"

/** Choose an engine for a layer, run it, and use its result as input of the next layer. */
LL_NODISCARD ll_status ll_cuda_layer_choose(struct cuda_timing *c, int layer, ll_error *err);

/** The same with an engine that is given. `*wrong` is NULL, or why it will not do (in `text`). */
LL_NODISCARD ll_status ll_cuda_layer_try(struct cuda_timing *c, int layer, const char *engine,
                                         bool pooled, const char **wrong, char text[256],
                                         ll_error *err);

/** A pool of ours. */
LL_NODISCARD ll_status ll_cuda_layer_pool(struct cuda_timing *c, int layer, ll_error *err);

#endif
