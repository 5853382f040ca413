/* host/backend/cpu/cpu_calibrate.c - biases that centre an untrained network on a batch.
 *
 * One layer at a time: its sums without bias for every image, the mean of each channel in double,
 * then bias and ReLU in place. One buffer holds all images' activations, channels last (411 MB for
 * 32 images at its widest). Means are added up image by image, positions in order, so the number of
 * threads changes nothing. */
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/backend/cpu/cpu_layer.h"
#include "host/backend/cpu/cpu_state.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/vgg16/vgg16.h"
#include "kernels/preprocess.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLANES = 3,
    PIXELS = LL_VGG16_SIDE * LL_VGG16_SIDE,
    MAX_CHANNELS = 4096,
    MAX_VALUES = PIXELS * 64, /* of one image: conv1_1 and conv1_2 */
};

struct scratch {
    float *from, *to; /* one image, channels last and as the primitive has it */
    void *scratchpad;
    dnnl_stream_t stream;
};

struct calibration {
    ll_cpu_pool *pool;
    int threads, n;
    dnnl_engine_t engine;
    const uint8_t *pixels;
    float *images; /* n times MAX_VALUES: an image's activations begin at i * MAX_VALUES */
    float *rows;   /* (ll_cpu_fc_rows(n), 25088) in front of an fc layer, dense */
    double *sums;  /* (n, MAX_CHANNELS) each image's own */
    struct scratch *scratch;
    int index;
    ll_cpu_layer layer;
    const float *kernel;
    float *bias; /* of the layer at hand */
};

static ll_status run_jobs(struct calibration *c, ll_cpu_job_fn run, long jobs, ll_error *err)
{
    ll_cpu_group group = {0};
    LL_TRY(ll_cpu_pool_submit(c->pool, &group, run, c, 0, jobs, err));
    return ll_cpu_pool_wait(c->pool, &group, err);
}

static ll_status nhwc_of(const dnnl_memory_desc_t *like, dnnl_memory_desc_t *out, ll_error *err)
{
    return ll_dnnl_tensor(out, dnnl_nhwc, 4, like->dims, err);
}

/* ---- jobs ---- */

static ll_status input_job(void *context, long image, int thread, ll_error *err)
{
    const struct calibration *const c = context;
    float *const planes = c->scratch[thread].to, *const dst = c->images + image * MAX_VALUES;
    (void)err;

    ll_preprocess_cpu(LL_PREPROCESS_CAFFE, c->pixels + image * PIXELS * PLANES, 1, PIXELS, planes);
    for (int64_t i = 0; i < PIXELS; i++)
        for (int plane = 0; plane < PLANES; plane++)
            dst[i * PLANES + plane] = planes[plane * PIXELS + i];
    return LL_OK;
}

static ll_status create_job(void *context, long job, int thread, ll_error *err)
{
    struct calibration *const c = context;
    const ll_cpu_layer_options options = {.index = c->index,
                                          .rows = ll_cpu_fc_rows(c->n),
                                          .direct = true,
                                          .dst = dnnl_format_tag_any};
    (void)job, (void)thread;
    return ll_cpu_layer_create(c->engine, &options, &c->layer, err);
}

static ll_status pack_job(void *context, long chunk, int thread, ll_error *err)
{
    struct calibration *const c = context;
    (void)thread;
    return ll_cpu_layer_pack(&c->layer, c->engine, c->kernel, (int)chunk, err);
}

