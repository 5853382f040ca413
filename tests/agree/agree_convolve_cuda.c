/* tests/agree/agree_convolve_cuda.c - the last resort for a layer: the cpu twin against its
 * definition in double precision, the cuda twin to the bit. */
#include "kernels/convolve.h"
#include "kernels/half.h"
#include "kernels/launch_shape.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

#include <math.h>

/* images, side, window, in, out: nothing; one value; the input's 8 channels; more than a part of
 * channels, and no multiple of a slice; more positions and outputs than a block; a product's
 * rows */
static const int k_shapes[][5] = {{0, 4, 3, 8, 8},  {1, 1, 1, 1, 1},    {1, 1, 3, 3, 2},
                                  {2, 5, 3, 8, 64}, {1, 3, 3, 270, 5},  {1, 9, 3, 17, 70},
                                  {3, 7, 3, 4, 3},  {67, 1, 1, 530, 9}, {2, 2, 1, 16, 65}};
static const struct {
    ll_convolve_type from, to;
} k_types[] = {{LL_CONVOLVE_FLOAT32, LL_CONVOLVE_FLOAT32},
               {LL_CONVOLVE_FLOAT16, LL_CONVOLVE_FLOAT16},
               {LL_CONVOLVE_FLOAT16, LL_CONVOLVE_FLOAT32}};
enum { SHAPES = sizeof k_shapes / sizeof k_shapes[0], TYPES = sizeof k_types / sizeof k_types[0] };

static size_t bytes_of(ll_convolve_type type, int64_t count)
{
    return (size_t)count * (type == LL_CONVOLVE_FLOAT16 ? 2 : 4);
}

static float get(ll_convolve_type type, const void *values, int64_t at)
{
    return type == LL_CONVOLVE_FLOAT16 ? ll_half_value(((const uint16_t *)values)[at])
                                       : ((const float *)values)[at];
}

static void *draw(ll_convolve_type type, int64_t count, uint64_t *seed)
{
    void *const values = host_new((size_t)count, sizeof(float));
    for (int64_t i = 0; i < count; i++) {
        const float value = ll_random(seed);
        if (type == LL_CONVOLVE_FLOAT16)
            ((uint16_t *)values)[i] = ll_half_bits(value);
        else
            ((float *)values)[i] = value;
    }
    return values;
}

struct layer {
    ll_convolve_shape shape;
    int64_t positions, from, weights, results;
    void *x, *w, *bias, *y;
    char repro[96];
};

static struct layer make(int number, int type)
{
    const int *const s = k_shapes[number];
    struct layer l = {
        .shape = {s[0], s[1], s[2], s[3], s[4], k_types[type].from, k_types[type].to}};
    uint64_t seed = (uint64_t)(number * 7 + type) + 3;

    l.positions = l.shape.images * s[1] * s[1];
    l.from = l.positions * s[3];
    l.weights = (int64_t)s[4] * s[2] * s[2] * s[3];
    l.results = l.positions * s[4];
    l.x = draw(l.shape.from, l.from, &seed);
    l.w = draw(l.shape.from, l.weights, &seed);
    l.bias = draw(l.shape.to, s[4], &seed);
    l.y = host_new((size_t)l.results, sizeof(float));
    ll_convolve_cpu(&l.shape, l.x, l.w, l.bias, l.y);
    snprintf(l.repro, sizeof l.repro, "images %d side %d window %d in %d out %d types %d", s[0],
             s[1], s[2], s[3], s[4], type);
    return l;
}

static void release(struct layer *l)
{
    free(l->x);
    free(l->w);
    free(l->bias);
    free(l->y);
}

/* ---- the definition --------------------------------------------------------------------- */

