/* host/vgg16/vgg16.c - the table behind vgg16.h, and the sums over it.
 *
 * Every row is written out, sides included, so that it can be held against the paper's table 1 and
 * so that loaders, backends and tests read one and the same list. Floor 1; includes base. */
#include "host/vgg16/vgg16.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { CONV_SIDE = 3 };

static const ll_vgg16_layer k_layers[LL_VGG16_LAYERS] = {
    {"conv1_1", "block1_conv1", "features.0", LL_VGG16_CONV, 3, 64, 224, 224},
    {"conv1_2", "block1_conv2", "features.2", LL_VGG16_CONV, 64, 64, 224, 224},
    {"pool1", "block1_pool", NULL, LL_VGG16_POOL, 64, 64, 224, 112},
    {"conv2_1", "block2_conv1", "features.5", LL_VGG16_CONV, 64, 128, 112, 112},
    {"conv2_2", "block2_conv2", "features.7", LL_VGG16_CONV, 128, 128, 112, 112},
    {"pool2", "block2_pool", NULL, LL_VGG16_POOL, 128, 128, 112, 56},
    {"conv3_1", "block3_conv1", "features.10", LL_VGG16_CONV, 128, 256, 56, 56},
    {"conv3_2", "block3_conv2", "features.12", LL_VGG16_CONV, 256, 256, 56, 56},
    {"conv3_3", "block3_conv3", "features.14", LL_VGG16_CONV, 256, 256, 56, 56},
    {"pool3", "block3_pool", NULL, LL_VGG16_POOL, 256, 256, 56, 28},
    {"conv4_1", "block4_conv1", "features.17", LL_VGG16_CONV, 256, 512, 28, 28},
    {"conv4_2", "block4_conv2", "features.19", LL_VGG16_CONV, 512, 512, 28, 28},
    {"conv4_3", "block4_conv3", "features.21", LL_VGG16_CONV, 512, 512, 28, 28},
    {"pool4", "block4_pool", NULL, LL_VGG16_POOL, 512, 512, 28, 14},
    {"conv5_1", "block5_conv1", "features.24", LL_VGG16_CONV, 512, 512, 14, 14},
    {"conv5_2", "block5_conv2", "features.26", LL_VGG16_CONV, 512, 512, 14, 14},
    {"conv5_3", "block5_conv3", "features.28", LL_VGG16_CONV, 512, 512, 14, 14},
    {"pool5", "block5_pool", NULL, LL_VGG16_POOL, 512, 512, 14, 7},
    {"fc1", "fc1", "classifier.0", LL_VGG16_FC, 512, 4096, 7, 1},
    {"fc2", "fc2", "classifier.3", LL_VGG16_FC, 4096, 4096, 1, 1},
};

const ll_vgg16_layer *ll_vgg16_layer_at(int index)
{
    assert(index >= 0 && index < LL_VGG16_LAYERS);
    return &k_layers[index];
}

int ll_vgg16_find(const char *name)
{
    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        if (strcmp(name, k_layers[i].name) == 0) return i;
    return strcmp(name, "gap") == 0 ? LL_VGG16_GAP : -1;
}

const char *ll_vgg16_name(int index)
{
    return index == LL_VGG16_GAP ? "gap" : ll_vgg16_layer_at(index)->name;
}

int64_t ll_vgg16_width(int index)
{
    if (index == LL_VGG16_GAP) return ll_vgg16_layer_at(LL_VGG16_POOL5)->out_channels;
    const ll_vgg16_layer *layer = ll_vgg16_layer_at(index);
    return (int64_t)layer->out_side * layer->out_side * layer->out_channels;
}

/* Side of a layer's window: a fully connected layer looks at its whole input at once. */
static int64_t window_side(const ll_vgg16_layer *layer)
{
    return layer->kind == LL_VGG16_CONV ? CONV_SIDE : layer->in_side;
}

int64_t ll_vgg16_kernel_count(int index)
{
    const ll_vgg16_layer *layer = ll_vgg16_layer_at(index);
    if (layer->kind == LL_VGG16_POOL) return 0;
    const int64_t side = window_side(layer);
    return layer->out_channels * side * side * layer->in_channels;
}

/* gap adds nothing to pool5: no weights, and flops not worth counting. */
static int last_layer(int last)
{
    return last == LL_VGG16_GAP ? LL_VGG16_POOL5 : last;
}

int64_t ll_vgg16_parameters(int last)
{
    int64_t total = 0;
    for (int i = 0; i <= last_layer(last); i++)
        if (k_layers[i].kind != LL_VGG16_POOL)
            total += ll_vgg16_kernel_count(i) + ll_vgg16_layer_at(i)->out_channels;
    return total;
}

double ll_vgg16_flops(int last)
{
    double total = 0.0;
    for (int i = 0; i <= last_layer(last); i++) {
        const ll_vgg16_layer *layer = ll_vgg16_layer_at(i);
        const double positions = (double)layer->out_side * layer->out_side;
        total += 2.0 * positions * (double)ll_vgg16_kernel_count(i);
    }
    return total;
}
