/* tests/agree/agree_backend_cuda.c - the cuda backend on a real card (gpu_backend) beside the
 * cpu's: features to several layers in every precision; the same bytes for any number of photos in
 * any order of slots, from another net and another backend of the same batch; neighbours and
 * matrix. And beside answers.bin, where that lies with the program: what the cpu backend of another
 * machine made of the same shop.
 *
 * The module is the one beside the program. Skipped where there is no driver or no card. */
#include "host/vgg16/vgg16.h"
#include "tests/agree/known_answers.h"
#include "tests/reference/random_weights.h"
#include "tests/test.h"
#include "weights/weights.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3,
    IMAGES = 21, /* of the KNOWN_IMAGES; the cpu takes its time for all of them */
    BATCH = 8,
    SLOTS = 3,
    WIDTH = 4096, /* of fc2 */
    CONV1_1 = 0,
    POOL2 = 5,
    PATIENCE_S = 5, /* is it right, not how fast */
    SKIPPED = 77,
};

static const char *const k_precisions[] = {"fp16", "tf32", "fp32"};
/* Of a cosine: tests/README.md. */
static const double k_bounds[] = {1e-3, 1e-3, 1e-5};
enum { PRECISIONS = sizeof k_precisions / sizeof k_precisions[0] };

static known_shop shop;

static int setup(void **state)
{
    ll_error err = LL_ERROR_INIT;

    (void)state;
    return known_shop_draw(&shop, &err) == LL_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    known_shop_release(&shop);
    return 0;
}

static void must_do(const work_order *order, work_result *out, const char *repro)
{
    ll_error err = LL_ERROR_INIT;
    if (work_do(order, out, &err) != LL_OK) fail_msg("%s: %s", repro, err.text);
}

/* ---- beside the cpu -------------------------------------------------------------------- */

static double dot(const float *x, const float *y, int64_t cols)
{
    double sum = 0.0;
    for (int64_t k = 0; k < cols; k++)
        sum += (double)x[k] * (double)y[k];
    return sum;
}

static void same_features(const work_result *got, const work_result *want, int images, int layer,
                          double bound, const char *repro)
{
    const int64_t width = ll_vgg16_width(layer);
    double worst = 1.0, most = 0.0;

    for (int i = 0; i < images; i++) {
        const float *const a = got->features + i * width, *const b = want->features + i * width;
        worst = fmin(worst, dot(a, b, width));
        const double off = fabs((double)got->norms[i] / (double)want->norms[i] - 1.0);
        most = fmax(most, off);
        if (!(dot(a, b, width) >= 1.0 - bound)) fail_msg("%s: image %d is another", repro, i);
        if (!(off <= 4.0 * bound)) fail_msg("%s: norm %d is %g off", repro, i, off);
    }
    print_message("[   INFO   ] %s: least cosine 1 - %.2g, norms within %.2g\n", repro, 1.0 - worst,
                  most);
}

static void features_are_those_of_the_cpu(void **state)
{
    /* Whole networks first: they leave their engines in the cache for one another; networks that
     * end before pool5 have theirs timed each time. */
    static const struct {
        int layer;
        const char *precision;
        double bound; /* tests/README.md: fp32 1e-5; tf32 and fp16 1e-3 */
    } k_cases[] = {
        {LL_VGG16_FC2, "fp16", 1e-3},   {LL_VGG16_FC2, "tf32", 1e-3},
        {LL_VGG16_FC2, "fp32", 1e-5},   {LL_VGG16_FC1, "fp16", 1e-3},
        {LL_VGG16_POOL5, "fp16", 1e-3}, {LL_VGG16_POOL5, "tf32", 1e-3},
        {LL_VGG16_POOL5, "fp32", 1e-5}, {LL_VGG16_GAP, "fp16", 1e-3},
        {CONV1_1, "fp16", 1e-3},        {CONV1_1, "tf32", 1e-3},
        {CONV1_1, "fp32", 1e-5},        {POOL2, "fp16", 1e-3},
    };
    work_result want = {0}, got;
    int known = -1; /* the layer `want` holds */

    (void)state;
    for (size_t c = 0; c < sizeof k_cases / sizeof k_cases[0]; c++) {
        work_order order = {.backend = "cpu",
                            .batch = BATCH,
                            .layer = k_cases[c].layer,
                            .images = IMAGES,
                            .pixels = shop.pixels};
        char repro[64];
        if (order.layer != known) {
            work_release(&want);
            must_do(&order, &want, "cpu");
            assert_true(want.norms[0] > 0.0f);
            known = order.layer;
        }
        order.backend = "cuda";
        order.precision = k_cases[c].precision;
        order.patience_s = PATIENCE_S;
        snprintf(repro, sizeof repro, "%s to %s", order.precision, ll_vgg16_name(order.layer));
        must_do(&order, &got, repro);
        same_features(&got, &want, IMAGES, order.layer, k_cases[c].bound, repro);
        work_release(&got);
    }
    work_release(&want);
}

