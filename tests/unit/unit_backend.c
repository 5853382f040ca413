/* tests/unit/unit_backend.c - opening, what is refused and with which words, and weights whose
 * activations leave f32. */
#include "host/backend/backend.h"
#include "host/backend/cpu/cpu_net.h"
#include "host/backend/cpu/cpu_range.h"
#include "host/base/memory.h"
#include "host/vgg16/vgg16.h"
#include "tests/reference/random_weights.h"
#include "tests/test.h"
#include "weights/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

enum { IMAGE = LL_VGG16_SIDE * LL_VGG16_SIDE * 3, BATCH = 2, GAP_WIDTH = 512 };

static const ll_backend_options k_cpu = {.name = "cpu", .threads = 2, .batch = BATCH, .slots = 2};

static ll_backend *open_cpu(void)
{
    ll_backend *be = NULL;
    ll_error err = LL_ERROR_INIT;
    if (ll_backend_open(&k_cpu, &be, &err) != LL_OK) fail_msg("%s", err.text);
    return be;
}

static void assert_refused(const ll_backend_options *options, ll_status want, const char *text)
{
    ll_error err = LL_ERROR_INIT;
    ll_backend *be = (ll_backend *)&err; /* anything but NULL */
    assert_int_equal(ll_backend_open(options, &be, &err), want);
    assert_null(be);
    if (strstr(err.text, text) == NULL) fail_msg("'%s' does not say '%s'", err.text, text);
    assert_null(strchr(err.text, '\n'));
}

static void open_refuses(void **state)
{
    (void)state;
    ll_backend_options o = k_cpu;
    o.name = "gpu";
    assert_refused(&o, LL_ERR_ARGUMENT, "backend gpu: use auto, cpu");
    for (int i = 0; ll_backend_name(i) != NULL; i++)
        assert_refused(&o, LL_ERR_ARGUMENT, ll_backend_name(i));
    o.name = NULL;
    assert_refused(&o, LL_ERR_ARGUMENT, "use auto, cpu");
    o = k_cpu, o.precision = "fp16";
    assert_refused(&o, LL_ERR_ARGUMENT, "precision fp16: the cpu backend has fp32");
    o = k_cpu, o.threads = 0;
    assert_refused(&o, LL_ERR_ARGUMENT, "threads 0");
    o = k_cpu, o.slots = 0;
    assert_refused(&o, LL_ERR_ARGUMENT, "slots 0");
    o = k_cpu, o.batch = -1;
    assert_refused(&o, LL_ERR_ARGUMENT, "batch -1");
    o = k_cpu, o.name = "cuda", o.cuda_module = "/nowhere/lookloom-cuda.so";
    assert_refused(&o, LL_ERR_UNSUPPORTED,
                   "/nowhere/lookloom-cuda.so: not installed; lookloom makes "
                   "it where nvcc and cuDNN are");
    o.cuda_module = LL_TEST_BIN "/module_empty.so";
    assert_refused(&o, LL_ERR_UNSUPPORTED, "not a lookloom module");
    o.cuda_module = LL_TEST_BIN "/module_old.so";
    assert_refused(&o, LL_ERR_UNSUPPORTED, "made for interface 6, this is 5");
    ll_backend_close(NULL);
}

/* What a log of a person heard, and what one of a curious person heard besides. */
static char lines[1024], details[1024];

static void keep_line(void *to, const char *text)
{
    (void)to;
    const size_t used = strlen(lines);
    snprintf(lines + used, sizeof lines - used, "%s\n", text);
}

static void keep_detail(void *to, const char *text)
{
    (void)to;
    const size_t used = strlen(details);
    snprintf(details + used, sizeof details - used, "%s\n", text);
}

/* As a program's log: a line is known if it is the only one so far. */
static bool is_first(void *to, const char *text)
{
    (void)to;
    return strstr(lines, text) == NULL && strstr(details, text) == NULL;
}

/* Opens twice as auto, and gets the processor. */
static void open_as_auto(const char *root, bool verbose)
{
    const ll_log log = {
        .line = keep_line, .detail = verbose ? keep_detail : NULL, .first = is_first};
    ll_backend_options o = k_cpu;

    lines[0] = details[0] = '\0';
    o.name = "auto";
    o.cuda_module = LL_TEST_BIN "/module_old.so";
    o.root = root;
    o.log = &log;
    for (int i = 0; i < 2; i++) {
        ll_backend *be = NULL;
        assert_int_equal(ll_backend_open(&o, &be, NULL), LL_OK);
        assert_string_equal(ll_backend_describe(be).name, "cpu");
        ll_backend_close(be);
    }
}

