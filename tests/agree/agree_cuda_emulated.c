/* tests/agree/agree_cuda_emulated.c - the cuda backend's own sources, on an emulated card, against
 * the cpu backend: in many orders of streams; with little memory; and with every call failing. */
#include "host/vgg16/vgg16.h"
#include "tests/agree/emulated_work.h"
#include "tests/cuda_emulated/module.h"
#include "tests/numeric.h"

#include <math.h>
#include <stdio.h>

enum {
    IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3,
    IMAGES = 5,
    CONV1_1 = 0,
    POOL1 = 2,
    POOL2 = 5,
    ROWS = 530, /* three tiles of the smallest kind, two of them partial */
    COLS = 64,
    ORDERS = 3,
};

static struct {
    uint8_t *pixels; /* (IMAGES, 224, 224, 3) */
    float *features; /* (ROWS, COLS) */
    uint32_t *group; /* (ROWS) */
    char log[4096];
} shop;

static void keep_line(void *to, const char *text)
{
    (void)to;
    const size_t used = strlen(shop.log);
    snprintf(shop.log + used, sizeof shop.log - used, "%s\n", text);
}

static const ll_log k_log = {.line = keep_line};

static int setup(void **state)
{
    uint64_t seed = 11;

    (void)state;
    shop.pixels = calloc(IMAGES, IMAGE);
    shop.features = calloc((size_t)ROWS * COLS, sizeof *shop.features);
    shop.group = calloc(ROWS, sizeof *shop.group);
    if (shop.pixels == NULL || shop.features == NULL || shop.group == NULL) return -1;
    for (size_t i = 0; i < (size_t)IMAGES * IMAGE; i++) /* soft, and different for each */
        shop.pixels[i] = (uint8_t)(128.0f + 60.0f * ll_random(&seed) +
                                   (float)(i / IMAGE * 13) * (i % 672 < 336 ? 1.0f : -1.0f));
    for (int r = 0; r < ROWS; r++) {
        float *const row = shop.features + (size_t)r * COLS;
        double square = 0.0;
        for (int k = 0; k < COLS; k++) {
            row[k] = fmaxf(ll_random(&seed) + 0.2f, 0.0f);
            square += (double)row[k] * (double)row[k];
        }
        for (int k = 0; k < COLS; k++)
            row[k] = (float)((double)row[k] / sqrt(square));
        if (r % 50 == 7) memcpy(row, shop.features, COLS * sizeof *row); /* equal items */
        shop.group[r] = (uint32_t)(r % 3);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(shop.group);
    free(shop.features);
    free(shop.pixels);
    return 0;
}

static void must_do(const work_order *order, work_result *out, const char *repro)
{
    ll_error err = LL_ERROR_INIT;
    if (work_do(order, out, &err) != LL_OK) fail_msg("%s: %s", repro, err.text);
}

/* ---- embedding ------------------------------------------------------------------------- */

static double dot(const float *x, const float *y, int64_t cols)
{
    double sum = 0.0;
    for (int64_t k = 0; k < cols; k++)
        sum += (double)x[k] * (double)y[k];
    return sum;
}

/* The most a cosine of two of the images changed. */
static double max_delta(const work_result *a, const work_result *b, int64_t width)
{
    double most = 0.0;
    for (int i = 0; i < IMAGES; i++)
        for (int j = 0; j <= i; j++)
            most = fmax(most, fabs(dot(a->features + i * width, a->features + j * width, width) -
                                   dot(b->features + i * width, b->features + j * width, width)));
    return most;
}

static void embed_as(const work_order *order, const work_result *want, double bound, uint64_t seed,
                     bool no_pool)
{
    const int64_t width = ll_vgg16_width(order->layer);
    ll_emulated *const card = emulated_reset(seed);
    work_result got;
    char repro[96];

    snprintf(repro, sizeof repro, "%s to layer %d, batch %d, order %d%s", order->precision,
             order->layer, order->batch, (int)seed, no_pool ? ", no pool in engines" : "");
    card->no_pool = no_pool;
    must_do(order, &got, repro);
    emulated_all_well(card, repro);
    const double delta = max_delta(&got, want, width);
    if (!(delta <= bound)) fail_msg("%s: cosines differ by %g", repro, delta);
    for (int i = 0; i < IMAGES; i++) {
        const double error = fabs((double)got.norms[i] / (double)want->norms[i] - 1.0);
        if (!(error <= 4.0 * bound)) fail_msg("%s: norm %d is %g off", repro, i, error);
        if (!(dot(got.features + i * width, want->features + i * width, width) >= 1.0 - bound))
            fail_msg("%s: image %d is another", repro, i);
    }
    work_release(&got);
}

static void features_are_those_of_the_cpu(void **state)
{
    static const struct {
        const char *precision;
        double bound; /* design: cuda fp32 1e-5; tf32 and fp16 1e-3 */
        int layer, orders;
    } k_cases[] = {{"fp16", 1e-3, POOL2, 1},
                   {"tf32", 1e-3, POOL1, 1},
                   {"fp32", 1e-5, POOL1, 1},
                   {"fp32", 1e-5, CONV1_1, ORDERS}};

    (void)state;
    for (size_t c = 0; c < sizeof k_cases / sizeof k_cases[0]; c++) {
        work_order order = {.backend = "cpu",
                            .batch = 2,
                            .layer = k_cases[c].layer,
                            .images = IMAGES,
                            .pixels = shop.pixels};
        work_result want;
        must_do(&order, &want, "cpu");
        assert_true(want.norms[0] > 0.0f);
        order.backend = "cuda";
        order.precision = k_cases[c].precision;
        for (int i = 0; i < k_cases[c].orders; i++)
            embed_as(&order, &want, k_cases[c].bound, (uint64_t)i + c, i % 2 == 1);
        work_release(&want);
    }
}

/* The library has nothing for a layer, nor for the fp32 that fp16 needs: a kernel of ours does it,
 * features are right, and the log says why it is slow. */
static void a_layer_without_an_engine_is_right_all_the_same(void **state)
{
    const int64_t width = ll_vgg16_width(CONV1_1);
    work_order order = {.backend = "cpu",
                        .batch = 1,
                        .layer = CONV1_1,
                        .images = IMAGES,
                        .pixels = shop.pixels,
                        .log = &k_log};
    work_result want, got;

    (void)state;
    must_do(&order, &want, "cpu");
    ll_emulated *const card = emulated_reset(0);
    card->no_engine = true;
    shop.log[0] = '\0';
    order.backend = "cuda";
    must_do(&order, &got, "no engine");
    emulated_all_well(card, "no engine");
    if (strstr(shop.log, "conv1_1: no engine for fp32 (no engine is here for that);") == NULL ||
        strstr(shop.log, "conv1_1: no engine of the library computes it right here") == NULL)
        fail_msg("log: %s", shop.log);
    for (int i = 0; i < IMAGES; i++)
        assert_true(dot(got.features + i * width, want.features + i * width, width) >= 1.0 - 1e-3);
    assert_true(max_delta(&got, &want, width) <= 1e-3);
    work_release(&got);
    work_release(&want);
}

/* An engine that waits for its stream, as some of cuDNN's do, spoils the capture: the log says so
 * once, and every batch is queued kernel by kernel, to the same bits. */
static void a_batch_that_cannot_be_captured_runs_all_the_same(void **state)
{
    work_order order = {.backend = "cuda",
                        .batch = 2,
                        .layer = CONV1_1,
                        .images = IMAGES,
                        .pixels = shop.pixels,
                        .log = &k_log};
    const char k_said[] = "a batch is no CUDA graph here (";
    work_result want, got;

    (void)state;
    emulated_reset(LL_EMULATED_EARLY);
    shop.log[0] = '\0';
    must_do(&order, &want, "captured");
    assert_null(strstr(shop.log, k_said));
    ll_emulated *const card = emulated_reset(LL_EMULATED_EARLY);
    card->no_capture = true;
    must_do(&order, &got, "not to be captured");
    emulated_all_well(card, "not to be captured");
    const char *const said = strstr(shop.log, k_said);
    if (said == NULL) fail_msg("log: %s", shop.log);
    assert_non_null(strstr(said, "); its kernels are launched one by one\n"));
    assert_null(strstr(said + 1, k_said));
    assert_memory_equal(got.features, want.features,
                        (size_t)(IMAGES * ll_vgg16_width(CONV1_1)) * sizeof(float));
    assert_memory_equal(got.norms, want.norms, IMAGES * sizeof(float));
    work_release(&got);
    work_release(&want);
}

/* ---- comparing ------------------------------------------------------------------------- */

static void same_neighbors(const work_result *got, const work_result *want, const char *repro)
{
    for (int64_t i = 0; i < want->rows * WORK_KEEP; i++)
        if (got->index[i] != want->index[i] ||
            memcmp(&got->score[i], &want->score[i], sizeof(float)) != 0)
            fail_msg("%s: neighbour %d of row %d is %u, %.9g instead of %u, %.9g", repro,
                     (int)(i % WORK_KEEP), (int)(i / WORK_KEEP), got->index[i],
                     (double)got->score[i], want->index[i], (double)want->score[i]);
}

static void same_matrix(const work_result *got, const work_result *want, const char *repro)
{
    const float *const a = (const float *)(const void *)got->matrix;
    const float *const b = (const float *)(const void *)want->matrix;
    for (int64_t i = 0; want->stored_bytes > 0 && i < want->rows * want->rows; i++) {
        const int64_t transposed = i % want->rows * want->rows + i / want->rows;
        if (!(fabs((double)a[i] - (double)b[i]) <= 2e-6) || a[i] != a[transposed])
            fail_msg("%s: place %d holds %.9g, its mirror %.9g, the cpu's %.9g", repro, (int)i,
                     (double)a[i], (double)a[transposed], (double)b[i]);
    }
}

static void neighbours_are_those_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        work_order order = {.backend = "cpu",
                            .batch = 1,
                            .rows = ROWS,
                            .cols = COLS,
                            .features = shop.features,
                            .group = kind == 1 ? shop.group : NULL,
                            .matrix = kind == 2 ? LL_MATRIX_FLOAT32 : LL_MATRIX_NONE};
        work_result want, got;
        must_do(&order, &want, "cpu");
        order.backend = "cuda";
        for (uint64_t seed = (uint64_t)kind; seed < 3; seed++) {
            ll_emulated *const card = emulated_reset(seed);
            char repro[64];
            snprintf(repro, sizeof repro, "comparison %d, order %d", kind, (int)seed);
            card->memory_bytes = (size_t)370 << 20; /* 256 are left alone: the smallest tiles */
            must_do(&order, &got, repro);
            emulated_all_well(card, repro);
            same_neighbors(&got, &want, repro);
            same_matrix(&got, &want, repro);
            work_release(&got);
        }
        work_release(&want);
    }
}

