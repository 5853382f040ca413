/* tests/cuda_emulated/emulated_conv.c - cuda_conv.h by its definition: the places under a kernel
 * are gathered strip by strip (im2col) and OpenBLAS multiplies.
 *
 * There are several engines a shape, so that choosing one has something to choose from: one needs
 * no workspace, one is twice as fast and needs some, one turns out unable. */
#include "host/backend/cuda/conv/cuda_conv.h"
#include "tests/cuda_emulated/emulated_half.h"
#include "tests/cuda_emulated/emulated_stream_state.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

enum { CROWD = 40, TAPS = 9, STRIP_ROWS = 8, WORKSPACE_BYTES = 10000, GARBAGE = 0xEE };
static const double k_flop_per_ms = 5e11;
static const double k_pooled = 0.8; /* a quarter is written */

static const struct engine {
    const char *name;
    double slowness;
    size_t workspace_bytes;
    bool unable;
} k_engines[] = {
    {"e1 k2=0", 2.0, 0, false},
    {"e4 k2=1,k13=0", 1.0, WORKSPACE_BYTES, false},
    {"e9", 1.0, 0, true},
};
enum { ENGINES = sizeof k_engines / sizeof k_engines[0] };

struct ll_conv_library {
    int nothing;
};
struct ll_conv {
    ll_conv_shape shape;
    const struct engine *engine;
    float scale;
};

struct convolution {
    struct ll_conv plan;
    const void *x, *w;
    const void *bias;
    void *y, *workspace;
};

static ll_emulated_type type_of(const ll_conv_shape *s)
{
    return s->type == LL_CONV_FP16   ? LL_EMULATED_FP16
           : s->type == LL_CONV_TF32 ? LL_EMULATED_TF32
                                     : LL_EMULATED_FP32;
}

static float *room(size_t count)
{
    float *const made = malloc(count * sizeof *made);
    if (made == NULL) abort();
    return made;
}

/* ---- one image ------------------------------------------------------------------------- */

/* (rows * side, 3, 3, in): what lies under the kernel at each place of rows [top, top + rows). */
static void gather(const ll_conv_shape *s, const float *x, int top, int rows, float *places)
{
    const size_t in = (size_t)s->in_channels;

    for (int p = 0; p < rows * s->side; p++)
        for (int tap = 0; tap < TAPS; tap++) {
            const int r = top + p / s->side + tap / 3 - 1, c = p % s->side + tap % 3 - 1;
            float *const to = places + ((size_t)p * TAPS + (size_t)tap) * in;
            if (r < 0 || r >= s->side || c < 0 || c >= s->side)
                memset(to, 0, in * sizeof *to);
            else
                memcpy(to, x + ((size_t)r * (size_t)s->side + (size_t)c) * in, in * sizeof *to);
        }
}

/* Scale, bias, ReLU; in place. A NaN stays, or does not. */
static void finish(const struct convolution *v, const float *bias, size_t places, float *sums)
{
    const size_t out = (size_t)v->plan.shape.out_channels;
    const bool hides = ll_emulated_card()->relu_hides_nan;

    for (size_t p = 0; p < places; p++)
        for (size_t o = 0; o < out; o++) {
            const float value = v->plan.scale * sums[p * out + o] + bias[o];
            const bool gone = value < 0.0f || (hides && !(value >= 0.0f));
            sums[p * out + o] = gone ? 0.0f : value;
        }
}

static float larger(float a, float b)
{
    return a > b || a != a ? a : b;
}

/* What the fastest engine makes of a right value. */
static float spoil(const struct convolution *v, size_t image, size_t channel, float value)
{
    const ll_emulated *const card = ll_emulated_card();

    if (v->plan.engine->slowness > 1.0) return value;
    if (card->unsound && channel == (size_t)v->plan.shape.out_channels - 2) return 0.0f;
    if (card->uneven && 2 * image >= (size_t)v->plan.shape.batch) return value * (1.0f + 0x1p-9f);
    return value;
}

