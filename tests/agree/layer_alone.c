/* tests/agree/layer_alone.c - see layer_alone.h. */
#include "tests/agree/layer_alone.h"
#include "host/backend/cuda/conv/cuda_conv_shape.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/vgg16/vgg16.h"
#include "kernels/half.h"
#include "tests/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PERIOD = 65521, /* prime */
    SAMPLES = 1024, /* results looked at: of convolutions every channel */
    STRIDE = 167,   /* from channel to channel; prime */
    PRODUCT_WORKSPACE = 1 << 26,
    ALGORITHMS = 8,
    RUNS = 3,
    UNWRITTEN = 0xFF /* in every byte: NaN in both types */
};

/* Of the sum of absolute products, and the bias: fp16 multiplies exactly and adds in fp32, whose
 * last bits tensor cores cut off; tf32 drops 13 bits of both operands; fp32 rounds a sum of at most
 * 25 088. A Winograd that transforms in fp16 would be beyond: none has been offered. */
static const double k_bounds[] = {0x1p-13, 0x1p-9, 0x1p-19};
static const char *const k_types[] = {"fp16", "tf32", "fp32"};

/* A layer's operands and results on the host and on the card. */
struct operands {
    int side, window, in, out; /* a product: 1, 1 */
    int result_side;           /* after the pool */
    int64_t results;
    size_t bytes, result_bytes;            /* of a value */
    float *drawn_x, *drawn_w, *drawn_bias; /* (PERIOD) as they are in the type */
    void *x, *w, *bias, *y;                /* device */
    unsigned char *got, *again;            /* (results) */
};

/* ---- operands --------------------------------------------------------------------------- */

static float in_type(float value, size_t bytes)
{
    return bytes == 2 ? ll_half_value(ll_half_bits(value)) : value;
}

static ll_status draw(float **out, uint64_t seed, float factor, bool activation, size_t bytes,
                      ll_error *err)
{
    LL_TRY(ll_alloc("operands", PERIOD, sizeof **out, out, err));
    for (int i = 0; i < PERIOD; i++) {
        const float value = factor * ll_random(&seed);
        (*out)[i] = in_type(activation && value < 0.0f ? 0.0f : value, bytes);
    }
    return LL_OK;
}

/* `count` values on the device, drawn[i % PERIOD] each; where `channels` > `used`, the rest of
 * each place is zero. */
static ll_status upload(const float *drawn, int64_t count, size_t bytes, int channels, int used,
                        void **out, ll_error *err)
{
    ll_status status = LL_OK;
    unsigned char *host = NULL;

    LL_TRY_DONE(ll_alloc("operands", count + PERIOD, bytes, &host, err));
    for (int i = 0; i < PERIOD; i++) {
        const uint16_t half = ll_half_bits(drawn[i]);
        memcpy(host + (size_t)i * bytes, bytes == 2 ? (const void *)&half : &drawn[i], bytes);
    }
    for (int64_t i = PERIOD; i < count; i += PERIOD) /* may reach a period beyond `count` */
        memcpy(host + (size_t)i * bytes, host, PERIOD * bytes);
    for (int64_t i = used; channels > used && i < count; i += channels)
        memset(host + (size_t)i * bytes, 0, (size_t)(channels - used) * bytes);
    LL_TRY_DONE(LL_CUDA(cudaMalloc(out, (size_t)count * bytes)));
    LL_TRY_DONE(LL_CUDA(cudaMemcpy(*out, host, (size_t)count * bytes, cudaMemcpyHostToDevice)));
done:
    free(host);
    return status;
}

static void operands_release(struct operands *o)
{
    void *const device[] = {o->x, o->w, o->bias, o->y};
    for (size_t i = 0; i < sizeof device / sizeof device[0]; i++)
        (void)cudaFree(device[i]);
    free(o->drawn_x);
    free(o->drawn_w);
    free(o->drawn_bias);
    free(o->got);
    free(o->again);
}