static void a_card_that_cannot_be_used_is_said_once(void **state)
{
    const char *const root = *state;
    const char *const line =
        "the NVIDIA card cannot be used, so the processor computes: " LL_TEST_BIN
        "/module_old.so: made for interface 6, this is 5; see `lookloom "
        "info`, or ask for --backend cpu\n";

    for (int verbose = 0; verbose < 2; verbose++) {
        open_as_auto(root, verbose);
        assert_string_equal(lines, line);
        assert_string_equal(details, "");
    }
    ll_backend *be = NULL; /* nobody listens */
    ll_backend_options o = k_cpu;
    o.name = "auto", o.root = root, o.cuda_module = "/nowhere/lookloom-cuda.so";
    assert_int_equal(ll_backend_open(&o, &be, NULL), LL_OK);
    ll_backend_close(be);
}

static void without_a_card_there_is_nothing_to_say(void **state)
{
    (void)state;
    open_as_auto("/nowhere", false);
    assert_string_equal(lines, "");
    open_as_auto("/nowhere", true);
    assert_string_equal(lines, "");
    assert_string_equal(details,
                        "no NVIDIA card here, so the processor computes (cuda: " LL_TEST_BIN
                        "/module_old.so: made for interface 6, this is 5)\n");
}

/* A folder that looks like a machine with a card in it. */
static int make_card(void **state)
{
    static char root[] = "/tmp/unit_backend.XXXXXX";
    char path[64];

    if (mkdtemp(root) == NULL) return -1;
    snprintf(path, sizeof path, "%s/dev", root);
    if (mkdir(path, 0755) != 0) return -1;
    snprintf(path, sizeof path, "%s/dev/nvidia0", root);
    FILE *const file = fopen(path, "w");
    *state = root;
    return file == NULL || fclose(file) != 0 ? -1 : 0;
}

static int remove_card(void **state)
{
    const char *const root = *state;
    char path[64];

    snprintf(path, sizeof path, "%s/dev/nvidia0", root);
    if (unlink(path) != 0) return -1;
    *strrchr(path, '/') = '\0';
    return rmdir(path) != 0 || rmdir(root) != 0 ? -1 : 0;
}

static void describe_names_what_decides_the_bits(void **state)
{
    (void)state;
    ll_backend_options o = k_cpu;
    ll_backend *be = NULL;
    o.batch = 0;
    assert_int_equal(ll_backend_open(&o, &be, NULL), LL_OK);
    const ll_backend_info info = ll_backend_describe(be);
    assert_string_equal(info.precision, "fp32");
    assert_int_equal(info.batch, 32);
    assert_non_null(strstr(info.engines, "oneDNN 2"));
    assert_non_null(strstr(info.engines, "conv1_1"));
    assert_non_null(strstr(info.engines, "fc2 "));
    assert_non_null(strstr(info.engines, "dots 1"));
    assert_true(strlen(info.device) > 4);
    ll_backend_close(be);
}

/* Layers that alternate between two implementations with names as long as no library's: every one
 * of the 15 is named, and nothing is cut. */
static void no_list_of_engines_is_too_long(void **state)
{
    enum { LONG = 400 };
    static char names[2][LONG + 1];
    static ll_cpu_layer layers[LL_VGG16_LAYERS];
    char *text = NULL;
    size_t length = 0;

    (void)state;
    for (int i = 0; i < 2; i++)
        memset(names[i], 'a' + i, LONG);
    for (int i = 0, n = 0; i < LL_VGG16_LAYERS; i++) {
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL) n++;
        layers[i].implementation = names[n % 2];
    }
    assert_int_equal(ll_cpu_layers_describe(layers, LL_VGG16_FC2, &text, NULL), LL_OK);
    for (int i = 0; i < LL_VGG16_LAYERS; i++) {
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        if (strstr(text, ll_vgg16_name(i)) == NULL) fail_msg("%s is missing", ll_vgg16_name(i));
        length += LONG + strlen(ll_vgg16_name(i)) + strlen(" ") + (i > 0 ? strlen(", ") : 0);
    }
    assert_int_equal(strlen(text), length);
    free(text);
}

/* ---- the network's arguments ---- */