/* Rows [top, top + rows) of the image's result, pooled if it is. */
static void store(const struct convolution *v, const float *sums, int top, int rows, void *y,
                  size_t image)
{
    const ll_conv_shape *const s = &v->plan.shape;
    const size_t out = (size_t)s->out_channels, line = (size_t)s->side * out;
    const size_t step = s->pool ? 2 : 1, side = (size_t)s->side / step;
    const bool half = s->type == LL_CONV_FP16;

    for (size_t r = 0; r < (size_t)rows / step; r++)
        for (size_t c = 0; c < side; c++)
            for (size_t o = 0; o < out; o++) {
                const float *const at = sums + r * step * line + c * step * out + o;
                const float value =
                    s->pool ? larger(larger(at[0], at[out]), larger(at[line], at[line + out]))
                            : at[0];
                const size_t row = (size_t)top / step + r;
                ll_emulated_store(y, half, ((image * side + row) * side + c) * out + o,
                                  spoil(v, image, o, value));
            }
}

/* Timing engines runs the same convolution over and over. It is not computed again while operands
 * and result are, by their digests, what they were when it last was. */
static struct {
    struct convolution last;
    XXH128_hash_t x, w, bias, y;
    bool any;
} memo;

static bool same_shape(const ll_conv_shape *a, const ll_conv_shape *b)
{
    return a->batch == b->batch && a->side == b->side && a->in_channels == b->in_channels &&
           a->out_channels == b->out_channels && a->type == b->type && a->pool == b->pool &&
           a->plain == b->plain;
}

/* Engines have the same bits unless one of them is to be spoilt. */
static bool same_engine(const struct engine *a, const struct engine *b)
{
    return a == b || !(ll_emulated_card()->uneven || ll_emulated_card()->unsound);
}

static bool same_digests(const struct convolution *v, bool store)
{
    const ll_conv_shape *const s = &v->plan.shape;
    const size_t bytes = ll_emulated_type_bytes(type_of(s));
    const size_t places = (size_t)s->batch * (size_t)s->side * (size_t)s->side * bytes;
    const size_t in = (size_t)s->in_channels, out = (size_t)s->out_channels;
    const XXH128_hash_t x = XXH3_128bits(v->x, places * in);
    const XXH128_hash_t w = XXH3_128bits(v->w, out * TAPS * in * bytes);
    const XXH128_hash_t bias = XXH3_128bits(v->bias, out * bytes);
    const XXH128_hash_t y = XXH3_128bits(v->y, places * out / (s->pool ? 4 : 1));
    const bool same = memo.any && memo.last.y == v->y && same_shape(&memo.last.plan.shape, s) &&
                      same_engine(memo.last.plan.engine, v->plan.engine) &&
                      memo.last.plan.scale == v->plan.scale && XXH128_isEqual(memo.x, x) &&
                      XXH128_isEqual(memo.w, w) && XXH128_isEqual(memo.bias, bias) &&
                      XXH128_isEqual(memo.y, y);
    if (store)
        memo.last = *v, memo.x = x, memo.w = w, memo.bias = bias, memo.y = y, memo.any = true;
    return same;
}

static void convolve(const struct convolution *v)
{
    const ll_conv_shape *const s = &v->plan.shape;
    const size_t in = (size_t)s->in_channels, out = (size_t)s->out_channels, depth = TAPS * in;
    const size_t values = (size_t)s->side * (size_t)s->side * in;
    const size_t strip = (size_t)STRIP_ROWS * (size_t)s->side;
    float *const w = room(out * depth), *const x = room(values), *const bias = room(out);
    float *const places = room(strip * depth), *const sums = room(strip * out);

    openblas_set_num_threads(1); /* a test may fork: helpers would be missed */
    ll_emulated_widen(v->w, type_of(s), 0, out * depth, w);
    ll_emulated_widen(v->bias, s->type == LL_CONV_FP16 ? LL_EMULATED_FP16 : LL_EMULATED_FP32, 0,
                      out, bias);
    for (int image = 0; image < s->batch; image++) {
        ll_emulated_widen(v->x, type_of(s), (size_t)image * values, values, x);
        for (int top = 0; top < s->side; top += STRIP_ROWS) {
            const int rows = s->side - top < STRIP_ROWS ? s->side - top : STRIP_ROWS;
            gather(s, x, top, rows, places);
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows * s->side, (int)out,
                        (int)depth, 1.0f, places, (int)depth, w, (int)depth, 0.0f, sums, (int)out);
            if (!s->plain) finish(v, bias, (size_t)(rows * s->side), sums);
            store(v, sums, top, rows, v->y, (size_t)image);
        }
    }
    free(sums);
    free(places);
    free(bias);
    free(x);
    free(w);
}