/* Channels of the input that are used: conv1_1's are padded with zeros. */
static int channels_used(const layer_alone *alone, const struct operands *o)
{
    return alone->layer == 0 ? 3 : o->in;
}

static bool is_product(const layer_alone *alone)
{
    return ll_vgg16_layer_at(alone->layer)->kind == LL_VGG16_FC;
}

static ll_conv_shape conv_shape(const layer_alone *alone, bool pool)
{
    return ll_conv_shape_of(alone->layer, alone->type, alone->batch, pool);
}

/* fc2 ends the network: its results are fp32. */
static ll_gemm_shape product_shape(const layer_alone *alone)
{
    static const ll_gemm_type k_gemm[] = {LL_GEMM_FP16, LL_GEMM_TF32, LL_GEMM_FP32};
    const ll_vgg16_layer *const l = ll_vgg16_layer_at(alone->layer);
    const bool last = alone->layer == LL_VGG16_FC2 && alone->type == LL_CONV_FP16;
    return (ll_gemm_shape){.m = alone->batch,
                           .n = l->out_channels,
                           .k = ll_vgg16_kernel_count(alone->layer) / l->out_channels,
                           .type = last ? LL_GEMM_FP16_FP32 : k_gemm[alone->type],
                           .bias_relu = true};
}

static ll_status operands_init(struct operands *o, const layer_alone *alone, ll_error *err)
{
    const bool product = is_product(alone);
    const ll_conv_shape conv = conv_shape(alone, false);
    const ll_gemm_shape gemm = product_shape(alone);

    memset(o, 0, sizeof *o);
    o->side = product ? 1 : conv.side;
    o->window = product ? 1 : 3;
    o->in = product ? (int)gemm.k : conv.in_channels;
    o->out = product ? (int)gemm.n : conv.out_channels;
    o->result_side = alone->pool ? o->side / 2 : o->side;
    o->bytes = alone->type == LL_CONV_FP16 ? 2 : 4;
    o->result_bytes = product && gemm.type == LL_GEMM_FP16_FP32 ? 4 : o->bytes;
    o->results = (int64_t)alone->batch * o->result_side * o->result_side * o->out;
    const int taps = o->window * o->window, used = channels_used(alone, o);
    const int64_t positions = (int64_t)alone->batch * o->side * o->side;
    const float spread = sqrtf(6.0f / (float)(taps * used)); /* results are of the inputs' size */
    const uint64_t seed = (uint64_t)alone->layer + 1;

    LL_TRY(draw(&o->drawn_x, seed, 1.0f, true, o->bytes, err));
    LL_TRY(draw(&o->drawn_w, seed + 100, spread, false, o->bytes, err));
    LL_TRY(draw(&o->drawn_bias, seed + 200, 0.5f, false, o->result_bytes, err));
    LL_TRY(upload(o->drawn_x, positions * o->in, o->bytes, o->in, used, &o->x, err));
    LL_TRY(upload(o->drawn_w, (int64_t)o->out * taps * o->in, o->bytes, o->in, used, &o->w, err));
    LL_TRY(upload(o->drawn_bias, o->out, o->result_bytes, 1, 1, &o->bias, err));
    LL_TRY(LL_CUDA(cudaMalloc(&o->y, (size_t)o->results * o->result_bytes)));
    LL_TRY(ll_alloc("results", o->results, o->result_bytes, &o->got, err));
    return ll_alloc("results", o->results, o->result_bytes, &o->again, err);
}

/* ---- the definition --------------------------------------------------------------------- */

