/* host/backend/cuda/engines/cuda_engine_text.h - a net's engines in words: for the index and from
 * it, and in the cache. Private to host/backend/cuda/. */
#ifndef LL_CUDA_ENGINE_TEXT_H
#define LL_CUDA_ENGINE_TEXT_H

#include "host/backend/cuda/net/cuda_net.h"

/** For the index, yours to free(). */
LL_NODISCARD ll_status ll_cuda_engines_describe(const ll_net *net, char **out, ll_error *err);

/** `found` is false if the text is about other libraries, another batch or another network. */
LL_NODISCARD ll_status ll_cuda_engines_read(const ll_net *net, const char *text,
                                            struct cuda_layer layers[], bool *found, ll_error *err);

/* ---- cuda_engine_cache.c */

/** What was chosen before, for this very key. `found` is false if there is no such file or it
 * cannot be believed. */
LL_NODISCARD ll_status ll_cuda_cache_read(const ll_net *net, struct cuda_layer layers[],
                                          bool *found, ll_error *err);
LL_NODISCARD ll_status ll_cuda_cache_write(const ll_net *net, ll_error *err);

#endif