static void run_convolution(void *data)
{
    const struct convolution *const v = data;

    if (v->plan.engine->workspace_bytes > 0)
        memset(v->workspace, GARBAGE, v->plan.engine->workspace_bytes);
    if (same_digests(v, false)) return;
    convolve(v);
    same_digests(v, true);
}

/* ---- cuda_conv.h ----------------------------------------------------------------------- */

static ll_status status_of(cudaError_t code, const char *call, ll_error *err)
{
    if (ll_emulated_leave(code) == cudaSuccess) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "cuDNN: %s in %s", cudaGetErrorString(code), call);
}

ll_status ll_conv_library_check(ll_error *err)
{
    return status_of(ll_emulated_enter("ll_conv_library_check"), "ll_conv_library_check", err);
}

ll_status ll_conv_library_open(ll_conv_library **out, char version[LL_CONV_VERSION_TEXT],
                               ll_error *err)
{
    const cudaError_t code = ll_emulated_enter("ll_conv_library_open");
    *out = NULL;
    if (code == cudaSuccess) {
        *out = calloc(1, sizeof **out);
        if (*out == NULL) abort();
        ll_emulated_card()->alive++;
        snprintf(version, LL_CONV_VERSION_TEXT, "cuDNN by definition");
    }
    return status_of(code, "ll_conv_library_open", err);
}

void ll_conv_library_close(ll_conv_library *library)
{
    if (library != NULL) ll_emulated_card()->alive--;
    free(library);
}

ll_status ll_conv_engines(ll_conv_library *library, const ll_conv_shape *shape,
                          char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count, char why[256],
                          ll_error *err)
{
    const bool plain = ll_emulated_card()->no_fused && shape->type != LL_CONV_FP16;
    const bool none =
        ll_emulated_card()->no_engine || (shape->pool && (plain || ll_emulated_card()->no_pool));
    const cudaError_t code = ll_emulated_enter("ll_conv_engines");

    (void)library;
    *count = 0;
    why[0] = '\0';
    for (int i = 0; code == cudaSuccess && !none && i < ENGINES && *count < max; i++) {
        snprintf(engines[(*count)++], LL_CONV_ENGINE_TEXT, "%s", k_engines[i].name);
        for (int k = 0; i == 0 && ll_emulated_card()->slow_ms > 0 && k < CROWD && *count < max; k++)
            snprintf(engines[(*count)++], LL_CONV_ENGINE_TEXT, "e9 k5=%d", k);
    }
    if (none)
        snprintf(why, 256, "no engine is here for that");
    else /* one more than is here: as if a rule had refused it */
        snprintf(why, 256, "%d offered, 1 refused (split sums 1)", *count + 1);
    if (plain) ll_conv_plain_mark(engines, *count);
    return status_of(code, "ll_conv_engines", err);
}

