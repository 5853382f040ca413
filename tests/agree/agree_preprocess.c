/* tests/agree/agree_preprocess.c - pixels to numbers against the definition, written the other way
 * round; hostile shapes, a guard behind the planes. */
#include "kernels/preprocess.h"
#include "tests/numeric.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD = 16 };

static const struct {
    int64_t images, positions;
} k_shapes[] = {{0, 50176}, {1, 0}, {1, 1}, {3, 1}, {1, 7}, {2, 33}, {5, 257}, {2, 50176}};

/* What Keras and torchvision do to one value, in f32, step by step. */
static float defined(ll_preprocess_kind kind, const uint8_t *pixel, int plane)
{
    static const float k_bgr[] = {103.939f, 116.779f, 123.68f};
    static const float k_mean[] = {0.485f, 0.456f, 0.406f}, k_std[] = {0.229f, 0.224f, 0.225f};

    if (kind == LL_PREPROCESS_CAFFE) return (float)pixel[2 - plane] - k_bgr[plane];
    volatile float value = (float)pixel[plane] / 255.0f; /* volatile: round after each step */
    value = value - k_mean[plane];
    value = value / k_std[plane];
    return value;
}

static void check_shape(ll_preprocess_kind kind, int64_t images, int64_t positions)
{
    const int64_t pixels = images * positions;
    uint64_t seed = 7;
    uint8_t *const x = malloc((size_t)(3 * pixels + 1));
    float *const y = malloc((size_t)(3 * pixels + GUARD) * sizeof *y);
    float guard[GUARD];
    assert_non_null(x);
    assert_non_null(y);

    for (int64_t i = 0; i < 3 * pixels; i++)
        x[i] = (uint8_t)(i < 256 ? i : (int)(ll_random(&seed) * 127.5f + 127.5f));
    for (int i = 0; i < GUARD; i++)
        y[3 * pixels + i] = guard[i] = 42.0f;
    ll_preprocess_cpu(kind, x, images, positions, y);
    for (int64_t i = 0; i < images; i++)
        for (int plane = 0; plane < 3; plane++)
            for (int64_t p = 0; p < positions; p++) {
                const float want = defined(kind, x + (i * positions + p) * 3, plane);
                const float got = y[(i * 3 + plane) * positions + p];
                if (got != want)
                    fail_msg("kind=%d images=%lld places=%lld image=%lld plane=%d place=%lld: "
                             "%.9g, want %.9g",
                             (int)kind, (long long)images, (long long)positions, (long long)i,
                             plane, (long long)p, (double)got, (double)want);
            }
    assert_memory_equal(y + 3 * pixels, guard, sizeof guard);
    free(y);
    free(x);
}

static void planes_agree_with_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++) {
        check_shape(LL_PREPROCESS_CAFFE, k_shapes[i].images, k_shapes[i].positions);
        check_shape(LL_PREPROCESS_TORCH, k_shapes[i].images, k_shapes[i].positions);
    }
}

/* Values anybody can check on paper. */
static void known_values(void **state)
{
    (void)state;
    assert_true(ll_preprocess_value(LL_PREPROCESS_CAFFE, 0, 255) == 255.0f - 103.939f);
    assert_true(ll_preprocess_value(LL_PREPROCESS_CAFFE, 2, 0) == -123.68f);
    assert_true(fabs((double)ll_preprocess_value(LL_PREPROCESS_TORCH, 0, 0) + 2.117904) < 1e-6);
    assert_true(fabs((double)ll_preprocess_value(LL_PREPROCESS_TORCH, 2, 255) - 2.64) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_agree_with_the_definition),
        cmocka_unit_test(known_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
