/* host/backend/cuda/net/cuda_scale.c - how large activations become, and the power of two that
 * keeps them within fp16.
 *
 * VGG16 is positively homogeneous: S times the input and the biases gives S times every activation,
 * so one S suffices and no weight is touched (scaled weights would go subnormal). A batch of drawn
 * pictures runs in fp32, layer by layer as the weights come in, and S brings its largest activation
 * to 2048 at most: a photo may exceed the pictures 32 times over before 65504 is reached, and that
 * is noticed (kernels/pool.h, `largest`). Where no activation exceeds 2048, S is 1. */
#include "host/backend/cuda/net/cuda_scale.h"
#include "host/backend/cuda/conv/cuda_conv_shape.h"
#include "host/backend/cuda/net/cuda_fallback.h"
#include "host/backend/cuda/net/cuda_pictures.h"
#include "host/backend/cuda/net/cuda_weights.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/backend/cuda/runtime/cuda_memory.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENGINES = 8, PIXELS = LL_VGG16_SIDE * LL_VGG16_SIDE };
enum { IMAGE_BYTES = PIXELS * 3 };

static const float k_max = 2048.0f, k_min = 0x1p-10f; /* of the largest of a layer, scaled */

struct calibration {
    ll_net *net;
    int images, at;
    int channels; /* of the input in fp32 */
    void *activations[2], *kernel, *bias, *workspace;
    uint32_t *largest;
    float *room; /* (images, channels) for their means */
    uint8_t *pixels;
    uint32_t bits; /* of `largest`, back on the host; outlives what is queued */
};

/* ---- one layer in fp32 ------------------------------------------------------------------ */

/* Run one engine and wait for it. */
static ll_status try_engine(struct calibration *c, const ll_conv_shape *shape, const char *engine,
                            ll_error *err)
{
    ll_status status = LL_OK;
    struct cuda_state *const state = c->net->state;
    ll_conv *conv = NULL;

    LL_TRY(ll_conv_make(state->conv, shape, engine, 1.0f, &conv, err));
    const size_t bytes = ll_conv_workspace_bytes(conv);
    if (bytes > state->workspace_max)
        status = ll_fail(err, LL_ERR_UNSUPPORTED, "%s wants %zu bytes of workspace", engine, bytes);
    else if (bytes > 0)
        status = ll_cuda_memory("workspace", bytes, &c->workspace, err);
    if (status == LL_OK)
        status = ll_conv_run(conv, c->activations[c->at], c->kernel, c->bias,
                             c->activations[1 - c->at], c->workspace, state->compute, err);
    /* before plan and memory go */
    const ll_status ended = LL_CUDA(cudaStreamSynchronize(state->compute));
    if (status == LL_OK) status = ended;
    ll_conv_free(conv);
    ll_cuda_free(c->workspace);
    c->workspace = NULL;
    return status;
}

/* For layers without an engine: slow, but runs only once. */
static ll_status run_fallback(struct calibration *c, int layer, const char *why, ll_error *err)
{
    const struct cuda_fallback_layer fallback = {.layer = layer,
                                                 .images = c->images,
                                                 .channels = c->channels,
                                                 .from = LL_POOL_FLOAT32,
                                                 .to = LL_POOL_FLOAT32};
    struct cuda_state *const state = c->net->state;

    ll_log_line(state->log, "%s: no engine for fp32 (%s); a slow kernel of ours calibrates it",
                ll_vgg16_name(layer), why);
    LL_TRY(ll_cuda_fallback_queue(&fallback, c->activations[c->at], c->kernel, c->bias,
                                  c->activations[1 - c->at], state->compute, err));
    return LL_CUDA(cudaStreamSynchronize(state->compute));
}

static ll_status run_conv(struct calibration *c, int layer, ll_error *err)
{
    const ll_conv_shape shape = ll_conv_shape_of(layer, LL_CONV_FP32, c->images, false);
    char engines[MAX_ENGINES][LL_CONV_ENGINE_TEXT], why[256] = "";
    struct cuda_state *const state = c->net->state;
    ll_status worst = LL_ERR_UNSUPPORTED;
    const double begin_s = ll_clock_seconds();
    int count = 0;

    LL_TRY(ll_conv_engines(state->conv, &shape, engines, MAX_ENGINES, &count, why, err));
    for (int i = 0; i < count; i++) {
        ll_error refused = LL_ERROR_INIT;
        const ll_status status = try_engine(c, &shape, engines[i], &refused);
        if (status == LL_OK) {
            c->net->engines_s += ll_clock_seconds() - begin_s;
            return LL_OK;
        }
        LL_TRY(ll_cuda_card_check(state->compute, &refused, err));
        if (status != LL_ERR_UNSUPPORTED && status != LL_ERR_FORMAT)
            ll_log_line(state->log, "%s: fp32 engine %s passed over: %s", ll_vgg16_name(layer),
                        engines[i], refused.text);
        /* less memory may do for half the batch; what else is refused stays refused */
        if (status == LL_ERR_MEMORY || worst == LL_ERR_UNSUPPORTED) worst = status;
        ll_text_say(why, sizeof why, "%s", refused.text);
    }
    if (worst == LL_ERR_MEMORY) return ll_fail(err, worst, "no engine for fp32: %s", why);
    return run_fallback(c, layer, why, err);
}

