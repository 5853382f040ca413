/* kernels/preprocess.h - pixels to numbers: the numeric half of what the weights were trained on.
 *
 *   x  (images, places, 3) u8 RGB, interleaved        y  (images, 3, places) f32 planes
 *   caffe   planes B, G, R;  y = x - (103.939, 116.779, 123.68)
 *   torch   planes R, G, B;  y = (x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
 *
 * Each operation rounds to f32, in the order written, so that y is what Keras' preprocess_input and
 * torchvision's ToTensor + Normalize give, to the bit. Floor 1. Includes nothing of ours.
 * Source: the means of the VGG release (ksimonyan, gist 211839e770f7b538e2d8) and of torchvision.
 */
#ifndef LL_KERNELS_PREPROCESS_H
#define LL_KERNELS_PREPROCESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ll_preprocess_kind { LL_PREPROCESS_CAFFE, LL_PREPROCESS_TORCH } ll_preprocess_kind;

/** What the pixel value 0 .. 255 becomes in plane 0 .. 2. */
float ll_preprocess_value(ll_preprocess_kind kind, int plane, int value);

void ll_preprocess_cpu(ll_preprocess_kind kind, const uint8_t *x, int64_t images, int64_t places,
                       float *y);

#ifdef __cplusplus
}
#endif
#endif