static void same_neighbors(const work_result *got, const work_result *want)
{
    for (int64_t i = 0; i < (int64_t)KNOWN_ROWS * WORK_KEEP; i++)
        if (got->index[i] != want->index[i] ||
            memcmp(&got->score[i], &want->score[i], sizeof(float)) != 0)
            fail_msg("neighbour %d of row %d is %u, %.9g instead of %u, %.9g", (int)(i % WORK_KEEP),
                     (int)(i / WORK_KEEP), got->index[i], (double)got->score[i], want->index[i],
                     (double)want->score[i]);
}

static void neighbours_are_those_of_the_cpu_to_the_bit(void **state)
{
    work_order order = known_order(&shop, "cpu", 1);
    work_result want, got;

    (void)state;
    order.images = 0;
    order.matrix = LL_MATRIX_FLOAT32;
    must_do(&order, &want, "cpu");
    order.backend = "cuda";
    must_do(&order, &got, "cuda");
    same_neighbors(&got, &want);
    const float *const a = (const float *)(const void *)got.matrix;
    const float *const b = (const float *)(const void *)want.matrix;
    for (int64_t i = 0; i < (int64_t)KNOWN_ROWS * KNOWN_ROWS; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 2e-6))
            fail_msg("place %d holds %.9g, the cpu's %.9g", (int)i, (double)a[i], (double)b[i]);
    work_release(&got);
    work_release(&want);
}

/* Beside the program; skipped where it is not: in a build nobody packed. */
static void answers_are_those_of_another_machine(void **state)
{
    char folder[4000] = "", path[4096];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *const end = strrchr(folder, '/');
    ll_error err = LL_ERROR_INIT;
    work_result want;

    (void)state;
    assert_true(length > 0 && end != NULL);
    *end = '\0';
    snprintf(path, sizeof path, "%s/answers.bin", folder);
    if (access(path, F_OK) != 0) {
        print_message("[   INFO   ] %s: not there\n", path);
        skip();
    }
    if (known_answers_read(path, &want, &err) != LL_OK) fail_msg("%s", err.text);
    for (int p = 0; p < PRECISIONS; p++) {
        work_order order = known_order(&shop, "cuda", BATCH);
        work_result got;
        order.precision = k_precisions[p];
        order.patience_s = PATIENCE_S;
        must_do(&order, &got, k_precisions[p]);
        same_features(&got, &want, KNOWN_IMAGES, LL_VGG16_FC2, k_bounds[p], k_precisions[p]);
        same_neighbors(&got, &want);
        work_release(&got);
    }
    work_release(&want);
}

/* ---- the same bytes -------------------------------------------------------------------- */

struct backend_run {
    ll_backend *be;
    ll_weights *weights;
    ll_net *net;
};

static void backend_run_begin(struct backend_run *backend_run, const char *precision)
{
    const ll_backend_options options = {.name = "cuda",
                                        .precision = precision,
                                        .threads = 1,
                                        .batch = BATCH,
                                        .slots = SLOTS,
                                        .patience_s = PATIENCE_S};
    const ll_net_options net = {.layer = LL_VGG16_FC2, .normalize = true};
    ll_error err = LL_ERROR_INIT;

    memset(backend_run, 0, sizeof *backend_run);
    if (ll_backend_open(&options, &backend_run->be, &err) != LL_OK ||
        ll_weights_open("caffe:3:", &backend_run->weights, &err) != LL_OK ||
        ll_net_create(backend_run->be, backend_run->weights, &net, &backend_run->net, &err) !=
            LL_OK)
        fail_msg("%s: %s", precision, err.text);
}