static ll_status run_fc(struct calibration *c, int layer, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);
    const ll_gemm_shape product = {
        .m = c->images,
        .n = shape->out_channels,
        .k = ll_vgg16_kernel_count(layer) / shape->out_channels,
        .type = LL_GEMM_FP32,
        .bias_relu = true,
    };
    struct cuda_state *const state = c->net->state;
    char algorithm[LL_GEMM_TEXT];
    ll_gemm *gemm = NULL;

    ll_error refused = LL_ERROR_INIT;
    status = ll_gemm_make_first(state->gemm, &product, LL_CUDA_PRODUCT_WORKSPACE, &gemm, algorithm,
                                &refused);
    if (status == LL_ERR_UNSUPPORTED) return run_fallback(c, layer, refused.text, err);
    if (status != LL_OK) return ll_fail(err, status, "%s", refused.text);
    if (ll_gemm_workspace_bytes(gemm) > 0)
        LL_TRY_DONE(ll_cuda_memory("workspace", ll_gemm_workspace_bytes(gemm), &c->workspace, err));
    LL_TRY_DONE(ll_gemm_run(gemm, 1.0f, c->activations[c->at], c->kernel, c->bias,
                            c->activations[1 - c->at], c->workspace, state->compute, err));
    LL_TRY_DONE(LL_CUDA(cudaStreamSynchronize(state->compute)));
done:
    ll_gemm_free(gemm);
    return status;
}

static ll_status upload(struct calibration *c, int layer, const float *kernel, const float *bias,
                        ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);
    const int64_t count = ll_vgg16_kernel_count(layer);
    const int64_t padded = layer == 0 ? count / 3 * c->channels : count;
    const size_t bytes = (size_t)padded * sizeof *kernel;
    const size_t bias_bytes = (size_t)shape->out_channels * sizeof *bias;
    const cudaStream_t stream = c->net->state->compute;
    float *packed = NULL;

    LL_TRY(ll_alloc("weights", padded, sizeof *packed, &packed, err));
    LL_TRY_DONE(ll_cuda_kernel_pack(kernel, layer, c->channels, LL_POOL_FLOAT32, packed, err));
    LL_TRY_DONE(ll_cuda_memory(ll_vgg16_name(layer), bytes, &c->kernel, err));
    LL_TRY_DONE(ll_cuda_memory("bias", bias_bytes, &c->bias, err));
    LL_TRY_DONE(LL_CUDA(cudaMemcpyAsync(c->kernel, packed, bytes, cudaMemcpyHostToDevice, stream)));
    LL_TRY_DONE(
        LL_CUDA(cudaMemcpyAsync(c->bias, bias, bias_bytes, cudaMemcpyHostToDevice, stream)));
done:
    if (status == LL_OK)
        status = LL_CUDA(cudaStreamSynchronize(stream));
    else
        (void)cudaStreamSynchronize(stream);
    free(packed);
    return status;
}

static void layer_release(struct calibration *c)
{
    ll_cuda_free(c->kernel);
    ll_cuda_free(c->bias);
    ll_cuda_free(c->workspace);
    c->kernel = c->bias = c->workspace = NULL;
}