/* ---- little memory --------------------------------------------------------------------- */

static void a_batch_too_large_is_halved(void **state)
{
    work_order order = {.backend = "cuda",
                        .batch = 8,
                        .layer = CONV1_1,
                        .images = IMAGES,
                        .pixels = shop.pixels,
                        .log = &k_log};
    work_result got;
    ll_emulated *const card = emulated_reset(1);

    (void)state;
    shop.log[0] = '\0';
    card->memory_bytes = (size_t)80 << 20; /* 13 MB a photo and buffer, in f32 */
    must_do(&order, &got, "little memory");
    emulated_all_well(card, "little memory");
    if (strstr(shop.log, "batch 8 does not fit") == NULL) fail_msg("log: %s", shop.log);
    assert_true(got.batch < 8 && got.batch >= 1);
    work_release(&got);

    ll_error err = LL_ERROR_INIT;
    card->memory_bytes = 1 << 20;
    assert_int_equal(work_do(&order, &got, &err), LL_ERR_MEMORY);
    assert_non_null(strstr(err.text, "out of memory"));
    emulated_all_well(card, "no memory");
}

/* ---- failures -------------------------------------------------------------------------- */

/* On an idle card where photos are embedded: thousands of kernels would take minutes, and what they
 * compute is not looked at here. One run with one call failing: it says so in one line, or what
 * failed did not matter and the result is what it would have been. */