/* One place before the pool, after ReLU; what its products amount to in `*size`. */
static double defined_value(const layer_alone *alone, const struct operands *o, int64_t image,
                            int row, int column, int channel, double *size)
{
    const int radius = o->window / 2, used = channels_used(alone, o);
    double sum = (double)o->drawn_bias[channel % PERIOD];

    *size = fabs(sum);
    for (int tap = 0; tap < o->window * o->window; tap++) {
        const int r = row + tap / o->window - radius, c = column + tap % o->window - radius;
        if (r < 0 || r >= o->side || c < 0 || c >= o->side) continue;
        const int64_t x = ((image * o->side + r) * o->side + c) * o->in;
        const int64_t w = ((int64_t)channel * o->window * o->window + tap) * o->in;
        for (int i = 0, at_x = (int)(x % PERIOD), at_w = (int)(w % PERIOD); i < used; i++) {
            const double product = (double)o->drawn_x[at_x] * (double)o->drawn_w[at_w];
            at_x = at_x + 1 == PERIOD ? 0 : at_x + 1;
            at_w = at_w + 1 == PERIOD ? 0 : at_w + 1;
            sum += product;
            *size += fabs(product);
        }
    }
    return fmax(sum, 0.0);
}

/* One result; `*bound` is how far from it an engine may be. */
static double defined(const layer_alone *alone, const struct operands *o, int64_t at, double *bound)
{
    const int channel = (int)(at % o->out), step = alone->pool ? 2 : 1;
    const int64_t position = at / o->out;
    const int column = (int)(position % o->result_side) * step;
    const int row = (int)(position / o->result_side % o->result_side) * step;
    const int64_t image = position / o->result_side / o->result_side;
    double most = 0.0, largest = 0.0;

    for (int p = 0; p < step * step; p++) {
        double size;
        const double value =
            defined_value(alone, o, image, row + p / step, column + p % step, channel, &size);
        most = fmax(most, value);
        largest = fmax(largest, size);
    }
    *bound = k_bounds[alone->type] * largest;
    if (o->result_bytes == 2) *bound += 0x1p-11 * most + 0x1p-24; /* rounded to fp16 */
    return most;
}

static float result(const struct operands *o, int64_t at)
{
    const unsigned char *const from = o->got + (size_t)at * o->result_bytes;
    uint16_t half;
    float value;

    memcpy(&half, from, sizeof half);
    if (o->result_bytes == 2) return (half & 0x7C00u) == 0x7C00u ? NAN : ll_half_value(half);
    memcpy(&value, from, sizeof value);
    return value;
}

static void compute_verdict(const layer_alone *alone, const struct operands *o,
                            layer_verdict *verdict)
{
    uint64_t seed = 77;

    verdict->error = 0.0;
    for (int64_t i = 0; i < o->results; i++)
        if (!isfinite(result(o, i))) {
            verdict->wrong = true;
            snprintf(verdict->text, sizeof verdict->text, "result %lld of %lld is not finite",
                     (long long)i, (long long)o->results);
            return;
        }
    for (int s = 0; s < SAMPLES; s++) { /* the first place, the last, and drawn ones */
        const int64_t positions = o->results / o->out;
        const double part = ((double)ll_random(&seed) + 1.0) / 2.0;
        const int64_t position = s % 8 == 0   ? 0
                                 : s % 8 == 1 ? positions - 1
                                              : (int64_t)(part * (double)(positions - 1));
        const int64_t at = position * o->out + (int64_t)s * STRIDE % o->out;
        double bound;
        const double want = defined(alone, o, at, &bound), got = (double)result(o, at);
        verdict->error = fmax(verdict->error, fabs(got - want) / bound);
        if (fabs(got - want) <= bound) continue;
        verdict->wrong = true;
        snprintf(verdict->text, sizeof verdict->text, "result %lld is %.7g instead of %.7g, +-%.2g",
                 (long long)at, got, want, bound);
        return;
    }
}

/* ---- one engine ------------------------------------------------------------------------- */

struct engine {
    ll_conv *conv;
    ll_gemm *gemm;
    void *workspace;
};

