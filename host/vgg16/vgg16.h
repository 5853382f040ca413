/* host/vgg16/vgg16.h - the network as data: 13 convolutions, 5 max-pools, fc1, fc2.
 *
 *   conv   3 x 3, stride 1, padding 1, bias, ReLU
 *   pool   max, 2 x 2, stride 2
 *   fc     fully connected, bias, ReLU
 *
 * Source: Simonyan & Zisserman, arXiv 1409.1556, table 1, configuration D. The 1000-way classifier
 * after fc2 is not part of it. Floor 1; includes base. */
#ifndef LL_VGG16_H
#define LL_VGG16_H

#include <stdint.h>

enum {
    LL_VGG16_SIDE = 224,
    LL_VGG16_LAYERS = 20,
    LL_VGG16_POOL5 = 17, /* indices into the table */
    LL_VGG16_FC1 = 18,
    LL_VGG16_FC2 = 19,
    LL_VGG16_GAP = 20, /* not a layer of the paper: mean of pool5 over its 7 x 7 positions */
};

typedef enum ll_vgg16_kind { LL_VGG16_CONV, LL_VGG16_POOL, LL_VGG16_FC } ll_vgg16_kind;

typedef struct ll_vgg16_layer {
    const char *name;  /* "conv1_1", "pool1", "fc1": the paper's words */
    const char *keras; /* "block1_conv1", "block1_pool", "fc1" */
    const char *torch; /* "features.0", "classifier.0"; NULL for pools */
    ll_vgg16_kind kind;
    int32_t in_channels, out_channels;
    int32_t in_side, out_side; /* 224 ... 7; fc1 takes 7, fc2 takes and gives 1 */
} ll_vgg16_layer;

/** Layer `index` of 0 .. LL_VGG16_LAYERS - 1. */
const ll_vgg16_layer *ll_vgg16_layer_at(int index);

/** Index of a layer by the paper's name, or "gap"; -1 if there is none. */
int ll_vgg16_find(const char *name);

/** Name for an index, LL_VGG16_GAP included. */
const char *ll_vgg16_name(int index);

/** Values a layer gives for one image: out_side^2 * out_channels; gap gives 512. */
int64_t ll_vgg16_width(int index);

/** Weights of a layer (0 for a pool): conv out * 3 * 3 * in, fc out * side * side * in. */
int64_t ll_vgg16_kernel_count(int index);

/** Parameters, biases included, of layers 0 .. last; 134 260 544 up to fc2. */
int64_t ll_vgg16_parameters(int last);

/** Floating-point operations for one image through layers 0 .. last, a multiply-add as 2;
 *  30.93e9 up to fc2. */
double ll_vgg16_flops(int last);

#endif