static bool fail_once(const work_order *order, const work_result *want, int64_t call, bool sticky,
                      bool allocation)
{
    ll_emulated *const card = emulated_reset(LL_EMULATED_LATE);
    ll_error err = LL_ERROR_INIT;
    work_result got;
    char repro[160];

    card->idle = order->rows == 0;
    if (allocation)
        card->fail_allocation = call;
    else
        card->fail_at = call, card->sticky = sticky;
    const ll_status status = work_do(order, &got, &err);
    const bool reached = allocation ? card->allocations >= call : card->calls >= call;
    snprintf(repro, sizeof repro, "%s %d (%s%s)", allocation ? "allocation" : "call", (int)call,
             card->failed_call, sticky ? ", and all after it" : "");
    emulated_all_well(card, repro);
    if (status != LL_OK) {
        if (err.text[0] == '\0' || strchr(err.text, '\n') != NULL)
            fail_msg("%s: '%s' is not one line", repro, err.text);
        if (strstr(err.text, allocation ? "memory" : "unspecified launch failure") == NULL)
            fail_msg("%s: '%s' does not say what failed", repro, err.text);
        return reached;
    }
    if (want->rows > 0) same_neighbors(&got, want, repro);
    for (int64_t i = 0; i < order->images * ll_vgg16_width(order->layer); i++)
        if (got.features[i] != want->features[i]) fail_msg("%s: other features", repro);
    work_release(&got);
    return reached;
}