/* One image through a convolution or pool, in place, and a convolution's sums over positions. */
static ll_status image_job(void *context, long image, int thread, ll_error *err)
{
    const struct calibration *const c = context;
    struct scratch *const s = &c->scratch[thread];
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(c->index);
    float *const x = c->images + image * MAX_VALUES;
    double *const sums = c->sums + image * MAX_CHANNELS;
    dnnl_memory_desc_t in, out;

    LL_TRY(nhwc_of(c->layer.src, &in, err));
    LL_TRY(nhwc_of(c->layer.dst, &out, err));
    LL_TRY(ll_dnnl_reorder(c->engine, &in, x, c->layer.src, s->from, err));
    LL_TRY(
        ll_cpu_layer_run(&c->layer, c->engine, s->stream, 0, s->from, s->to, s->scratchpad, err));
    LL_TRY(ll_dnnl_reorder(c->engine, c->layer.dst, s->to, &out, x, err));

    const int channels = shape->out_channels;
    const int64_t positions = (int64_t)shape->out_side * shape->out_side;
    memset(sums, 0, (size_t)channels * sizeof *sums);
    for (int64_t i = 0; i < positions; i++)
        for (int k = 0; k < channels; k++)
            sums[k] += x[i * channels + k];
    return LL_OK;
}

static ll_status fc_job(void *context, long chunk, int thread, ll_error *err)
{
    const struct calibration *const c = context;
    struct scratch *const s = &c->scratch[thread];

    LL_TRY(ll_cpu_layer_run(&c->layer, c->engine, s->stream, (int)chunk, c->rows, s->to,
                            s->scratchpad, err));
    for (int64_t i = 0; i < c->n; i++) {
        float *const x = c->images + i * MAX_VALUES + chunk * LL_CPU_FC_CHUNK;
        double *const sums = c->sums + i * MAX_CHANNELS + chunk * LL_CPU_FC_CHUNK;
        memcpy(x, s->to + i * LL_CPU_FC_CHUNK, LL_CPU_FC_CHUNK * sizeof *x);
        for (int k = 0; k < LL_CPU_FC_CHUNK; k++)
            sums[k] = x[k];
    }
    return LL_OK;
}

static ll_status relu_job(void *context, long image, int thread, ll_error *err)
{
    const struct calibration *const c = context;
    const int channels = ll_vgg16_layer_at(c->index)->out_channels;
    float *const x = c->images + image * MAX_VALUES;
    (void)thread, (void)err;

    for (int64_t i = 0; i < ll_vgg16_width(c->index); i += channels)
        for (int k = 0; k < channels; k++) {
            const float value = x[i + k] + c->bias[k];
            x[i + k] = value > 0.0f ? value : 0.0f;
        }
    return LL_OK;
}

/* ---- one layer ---- */

static void bias_from_sums(const struct calibration *c)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(c->index);
    const double count = (double)c->n * shape->out_side * shape->out_side;

    for (int k = 0; k < shape->out_channels; k++) {
        double sum = 0.0;
        for (int64_t i = 0; i < c->n; i++)
            sum += c->sums[i * MAX_CHANNELS + k];
        c->bias[k] = (float)(-sum / count);
    }
}

/* The rows an fc layer multiplies, end to end. */
static void gather_rows(const struct calibration *c)
{
    const int64_t width = ll_vgg16_width(c->index - 1);
    for (int64_t i = 0; i < c->n; i++)
        memcpy(c->rows + i * width, c->images + i * MAX_VALUES, (size_t)width * sizeof *c->rows);
}

static ll_status scratchpads(struct calibration *c, ll_error *err)
{
    for (int i = 0; i < c->threads; i++) {
        free(c->scratch[i].scratchpad);
        c->scratch[i].scratchpad = NULL;
        LL_TRY(
            ll_alloc("scratchpad", 1, c->layer.scratchpad_bytes, &c->scratch[i].scratchpad, err));
    }
    return LL_OK;
}

