/* host/backend/cuda/net/cuda_net.h - the network on a card: weights, plans, memory, slots. Private
 * to host/backend/cuda/. Made by cuda_net.c (weights: cuda_weights.c, the scale: cuda_scale.c,
 * plans: cuda_choice.c, cuda_contest.c and cuda_engine_cache.c), queued by cuda_layers.c, run by
 * cuda_forward.c.
 *
 *   pixels    (batch, 224, 224, 3) u8          a slot's own
 *   input     (batch, 224, 224, channels)      8 channels fp16, 4 fp32: the first three count
 *   layers    NHWC in two buffers in turn      fp16 or fp32
 *   features  (batch, width of `layer`) f32    a slot's own
 *
 * `factor` S, a power of two, multiplies input and biases, and so every activation: that is how
 * fp16 is kept from overflowing. It is undone in features and norms. */
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
    bool own;                         /* neither: a kernel of ours, cuda_own.c */
    bool pooled;                      /* the conv's plan does the pool after it too */
    char engine[LL_CONV_ENGINE_TEXT]; /* or a product's algorithm */
    float largest;                    /* of the calibration pictures, unscaled; 0: not known */
    float *means; /* (channels) of the calibration pictures, unscaled; NULL: not known */
    float reach;  /* no photo whatever makes an activation larger, unscaled; 0: not known */
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

/* Device memory of `bytes` at least; the text of a failure names `what`. */
LL_NODISCARD ll_status ll_cuda_memory(const char *what, size_t bytes, void *out, ll_error *err);
/* Accepts NULL. A failure has nobody to hear it, and is not left for the next launch to report. */
void ll_cuda_free(void *memory);

static inline size_t ll_cuda_value_bytes(const ll_net *net)
{
    return net->type == LL_POOL_FLOAT16 ? 2 : 4;
}

/* The largest activation a layer may have, as bits (kernels/pool.h): an engine may turn what is
 * more into infinity or, as some do, into the type's largest number. */
uint32_t ll_cuda_most_bits(const ll_net *net, int layer);

/* The shape of a conv layer's plan. */
ll_conv_shape ll_cuda_conv_shape(const ll_net *net, int layer, bool pool);

/* Is `layer` a convolution with a pool after it that this net runs too? */
bool ll_cuda_pool_follows(const ll_net *net, int layer);

/* cuda_weights.c: kernels to the card, biases kept on the host until the scale is known. The f32
 * kernel of a layer is lent to `seen` (may be NULL) while it is there. */
typedef ll_status (*ll_cuda_layer_fn)(void *to, int layer, const float *kernel, const float *bias,
                                      ll_error *err);
LL_NODISCARD ll_status ll_cuda_weights_load(ll_net *net, struct ll_weights *weights,
                                            ll_cuda_layer_fn seen, void *to, ll_error *err);
LL_NODISCARD ll_status ll_cuda_biases_upload(ll_net *net, ll_error *err);
/* OHWI f32 to `channels` inputs, those added zero, in `type`. */
LL_NODISCARD ll_status ll_cuda_kernel_pack(const float *kernel, int layer, int channels,
                                           ll_pool_type type, void *packed, ll_error *err);

/* cuda_scale.c: loads the weights and finds `factor`. */
LL_NODISCARD ll_status ll_cuda_scale_find(ll_net *net, struct ll_weights *weights, ll_error *err);
/* The calibration pictures, `images` of them, again and again up to `n`; (n, 224, 224, 3) on the
 * device. ll_cuda_images: how many for this net's batch, at most half of it, so that a batch of
 * them repeats. */
LL_NODISCARD ll_status ll_cuda_pictures(const ll_net *net, int n, int images, uint8_t *device,
                                        ll_error *err);
int ll_cuda_images(const ll_net *net);
/* Means of each channel of the first `images` of x, times `factor`; (channels) on the host. `room`
 * on the device is (images, channels) f32. Waits. */
LL_NODISCARD ll_status ll_cuda_channel_means(const ll_net *net, int layer, ll_pool_type type,
                                             const void *x, int images, float factor, float *room,
                                             float *means, ll_error *err);
enum { LL_CUDA_MOST_CHANNELS = 4096 };

/* cuda_choice.c: a plan for every layer: an earlier net's, the cache's, or by timing. */
LL_NODISCARD ll_status ll_cuda_plans_choose(ll_net *net, ll_error *err);
ll_gemm_shape ll_cuda_product_shape(const ll_net *net, int layer);
/* Put an engine, or a product's algorithm, to work on a layer, in place of the one before. */
LL_NODISCARD ll_status ll_cuda_layer_take(ll_net *net, int layer, const char *engine, bool pooled,
                                          ll_error *err);
/* After an engine was `refused`: does the card go on as if nothing had been? Then it was the
 * engine's own failure; else LL_ERR_DEVICE, with both in one line. Waits for what the engine left
 * behind. */
LL_NODISCARD ll_status ll_cuda_card_check(const struct cuda_state *state, const ll_error *refused,
                                          ll_error *err);

/* cuda_engine_text.c: a net's choices in words, for the index and from it. `found` is false if the
 * words are of other libraries, another batch or another network. */
LL_NODISCARD ll_status ll_cuda_engines_describe(const ll_net *net, char **out, ll_error *err);
LL_NODISCARD ll_status ll_cuda_engines_read(const ll_net *net, const char *text,
                                            struct cuda_layer layers[], bool *found, ll_error *err);

/* cuda_engine_cache.c: what was chosen before, for this very key. `found` is false if there is no
 * such file or it cannot be believed. */
LL_NODISCARD ll_status ll_cuda_cache_read(const ll_net *net, struct cuda_layer layers[],
                                          bool *found, ll_error *err);
LL_NODISCARD ll_status ll_cuda_cache_write(const ll_net *net, ll_error *err);

/* cuda_forward.c: every slot's batch as one graph; where an engine cannot be captured, which the
 * log says, it stays NULL and the batch is queued anew each time. LL_ERR_MEMORY, LL_ERR_DEVICE. */
LL_NODISCARD ll_status ll_cuda_graphs_make(ll_net *net, ll_error *err);

/* cuda_own.c: a convolution or product, with bias and ReLU, by a kernel of ours. */
#define LL_CUDA_OWN_ENGINE "own"
bool ll_cuda_own_is(const char *engine);
struct cuda_own_layer {
    int layer, images;
    int channels;          /* of the input, where `layer` is the first */
    ll_pool_type from, to; /* of x and kernel; of bias and y */
};
LL_NODISCARD ll_status ll_cuda_own_queue(const struct cuda_own_layer *own, const void *x,
                                         const void *kernel, const void *bias, void *y,
                                         cudaStream_t stream, ll_error *err);

/* cuda_layers.c: queue work on the compute stream. */
LL_NODISCARD ll_status ll_cuda_input_queue(const ll_net *net, const uint8_t *pixels, void *input,
                                           ll_error *err);
/* `largest` (LL_CUDA_LAYERS) is raised to what the layer's activations reach; NULL: it is not. */
LL_NODISCARD ll_status ll_cuda_layer_queue(const ll_net *net, int layer, const void *x, void *y,
                                           uint32_t *largest, ll_error *err);
LL_NODISCARD ll_status ll_cuda_batch_queue(const ll_net *net, const struct cuda_slot *slot,
                                           ll_error *err);

#endif
