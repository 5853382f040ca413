/* kernels/periodic.h - is an array periodic, to the bit? For batches in which the same pictures are
 * repeated.
 *
 *   result  *differs becomes 1 if any of x[period .. count) is not what is `period` before it;
 *           else it stays. Bytes, whatever they mean.
 *
 * Finds engines whose sums depend on the position of an image in the batch. Floor 1. Includes
 * nothing of ours. */
#ifndef LL_KERNELS_PERIODIC_H
#define LL_KERNELS_PERIODIC_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @param size_bytes, period_bytes  multiples of 16 */
void ll_check_periodic_cpu(const void *x, int64_t size_bytes, int64_t period_bytes,
                           uint32_t *differs);

#ifdef LL_WITH_CUDA
/** x lies on 16 bytes. */
cudaError_t ll_check_periodic_cuda(const void *x, int64_t size_bytes, int64_t period_bytes,
                                   uint32_t *differs, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
