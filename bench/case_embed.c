/* bench/case_embed.c - photos a second through the network to fc2, normalised.
 *
 * Pixels are drawn: decoding has its own case. A run keeps two batches in flight, as the nightly
 * index does. Without a weights file an untrained network is written for the occasion: the speed of
 * a network does not depend on what it knows. */
#include "bench/bench.h"
#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/base/text.h"
#include "host/vgg16/vgg16.h"
#include "weights/synthetic.h"
#include "weights/weights.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 2, IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3, WIDTH = 4096, BIASES = 12416 };
enum { CPU_IMAGES = 64 }; /* of a run at the least: 4 s on two cores */

struct embed {
    ll_backend *be;
    ll_weights *weights;
    ll_net *net;
    int batch;
    int64_t images;
    uint8_t *pixels; /* (images, 224, 224, 3) */
    float *features, *norms;
};

/* ---- weights ---- */

static ll_status drawn_weights(ll_weights **out, ll_error *err)
{
    ll_status status = LL_OK;
    const char *const folder = getenv("TMPDIR");
    char *path = NULL;
    float *biases = NULL;
    int fd = -1;

    LL_TRY_DONE(ll_text_format(&path, err, "%s/lookloom-bench-XXXXXX",
                               folder != NULL && folder[0] != '\0' ? folder : "/tmp"));
    LL_TRY_DONE(ll_alloc("biases", BIASES, sizeof *biases, &biases, err));
    fd = mkstemp(path);
    if (fd < 0) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", path, strerror(errno));
        goto done;
    }
    LL_TRY_DONE(ll_synthetic_write(path, 1, biases, err));
    LL_TRY_DONE(ll_weights_open(path, out, err));
done:
    if (fd >= 0) {
        close(fd);
        unlink(path); /* an open weights file needs its name no more */
    }
    free(biases);
    free(path);
    return status;
}

/* ---- running ---- */

static ll_status run(void *context, ll_error *err)
{
    const struct embed *const e = context;
    const int64_t batches = ll_ceil_div(e->images, e->batch);

    for (int64_t b = 0; b < batches + SLOTS; b++) {
        const int slot = (int)(b % SLOTS);
        if (b >= SLOTS) {
            const int64_t first = (b - SLOTS) * e->batch;
            LL_TRY(ll_forward_wait(e->be, e->net, slot, e->features + first * WIDTH,
                                   e->norms + first, err));
        }
        if (b < batches) {
            const int64_t first = b * e->batch;
            LL_TRY(ll_forward_submit(e->be, e->net, slot, e->pixels + first * IMAGE,
                                     (int)ll_min_i64(e->batch, e->images - first), err));
        }
    }
    return LL_OK;
}

/* The last picture is a copy of the first: its features must have the same bits although it is in
 * another batch at another position, have length 1, and differ from those of its neighbour. */
static ll_status check(struct embed *e, ll_error *err)
{
    const float *const first = e->features, *const last = e->features + (e->images - 1) * WIDTH;
    double square = 0.0;

    LL_TRY(run(e, err));
    for (int i = 0; i < WIDTH; i++)
        square += (double)first[i] * first[i];
    if (!(fabs(square - 1.0) < 1e-5))
        return ll_fail(err, LL_ERR_FORMAT, "bench embed: a row's length is %g", sqrt(square));
    if (memcmp(first, last, WIDTH * sizeof *first) != 0)
        return ll_fail(err, LL_ERR_FORMAT, "bench embed: one picture, two different rows");
    if (e->images > 2 && memcmp(first, first + WIDTH, WIDTH * sizeof *first) == 0)
        return ll_fail(err, LL_ERR_FORMAT, "bench embed: two pictures, one row");
    return LL_OK;
}

static void draw(const struct embed *e)
{
    uint32_t state = 1; /* a linear congruence (Numerical Recipes); any noise will do */
    for (int64_t i = 0; i < e->images * IMAGE; i++) {
        state = state * 1664525u + 1013904223u;
        e->pixels[i] = (uint8_t)(state >> 24);
    }
    if (e->images > 1) memcpy(e->pixels + (e->images - 1) * IMAGE, e->pixels, IMAGE);
}

static ll_status prepare(struct embed *e, const ll_bench_options *options, int threads,
                         ll_error *err)
{
    const ll_backend_options backend = {.name = options->backend != NULL ? options->backend : "cpu",
                                        .precision = options->precision,
                                        .threads = threads,
                                        .batch = options->batch,
                                        .patience_s = options->patience_s,
                                        .slots = SLOTS,
                                        .log = options->log};
    const ll_net_options net = {.layer = LL_VGG16_FC2, .normalize = true};

    LL_TRY(ll_backend_open(&backend, &e->be, err));
    if (options->weights != NULL)
        LL_TRY(ll_weights_open(options->weights, &e->weights, err));
    else
        LL_TRY(drawn_weights(&e->weights, err));
    LL_TRY(ll_net_create(e->be, e->weights, &net, &e->net, err)); /* may halve the batch */
    e->batch = ll_backend_describe(e->be).batch;
    const bool card = !ll_backend_describe(e->be).shares_processor;
    e->images = options->items > 0 ? options->items
                : card             ? (int64_t)SLOTS * e->batch
                                   : ll_max_i64(e->batch, CPU_IMAGES);
    LL_TRY(ll_alloc("pixels", e->images, IMAGE, &e->pixels, err));
    LL_TRY(ll_alloc("features", e->images * WIDTH, sizeof *e->features, &e->features, err));
    LL_TRY(ll_alloc("norms", e->images, sizeof *e->norms, &e->norms, err));
    draw(e);
    return LL_OK;
}

/* oneDNN's names of the cpu's engines: "jit_wino_4x3:avx512_core", "jit_fp32_wino_2x3:avx512_core".
 */
static ll_bench_passing winograd(const char *engines)
{
    return strstr(engines, "wino_4x3") != NULL   ? LL_BENCH_PASS_WINOGRAD_4
           : strstr(engines, "wino_2x3") != NULL ? LL_BENCH_PASS_WINOGRAD_2
                                                 : LL_BENCH_PASS_NOTHING;
}

ll_status ll_bench_embed(const ll_bench_options *options, ll_bench_result *result, ll_error *err)
{
    ll_status status = LL_OK;
    struct embed e = {0};
    const int threads = options->threads > 0 ? options->threads : ll_parallel_cores();

    *result = (ll_bench_result){.stage = "embed", .unit = "img", .threads = threads};
    LL_TRY_DONE(prepare(&e, options, threads, err));
    LL_TRY_DONE(check(&e, err));
    LL_TRY_DONE(ll_bench_repeat(run, &e, options->seconds, result, err));
    const ll_backend_info backend = ll_backend_describe(e.be);
    LL_TRY_DONE(ll_text_fit(result->work, sizeof result->work, err, "%lld images to fc2, %s %s",
                            (long long)e.images, backend.name, backend.precision));
    result->batch = e.batch;
    result->count = (double)e.images;
    result->flops = result->count * ll_vgg16_flops(LL_VGG16_FC2);
    if (backend.shares_processor)
        LL_TRY_DONE(ll_bench_limit_multiply(threads, winograd(backend.engines), result, err));
done:
    ll_net_free(e.be, e.net);
    ll_weights_close(e.weights);
    free(e.norms);
    free(e.features);
    free(e.pixels);
    ll_backend_close(e.be);
    return status;
}
