/* weights/sources.c - where trained weights are published, and what they must be, byte for byte.
 *
 * Address and MD5 are those pinned in Keras itself (keras/src/applications/vgg16.py). */
#include "weights/sources.h"

#include <stddef.h>
#include <string.h>

#define KERAS_FOLDER "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
#define VGG_LICENSE  "CC-BY 4.0, Visual Geometry Group, Oxford"

static const ll_weights_source k_sources[] = {
    {"keras", KERAS_FOLDER "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "keras.h5",
     "64373286793e3c8b2b4e3219cbf3544b", 553467096, VGG_LICENSE},
    {"keras-notop", KERAS_FOLDER "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
     "keras-notop.h5", "6d6bbae143d832006294945121d1f1fc", 58889256, VGG_LICENSE},
};

const ll_weights_source *ll_weights_source_at(int index)
{
    const int count = (int)(sizeof k_sources / sizeof k_sources[0]);
    return index >= 0 && index < count ? &k_sources[index] : NULL;
}

const ll_weights_source *ll_weights_source_find(const char *name)
{
    const ll_weights_source *source = NULL;
    for (int i = 0; (source = ll_weights_source_at(i)) != NULL; i++)
        if (strcmp(source->name, name) == 0) return source;
    return NULL;
}
