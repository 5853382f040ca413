/* host/backend/cpu/cpu_layer.h - one layer of the network as oneDNN runs it, on one thread; private
 * to host/backend/cpu/.
 *
 * A convolution or pool takes one image, so nothing about it can depend on a batch. A fully
 * connected layer takes the whole padded batch, cut into LL_CPU_FC_CHUNK outputs at a time, so that
 * its weights are read once a batch. Activations stay in the layout the primitive chose (16
 * channels together with AVX-512) from end to end. */
#ifndef LL_CPU_LAYER_H
#define LL_CPU_LAYER_H

#include "host/base/status.h"

#include <dnnl.h>
#include <stdbool.h>
#include <stddef.h>

enum { LL_CPU_FC_CHUNK = 256 };

typedef struct ll_cpu_layer_options {
    int index; /* LL_VGG16_* */
    int rows;  /* of an fc layer: ll_cpu_fc_rows(images); the others take one image */
    bool bias, relu;
    bool direct; /* no Winograd */
    /* What the layer before gives; NULL: f32 planes, or rows for an fc layer. */
    const dnnl_memory_desc_t *src;
    dnnl_format_tag_t dst; /* dnnl_format_tag_any: what the primitive likes best */
} ll_cpu_layer_options;

typedef struct ll_cpu_layer {
    int index, chunks;
    bool biased;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    const dnnl_memory_desc_t *src, *dst, *weights, *scratchpad;   /* borrowed from desc */
    size_t src_bytes, dst_bytes, scratchpad_bytes, weights_bytes; /* weights: of one chunk */
    const char *implementation;                                   /* borrowed from desc */
    char *packed; /* chunks * weights_bytes; NULL for a pool and before ll_cpu_layer_pack_begin */
    float *bias;  /* (out_channels); NULL without one */
} ll_cpu_layer;

/** How many rows an fc layer needs for `images`, so that every row gets the same bits. */
int ll_cpu_fc_rows(int images);

/** Choose and build the primitive. On failure nothing needs to be released. */
LL_NODISCARD ll_status ll_cpu_layer_create(dnnl_engine_t engine,
                                           const ll_cpu_layer_options *options, ll_cpu_layer *layer,
                                           ll_error *err);
void ll_cpu_layer_release(ll_cpu_layer *layer); /* accepts a zeroed one */

/** Make room for the weights and take the bias (out_channels; ignored without one). */
LL_NODISCARD ll_status ll_cpu_layer_pack_begin(ll_cpu_layer *layer, const float *bias,
                                               ll_error *err);

/** Bring one chunk of `kernel` (the whole layer's, OHWI) into the primitive's layout. */
LL_NODISCARD ll_status ll_cpu_layer_pack(ll_cpu_layer *layer, dnnl_engine_t engine,
                                         const float *kernel, int chunk, ll_error *err);

/** Run one chunk. An fc chunk gives (rows, LL_CPU_FC_CHUNK), which is not yet in its place.
 * @param scratchpad  scratchpad_bytes, this thread's own; overwritten */
LL_NODISCARD ll_status ll_cpu_layer_run(const ll_cpu_layer *layer, dnnl_engine_t engine,
                                        dnnl_stream_t stream, int chunk, const void *src, void *dst,
                                        void *scratchpad, ll_error *err);

#endif