static ll_status engine_run(const struct engine *engine, const struct operands *o,
                            const layer_libraries *libraries, ll_error *err)
{
    if (engine->conv != NULL)
        return ll_conv_run(engine->conv, o->x, o->w, o->bias, o->y, engine->workspace,
                           libraries->stream, err);
    return ll_gemm_run(engine->gemm, 1.0f, o->x, o->w, o->bias, o->y, engine->workspace,
                       libraries->stream, err);
}

static ll_status engine_make(const layer_alone *alone, const layer_libraries *libraries,
                             struct engine *engine, ll_error *err)
{
    const char *const text = alone->engines[alone->next];
    size_t bytes, free_bytes, card_bytes;

    if (is_product(alone)) {
        const ll_gemm_shape shape = product_shape(alone);
        LL_TRY(ll_gemm_make(libraries->gemm, &shape, text, &engine->gemm, err));
        bytes = ll_gemm_workspace_bytes(engine->gemm);
    } else {
        const ll_conv_shape shape = conv_shape(alone, alone->pool);
        LL_TRY(ll_conv_make(libraries->conv, &shape, text, 1.0f, &engine->conv, err));
        bytes = ll_conv_workspace_bytes(engine->conv);
    }
    LL_TRY(LL_CUDA(cudaMemGetInfo(&free_bytes, &card_bytes)));
    if (bytes > ll_conv_workspace_max(card_bytes))
        return ll_fail(err, LL_ERR_UNSUPPORTED, "wants %zu MB of workspace", bytes >> 20);
    return bytes == 0 ? LL_OK : LL_CUDA(cudaMalloc(&engine->workspace, bytes));
}

static ll_status fetch(const struct operands *o, const layer_libraries *libraries,
                       unsigned char *to, ll_error *err)
{
    LL_TRY(LL_CUDA(cudaStreamSynchronize(libraries->stream)));
    return LL_CUDA(
        cudaMemcpy(to, o->y, (size_t)o->results * o->result_bytes, cudaMemcpyDeviceToHost));
}

static ll_status time_runs(const struct engine *engine, const struct operands *o,
                           const layer_libraries *libraries, double *ms, ll_error *err)
{
    ll_status status = LL_OK;
    cudaEvent_t start = NULL, stop = NULL;

    LL_TRY_DONE(LL_CUDA(cudaEventCreate(&start)));
    LL_TRY_DONE(LL_CUDA(cudaEventCreate(&stop)));
    *ms = INFINITY;
    for (int run = 0; run < RUNS; run++) {
        float took = 0.0f;
        LL_TRY_DONE(LL_CUDA(cudaEventRecord(start, libraries->stream)));
        LL_TRY_DONE(engine_run(engine, o, libraries, err));
        LL_TRY_DONE(LL_CUDA(cudaEventRecord(stop, libraries->stream)));
        LL_TRY_DONE(LL_CUDA(cudaEventSynchronize(stop)));
        LL_TRY_DONE(LL_CUDA(cudaEventElapsedTime(&took, start, stop)));
        *ms = fmin(*ms, (double)took);
    }
done:
    if (stop != NULL) (void)cudaEventDestroy(stop);
    if (start != NULL) (void)cudaEventDestroy(start);
    return status;
}

/* Made, run onto what nobody wrote, timed, and run again. */
static ll_status run_all(layer_alone *alone, const layer_libraries *libraries,
                         struct engine *engine, const struct operands *o, layer_verdict *verdict,
                         ll_error *err)
{
    const size_t bytes = (size_t)o->results * o->result_bytes;
    const double begin = ll_clock_seconds();

    LL_TRY(engine_make(alone, libraries, engine, err));
    LL_TRY(LL_CUDA(cudaMemsetAsync(o->y, UNWRITTEN, bytes, libraries->stream)));
    LL_TRY(engine_run(engine, o, libraries, err));
    LL_TRY(fetch(o, libraries, o->got, err));
    verdict->made_s = ll_clock_seconds() - begin;
    LL_TRY(time_runs(engine, o, libraries, &verdict->ms, err));
    return fetch(o, libraries, o->again, err);
}

