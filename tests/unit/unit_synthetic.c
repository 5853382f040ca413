/* tests/unit/unit_synthetic.c - the untrained network: the same bytes everywhere, He's variance,
 * and a file that says what it is, on any file system: flock is this program's own, and fails. */
#include "host/base/digest.h"
#include "host/vgg16/vgg16.h"
#include "tests/test.h"
#include "tests/weights_fixture.h"
#include "weights/synthetic.h"
#include "weights/weights.h"

#include <signal.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PICTURE_BYTES = 224 * 224 * 3, BIASES = 4224 + 2 * 4096 };

int flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = ENOLCK;
    return -1;
}

static float *kernel_of(uint64_t seed, int layer)
{
    ll_error err = LL_ERROR_INIT;
    float *const kernel = malloc((size_t)ll_vgg16_kernel_count(layer) * sizeof *kernel);
    assert_non_null(kernel);
    assert_int_equal(ll_synthetic_kernel(seed, layer, kernel, &err), LL_OK);
    return kernel;
}

/* XXH3-64 of the bytes: a change of generator, order or rounding changes every one of them. */
static void test_kernels_are_the_same_bytes_everywhere(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        int layer;
        uint64_t digest;
    } k_golden[] = {
        {1, 0, UINT64_C(0xF4016B3ADC54F6F4)},  {1, 1, UINT64_C(0x0B5BB85B1251921E)},
        {1, 16, UINT64_C(0x1B8CBA4353A96B8D)}, {1, LL_VGG16_FC2, UINT64_C(0xB2400E85581B4F01)},
        {2, 0, UINT64_C(0xEA50B1D1111143DD)},  {UINT64_MAX, 3, UINT64_C(0xDE188E1799827EA6)},
    };
    for (size_t i = 0; i < sizeof k_golden / sizeof k_golden[0]; i++) {
        float *const kernel = kernel_of(k_golden[i].seed, k_golden[i].layer);
        const size_t bytes = (size_t)ll_vgg16_kernel_count(k_golden[i].layer) * sizeof *kernel;
        const uint64_t digest = ll_digest_block(kernel, bytes);
        if (digest != k_golden[i].digest)
            fail_msg("seed %llu, layer %d: 0x%016llX", (unsigned long long)k_golden[i].seed,
                     k_golden[i].layer, (unsigned long long)digest);
        free(kernel);
    }
}

/* splitmix64's published first outputs for the state 0 are words 0, 1, 2 of stream 0; the first
 * weight is made from word 0 of the layer's stream as the header of synthetic.c says. */
static void test_a_weight_by_hand(void **state)
{
    (void)state;
    /* Word 0 of stream 0 is 0xE220A8397B1DCDAF: so the stream of layer 0 under seed 0. Its own
     * word 0 is splitmix64's first output from that state. */
    uint64_t z = UINT64_C(0xE220A8397B1DCDAF) + UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    z = z ^ (z >> 31);
    double sum = 0.0;
    for (int i = 0; i < 4; i++)
        sum += (double)(z >> 16 * i & 0xFFFF) - 32767.5;
    const double deviation = sqrt((65536.0 * 65536.0 - 1.0) / 3.0);
    float *const kernel = kernel_of(0, 0);
    assert_true(fabs((double)kernel[0] - sum / deviation * sqrt(2.0 / 27.0)) < 1e-7);
    free(kernel);
}

static void test_kernels_have_the_variance_of_he(void **state)
{
    (void)state;
    static const int k_layers[] = {1, 10, LL_VGG16_FC2};
    for (int l = 0; l < 3; l++) {
        const int64_t count = ll_vgg16_kernel_count(k_layers[l]);
        const double fan_in = (double)(count / ll_vgg16_layer_at(k_layers[l])->out_channels);
        const double want = sqrt(2.0 / fan_in);
        float *const kernel = kernel_of(3, k_layers[l]);
        double sum = 0.0, squares = 0.0, most = 0.0;
        for (int64_t i = 0; i < count; i++) {
            sum += (double)kernel[i];
            squares += (double)kernel[i] * (double)kernel[i];
            most = fmax(most, fabs((double)kernel[i]));
        }
        const double n = (double)count;
        /* Five standard errors of a mean and of a deviation: 1 in a million by chance. */
        assert_true(fabs(sum / n) < 5.0 * want / sqrt(n));
        assert_true(fabs(sqrt(squares / n) / want - 1.0) < 5.0 / sqrt(2.0 * n));
        assert_true(most <= want * sqrt(12.0) * 1.0001); /* four uniforms reach 2 * sqrt(3) */
        free(kernel);
    }
}

