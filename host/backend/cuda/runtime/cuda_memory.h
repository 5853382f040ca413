/* host/backend/cuda/runtime/cuda_memory.h - memory of a card and for it. Private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_MEMORY_H
#define LL_CUDA_MEMORY_H

#include "host/base/status.h"

#include <stddef.h>

/** Device memory of `bytes` at least; the text of a failure names `what`. LL_ERR_MEMORY,
 * LL_ERR_DEVICE. */
LL_NODISCARD ll_status ll_cuda_memory(const char *what, size_t bytes, void *out, ll_error *err);

/** Accepts NULL. Failures are ignored; the error is cleared so that the next launch does not report
 *  it. */
void ll_cuda_free(void *memory);

/** Memory of the host that the card reads and writes by itself; for cudaFreeHost(). */
LL_NODISCARD ll_status ll_cuda_pinned(const char *what, size_t bytes, void *out, ll_error *err);

#endif
