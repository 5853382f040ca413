/* tests/property/property_forward.c - an image's features are the same bits for any number of
 * threads, any n, any slot and any place in the batch; and so are calibrated biases. */
#include "host/backend/backend.h"
#include "host/backend/cpu/cpu_layer.h"
#include "host/backend/cpu/cpu_pool.h"
#include "host/base/memory.h"
#include "host/vgg16/vgg16.h"
#include "tests/reference/random_weights.h"
#include "tests/test.h"
#include "weights/weights.h"

#include <stdlib.h>
#include <string.h>

enum {
    IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3,
    IMAGES = 5,
    BATCH = 4,
    SLOTS = 2,
    WIDTH = 4096,
    BIASES = 12416,
};

struct fixture {
    ll_weights *weights;
    uint8_t *pixels; /* (IMAGES, 224, 224, 3) */
    float *want;     /* (IMAGES, 4096) */
    float want_norms[IMAGES];
};

static ll_error err = LL_ERROR_INIT;

static void must(ll_status status)
{
    if (status != LL_OK) fail_msg("%s", err.text);
}

static ll_net *open_net(struct fixture *f, int layer, int threads, ll_backend **be)
{
    ll_net *net = NULL;
    const ll_backend_options backend = {
        .name = "cpu", .threads = threads, .batch = BATCH, .slots = SLOTS};
    const ll_net_options options = {.layer = layer, .normalize = true};
    must(ll_backend_open(&backend, be, &err));
    must(ll_net_create(*be, f->weights, &options, &net, &err));
    return net;
}

/* Images order[first .. first + n) as one batch; `batch` must live until collect. */
static void submit(const struct fixture *f, ll_backend *be, ll_net *net, int slot, const int *order,
                   int n, uint8_t *batch)
{
    for (int i = 0; i < n; i++)
        memcpy(batch + (size_t)i * IMAGE, f->pixels + (size_t)order[i] * IMAGE, IMAGE);
    must(ll_forward_submit(be, net, slot, batch, n, &err));
}

static void collect(const struct fixture *f, ll_backend *be, ll_net *net, int slot,
                    const int *order, int n, const char *what)
{
    float *const got = calloc((size_t)(BATCH + 1) * WIDTH, sizeof *got);
    float norms[BATCH + 1] = {0};
    assert_non_null(got);
    got[(size_t)n * WIDTH] = norms[n] = 42.0f; /* behind the batch */
    must(ll_forward_wait(be, net, slot, got, norms, &err));
    for (int i = 0; i < n; i++) {
        const float *const want = f->want + (size_t)order[i] * WIDTH;
        if (memcmp(got + (size_t)i * WIDTH, want, WIDTH * sizeof *want) != 0 ||
            norms[i] != f->want_norms[order[i]])
            fail_msg("%s: image %d at place %d of %d has other bits", what, order[i], i, n);
    }
    assert_true(got[(size_t)n * WIDTH] == 42.0f && norms[n] == 42.0f);
    free(got);
}

/* The reference: one thread, one image a batch. */
static int setup(void **state)
{
    struct fixture *const f = calloc(1, sizeof *f);
    ll_backend *be = NULL;
    assert_non_null(f);
    f->pixels = malloc((size_t)IMAGES * IMAGE);
    f->want = calloc((size_t)IMAGES * WIDTH, sizeof *f->want);
    assert_non_null(f->pixels);
    assert_non_null(f->want);
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < IMAGE; p++)
            f->pixels[(size_t)i * IMAGE + (size_t)p] =
                (uint8_t)(128 + (int)(ll_random_at(5, (uint64_t)i, (uint64_t)(p / (1 + 300 * i))) *
                                      127.0f));
    must(ll_weights_open("caffe:3:", &f->weights, &err));
    ll_net *const net = open_net(f, LL_VGG16_FC2, 1, &be);
    for (int i = 0; i < IMAGES; i++) {
        must(ll_forward_submit(be, net, 0, f->pixels + (size_t)i * IMAGE, 1, &err));
        must(ll_forward_wait(be, net, 0, f->want + (size_t)i * WIDTH, &f->want_norms[i], &err));
    }
    ll_net_free(be, net);
    ll_backend_close(be);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *const f = *state;
    ll_weights_close(f->weights);
    free(f->want);
    free(f->pixels);
    free(f);
    return 0;
}