static double defined(const struct layer *l, int64_t p, int o, double *size)
{
    const ll_convolve_shape *const s = &l->shape;
    const int radius = s->window / 2;
    double sum = (double)get(s->to, l->bias, o);

    *size = fabs(sum);
    for (int dr = -radius; dr <= radius; dr++)
        for (int dc = -radius; dc <= radius; dc++) {
            const int r = (int)(p / s->side % s->side) + dr, c = (int)(p % s->side) + dc;
            if (r < 0 || r >= s->side || c < 0 || c >= s->side) continue;
            const int tap = (dr + radius) * s->window + dc + radius;
            for (int i = 0; i < s->in; i++) {
                const int64_t x = (p + dr * s->side + dc) * s->in + i;
                const int64_t w = ((int64_t)o * s->window * s->window + tap) * s->in + i;
                const double product =
                    (double)get(s->from, l->x, x) * (double)get(s->from, l->w, w);
                sum += product;
                *size += fabs(product);
            }
        }
    return sum > 0.0 ? sum : 0.0;
}

/* Within the roundings of 256 + 9 additions, and that of the result's type. */
static void the_cpu_twin_is_the_definition(void **state)
{
    (void)state;
    for (int number = 0; number < SHAPES; number++)
        for (int type = 0; type < TYPES; type++) {
            struct layer l = make(number, type);
            int above = 0;
            for (int64_t i = 0; i < l.results; i++) {
                double size;
                const double want = defined(&l, i / l.shape.out, (int)(i % l.shape.out), &size);
                const double got = (double)get(l.shape.to, l.y, i);
                const double half =
                    l.shape.to == LL_CONVOLVE_FLOAT16 ? 0x1p-11 * want + 0x1p-24 : 0;
                if (!(fabs(got - want) <= 265.0 * 0x1p-24 * size + half))
                    fail_msg("%s: %d is %g instead of %g", l.repro, (int)i, got, want);
                above += got > 0.0;
            }
            assert_true(l.results < 10 || above > 0); /* not all cut off */
            release(&l);
        }
}

/* ---- the twin ---------------------------------------------------------------------------- */

static void check_twin(const struct layer *l, int order)
{
    const ll_convolve_shape *const s = &l->shape;
    const size_t bytes = bytes_of(s->to, l->results);
    void *const got = host_new(bytes, 1);

    device_order(order);
    device_array x = device_put(l->x, bytes_of(s->from, l->from));
    device_array w = device_put(l->w, bytes_of(s->from, l->weights));
    device_array bias = device_put(l->bias, bytes_of(s->to, s->out));
    device_array y = device_put(NULL, bytes);
    device_ok(ll_convolve_cuda(s, x.values, w.values, bias.values, y.values, NULL));
    device_copy_back(&y, got);
    device_copy_back(&bias, NULL);
    device_copy_back(&w, NULL);
    device_copy_back(&x, NULL);
    same_bytes(got, l->y, bytes, l->repro);
    free(got);
}

static void the_cuda_twin_has_the_same_bits(void **state)
{
    (void)state;
    for (int number = 0; number < SHAPES; number++)
        for (int type = 0; type < TYPES; type++) {
            struct layer l = make(number, type);
            for (int order = 0; order < ORDERS; order++)
                check_twin(&l, order);
            release(&l);
        }
}

static void what_no_layer_is_is_refused(void **state)
{
    ll_convolve_shape s = {1, 4, 2, 8, 8, LL_CONVOLVE_FLOAT32, LL_CONVOLVE_FLOAT32};

    (void)state;
    assert_int_equal(ll_convolve_cuda(&s, NULL, NULL, NULL, NULL, NULL), cudaErrorInvalidValue);
    s.window = 3, s.to = LL_CONVOLVE_FLOAT16;
    assert_int_equal(ll_convolve_cuda(&s, NULL, NULL, NULL, NULL, NULL), cudaErrorInvalidValue);
    assert_int_equal(ll_launch_convolve((int64_t)512 * 224 * 224, 64).grid_x, 401408);
    assert_int_equal(ll_launch_convolve((int64_t)LL_MAX_GRID_X * 64 + 1, 64).grid_x, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cpu_twin_is_the_definition),
        cmocka_unit_test(the_cuda_twin_has_the_same_bits),
        cmocka_unit_test(what_no_layer_is_is_refused),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
