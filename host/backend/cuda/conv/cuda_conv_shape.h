/* host/backend/cuda/conv/cuda_conv_shape.h - VGG16's convolutions as shapes of cuda_conv.h. Private
 * to host/backend/cuda/. */
#ifndef LL_CUDA_CONV_SHAPE_H
#define LL_CUDA_CONV_SHAPE_H

#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/vgg16/vgg16.h"

/** Channels a layer's kernels have on the card: the three of the first are padded with zeros, so
 * that a pixel has 16 bytes, as cuDNN wants its tensors aligned. */
static inline int ll_conv_channels(int layer, ll_conv_type type)
{
    if (layer > 0) return ll_vgg16_layer_at(layer)->in_channels;
    return type == LL_CONV_FP16 ? 8 : 4;
}

static inline ll_conv_shape ll_conv_shape_of(int layer, ll_conv_type type, int batch, bool pool)
{
    const ll_vgg16_layer *const l = ll_vgg16_layer_at(layer);
    return (ll_conv_shape){
        .batch = batch,
        .side = l->in_side,
        .in_channels = ll_conv_channels(layer, type),
        .out_channels = l->out_channels,
        .type = type,
        .pool = pool,
    };
}

#endif