static void every_call_may_fail(const work_order *order)
{
#ifdef __SANITIZE_ADDRESS__
    /* A net takes long to make here: every fifth call. Without sanitizers, every one. */
    const int64_t step = order->rows == 0 ? 5 : 1;
#else
    const int64_t step = 1;
#endif
    enum { STICKY_STEP = 20 };
    work_result want;
    int64_t calls = 1;

    emulated_reset(LL_EMULATED_LATE)->idle = order->rows == 0;
    must_do(order, &want, "nothing fails");
    while (fail_once(order, &want, calls, false, false))
        calls += step;
    for (int64_t from = 1; fail_once(order, &want, from, true, false);)
        from += STICKY_STEP;
    print_message("[   INFO   ] %d calls\n", (int)calls - 1);
    assert_true(calls > 30);
    for (calls = 1; fail_once(order, &want, calls, false, true);)
        calls++;
    print_message("[   INFO   ] %d allocations\n", (int)calls - 1);
    assert_true(calls > 5);
    work_release(&want);
}

static void every_call_of_embedding_may_fail(void **state)
{
    const work_order order = {
        .backend = "cuda", .batch = 1, .layer = POOL1, .images = 3, .pixels = shop.pixels};
    (void)state;
    every_call_may_fail(&order);
}

static void every_call_of_comparing_may_fail(void **state)
{
    const work_order order = {.backend = "cuda",
                              .batch = 1,
                              .rows = 40,
                              .cols = COLS,
                              .features = shop.features,
                              .group = shop.group,
                              .matrix = LL_MATRIX_FLOAT16};
    (void)state;
    every_call_may_fail(&order);
}

/* ---- what no card can do --------------------------------------------------------------- */

static void refused(void (*change)(ll_emulated *card), const char *text)
{
    const work_order order = {.backend = "cuda", .batch = 1};
    ll_emulated *const card = emulated_reset(0);
    ll_error err = LL_ERROR_INIT;
    work_result got;

    change(card);
    assert_int_not_equal(work_do(&order, &got, &err), LL_OK);
    assert_string_equal(err.text, text);
    emulated_all_well(card, text);
}

static void without_driver(ll_emulated *card)
{
    card->driver_version = 0;
}
static void old_driver(ll_emulated *card)
{
    card->driver_version = 12040;
}
static void without_device(ll_emulated *card)
{
    card->devices = 0;
}
static void old_card(ll_emulated *card)
{
    card->major = 7, card->minor = 5;
}

static void machines_without_a_card_are_told_why(void **state)
{
    (void)state;
    refused(without_driver, "no NVIDIA driver");
    refused(old_driver, "driver 550 is too old; lookloom needs 580");
    refused(without_device, "no CUDA device");
    refused(old_card, "Emulated H200 is 7.5; lookloom needs 8.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(machines_without_a_card_are_told_why),
        cmocka_unit_test(features_are_those_of_the_cpu),
        cmocka_unit_test(a_layer_without_an_engine_is_right_all_the_same),
        cmocka_unit_test(a_batch_that_cannot_be_captured_runs_all_the_same),
        cmocka_unit_test(neighbours_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(a_batch_too_large_is_halved),
        cmocka_unit_test(every_call_of_embedding_may_fail),
        cmocka_unit_test(every_call_of_comparing_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
