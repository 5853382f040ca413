/* kernels/preprocess.h - pixels to numbers: the numeric half of what the weights were trained on.
 *
 *   x  (images, positions, 3) u8 RGB, interleaved        y  (images, 3, positions) f32 planes
 * - for a card: y (images, positions, channels) f32 or float16, channels 4 or 8: the three, then
 *   zeros
 * - caffe: planes B, G, R;  y = x - (103.939, 116.779, 123.68)
 * - torch: planes R, G, B;  y = (x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
 *
 * For a card each value is multiplied by a power of two, `factor`, which is exact: the network is
 * positively homogeneous, so that is how activations are kept within float16.
 *
 * Each operation rounds to f32, in the order written, so that y is what Keras' preprocess_input and
 * torchvision's ToTensor + Normalize give, to the bit; float16 rounds that once more. Floor 1.
 * Includes nothing of ours. Source: the means of the VGG release (ksimonyan, gist
 * 211839e770f7b538e2d8) and of torchvision.
 */
#ifndef LL_KERNELS_PREPROCESS_H
#define LL_KERNELS_PREPROCESS_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_preprocess_kind { LL_PREPROCESS_CAFFE, LL_PREPROCESS_TORCH } ll_preprocess_kind;
typedef enum ll_preprocess_type { LL_PREPROCESS_FLOAT32, LL_PREPROCESS_FLOAT16 } ll_preprocess_type;

enum { LL_PREPROCESS_PLANES = 3 };

/* A kind as numbers: y[plane] = (x[channel[plane]] / scale - mean[plane]) / deviation[plane]. */
typedef struct ll_preprocess_numbers {
    int channel[LL_PREPROCESS_PLANES]; /* of RGB */
    float scale, mean[LL_PREPROCESS_PLANES], deviation[LL_PREPROCESS_PLANES];
} ll_preprocess_numbers;
ll_preprocess_numbers ll_preprocess_numbers_of(ll_preprocess_kind kind);

/** What the pixel value 0 .. 255 becomes in plane 0 .. 2. */
float ll_preprocess_value(ll_preprocess_kind kind, int plane, int value);

void ll_preprocess_cpu(ll_preprocess_kind kind, const uint8_t *x, int64_t images, int64_t positions,
                       float *y);

/** The layout of a card: x (positions, 3) -> y (positions, channels), positions of all images
 *  together. */
void ll_preprocess_nhwc_cpu(ll_preprocess_kind kind, ll_preprocess_type type, float factor,
                            const uint8_t *x, int64_t positions, int channels, void *y);
#ifdef LL_WITH_CUDA
/** Its twin; x and y lie on 16 bytes. */
cudaError_t ll_preprocess_nhwc_cuda(ll_preprocess_kind kind, ll_preprocess_type type, float factor,
                                    const uint8_t *x, int64_t positions, int channels, void *y,
                                    cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
