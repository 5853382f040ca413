/* tests/agree/agree_cuda_compare.c - the cuda backend's comparing half on the emulated card,
 * against the cpu backend: the same neighbours to the bit, the matrix within the format's bounds,
 * candidates within theirs, in whatever order the streams run. */
#include "tests/cuda_compare_fixture.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void neighbours_and_matrix_are_those_of_the_cpu(void **state)
{
    static const struct shop k_shops[] = {
        {1, 3, 1, 0, LL_MATRIX_FLOAT32, 64, 64, NULL, NULL},
        {2, 64, 1, 0, LL_MATRIX_NONE, 32, 256, NULL, NULL},
        {31, 65, 5, 0, LL_MATRIX_UINT16, 16, 300, NULL, NULL},
        {31, 200, 30, 3, LL_MATRIX_NONE, 8, 1000, NULL, NULL},
        {150, 63, 4, 0, LL_MATRIX_FLOAT16, 64, 4096, NULL, NULL},
        {70, 256, 3, 0, LL_MATRIX_FLOAT32, 64, 4096, NULL, NULL},
        {70, 600, 3, 0, LL_MATRIX_FLOAT32, 32, 5000, NULL, NULL},
        {150, 128, 9, 4, LL_MATRIX_FLOAT32, 32, 100, NULL, NULL},
        {513, 96, 3, 0, LL_MATRIX_NONE, 128, 8192, NULL, NULL},
        {513, 32, 2, 5, LL_MATRIX_UINT16, 512, 4096, NULL, NULL},
        {1100, 32, 2, 0, LL_MATRIX_NONE, 256, 16384, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof k_shops / sizeof k_shops[0]; i++) {
        struct shop shop = k_shops[i];
        struct card card;
        draw(&shop, 77 + i);
        open_card(&card, shop.tile, shop.chunk_bytes);
        ll_emulated_card()->seed = i;
        ll_emulated_card()->haste = (ll_emulated_haste)(i % LL_EMULATED_HASTES);
        check(&card, &shop);
        assert_string_equal(card.logged, "");
        close_card(&card);
        free_shop(&shop);
    }
}

/* Many small chunks, tiles and slots, in many orders. */
static void the_order_of_streams_changes_nothing(void **state)
{
    (void)state;
    for (int number = 0; number < 16; number++) {
        struct shop shop = {
            .rows = 60, .cols = 20, .neighbors = 3, .matrix = (ll_matrix_type)(number % 4)};
        struct card card;
        draw(&shop, 1000 + (uint64_t)number);
        open_card(&card, 16, 400);
        ll_emulated_card()->seed = (uint64_t)number;
        ll_emulated_card()->haste = (ll_emulated_haste)(number / 4 % LL_EMULATED_HASTES);
        fprintf(stderr, "number %d ", number);
        check(&card, &shop);
        close_card(&card);
        free_shop(&shop);
    }
}

/* ---- candidates -------------------------------------------------------------------------- */

static void submit_all(ll_backend *be, int64_t rows)
{
    const int64_t tile = ll_compare_tile(be), blocks = (rows + tile - 1) / tile;
    ll_error err = LL_ERROR_INIT;

    for (int64_t j = blocks - 1; j >= 0; j--) /* another order than the plan's */
        for (int64_t i = j; i >= 0; i--)
            if (ll_tile_submit(be, i, j, &err) != LL_OK) fail_msg("%s", err.text);
    if (ll_compare_sync(be, &err) != LL_OK) fail_msg("%s", err.text);
}

/* Listed: |fast - exact| <= bound. Not listed though permitted: no better than the worst kept. */
static void check_row(const struct shop *shop, int64_t row, int keep, const uint32_t *columns,
                      const float *fast, double bound, const float *exact)
{
    unsigned char *const listed = room(shop->rows, 1);
    const bool all = columns[keep - 1] == LL_NO_NEIGHBOR;

    assert_true(bound > 0.0 && bound < 1e-2);
    for (int c = 0; c < keep && columns[c] != LL_NO_NEIGHBOR; c++) {
        const int64_t column = columns[c];
        assert_true(column != row && !listed[column]++);
        assert_true(shop->group == NULL || shop->group[column] == shop->group[row]);
        assert_true(c == 0 || fast[c - 1] > fast[c] ||
                    (fast[c - 1] == fast[c] && columns[c - 1] < columns[c]));
        if (!(fabs((double)fast[c] - (double)exact[column]) <= bound))
            fail_msg("(%lld, %lld): fast %.9g exact %.9g bound %.3g", (long long)row,
                     (long long)column, (double)fast[c], (double)exact[column], bound);
    }
    for (int64_t c = 0; c < shop->rows; c++) {
        const bool permitted =
            c != row && (shop->group == NULL || shop->group[c] == shop->group[row]);
        if (!permitted || listed[c]) continue;
        assert_false(all);
        assert_true((double)exact[c] <= (double)fast[keep - 1] + bound);
    }
    free(listed);
}

static void candidates_keep_their_bounds(void **state)
{
    enum { ROWS = 131, KEEP = 9 };
    (void)state;
    for (int matrix = LL_MATRIX_NONE; matrix <= LL_MATRIX_FLOAT32; matrix++) {
        struct shop shop = {.rows = ROWS,
                            .cols = 300,
                            .neighbors = 1,
                            .groups = 2 * matrix,
                            .matrix = (ll_matrix_type)matrix};
        struct card card;
        ll_error err = LL_ERROR_INIT;
        static uint32_t columns[ROWS * KEEP];
        static float fast[ROWS * KEEP], exact[ROWS];
        double bounds[ROWS];

        draw(&shop, 5);
        struct result result = new_result(&shop);
        open_card(&card, 32, 500);
        const ll_compare_options options = {.features = shop.features,
                                            .rows = ROWS,
                                            .cols = shop.cols,
                                            .keep = KEEP,
                                            .group = shop.group,
                                            .matrix = shop.matrix,
                                            .sink = {&result, receive_tile}};
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        submit_all(&card.be, ROWS);
        assert_int_equal(ll_topk_extract(&card.be, 0, ROWS, columns, fast, bounds, &err), LL_OK);
        for (int64_t row = 0; row < ROWS; row++) {
            assert_int_equal(ll_rescore_rows(&card.be, &(uint32_t){(uint32_t)row}, 1, exact, &err),
                             LL_OK);
            check_row(&shop, row, KEEP, columns + row * KEEP, fast + row * KEEP, bounds[row],
                      exact);
        }
        ll_compare_end(&card.be);
        close_card(&card);
        free_result(&result);
        free_shop(&shop);
    }
}

/* Places with no column stay as they are, in slices and in blocks of rows. */
static void rescoring_leaves_empty_places_alone(void **state)
{
    enum { ROWS = 40, COUNT = 21 };
    struct shop shop = {.rows = ROWS, .cols = 33, .neighbors = 1};
    ll_backend *const cpu = open_cpu();
    struct card card;
    ll_error err = LL_ERROR_INIT;
    uint32_t columns[ROWS * COUNT];
    float got[ROWS * COUNT], want[ROWS * COUNT];

    (void)state;
    draw(&shop, 9);
    const ll_compare_options options = {.features = shop.features, .rows = ROWS, .cols = shop.cols};
    for (int k = 0; k < ROWS * COUNT; k++) {
        columns[k] = k % 5 == 2 ? UINT32_MAX : (uint32_t)(k * 7 % ROWS);
        got[k] = want[k] = -3.0f;
    }
    assert_int_equal(ll_compare_begin(cpu, &options, &err), LL_OK);
    assert_int_equal(ll_rescore(cpu, 0, ROWS, columns, COUNT, want, &err), LL_OK);
    for (int64_t chunk = 64; chunk <= 2048; chunk *= 2) {
        open_card(&card, 16, chunk); /* a row takes 132 bytes, so slots begin there */
        assert_int_equal(ll_compare_begin(&card.be, &options, &err), LL_OK);
        assert_int_equal(ll_rescore(&card.be, 0, ROWS, columns, COUNT, got, &err), LL_OK);
        assert_memory_equal(got, want, sizeof got);
        ll_compare_end(&card.be);
        close_card(&card);
    }
    ll_backend_close(cpu);
    free_shop(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_and_matrix_are_those_of_the_cpu),
        cmocka_unit_test(the_order_of_streams_changes_nothing),
        cmocka_unit_test(candidates_keep_their_bounds),
        cmocka_unit_test(rescoring_leaves_empty_places_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
