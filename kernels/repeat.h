/* kernels/repeat.h - is a batch that holds the same pictures again and again the same again and
 * again, to the bit?
 *
 *   repeat  *differs becomes 1 if any of x[period .. count) is not what is `period` before it;
 *           else it stays. Bytes, whatever they mean.
 *
 * An engine whose sums depend on where an image lies in the batch is found by this. Floor 1.
 * Includes nothing of ours. */
#ifndef LL_KERNELS_REPEAT_H
#define LL_KERNELS_REPEAT_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** @param size_bytes, period_bytes  multiples of 16 */
void ll_repeat_cpu(const void *x, int64_t size_bytes, int64_t period_bytes, uint32_t *differs);

#ifdef LL_WITH_CUDA
/** x lies on 16 bytes. */
cudaError_t ll_repeat_cuda(const void *x, int64_t size_bytes, int64_t period_bytes,
                           uint32_t *differs, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