static void reference_tells_images_apart(void **state)
{
    const struct fixture *const f = *state;
    for (int i = 0; i < IMAGES; i++) {
        double square = 0.0;
        int zeros = 0;
        for (int k = 0; k < WIDTH; k++) {
            const float value = f->want[i * WIDTH + k];
            square += (double)value * value;
            zeros += value == 0.0f;
        }
        assert_true(square > 1.0 - 1e-6 && square < 1.0 + 1e-6);
        assert_true(f->want_norms[i] > 0.0f && zeros < WIDTH * 9 / 10);
        for (int j = 0; j < i; j++)
            assert_true(memcmp(f->want + i * WIDTH, f->want + j * WIDTH, WIDTH * sizeof(float)));
    }
}

/* Every image at every place of a full batch, two slots in flight, and n = 1, 2, 3. */
static void places_slots_and_threads_do_not_matter(void **state)
{
    static const int k_orders[][BATCH] = {
        {0, 1, 2, 3}, {4, 0, 1, 2}, {3, 4, 0, 1}, {2, 3, 4, 0}, {1, 2, 3, 4}, {0, 0, 0, 0},
    };
    struct fixture *const f = *state;
    uint8_t *const batch[SLOTS] = {malloc((size_t)BATCH * IMAGE), malloc((size_t)BATCH * IMAGE)};
    assert_non_null(batch[0]);
    assert_non_null(batch[1]);

    for (int threads = 2; threads <= 3; threads++) {
        ll_backend *be = NULL;
        ll_net *const net = open_net(f, LL_VGG16_FC2, threads, &be);
        char what[32] = "threads 2";
        what[8] = (char)('0' + threads);
        const int first = threads == 2 ? 0 : 3; /* half of the orders for each */
        for (int i = first; i < first + 3; i++) {
            const int n = BATCH - i % 3;
            submit(f, be, net, 0, k_orders[i], BATCH, batch[0]);
            submit(f, be, net, 1, k_orders[i] + 1, n - 1, batch[1]);
            collect(f, be, net, 1, k_orders[i] + 1, n - 1, what);
            collect(f, be, net, 0, k_orders[i], BATCH, what);
        }
        ll_net_free(be, net);
        ll_backend_close(be);
    }
    free(batch[0]);
    free(batch[1]);
}

/* ---- fc rows: the default batch and sizes that leave a blocked product a rest ---- */

enum { PATTERNS = 3 }; /* row i of the batch repeats row i % 3 */

struct fc {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    ll_cpu_layer layer;
    float *kernel, *rows, *out;
    void *scratchpad;
};

static ll_status run_fc(struct fc *f, int index, int images, ll_error *error)
{
    const int64_t width = ll_vgg16_width(index - 1);
    const ll_cpu_layer_options options = {
        .index = index, .rows = ll_cpu_fc_rows(images), .relu = true};

    LL_TRY(ll_cpu_layer_create(f->engine, &options, &f->layer, error));
    LL_TRY(ll_cpu_layer_pack_begin(&f->layer, NULL, error));
    LL_TRY(ll_alloc("scratchpad", 1, f->layer.scratchpad_bytes, &f->scratchpad, error));
    for (int64_t i = 0; i < images; i++)
        for (int64_t k = 0; k < width; k++)
            f->rows[i * width + k] = ll_random_at(2, (uint64_t)(i % PATTERNS), (uint64_t)k);
    LL_TRY(ll_cpu_layer_pack(&f->layer, f->engine, f->kernel, 0, error));
    return ll_cpu_layer_run(&f->layer, f->engine, f->stream, 0, f->rows, f->out, f->scratchpad,
                            error);
}

static ll_status fc_rows_job(void *context, long job, int thread, ll_error *error)
{
    static const int k_batches[] = {1, 4, 7, 26, 31, 32, 33, 48};
    struct fc *const f = context;
    (void)job, (void)thread;

    for (size_t b = 0; b < sizeof k_batches / sizeof k_batches[0]; b++)
        for (int index = LL_VGG16_FC1; index <= LL_VGG16_FC2; index++) {
            ll_status status = run_fc(f, index, k_batches[b], error);
            for (int i = PATTERNS; status == LL_OK && i < k_batches[b]; i++)
                if (memcmp(f->out + i * LL_CPU_FC_CHUNK, f->out + i % PATTERNS * LL_CPU_FC_CHUNK,
                           LL_CPU_FC_CHUNK * sizeof *f->out) != 0)
                    status = ll_fail(error, LL_ERR_FORMAT, "%s batch %d: row %d has other bits",
                                     ll_vgg16_name(index), k_batches[b], i);
            free(f->scratchpad);
            f->scratchpad = NULL;
            ll_cpu_layer_release(&f->layer);
            LL_TRY(status);
        }
    return LL_OK;
}

