/* host/backend/cuda/engines/cuda_engine_names.h - engines of layers as one text, and back, however
 * long their names are. Knows nothing of cards or libraries. Private to host/backend/cuda/. */
#ifndef LL_CUDA_ENGINE_NAMES_H
#define LL_CUDA_ENGINE_NAMES_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ll_cuda_engine_name {
    const char *layer, *engine; /* "conv1_2", "e4 k2=1,k13=0" */
    bool pooled;                /* it does the pool after the layer too */
} ll_cuda_engine_name;

/** "START; conv1_1 e10 k2=1; conv1_2 e4 with pool; ...", yours to free(). LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_cuda_engine_names_join(const char *start,
                                                 const ll_cuda_engine_name *names, int count,
                                                 char **out, ll_error *err);

/** The engine such a text names for a layer: `*length` bytes of it at `*engine`. False if none. */
bool ll_cuda_engine_names_find(const char *text, const char *layer, const char **engine,
                               size_t *length, bool *pooled);

#endif