static void backend_run_end(struct backend_run *backend_run)
{
    ll_net_free(backend_run->be, backend_run->net);
    ll_weights_close(backend_run->weights);
    ll_backend_close(backend_run->be);
}

/* One way to cut the photos: the sizes of batches in turn, the slots they take in turn. */
struct cut {
    int sizes[4], slots[SLOTS], under_way;
};

static void embed(const struct backend_run *backend_run, const struct cut *cut, float *features)
{
    struct {
        int first, slot;
    } sent[IMAGES];
    ll_error err = LL_ERROR_INIT;
    float norms[BATCH];
    int batches = 0, taken = 0;

    for (int first = 0; first < IMAGES || taken < batches;) {
        if (batches - taken == cut->under_way || first >= IMAGES) {
            if (ll_forward_wait(backend_run->be, backend_run->net, sent[taken].slot,
                                features + (size_t)sent[taken].first * WIDTH, norms, &err) != LL_OK)
                fail_msg("%s", err.text);
            taken++;
            continue;
        }
        const int room = IMAGES - first, size = cut->sizes[batches % 4];
        const int n = room < size ? room : size;
        sent[batches].first = first;
        sent[batches].slot = cut->slots[batches % SLOTS];
        if (ll_forward_submit(backend_run->be, backend_run->net, sent[batches].slot,
                              shop.pixels + (size_t)first * IMAGE, n, &err) != LL_OK)
            fail_msg("%s", err.text);
        batches++;
        first += n;
    }
}

static void bytes_depend_on_the_photo_alone(void **state)
{
    static const struct cut k_cuts[] = {
        {{8, 8, 8, 8}, {0, 1, 2}, 3}, {{8, 8, 8, 8}, {2, 0, 1}, 2}, {{1, 1, 1, 1}, {0, 1, 2}, 1},
        {{7, 3, 1, 5}, {1, 2, 0}, 3}, {{2, 8, 1, 8}, {2, 1, 0}, 3}, {{5, 5, 5, 5}, {0, 2, 1}, 2},
    };
    const size_t bytes = (size_t)IMAGES * WIDTH * sizeof(float);
    float *const want = malloc(bytes), *const got = malloc(bytes);
    struct backend_run backend_run;

    (void)state;
    assert_true(want != NULL && got != NULL);
    for (size_t p = 0; p < PRECISIONS; p++) {
        backend_run_begin(&backend_run, k_precisions[p]);
        for (size_t c = 0; c < sizeof k_cuts / sizeof k_cuts[0]; c++) {
            memset(got, 0xFF, bytes);
            embed(&backend_run, &k_cuts[c], c == 0 ? want : got);
            if (c > 0 && memcmp(got, want, bytes) != 0)
                fail_msg("%s: cut %d gives other bytes", k_precisions[p], (int)c);
        }
        backend_run_end(&backend_run);
        backend_run_begin(&backend_run,
                          k_precisions[p]); /* another night: engines come from the cache */
        embed(&backend_run, &k_cuts[3], got);
        backend_run_end(&backend_run);
        if (memcmp(got, want, bytes) != 0)
            fail_msg("%s: a second run gives other bytes", k_precisions[p]);
    }
    free(got);
    free(want);
}

/* ---- the program ----------------------------------------------------------------------- */

static void skip_without_card(void)
{
    const ll_backend_options options = {.name = "cuda", .threads = 1, .batch = 1, .slots = 1};
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;

    if (dlopen("libcuda.so.1", RTLD_LAZY) == NULL) {
        printf("skipped: no NVIDIA driver\n");
        exit(SKIPPED);
    }
    if (ll_backend_open(&options, &be, &err) != LL_OK && strcmp(err.text, "no CUDA device") == 0) {
        printf("skipped: no CUDA device\n");
        exit(SKIPPED);
    }
    ll_backend_close(be); /* any other failure is the tests' to report */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_another_machine),
        cmocka_unit_test(features_are_those_of_the_cpu),
        cmocka_unit_test(bytes_depend_on_the_photo_alone),
        cmocka_unit_test(neighbours_are_those_of_the_cpu_to_the_bit),
    };
    skip_without_card();
    ll_random_weights_keep();
    return cmocka_run_group_tests(tests, setup, teardown);
}