static void fc_rows_do_not_depend_on_their_place(void **state)
{
    (void)state;
    enum { MOST = 48, WIDEST = 25088 };
    struct fc f = {0};
    ll_cpu_pool *pool = NULL;
    ll_cpu_group group = {0};
    must(ll_alloc("kernel", (int64_t)LL_CPU_FC_CHUNK * WIDEST, sizeof *f.kernel, &f.kernel, &err));
    must(ll_alloc("rows", (int64_t)MOST * WIDEST, sizeof *f.rows, &f.rows, &err));
    must(ll_alloc("out", (int64_t)MOST * LL_CPU_FC_CHUNK, sizeof *f.out, &f.out, &err));
    for (int64_t i = 0; i < (int64_t)LL_CPU_FC_CHUNK * WIDEST; i++)
        f.kernel[i] = ll_random_at(2, 9, (uint64_t)i);
    assert_int_equal(dnnl_engine_create(&f.engine, dnnl_cpu, 0), dnnl_success);
    assert_int_equal(dnnl_stream_create(&f.stream, f.engine, dnnl_stream_default_flags),
                     dnnl_success);
    must(ll_cpu_pool_create(1, &pool, &err)); /* oneDNN's home: a thread with an OpenMP team of 1 */
    must(ll_cpu_pool_submit(pool, &group, fc_rows_job, &f, 0, 1, &err));
    must(ll_cpu_pool_wait(pool, &group, &err));
    ll_cpu_pool_free(pool);
    dnnl_stream_destroy(f.stream);
    dnnl_engine_destroy(f.engine);
    free(f.out);
    free(f.rows);
    free(f.kernel);
}

static void free_while_a_batch_runs(void **state)
{
    struct fixture *const f = *state;
    ll_backend *be = NULL;
    ll_net *const net = open_net(f, 1, 2, &be);
    must(ll_forward_submit(be, net, 1, f->pixels, BATCH, &err));
    ll_net_free(be, net);
    ll_backend_close(be);
}

static ll_status kernel_of(void *to, int layer, float *kernel, ll_error *error)
{
    (void)to, (void)error;
    ll_random_kernel(3, layer, kernel);
    return LL_OK;
}

static ll_status no_kernel(void *to, int layer, float *kernel, ll_error *error)
{
    (void)to, (void)kernel;
    if (layer < 1) return LL_OK; /* zeros */
    return ll_fail(error, LL_ERR_IO, "no kernel for layer %d", layer);
}

static void calibration_does_not_depend_on_threads(void **state)
{
    struct fixture *const f = *state;
    float *const one = calloc(BIASES, sizeof *one), *const three = calloc(BIASES, sizeof *three);
    int zeros = 0;
    assert_non_null(one);
    assert_non_null(three);
    must(ll_backend_calibrate(1, kernel_of, NULL, f->pixels, 2, one, NULL, &err));
    must(ll_backend_calibrate(3, kernel_of, NULL, f->pixels, 2, three, NULL, &err));
    assert_memory_equal(one, three, BIASES * sizeof *one);
    for (int i = 0; i < BIASES; i++)
        zeros += one[i] == 0.0f;
    assert_true(zeros < BIASES / 100);
    free(three);
    free(one);
}

static void calibration_reports_the_kernel_that_fails(void **state)
{
    struct fixture *const f = *state;
    ll_error error = LL_ERROR_INIT;
    float *const biases = calloc(BIASES, sizeof *biases);
    assert_non_null(biases);
    assert_int_equal(ll_backend_calibrate(2, no_kernel, NULL, f->pixels, 1, biases, NULL, &error),
                     LL_ERR_IO);
    assert_string_equal(error.text, "no kernel for layer 1");
    free(biases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_tells_images_apart),
        cmocka_unit_test(places_slots_and_threads_do_not_matter),
        cmocka_unit_test(fc_rows_do_not_depend_on_their_place),
        cmocka_unit_test(free_while_a_batch_runs),
        cmocka_unit_test(calibration_does_not_depend_on_threads),
        cmocka_unit_test(calibration_reports_the_kernel_that_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
