/* host/backend/cpu/cpu_dnnl.h - translates oneDNN's failures, and describes the processor as oneDNN
 * sees it; private to host/backend/cpu/.
 *
 * Everything is created and run on threads whose OpenMP team is one (cpu_pool.c): oneDNN reads that
 * number when a primitive is created, and a team of its own would change how sums are cut. */
#ifndef LL_CPU_DNNL_H
#define LL_CPU_DNNL_H

#include "host/base/status.h"

#include <dnnl.h>
#include <stddef.h>

#define LL_DNNL(call) ll_dnnl_status(err, (call), #call)

/** LL_OK, LL_ERR_MEMORY, LL_ERR_UNSUPPORTED or LL_ERR_DEVICE, with the call in the text. */
LL_NODISCARD ll_status ll_dnnl_status(ll_error *err, dnnl_status_t code, const char *call);

/** A dense f32 tensor. */
LL_NODISCARD ll_status ll_dnnl_tensor(dnnl_memory_desc_t *tensor, dnnl_format_tag_t tag, int dims,
                                      const dnnl_dims_t sizes, ll_error *err);

/** Copy between two layouts of one tensor, on the calling thread. */
LL_NODISCARD ll_status ll_dnnl_reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from,
                                       const void *src, const dnnl_memory_desc_t *to, void *dst,
                                       ll_error *err);

/** "AMD EPYC 9R14, avx512_core_bf16": what decides the bits of a result, besides the libraries.
 *  Yours to free(). */
LL_NODISCARD ll_status ll_dnnl_device(char **out, ll_error *err);

#endif
