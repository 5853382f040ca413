/* weights/kernel_order.h - from the order a framework stores a kernel in to ours, OHWI, and back.
 *
 *   Keras conv          HWIO            = (h w i, o): one transposition
 *   Keras fc1, fc2      (in, out)       the same; fc1's rows are in H W C order, as ours
 *   torchvision conv    OIHW            = o times (i, h w): one transposition each
 *   torchvision fc1     (out, C H W)    the same with i = 512, h w = 49
 *   torchvision fc2     (out, in)       already ours
 *
 * Private to weights. */
#ifndef LL_WEIGHTS_KERNEL_ORDER_H
#define LL_WEIGHTS_KERNEL_ORDER_H

#include <stdint.h>

/** Transpose a block:  dst[column * dst_stride + row] = src[row * src_stride + column]
 *  A stride is the distance between two rows of `src` or `dst`, in values. */
void ll_layout_transpose(const float *src, int64_t rows, int64_t columns, int64_t src_stride,
                         float *dst, int64_t dst_stride);

#endif
