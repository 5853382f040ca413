/* kernels/pool.h - kernels for activations between and after the convolutions: pooling, mean,
 * conversion, largest value, bias and ReLU.
 *
 *   max_pool   y (images, side / 2, side / 2, channels), NHWC, from x (images, side, side,
 *              channels): the largest of a square of 2 x 2, taken as m = v > m ? v : m over (0, 0),
 *              (0, 1), (1, 0), (1, 1), so that NaN and -0 have defined results too
 *   mean       y (images, channels) f32 from x (images, positions, channels): the f64 sum over
 *              positions in ascending order, divided by their number, times `factor`, rounded to
 *              f32
 *   widen      y (count) f32 = x (count) times `factor`
 *   largest    the greatest |x| of all, as the bits of a f32: they order as the sizes do, infinity
 *              above every number and NaN above infinity. Raises what is there; set it to 0 first.
 *              max_pool does the same for its input on the way; NULL: it does not.
 *   bias_relu  x (positions, channels) f32 in place: x + bias (channels), and 0 where that is below
 *              0; NaN stays
 *
 * `factor` is a power of two: what undoes the scale that keeps float16 from overflowing. Twins give
 * the same bits, but for which NaN. Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_POOL_H
#define LL_KERNELS_POOL_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_pool_type { LL_POOL_FLOAT32, LL_POOL_FLOAT16 } ll_pool_type;

/* Bits at and above which a largest value is infinite or not a number. */
#define LL_POOL_INFINITE 0x7F800000u

/** @param side      even
 *  @param channels  a multiple of 8 */
void ll_max_pool_cpu(ll_pool_type type, const void *x, int64_t images, int side, int channels,
                     void *y, uint32_t *largest);
void ll_mean_cpu(ll_pool_type type, const void *x, int64_t images, int positions, int channels,
                 float factor, float *y);
void ll_widen_cpu(ll_pool_type type, const void *x, int64_t count, float factor, float *y);
void ll_largest_cpu(ll_pool_type type, const void *x, int64_t count, uint32_t *largest);
void ll_bias_relu_cpu(float *x, int64_t positions, int channels, const float *bias);

#ifdef LL_WITH_CUDA
/** x and y lie on 16 bytes; so does the x of ll_largest_cuda. */
cudaError_t ll_max_pool_cuda(ll_pool_type type, const void *x, int64_t images, int side,
                             int channels, void *y, uint32_t *largest, cudaStream_t stream);
cudaError_t ll_mean_cuda(ll_pool_type type, const void *x, int64_t images, int positions,
                         int channels, float factor, float *y, cudaStream_t stream);
cudaError_t ll_widen_cuda(ll_pool_type type, const void *x, int64_t count, float factor, float *y,
                          cudaStream_t stream);
cudaError_t ll_largest_cuda(ll_pool_type type, const void *x, int64_t count, uint32_t *largest,
                            cudaStream_t stream);
/** @param channels  a multiple of 4; x and bias lie on 16 bytes */
cudaError_t ll_bias_relu_cuda(float *x, int64_t positions, int channels, const float *bias,
                              cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
