/* tests/agree/agree_halve_cuda.c - halved rows of the cuda twin, to the bit. */
#include "kernels/halve.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

static const int64_t k_shapes[][2] = {{0, 4096}, {1, 1},   {9, 31},   {8, 32},    {5, 33}, {2, 63},
                                      {3, 64},   {17, 65}, {4, 4096}, {1, 25088}, {7, 95}, {7, 97}};

/* Rows within the unit ball: dense, sparse, of one entry, of entries float16 loses, of none. */
static void draw(float *x, int64_t rows, int64_t cols, uint64_t *seed)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            const float value = fabsf(ll_random(seed)) / sqrtf((float)cols);
            const float one = j == cols / 2 ? 1.0f : 0.0f;
            const float kinds[] = {value, j % 7 == 0 ? value : 0.0f, one, value * 1e-7f, 0.0f};
            x[i * cols + j] = kinds[i % 5];
        }
}

static void check(int64_t rows, int64_t cols, int order)
{
    const size_t n = (size_t)(rows * cols), count = (size_t)rows;
    uint64_t seed = (uint64_t)(rows * 31 + cols) * 2654435761u + 1;
    float *const unit = host_new(n, sizeof *unit);
    uint16_t *const half = host_new(2 * n, sizeof *half);
    float *const costs = host_new(4 * count, sizeof *costs);
    char repro[96];

    snprintf(repro, sizeof repro, "rows %d cols %d order %d", (int)rows, (int)cols, order);
    draw(unit, rows, cols, &seed);
    device_order(order);
    device_array x = device_put(unit, n * sizeof *unit);
    device_array h = device_put(NULL, n * sizeof *half);
    device_array residuals = device_put(NULL, count * sizeof *costs);
    device_array lengths = device_put(NULL, count * sizeof *costs);
    device_ok(
        ll_halve_rows_cuda(x.values, rows, cols, h.values, residuals.values, lengths.values, NULL));
    ll_halve_rows_cpu(unit, rows, cols, half, costs, costs + count);
    device_copy_back(&x, NULL);
    device_copy_back(&h, half + n);
    device_copy_back(&residuals, costs + 2 * count);
    device_copy_back(&lengths, costs + 3 * count);
    same_bytes(half + n, half, n * sizeof *half, repro);
    same_bytes(costs + 2 * count, costs, 2 * count * sizeof *costs, repro);
    free(costs);
    free(half);
    free(unit);
}

static void halves_and_costs_are_those_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++)
        for (int order = 0; order < ORDERS; order++)
            check(k_shapes[i][0], k_shapes[i][1], order);
}

static void what_the_bound_does_not_hold_for_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ll_halve_rows_cuda(NULL, 1, LL_HALVE_MAX_COLS + 1, NULL, NULL, NULL, NULL),
                     cudaErrorInvalidValue);
    assert_int_equal(ll_halve_rows_cuda(NULL, (int64_t)1 << 34, 1, NULL, NULL, NULL, NULL),
                     cudaErrorInvalidValue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_and_costs_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(what_the_bound_does_not_hold_for_is_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
