/* host/backend/cuda/net/cuda_net.h - the network on a card: data, and what follows from it. Private
 * to host/backend/cuda/.
 *
 *   pixels    (batch, 224, 224, 3) u8          a slot's own
 *   input     (batch, 224, 224, channels)      8 channels fp16, 4 fp32: the first three count
 *   layers    NHWC in two buffers in turn      fp16 or fp32
 *   features  (batch, width of `layer`) f32    a slot's own
 *
 * `factor` S, a power of two, multiplies input and biases, and so every activation, to keep fp16
 * from overflowing. Features and norms are divided by it again. */
#ifndef LL_CUDA_NET_H
#define LL_CUDA_NET_H

#include "host/backend/cuda/device/cuda_state.h"
#include "host/vgg16/vgg16.h"
#include "kernels/pool.h"
#include "kernels/preprocess.h"

enum { LL_CUDA_LAYERS = LL_VGG16_LAYERS };
enum { LL_CUDA_PRODUCT_WORKSPACE = 1 << 26 }; /* bytes a product may ask for */

struct cuda_layer {
    void *kernel, *bias; /* device; NULL for pools */
    ll_conv *conv;
    ll_gemm *gemm;
    bool fallback;                    /* neither: a kernel of ours, cuda_fallback.c */
    bool pooled;                      /* the conv's plan does the pool after it too */
    char engine[LL_CONV_ENGINE_TEXT]; /* or a product's algorithm */
    float largest;                    /* of the calibration pictures, unscaled; 0: not known */
    float *means; /* (channels) of the calibration pictures, unscaled; NULL: not known */
    float bound;  /* no photo whatever makes an activation larger, unscaled; 0: not known */
};

struct cuda_slot {
    uint8_t *pixels, *device_pixels; /* pinned; device */
    float *features, *norms;         /* device */
    uint32_t *largest;               /* (LL_CUDA_LAYERS) device: bits, see kernels/pool.h */
    float *out_features, *out_norms; /* pinned */
    uint32_t *out_largest;           /* pinned */
    cudaEvent_t uploaded, computed, downloaded;
    cudaGraphExec_t graph; /* its batch, captured; NULL: it cannot be */
    int n;                 /* images under way; 0: free */
};

struct ll_net {
    ll_backend *be;
    struct cuda_state *state;
    int layer, last; /* as asked for; the last of the table that runs */
    int batch;       /* images of every plan */
    int channels;    /* of the input */
    bool normalize;
    ll_preprocess_kind kind;
    ll_pool_type type; /* of activations */
    float factor;
    double engines_s;    /* seconds that went into engines before they are chosen */
    const char *earlier; /* ll_net_options.engines, while the plans are chosen; or NULL */
    float *host_biases;  /* all layers' end to end, unscaled */
    struct cuda_layer layers[LL_CUDA_LAYERS];
    void *activations[2];
    void *workspace;
    size_t workspace_bytes;
    struct cuda_slot *slots;
};

static inline size_t ll_cuda_value_bytes(const ll_net *net)
{
    return net->type == LL_POOL_FLOAT16 ? 2 : 4;
}

/* ---- cuda_shapes.c */

/** Is `layer` a convolution with a pool after it that this net runs too? */
bool ll_cuda_pool_follows(const ll_net *net, int layer);

/** The type of what `layer` leaves, and of its bias: a product that ends the network leaves f32. */
ll_pool_type ll_cuda_result_type(const ll_net *net, int layer);

ll_conv_shape ll_cuda_conv_shape(const ll_net *net, int layer, bool pool);
ll_gemm_shape ll_cuda_product_shape(const ll_net *net, int layer);

#endif
