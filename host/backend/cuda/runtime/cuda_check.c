/* host/backend/cuda/runtime/cuda_check.c - see cuda_check.h. */
#include "host/backend/cuda/runtime/cuda_check.h"

ll_status ll_cuda_card_check(cudaStream_t stream, const ll_error *refused, ll_error *err)
{
    const cudaError_t code = cudaStreamSynchronize(stream);

    (void)cudaGetLastError(); /* clears the error, or the next engine would report it */
    if (code == cudaSuccess) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "%s; then CUDA: %s in cudaStreamSynchronize", refused->text,
                   cudaGetErrorString(code));
}