/* How large the activations of a layer became, back on the host. */
static ll_status measure(struct calibration *c, int layer, ll_error *err)
{
    const cudaStream_t stream = c->net->state->compute;

    LL_TRY(LL_CUDA(cudaMemsetAsync(c->largest, 0, sizeof *c->largest, stream)));
    LL_TRY(LL_CUDA(ll_largest_cuda(LL_POOL_FLOAT32, c->activations[c->at],
                                   c->images * ll_vgg16_width(layer), c->largest, stream)));
    LL_TRY(LL_CUDA(
        cudaMemcpyAsync(&c->bits, c->largest, sizeof c->bits, cudaMemcpyDeviceToHost, stream)));
    LL_TRY(LL_CUDA(cudaStreamSynchronize(stream)));
    if (c->bits >= LL_POOL_INFINITE)
        return ll_fail(err, LL_ERR_FORMAT,
                       "weights: an activation of %s is infinite or not a number",
                       ll_vgg16_name(layer));
    struct cuda_layer *const at = &c->net->layers[layer];
    memcpy(&at->largest, &c->bits, sizeof c->bits);
    LL_TRY(ll_alloc("means", ll_vgg16_layer_at(layer)->out_channels, sizeof *at->means, &at->means,
                    err));
    return ll_cuda_channel_means(c->net, layer, LL_POOL_FLOAT32, c->activations[c->at], c->images,
                                 1.0f, c->room, at->means, err);
}

static ll_status calibrate_layer(void *to, int layer, const float *kernel, const float *bias,
                                 ll_error *err)
{
    ll_status status = LL_OK;
    struct calibration *const c = to;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer);

    if (shape->kind != LL_VGG16_POOL) LL_TRY_DONE(upload(c, layer, kernel, bias, err));
    if (shape->kind == LL_VGG16_CONV)
        LL_TRY_DONE(run_conv(c, layer, err));
    else if (shape->kind == LL_VGG16_FC)
        LL_TRY_DONE(run_fc(c, layer, err));
    else
        LL_TRY_DONE(LL_CUDA(ll_max_pool_cuda(
            LL_POOL_FLOAT32, c->activations[c->at], c->images, shape->in_side, shape->in_channels,
            c->activations[1 - c->at], NULL, c->net->state->compute)));
    c->at = 1 - c->at;
    status = measure(c, layer, err);
done:
    layer_release(c);
    return status;
}

/* ---- the scale -------------------------------------------------------------------------- */

static ll_status choose_factor(ll_net *net, ll_error *err)
{
    float most = 0.0f, least = INFINITY;

    for (int i = 0; i <= net->last; i++) {
        const float largest = net->layers[i].largest;
        if (largest > most) most = largest;
        if (largest > 0.0f && largest < least) least = largest;
    }
    net->factor = 1.0f;
    while (most * net->factor > k_max)
        net->factor /= 2.0f;
    if (net->factor < 1.0f && least * net->factor < k_min)
        return ll_fail(err, LL_ERR_FORMAT,
                       "weights: activations between %g and %g are more than fp16 can span; use "
                       "--precision tf32",
                       (double)least, (double)most);
    return LL_OK;
}

static ll_status begin(struct calibration *c, ll_error *err)
{
    const ll_net *const net = c->net;
    const size_t most = (size_t)c->images * (size_t)ll_vgg16_width(0) * sizeof(float);

    LL_TRY(ll_cuda_memory("calibration", most, &c->activations[0], err));
    LL_TRY(ll_cuda_memory("calibration", most, &c->activations[1], err));
    LL_TRY(ll_cuda_memory("calibration", sizeof *c->largest, &c->largest, err));
    LL_TRY(ll_cuda_memory("calibration", (size_t)c->images * LL_CUDA_MAX_CHANNELS * sizeof *c->room,
                          &c->room, err));
    LL_TRY(ll_cuda_memory("calibration", (size_t)c->images * IMAGE_BYTES, &c->pixels, err));
    LL_TRY(ll_cuda_pictures(net, c->images, c->images, c->pixels, err));
    return LL_CUDA(ll_preprocess_nhwc_cuda(net->kind, LL_PREPROCESS_FLOAT32, 1.0f, c->pixels,
                                           (int64_t)c->images * PIXELS, c->channels,
                                           c->activations[0], net->state->compute));
}

ll_status ll_cuda_scale_find(ll_net *net, struct ll_weights *weights, ll_error *err)
{
    ll_status status = LL_OK;
    struct calibration c = {.net = net, .channels = ll_conv_channels(0, LL_CONV_FP32)};

    c.images = ll_cuda_images(net);
    LL_TRY_DONE(begin(&c, err));
    LL_TRY_DONE(ll_cuda_weights_load(net, weights, calibrate_layer, &c, err));
    LL_TRY_DONE(choose_factor(net, err));
done:
    (void)cudaStreamSynchronize(net->state->compute);
    layer_release(&c);
    ll_cuda_free(c.activations[0]);
    ll_cuda_free(c.activations[1]);
    ll_cuda_free(c.largest);
    ll_cuda_free(c.room);
    ll_cuda_free(c.pixels);
    return status;
}