ll_status ll_conv_make(ll_conv_library *library, const ll_conv_shape *shape, const char *engine,
                       float scale, ll_conv **out, ll_error *err)
{
    const struct engine *found = NULL;
    ll_conv_shape taken = *shape;

    (void)library;
    *out = NULL;
    LL_TRY(ll_conv_plain_read(&engine, &taken, err));
    const cudaError_t code = ll_emulated_enter("ll_conv_make");
    const long slow_ms = ll_emulated_card()->slow_ms;
    const struct timespec pause = {slow_ms / 1000, slow_ms % 1000 * 1000000};
    if (slow_ms > 0) (void)nanosleep(&pause, NULL);
    for (int i = 0; i < ENGINES; i++)
        if (strcmp(engine, k_engines[i].name) == 0 && !k_engines[i].unable) found = &k_engines[i];
    if (shape->pool && (ll_emulated_card()->no_pool || shape->side % 2 != 0)) found = NULL;
    if (ll_emulated_card()->no_fused && shape->type != LL_CONV_FP16 && !taken.plain) found = NULL;
    if (code == cudaSuccess && found == NULL) {
        ll_emulated_leave(cudaSuccess);
        return ll_fail(err, LL_ERR_UNSUPPORTED, "cuDNN: engine %s cannot after all", engine);
    }
    if (code == cudaSuccess) {
        *out = calloc(1, sizeof **out);
        if (*out == NULL) abort();
        **out = (ll_conv){taken, found, scale};
        ll_emulated_card()->alive++;
    }
    return status_of(code, "ll_conv_make", err);
}

size_t ll_conv_workspace_bytes(const ll_conv *conv)
{
    return conv->engine->workspace_bytes;
}

void ll_conv_free(ll_conv *conv)
{
    if (conv != NULL) ll_emulated_card()->alive--;
    free(conv);
}

/* Everything on the card, whole, and on 16 bytes, as tensors are declared? */
static cudaError_t check_operands(const struct convolution *v)
{
    const ll_conv_shape *const s = &v->plan.shape;
    const size_t bytes = ll_emulated_type_bytes(type_of(s)), side = (size_t)s->side;
    const size_t in = (size_t)s->in_channels, out = (size_t)s->out_channels;
    const size_t places = (size_t)s->batch * side * side,
                 workspace = v->plan.engine->workspace_bytes;

    if (!ll_emulated_on_card(v->x, places * in * bytes) ||
        !ll_emulated_on_card(v->w, out * TAPS * in * bytes) ||
        !ll_emulated_on_card(v->bias, out * bytes) ||
        !ll_emulated_on_card(v->y, places / (s->pool ? 4 : 1) * out * bytes) ||
        (workspace > 0 && !ll_emulated_on_card(v->workspace, workspace)))
        return ll_emulated_misuse("a convolution whose operands do not lie on the card, whole");
    if (((uintptr_t)v->x | (uintptr_t)v->w | (uintptr_t)v->bias | (uintptr_t)v->y) % 16 != 0)
        return ll_emulated_misuse("a convolution whose operands do not lie on 16 bytes");
    return cudaSuccess;
}

ll_status ll_conv_run(ll_conv *conv, const void *x, const void *w, const void *bias, void *y,
                      void *workspace, cudaStream_t stream, ll_error *err)
{
    const struct convolution v = {*conv, x, w, bias, y, workspace};
    const ll_conv_shape *const s = &conv->shape;
    const bool slow = s->pool && ll_emulated_card()->slow_pool;
    const double flop = 2.0 * s->batch * s->side * (double)s->side * TAPS * s->in_channels *
                        (double)s->out_channels;
    cudaError_t code = ll_emulated_enter("ll_conv_run");

    if (code == cudaSuccess) code = check_operands(&v);
    if (code == cudaSuccess && conv->engine == k_engines + ll_emulated_card()->breaks - 1)
        code = cudaErrorLaunchFailure;
    if (code == cudaSuccess && ll_emulated_card()->no_capture && ll_emulated_capturing(stream)) {
        ll_emulated_spoil_captures();
        code = cudaErrorStreamCaptureUnsupported;
    }
    if (code == cudaSuccess) {
        const double cost_ms = flop / k_flop_per_ms * conv->engine->slowness *
                               (slow      ? 4.0
                                : s->pool ? k_pooled
                                          : 1.0);
        ll_emulated_work work = ll_emulated_work_of(run_convolution, &v, sizeof v, cost_ms);
        work.network = true;
        code = ll_emulated_queue(stream, &work);
    }
    LL_TRY(status_of(code, "ll_conv_run", err));
    return ll_conv_plain_finish(s, bias, y, stream, err);
}