static void net_and_slots_refuse(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    ll_backend *const be = open_cpu();
    ll_weights *weights = NULL;
    ll_net *net = NULL;
    ll_net_options options = {.layer = LL_VGG16_FC1};
    uint8_t *const pixels = calloc(BATCH + 1, IMAGE);
    float *const out = calloc((size_t)BATCH * 64 * 224 * 224, sizeof *out);
    assert_non_null(pixels);
    assert_non_null(out);

    ll_random_weights_end(LL_VGG16_POOL5); /* a no-top file */
    assert_int_equal(ll_weights_open("caffe:1:", &weights, &err), LL_OK);
    ll_random_weights_end(LL_VGG16_FC2);
    assert_int_equal(ll_net_create(be, weights, &options, &net, &err), LL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "holds no fc1; it ends with pool5"));
    options.layer = LL_VGG16_GAP + 1;
    assert_int_equal(ll_net_create(be, weights, &options, &net, NULL), LL_ERR_ARGUMENT);
    options.layer = -1;
    assert_int_equal(ll_net_create(be, weights, &options, &net, NULL), LL_ERR_ARGUMENT);
    assert_null(net);
    ll_net_free(be, NULL);

    options.layer = 0; /* conv1_1 */
    assert_int_equal(ll_net_create(be, weights, &options, &net, NULL), LL_OK);
    assert_int_equal(ll_forward_submit(be, net, 2, pixels, 1, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_forward_submit(be, net, -1, pixels, 1, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_forward_submit(be, net, 0, pixels, 0, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_forward_submit(be, net, 0, pixels, BATCH + 1, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_forward_wait(be, net, 0, out, NULL, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_forward_submit(be, net, 0, pixels, 1, NULL), LL_OK);
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_forward_submit(be, net, 0, pixels, 1, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "slot 0 still holds a batch: wait for it first");
    assert_int_equal(ll_forward_wait(be, net, 0, out, NULL, NULL), LL_OK);
    ll_net_free(be, net);
    ll_weights_close(weights);
    ll_backend_close(be);
    free(out);
    free(pixels);
}

static void comparing_refuses(void **state)
{
    (void)state;
    ll_backend *const be = open_cpu();
    const float features[4][4] = {{1.0f}, {0.0f, 1.0f}, {0.0f, 0.0f, 1.0f}, {1.0f}};
    ll_compare_options options = {.features = &features[0][0], .rows = 4, .cols = 4};
    uint32_t columns[4] = {0};
    float scores[4];
    double bounds[4];

    assert_int_equal(ll_tile_submit(be, 0, 0, NULL), LL_ERR_ARGUMENT); /* not begun */
    assert_int_equal(ll_compare_sync(be, NULL), LL_ERR_ARGUMENT);
    options.matrix = LL_MATRIX_FLOAT32; /* without a sink */
    assert_int_equal(ll_compare_begin(be, &options, NULL), LL_ERR_ARGUMENT);
    options.matrix = LL_MATRIX_NONE;
    options.cols = 0;
    assert_int_equal(ll_compare_begin(be, &options, NULL), LL_ERR_ARGUMENT);
    options.cols = 4;
    options.rows = -1;
    assert_int_equal(ll_compare_begin(be, &options, NULL), LL_ERR_ARGUMENT);
    options.rows = 4;
    assert_int_equal(ll_compare_begin(be, &options, NULL), LL_OK);
    assert_int_equal(ll_tile_submit(be, 0, 1, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_tile_submit(be, -1, 0, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_topk_extract(be, 0, 4, columns, scores, bounds, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_rescore_rows(be, (const uint32_t[]){0, 4}, 2, scores, NULL),
                     LL_ERR_ARGUMENT);
    columns[3] = 4;
    assert_int_equal(ll_rescore(be, 0, 1, columns, 4, scores, NULL), LL_ERR_ARGUMENT);
    columns[3] = 3;
    assert_int_equal(ll_rescore(be, 0, 1, columns, 4, scores, NULL), LL_OK);
    assert_true(scores[0] == 1.0f && scores[3] == 1.0f);
    assert_int_equal(ll_rescore(be, 3, 2, columns, 1, scores, NULL), LL_ERR_ARGUMENT);
    ll_compare_end(be);
    ll_compare_end(be);
    assert_int_equal(ll_rescore_rows(be, columns, 1, scores, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_rescore_wait(be, NULL), LL_ERR_ARGUMENT);
    ll_backend_close(be);
    assert_int_equal(ll_matrix_type_bytes(LL_MATRIX_NONE), 0);
    assert_int_equal(ll_matrix_type_bytes(LL_MATRIX_FLOAT32), 4);
    assert_int_equal(ll_matrix_type_bytes(LL_MATRIX_UINT16), 2);
}

/* ---- activations that leave f32 ---- */

static ll_status gap_of_scaled(float factor, const uint8_t *pixels, float *gap, ll_error *err)
{
    ll_status status = LL_OK;
    ll_backend *const be = open_cpu();
    ll_weights *weights = NULL;
    ll_net *net = NULL;
    float norms[BATCH];
    const ll_net_options options = {.layer = LL_VGG16_GAP, .normalize = true};

    ll_random_weights_scale(factor);
    LL_TRY_DONE(ll_weights_open("caffe:1:/dev/zero", &weights, err)); /* no biases */
    LL_TRY_DONE(ll_net_create(be, weights, &options, &net, err));
    LL_TRY_DONE(ll_forward_submit(be, net, 0, pixels, BATCH, err));
    LL_TRY_DONE(ll_forward_wait(be, net, 0, gap, norms, err));
done:
    ll_random_weights_scale(1.0f);
    ll_net_free(be, net);
    ll_weights_close(weights);
    ll_backend_close(be);
    return status;
}

/* Without biases the network is homogeneous: 64 times the weights, the same direction. But they are
 * too large to rule an overflow out beforehand, so the second run watches every activation. */
static void watched_network_gives_the_same(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    uint8_t *const pixels = malloc((size_t)BATCH * IMAGE);
    float plain[BATCH][GAP_WIDTH], scaled[BATCH][GAP_WIDTH];
    assert_non_null(pixels);
    for (size_t i = 0; i < (size_t)BATCH * IMAGE; i++)
        pixels[i] = (uint8_t)(128 + (int)(ll_random_at(8, 0, i / 99) * 127.0f));

    assert_int_equal(gap_of_scaled(1.0f, pixels, plain[0], &err), LL_OK);
    assert_int_equal(gap_of_scaled(64.0f, pixels, scaled[0], &err), LL_OK);
    for (int i = 0; i < BATCH; i++) {
        double dot = 0.0;
        for (int k = 0; k < GAP_WIDTH; k++) {
            dot += (double)plain[i][k] * scaled[i][k];
            assert_true(fabs((double)plain[i][k] - (double)scaled[i][k]) < 1e-5);
        }
        assert_true(fabs(dot - 1.0) < 1e-6);
    }
    free(pixels);
}

static void overflow_is_the_weights_fault(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    float gap[BATCH][GAP_WIDTH];
    uint8_t *const pixels = calloc(BATCH, IMAGE);
    assert_non_null(pixels);
    assert_int_equal(gap_of_scaled(1e6f, pixels, gap[0], &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "weights: an activation of conv"));
    assert_non_null(strstr(err.text, "is infinite or not a number"));
    free(pixels);
}

static void range_is_the_largest_possible_sum(void **state)
{
    (void)state;
    ll_cpu_range *const range = calloc(1, sizeof *range);
    float kernel[64 * 27], bias[64];
    assert_non_null(range);
    for (int i = 0; i < 64 * 27; i++)
        kernel[i] = i % 2 == 0 ? 0.5f : -0.5f;
    for (int i = 0; i < 64; i++)
        bias[i] = -(float)i;
    ll_cpu_range_input(range, LL_PREPROCESS_CAFFE);
    ll_cpu_range_add(range, 0, kernel, bias, 0, 32);
    ll_cpu_range_add(range, 0, kernel, bias, 32, 32);
    ll_cpu_range_advance(range, 0);
    const double input = (255.0 - 103.939) + (255.0 - 116.779) + (255.0 - 123.68);
    assert_true(fabs(range->limit[0] - 4.5 * input) < 1e-3);
    assert_true(fabs(range->limit[63] - (4.5 * input + 63.0)) < 1e-3);
    assert_true(ll_cpu_range_safe(range, 0));
    range->limit[5] = 1e32;
    assert_false(ll_cpu_range_safe(range, 0));
    range->limit[5] = (double)NAN;
    assert_false(ll_cpu_range_safe(range, 0));
    free(range);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_refuses),
        cmocka_unit_test_setup_teardown(a_card_that_cannot_be_used_is_said_once, make_card,
                                        remove_card),
        cmocka_unit_test(without_a_card_there_is_nothing_to_say),
        cmocka_unit_test(describe_names_what_decides_the_bits),
        cmocka_unit_test(no_list_of_engines_is_too_long),
        cmocka_unit_test(net_and_slots_refuse),
        cmocka_unit_test(comparing_refuses),
        cmocka_unit_test(range_is_the_largest_possible_sum),
        cmocka_unit_test(watched_network_gives_the_same),
        cmocka_unit_test(overflow_is_the_weights_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
