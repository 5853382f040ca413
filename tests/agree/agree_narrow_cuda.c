/* tests/agree/agree_narrow_cuda.c - narrowed and mirrored tiles of the cuda twin, to the bit. */
#include "kernels/narrow.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

#include <math.h>

/* Nothing, one, around the square of 32, odd rests on both sides. */
static const int64_t k_shapes[][3] = {/* rows, columns, stride */
                                      {0, 5, 5},    {5, 0, 4},    {1, 1, 1},
                                      {31, 33, 40}, {32, 32, 32}, {33, 31, 31},
                                      {3, 97, 99},  {97, 3, 3},   {70, 41, 64}};

static size_t bytes_of(ll_matrix_type type)
{
    return type == LL_MATRIX_FLOAT32 ? 4 : 2;
}

/* Scores of all sizes, both ends, ties, and what lies just outside. */
static void draw(float *scores, int64_t count, bool outside, uint64_t *seed)
{
    for (int64_t i = 0; i < count; i++) {
        const float value = fabsf(ll_random(seed));
        const float kinds[] = {value,
                               0.0f,
                               1.0f,
                               value * 0x1p-15f,
                               floorf(value * 2047.0f) / 2048.0f,
                               outside ? 1.0f + value * 1e-6f : value,
                               outside ? -value * 1e-6f : value};
        scores[i] = kinds[i % 7];
    }
}

static void clamp(float *scores, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        scores[i] = fminf(fmaxf(scores[i], 0.0f), 1.0f) + 0.0f; /* no -0 */
}

static void check(const int64_t shape[3], ll_matrix_type type, int order)
{
    const int64_t rows = shape[0], columns = shape[1], stride = shape[2];
    const size_t count = (size_t)(rows * stride), n = (size_t)(rows * columns);
    uint64_t seed = (uint64_t)(rows * 131 + columns) + 1;
    float *const scores = host_new(count, sizeof *scores);
    unsigned char *const want = host_new(n, 4), *const got = host_new(n, 4);
    char repro[96];

    snprintf(repro, sizeof repro, "rows %d columns %d stride %d type %d order %d", (int)rows,
             (int)columns, (int)stride, (int)type, order);
    draw(scores, (int64_t)count, true, &seed);
    device_order(order);
    device_array in = device_put(scores, count * sizeof *scores);
    device_array out = device_put(NULL, n * bytes_of(type));
    const ll_narrow_tile there = {in.values, stride, rows, columns};
    device_ok(ll_narrow_tile_cuda(&there, type, out.values, NULL));
    clamp(scores, (int64_t)count);
    const ll_narrow_tile here = {scores, stride, rows, columns};
    ll_narrow_tile_cpu(&here, type, want);
    device_copy_back(&in, NULL);
    device_copy_back(&out, got);
    same_bytes(got, want, n * bytes_of(type), repro);
    free(got);
    free(want);
    free(scores);
}

static void tiles_are_those_of_the_cpu_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_shapes / sizeof k_shapes[0]; i++)
        for (int type = LL_MATRIX_FLOAT32; type <= LL_MATRIX_UINT16; type++)
            for (int order = 0; order < ORDERS; order++)
                check(k_shapes[i], (ll_matrix_type)type, order);
}

static void mirrored_tiles_are_symmetric(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {31, 31}, {32, 40}, {33, 33}, {64, 64}, {99, 101}};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int order = 0; order < ORDERS; order++) {
            const int64_t rows = sizes[s][0], stride = sizes[s][1];
            const size_t bytes = (size_t)(rows * stride) * sizeof(float);
            uint64_t seed = (uint64_t)rows;
            float *const want = host_new(1, bytes), *const got = host_new(1, bytes);
            draw(want, rows * stride, false, &seed);
            device_order(order);
            device_array scores = device_put(want, bytes);
            device_ok(ll_narrow_mirror_cuda(scores.values, stride, rows, NULL));
            ll_narrow_mirror_cpu(want, stride, rows);
            device_copy_back(&scores, got);
            same_bytes(got, want, bytes, "mirror");
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c <= r; c++)
                    assert_true(got[r * stride + c] == (r == c ? 1.0f : got[c * stride + r]));
            free(got);
            free(want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_those_of_the_cpu_to_the_bit),
        cmocka_unit_test(mirrored_tiles_are_symmetric),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
