/* tests/agree/agree_normalize_cuda.c - unit rows of the cuda twin, to the bit. */
#include "kernels/normalize.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

/* Nothing, one, around a warp and around the 64 sums, prime, the real widths. */
static const int64_t k_shapes[][2] = {{0, 4096}, {1, 1},  {3, 31},  {5, 33},   {2, 63},    {3, 64},
                                      {2, 65},   {4, 97}, {7, 257}, {5, 4096}, {2, 25088}, {33, 2}};

/* Activations: half zeros; rows of zeros, of the least and of huge numbers among them. */
static void draw(float *x, int64_t rows, int64_t cols, uint64_t *seed)
{
    static const float scales[] = {1.0f, 3e4f, 0.0f, 1e-42f, 1e30f};

    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            const float value = ll_random(seed);
            x[i * cols + j] = value < 0.0f ? 0.0f : value * scales[i % 5];
        }
}

/* Rows whose length lies within a few of the last bits of a f64 of 1 + 2^-24, half way between two
 * f32: so close that a change in the order of the additions moves it to the other side. */
static void draw_tied(float *x, int64_t rows, int64_t cols, uint64_t *seed)
{
    for (int64_t i = 0; i < rows; i++) {
        float *const row = x + i * cols;
        /* squares of the small ones add up to 2^-48 times 15/16 to 22/16, in steps of 2^-52 / 16 */
        const float sum = 0x1p-48f * (0.9375f + (float)(i % 112) / 256.0f);
        const float size = sqrtf(sum / (float)(cols - 3));
        for (int64_t j = 0; j < cols; j++)
            row[j] = size * sqrtf(1.0f + 0.5f * ll_random(seed));
        row[i * 5 % cols] = 1.0f;
        row[(i * 7 + 40) % cols] = row[(i * 11 + 111) % cols] = 0x1p-12f;
    }
}

/* `want` is normalised in place. */
static void check_rows(float *want, int64_t rows, int64_t cols, int order)
{
    const size_t n = (size_t)(rows * cols);
    float *const got = host_new(n, sizeof *got);
    float *const want_norms = host_new((size_t)rows, sizeof *want_norms);
    float *const got_norms = host_new((size_t)rows, sizeof *got_norms);
    char repro[96];

    snprintf(repro, sizeof repro, "rows %d cols %d order %d", (int)rows, (int)cols, order);
    device_order(order);
    device_array x = device_put(want, n * sizeof *want);
    device_array norms = device_put(NULL, (size_t)rows * sizeof *got_norms);
    device_ok(ll_normalize_rows_cuda(x.values, rows, cols, norms.values, NULL));
    ll_normalize_rows_cpu(want, rows, cols, want_norms);
    device_copy_back(&x, got);
    device_copy_back(&norms, got_norms);
    same_bytes(got, want, n * sizeof *got, repro);
    same_bytes(got_norms, want_norms, (size_t)rows * sizeof *got_norms, repro);
    free(got_norms);
    free(want_norms);
    free(got);
}

static void check(int64_t rows, int64_t cols, int order)
{
    uint64_t seed = (uint64_t)(rows * 31 + cols) * 2654435761u + 1;
    float *const x = host_new((size_t)(rows * cols), sizeof *x);

    draw(x, rows, cols, &seed);
    check_rows(x, rows, cols, order);
    free(x);
}

static void unit_rows_are_those_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++)
        for (int order = 0; order < ORDERS; order++)
            check(k_shapes[i][0], k_shapes[i][1], order);
}

static void additions_come_in_the_defined_order(void **state)
{
    enum { ROWS = 112, COLS = 512 };
    static float x[ROWS * COLS];
    uint64_t seed = 11;

    (void)state;
    for (int order = 0; order < ORDERS; order++) {
        draw_tied(x, ROWS, COLS, &seed);
        check_rows(x, ROWS, COLS, order);
    }
}

static void more_rows_than_a_grid_has_are_refused(void **state)
{
    (void)state;
    assert_int_equal(ll_normalize_rows_cuda(NULL, (int64_t)1 << 31, 1, NULL, NULL),
                     cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_rows_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(additions_come_in_the_defined_order),
        cmocka_unit_test(more_rows_than_a_grid_has_are_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