static void test_seeds_and_layers_differ(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    float none = 0.0F;
    float *const a = kernel_of(1, 14), *const b = kernel_of(2, 14), *const c = kernel_of(1, 15);
    int64_t same = 0;
    for (int64_t i = 0; i < ll_vgg16_kernel_count(14); i++)
        same += (a[i] == b[i]) + (a[i] == c[i]) + (b[i] == c[i]);
    assert_true(same < 3 * ll_vgg16_kernel_count(14) / 10000); /* of 2^18 values, by chance */
    free(a);
    free(b);
    free(c);
    assert_int_equal(ll_synthetic_kernel(1, 2, &none, &err), LL_ERR_ARGUMENT);
    assert_int_equal(ll_synthetic_kernel(1, -1, &none, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_synthetic_kernel(1, LL_VGG16_GAP, &none, NULL), LL_ERR_ARGUMENT);
}

static void test_pictures_are_garments_on_white(void **state)
{
    (void)state;
    enum { GUARD = 64 };
    static uint8_t pixels[LL_SYNTHETIC_BATCH * PICTURE_BYTES + GUARD];
    memset(pixels, 0x5A, sizeof pixels);
    ll_synthetic_pixels(pixels);
    for (int i = 0; i < GUARD; i++)
        assert_int_equal(pixels[LL_SYNTHETIC_BATCH * PICTURE_BYTES + i], 0x5A);
    for (int n = 0; n < LL_SYNTHETIC_BATCH; n++) {
        const uint8_t *const picture = pixels + (size_t)n * PICTURE_BYTES;
        int64_t white = 0;
        for (int i = 0; i < PICTURE_BYTES; i += 3)
            white += picture[i] == 255 && picture[i + 1] == 255 && picture[i + 2] == 255;
        /* Something is drawn, and paper is left around it. */
        assert_in_range(white, 224 * 224 * 40 / 100, 224 * 224 * 95 / 100);
        for (int i = 0; i < 224 * 3; i++) {
            assert_int_equal(picture[i], 255);
            assert_int_equal(picture[PICTURE_BYTES - 1 - i], 255);
        }
        for (int other = 0; other < n; other++)
            assert_int_not_equal(
                memcmp(picture, pixels + (size_t)other * PICTURE_BYTES, PICTURE_BYTES), 0);
    }
    const uint64_t digest = ll_digest_block(pixels, (size_t)LL_SYNTHETIC_BATCH * PICTURE_BYTES);
    if (digest != UINT64_C(0xC2116F4DC169C6D8)) fail_msg("0x%016llX", (unsigned long long)digest);
}

/* ---- the file -------------------------------------------------------------------------- */

static void check_layer(ll_weights *weights, uint64_t seed, int layer, const float *biases)
{
    ll_error err = LL_ERROR_INIT;
    const size_t count = (size_t)ll_vgg16_kernel_count(layer);
    const int32_t out = ll_vgg16_layer_at(layer)->out_channels;
    float *const want = kernel_of(seed, layer);
    float *const got = malloc(count * sizeof *got), *const bias = malloc(4096 * sizeof *bias);
    assert_true(got != NULL && bias != NULL);
    assert_int_equal(ll_weights_load(weights, layer, got, bias, &err), LL_OK);
    assert_memory_equal(got, want, count * sizeof *got);
    for (int i = 0; i < layer; i++)
        if (ll_vgg16_kernel_count(i) > 0) biases += ll_vgg16_layer_at(i)->out_channels;
    assert_memory_equal(bias, biases, (size_t)out * sizeof *bias);
    free(want);
    free(got);
    free(bias);
}

static int files_in(const char *folder)
{
    int count = 0;
    DIR *const list = opendir(folder);
    assert_non_null(list);
    while (readdir(list) != NULL)
        count++;
    assert_int_equal(closedir(list), 0);
    return count - 2;
}

static void test_the_file_is_read_back(void **state)
{
    (void)state;
    static float biases[BIASES];
    static const int k_layers[] = {0, 1, 16, LL_VGG16_FC1, LL_VGG16_FC2};
    char folder[64], path[128];
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    struct stat info;

    fixture_folder(folder);
    (void)snprintf(path, sizeof path, "%s/synthetic.h5", folder);
    for (int i = 0; i < BIASES; i++)
        biases[i] = (float)i / 16.0F - 100.0F;
    assert_int_equal(ll_synthetic_write(path, 42, biases, &err), LL_OK);
    assert_int_equal(files_in(folder), 1);
    assert_int_equal(stat(path, &info), 0);
    assert_true((info.st_mode & S_IRUSR) != 0);
    assert_int_equal(ll_weights_open(path, &weights, &err), LL_OK);
    const ll_weights_info *const it = ll_weights_describe(weights);
    assert_string_equal(it->name, "vgg16 (synthetic, seed 42)");
    assert_string_equal(it->layout, "keras-original");
    assert_false(it->trained);
    assert_int_equal(it->last_layer, LL_VGG16_FC2);
    assert_int_equal(it->scale, LL_INPUT_CAFFE);
    for (int i = 0; i < 5; i++)
        check_layer(weights, 42, k_layers[i], biases);
    ll_weights_close(weights);
    fixture_remove(folder);
}

/* Nothing is left behind, and what was there stays. */
static void test_a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    static float biases[BIASES];
    char folder[64], path[128];
    ll_error err = LL_ERROR_INIT;
    struct rlimit before, little;

    fixture_folder(folder);
    (void)snprintf(path, sizeof path, "%s/no/such/folder.h5", folder);
    assert_int_equal(ll_synthetic_write(path, 1, biases, &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "No such file"));

    (void)snprintf(path, sizeof path, "%s/synthetic.h5", folder);
    FILE *const old = fopen(path, "wb");
    assert_true(old != NULL && fputs("old", old) >= 0 && fclose(old) == 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = before;
    little.rlim_cur = 1000000;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    err = (ll_error)LL_ERROR_INIT;
    const ll_status status = ll_synthetic_write(path, 1, biases, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, LL_ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(files_in(folder), 1);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 3);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_are_the_same_bytes_everywhere),
        cmocka_unit_test(test_a_weight_by_hand),
        cmocka_unit_test(test_kernels_have_the_variance_of_he),
        cmocka_unit_test(test_seeds_and_layers_differ),
        cmocka_unit_test(test_pictures_are_garments_on_white),
        cmocka_unit_test(test_the_file_is_read_back),
        cmocka_unit_test(test_a_full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