/* Does the card go on as if nothing had been? */
static bool card_goes_on(const layer_libraries *libraries)
{
    (void)cudaGetLastError();
    return cudaStreamSynchronize(libraries->stream) == cudaSuccess;
}

static void engine_release(struct engine *engine)
{
    ll_conv_free(engine->conv);
    ll_gemm_free(engine->gemm);
    (void)cudaFree(engine->workspace);
}

static ll_status operands_need(layer_alone *alone, ll_error *err)
{
    if (alone->operands != NULL) return LL_OK;
    LL_TRY(ll_alloc("operands", 1, sizeof *alone->operands, &alone->operands, err));
    return operands_init(alone->operands, alone, err);
}

ll_status layer_alone_try(layer_alone *alone, const layer_libraries *libraries,
                          layer_verdict *verdict, ll_error *err)
{
    ll_status status = LL_OK;
    ll_error refused = LL_ERROR_INIT;
    struct engine engine = {0};

    memset(verdict, 0, sizeof *verdict);
    LL_TRY_DONE(operands_need(alone, err));
    const struct operands *const o = alone->operands;
    const ll_status ran = run_all(alone, libraries, &engine, o, verdict, &refused);
    if (ran != LL_OK) {
        verdict->refused = ran == LL_ERR_UNSUPPORTED || ran == LL_ERR_MEMORY;
        verdict->failed = !verdict->refused;
        snprintf(verdict->text, sizeof verdict->text, "%.250s", refused.text);
        if (!card_goes_on(libraries)) status = ll_fail(err, LL_ERR_DEVICE, "%s", refused.text);
        goto done;
    }
    compute_verdict(alone, o, verdict);
    if (!verdict->wrong && memcmp(o->got, o->again, (size_t)o->results * o->result_bytes) != 0) {
        verdict->wrong = true;
        snprintf(verdict->text, sizeof verdict->text, "a second run has other bits");
    }
    if (!verdict->wrong) alone->right++;
done:
    alone->next++;
    engine_release(&engine);
    return status;
}

void layer_alone_rest(layer_alone *alone)
{
    if (alone->operands != NULL) operands_release(alone->operands);
    free(alone->operands);
    alone->operands = NULL;
}

ll_status layer_alone_init(layer_alone *alone, const layer_libraries *libraries, ll_error *err)
{
    LL_TRY(ll_alloc("engines", LAYER_ENGINES, LAYER_TEXT, &alone->engines, err));
    snprintf(alone->name, sizeof alone->name, "%s %s%s", ll_vgg16_name(alone->layer),
             k_types[alone->type], alone->pool ? " with its pool" : "");
    if (!is_product(alone)) {
        const ll_conv_shape shape = conv_shape(alone, alone->pool);
        return ll_conv_engines(libraries->conv, &shape, alone->engines, LAYER_ENGINES,
                               &alone->count, alone->why, err);
    }
    ll_error refused = LL_ERROR_INIT;
    const ll_gemm_shape shape = product_shape(alone);
    char algorithms[ALGORITHMS][LL_GEMM_TEXT];
    const ll_status status = ll_gemm_algorithms(libraries->gemm, &shape, PRODUCT_WORKSPACE,
                                                algorithms, ALGORITHMS, &alone->count, &refused);
    snprintf(alone->why, sizeof alone->why, "%.250s", refused.text);
    if (status != LL_OK && status != LL_ERR_UNSUPPORTED)
        return ll_fail(err, status, "%s", refused.text);
    for (int i = 0; i < alone->count; i++)
        snprintf(alone->engines[i], LAYER_TEXT, "%s", algorithms[i]);
    return LL_OK;
}

void layer_alone_release(layer_alone *alone)
{
    layer_alone_rest(alone);
    free(alone->engines);
    alone->engines = NULL;
}
