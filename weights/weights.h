/* weights/weights.h - reads the pre-trained network from any supported file.
 *
 * Four layouts go in (Keras HDF5 of the original download, of tf.keras 2, of Keras 3, and
 * safetensors with torchvision's names), one comes out: every kernel as OHWI float32, that is
 * (out, height, width, in), fc1 included as (4096, 7, 7, 512) and fc2 as (4096, 1, 1, 4096). HWIO,
 * OIHW and the two orders of fc1's rows are handled here and nowhere else.
 * Floor 2; includes base, h5, vgg16. */
#ifndef LL_WEIGHTS_H
#define LL_WEIGHTS_H

#include "host/base/digest.h"
#include "host/base/log.h"
#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_weights ll_weights;

/* The numeric half of preprocessing: it belongs to the weights. */
typedef enum ll_input_scale {
    LL_INPUT_CAFFE, /* Keras weights: BGR minus (103.939, 116.779, 123.68) */
    LL_INPUT_TORCH, /* torchvision weights: RGB, (x / 255 - mean) / std */
} ll_input_scale;

typedef struct ll_weights_info {
    const char *path;
    const char *name;    /* "vgg16 (keras)", "vgg16 (torchvision)", "vgg16 (synthetic, seed 1)" */
    const char *layout;  /* "keras-original", "keras-2", "keras-3", "safetensors" */
    const char *license; /* e.g. "CC-BY 4.0, Visual Geometry Group, Oxford"; "" if unknown */
    char sha256[LL_SHA256_HEX];
    bool trained;         /* false for `weights synth` */
    int last_layer;       /* LL_VGG16_FC2, or LL_VGG16_POOL5 for a no-top file */
    ll_input_scale scale; /* and, by default, the geometry: caffe -> keras, torch -> torchvision */
    const char *types; /* how numbers are kept: "float32"; "float16, float32" if tensors differ */
} ll_weights_info;

/** Open a weights file and check every tensor's shape against the network table.
 *  @return LL_OK; LL_ERR_IO; LL_ERR_FORMAT naming file and tensor; LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_weights_open(const char *path, ll_weights **out, ll_error *err);
void ll_weights_close(ll_weights *weights); /* accepts NULL */

/** Borrowed until ll_weights_close. */
const ll_weights_info *ll_weights_describe(const ll_weights *weights);

/** Read one conv or fc layer.
 * @param kernel  (ll_vgg16_kernel_count(layer)) f32, OHWI
 * @param bias    (out_channels) f32
 * @return LL_OK; LL_ERR_ARGUMENT if the file ends before this layer; LL_ERR_IO; LL_ERR_FORMAT, also
 *         for a weight that is not finite. */
LL_NODISCARD ll_status ll_weights_load(ll_weights *weights, int layer, float *kernel, float *bias,
                                       ll_error *err);

/** Where weights are looked for when none are named: $LOOKLOOM_WEIGHTS, then keras.h5 or any other
 *  known name in $XDG_DATA_HOME/lookloom (~/.local/share/lookloom), then /var/lib/lookloom.
 *  `*out` is yours to free(). LL_ERR_ARGUMENT "no weights; run: lookloom weights fetch keras". */
LL_NODISCARD ll_status ll_weights_find(char **out, ll_error *err);

/** The folder downloaded weights go to: $XDG_DATA_HOME/lookloom or ~/.local/share/lookloom, which
 *  may not exist yet. `*out` is yours to free(). LL_ERR_ARGUMENT if neither variable is set. */
LL_NODISCARD ll_status ll_weights_folder(char **out, ll_error *err);

#endif
