/* host/backend/cpu/cpu_net.h - the packed network, its slots and its threads' scratch; private to
 * host/backend/cpu/. Made by cpu_net.c, run by cpu_forward.c. */
#ifndef LL_CPU_NET_H
#define LL_CPU_NET_H

#include "host/backend/cpu/cpu_layer.h"
#include "host/backend/cpu/cpu_state.h"
#include "host/vgg16/vgg16.h"
#include "kernels/preprocess.h"

#include <stdatomic.h>

struct cpu_scratch { /* one thread's own: about 80 MB up to fc2 with AVX-512 */
    dnnl_stream_t stream;
    char *from, *to;  /* activations of one image, layer by layer in turn */
    void *scratchpad; /* oneDNN's */
};

struct cpu_slot {
    ll_net *net;
    ll_cpu_group group;
    const uint8_t *pixels; /* borrowed until the wait */
    int n;                 /* images; 0: the slot is free */
    atomic_int left;       /* jobs of the stage under way */
    float *rows;           /* (rows, ll_net.row_width) what the image stage gives */
    float *fc[2];          /* (rows, 4096) fc1, fc2; NULL where the net stops earlier */
};

struct ll_net {
    struct cpu_state *state;
    int layer;       /* as asked for */
    int last;        /* the last one of the table that runs; POOL5 for the mean of positions */
    int images_last; /* the last one that runs image by image: at most POOL5 */
    int rows;        /* of an fc layer: the batch, or a little more (ll_cpu_fc_rows) */
    bool normalize;
    bool checked; /* activations may leave f32: look at each of them, ReLU ourselves */
    ll_preprocess_kind kind;
    int64_t row_width;
    dnnl_engine_t engine;
    ll_cpu_layer layers[LL_VGG16_LAYERS];
    dnnl_memory_desc_t nhwc;     /* NHWC of the last layer of the image stage */
    struct cpu_scratch *scratch; /* (threads) */
    struct cpu_slot *slots;      /* (slots) */
};

/** Build layers 0 .. last, each taking what the one before gives. Runs on a pool thread.
 *  On failure nothing is held. */
LL_NODISCARD ll_status ll_cpu_layers_create(dnnl_engine_t engine, int last, int rows, bool checked,
                                            ll_cpu_layer layers[LL_VGG16_LAYERS], ll_error *err);

/** "conv1_1 jit:avx512_core, conv1_2-conv5_3 jit_wino_4x3:avx512_core, ...": every convolution and
 *  product up to `last`, however long that is; yours to free(). LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_cpu_layers_describe(const ll_cpu_layer *layers, int last, char **out,
                                              ll_error *err);

#endif
