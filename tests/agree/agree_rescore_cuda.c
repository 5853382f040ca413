/* tests/agree/agree_rescore_cuda.c - scores of the cuda twin, to the bit. */
#include "kernels/rescore.h"
#include "tests/agree/device.h"
#include "tests/numeric.h"

enum { ROWS = 9, MAX_COUNT = 37 };

static void draw(float *x, int64_t n, bool positive, uint64_t *seed)
{
    for (int64_t k = 0; k < n; k++) {
        const float value = ll_random(seed) * ldexpf(1.0f, (int)(20.0f * ll_random(seed)));
        x[k] = positive && value < 0.0f ? 0.0f : value;
    }
}

/* Columns in no order, some asked for twice, some not asked for at all. */
static void draw_columns(uint32_t *columns, int64_t count, uint64_t *seed)
{
    for (int64_t c = 0; c < count; c++) {
        const int drawn = (int)(5.0f * (1.0f + ll_random(seed)));
        columns[c] = drawn < ROWS ? (uint32_t)drawn : UINT32_MAX;
    }
}

struct scores {
    uint32_t columns[ROWS * MAX_COUNT];
    float want[ROWS * MAX_COUNT], got[ROWS * MAX_COUNT];
};

/* Rows [row, row + rows), each against its `count` columns. */
static void check_scores(const float *x, const double *squares, int64_t cols, int64_t row,
                         int64_t rows, int64_t count, const char *repro)
{
    struct scores *const s = host_new(1, sizeof *s);
    const size_t n = (size_t)(rows * count);
    uint64_t seed = (uint64_t)(cols + count);

    draw_columns(s->columns, rows * count, &seed);
    for (size_t i = 0; i < n; i++)
        s->want[i] = -7.0f; /* stays where nobody asks */
    device_array features = device_put(x, (size_t)(ROWS * cols) * sizeof *x);
    device_array sums = device_put(squares, ROWS * sizeof *squares);
    device_array columns = device_put(s->columns, n * sizeof *s->columns);
    device_array scores = device_put(s->want, n * sizeof *s->want);
    device_ok(ll_rescore_cuda(features.values, cols, sums.values, row, rows, columns.values, count,
                              scores.values, NULL));
    for (int64_t r = 0; r < rows; r++)
        ll_rescore_cpu(x, cols, squares, row + r, s->columns + r * count, count,
                       s->want + r * count);
    device_copy_back(&features, NULL);
    device_copy_back(&sums, NULL);
    device_copy_back(&columns, NULL);
    device_copy_back(&scores, s->got);
    same_bytes(s->got, s->want, n * sizeof *s->got, repro);
    free(s);
}

/* `count` rows in no order against the first `all`, which may be none of them. */
static void check_rows(const float *x, const double *squares, int64_t cols, int64_t all,
                       int64_t count, const char *repro)
{
    static const uint32_t k_rows[] = {3, 8, 0, 7, 2, 2, 5, 1, 8};
    enum { MOST = ROWS * sizeof k_rows / sizeof k_rows[0] };
    float want[MOST], got[MOST];
    const size_t n = (size_t)(count * all);

    for (size_t i = 0; i < n; i++)
        want[i] = -7.0f;
    device_array features = device_put(x, (size_t)(ROWS * cols) * sizeof *x);
    device_array sums = device_put(squares, ROWS * sizeof *squares);
    device_array rows = device_put(k_rows, (size_t)count * sizeof *k_rows);
    device_array scores = device_put(want, n * sizeof *want);
    device_ok(ll_rescore_rows_cuda(features.values, all, cols, sums.values, rows.values, count,
                                   scores.values, NULL));
    ll_rescore_rows_cpu(x, all, cols, squares, k_rows, count, 0, all, want);
    device_copy_back(&features, NULL);
    device_copy_back(&sums, NULL);
    device_copy_back(&rows, NULL);
    device_copy_back(&scores, got);
    same_bytes(got, want, n * sizeof *got, repro);
}

static void check(int64_t cols, bool positive, int order)
{
    static const int64_t counts[] = {0, 1, 3, 4, 5, 9, MAX_COUNT};
    uint64_t seed = (uint64_t)cols * 2654435761u + 1;
    float *const x = host_new((size_t)(ROWS * cols), sizeof *x);
    double squares[ROWS], got[ROWS];
    char repro[96];

    snprintf(repro, sizeof repro, "cols %d positive %d order %d", (int)cols, positive, order);
    draw(x, ROWS * cols, positive, &seed);
    memcpy(x + 5 * cols, x + 2 * cols, (size_t)cols * sizeof *x); /* twins */
    memset(x + 7 * cols, 0, (size_t)cols * sizeof *x);            /* nothing at all */
    ll_rescore_squares_cpu(x, ROWS, cols, squares);
    device_order(order);
    device_array features = device_put(x, (size_t)(ROWS * cols) * sizeof *x);
    device_array sums = device_put(NULL, sizeof got);
    device_ok(ll_rescore_squares_cuda(features.values, ROWS, cols, sums.values, NULL));
    device_copy_back(&features, NULL);
    device_copy_back(&sums, got);
    same_bytes(got, squares, sizeof got, repro);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_scores(x, squares, cols, 0, ROWS, counts[i], repro);
        check_scores(x, squares, cols, 4, 3, counts[i], repro);
    }
    for (int64_t n = 0; n <= ROWS; n++)
        check_rows(x, squares, cols, ROWS - n / 2, n, repro);
    check_rows(x, squares, cols, 1, 5, repro);
    free(x);
}

static void scores_are_those_of_the_cpu_to_the_bit(void **state)
{
    static const int64_t cols[] = {1, 2, 31, 32, 33, 63, 64, 65, 95, 96, 97, 129, 200, 4096};

    (void)state;
    for (size_t i = 0; i < sizeof cols / sizeof cols[0]; i++)
        for (int order = 0; order < ORDERS; order++)
            check(cols[i], (i + (size_t)order) % 2, order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_cpu_to_the_bit),
    };
    device_or_skip();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