static ll_status calibrate_layer(struct calibration *c, ll_kernel_fn kernel, void *to,
                                 ll_error *err)
{
    ll_status status = LL_OK;
    float *weights = NULL;
    const ll_vgg16_kind kind = ll_vgg16_layer_at(c->index)->kind;

    LL_TRY_DONE(run_jobs(c, create_job, 1, err));
    LL_TRY_DONE(scratchpads(c, err));
    if (kind != LL_VGG16_POOL) {
        LL_TRY_DONE(
            ll_alloc("kernel", ll_vgg16_kernel_count(c->index), sizeof *weights, &weights, err));
        LL_TRY_DONE(kernel(to, c->index, weights, err));
        c->kernel = weights;
        LL_TRY_DONE(ll_cpu_layer_pack_begin(&c->layer, NULL, err));
        LL_TRY_DONE(run_jobs(c, pack_job, c->layer.chunks, err));
    }
    if (kind == LL_VGG16_FC) {
        gather_rows(c);
        LL_TRY_DONE(run_jobs(c, fc_job, c->layer.chunks, err));
    } else {
        LL_TRY_DONE(run_jobs(c, image_job, c->n, err));
    }
    if (kind != LL_VGG16_POOL) {
        bias_from_sums(c);
        LL_TRY_DONE(run_jobs(c, relu_job, c->n, err));
    }
done:
    ll_cpu_layer_release(&c->layer);
    free(weights);
    c->kernel = NULL;
    return status;
}

/* ---- all of them ---- */

static ll_status prepare(struct calibration *c, ll_error *err)
{
    LL_TRY(ll_cpu_pool_create(c->threads, &c->pool, err));
    LL_TRY(LL_DNNL(dnnl_engine_create(&c->engine, dnnl_cpu, 0)));
    LL_TRY(ll_alloc("activations", (int64_t)c->n * MAX_VALUES, sizeof *c->images, &c->images, err));
    LL_TRY(ll_alloc("rows", ll_cpu_fc_rows(c->n) * ll_vgg16_width(LL_VGG16_POOL5), sizeof *c->rows,
                    &c->rows, err));
    LL_TRY(ll_alloc("sums", (int64_t)c->n * MAX_CHANNELS, sizeof *c->sums, &c->sums, err));
    LL_TRY(ll_alloc("scratch", c->threads, sizeof *c->scratch, &c->scratch, err));
    for (int i = 0; i < c->threads; i++) {
        struct scratch *const s = &c->scratch[i];
        /* An fc chunk of a large n may be wider than an image. */
        const int64_t values =
            ll_max_i64(MAX_VALUES, (int64_t)ll_cpu_fc_rows(c->n) * LL_CPU_FC_CHUNK);
        LL_TRY(ll_alloc("activations", values, sizeof *s->from, &s->from, err));
        LL_TRY(ll_alloc("activations", values, sizeof *s->to, &s->to, err));
        LL_TRY(LL_DNNL(dnnl_stream_create(&s->stream, c->engine, dnnl_stream_default_flags)));
    }
    return run_jobs(c, input_job, c->n, err);
}

static void release(struct calibration *c)
{
    ll_cpu_pool_free(c->pool);
    for (int i = 0; c->scratch != NULL && i < c->threads; i++) {
        if (c->scratch[i].stream != NULL) dnnl_stream_destroy(c->scratch[i].stream);
        free(c->scratch[i].scratchpad);
        free(c->scratch[i].to);
        free(c->scratch[i].from);
    }
    free(c->scratch);
    free(c->sums);
    free(c->rows);
    free(c->images);
    if (c->engine != NULL) dnnl_engine_destroy(c->engine);
}

ll_status ll_cpu_calibrate(int threads, ll_kernel_fn kernel, void *to, const uint8_t *pixels, int n,
                           float *biases, const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    struct calibration c = {.threads = threads, .n = n, .pixels = pixels};

    LL_TRY_DONE(prepare(&c, err));
    for (c.index = 0; c.index < LL_VGG16_LAYERS; c.index++) {
        c.bias = biases;
        LL_TRY_DONE(calibrate_layer(&c, kernel, to, err));
        if (ll_vgg16_layer_at(c.index)->kind != LL_VGG16_POOL)
            biases += ll_vgg16_layer_at(c.index)->out_channels;
        ll_log_progress(log, "calibrate", c.index + 1, LL_VGG16_LAYERS);
    }
done:
    release(&c);
    return status;
}
