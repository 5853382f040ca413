/* kernels/convolve.h - computes a layer of the network by its definition: slow, but always
 * available. Used for convolutions and products for which the libraries have no correct engine.
 *
 *   y(p, o) = max(0, bias(o) + sum over taps t, channels c of x(position under t, c) w(o, t, c))
 *
 *   x    (images, side, side, in)               NHWC, f32 or float16; zero outside the picture
 *   w    (out, window, window, in)              of the type of x
 *   bias (out), y (images, side, side, out)     both f32 or both float16
 *
 * window 3 is a convolution with padding 1; window 1 with side 1 is a product with `images` rows.
 * In f32: for each tap in row-major order, parts of up to 256 channels, each summed by fused
 * multiply-adds in ascending order from 0, are added to the sum; then the bias; 0 where that is
 * below 0, NaN stays; then rounded to the type of y. Twins give the same bits, but for which NaN.
 * An image's bits depend on nothing but the image. Floor 1. Includes nothing of ours. */
#ifndef LL_KERNELS_CONVOLVE_H
#define LL_KERNELS_CONVOLVE_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_convolve_type { LL_CONVOLVE_FLOAT32, LL_CONVOLVE_FLOAT16 } ll_convolve_type;

enum { LL_CONVOLVE_PART = 256 }; /* channels summed in one go */

typedef struct ll_convolve_shape {
    int64_t images;
    int side, window; /* window 1 or 3 */
    int in, out;
    ll_convolve_type from, to; /* of x and w; of bias and y */
} ll_convolve_shape;

void ll_convolve_cpu(const ll_convolve_shape *shape, const void *x, const void *w, const void *bias,
                     void *y);
#ifdef LL_WITH_CUDA
cudaError_t ll_convolve_cuda(const ll_convolve_shape *shape, const void *x, const void *w,
                             const void *bias, void *y, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
