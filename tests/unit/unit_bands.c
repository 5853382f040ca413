/* tests/unit/unit_bands.c - a matrix that goes through bands is the one that was given, cell by
 * cell, of which only the upper half is given: sizes that fit and do not, both widths of a value,
 * any number of threads, rectangles that come early or not at all, a band too large for its memory,
 * a disk that fails. */
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/similarity/tile_plan.h"
#include "host/store/bands.h"
#include "host/store/writer_state.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 64 };
static const int64_t k_plenty = 1 << 24;

struct matrix {
    int64_t items, tile;
    ll_matrix_type type;
    char path[PATH];
    char (*id_bytes)[8];
    const char **ids;
    uint8_t *digests, *values; /* (items, items) as it should be */
    ll_writer *writer;
    ll_bands *bands;
};

static int64_t value_bytes(const struct matrix *m)
{
    return (int64_t)ll_matrix_type_bytes(m->type);
}

/* Symmetric, and different wherever two tiles or two columns could be mixed up. */
static uint32_t value_at(int64_t row, int64_t column)
{
    const uint64_t low = (uint64_t)ll_min_i64(row, column);
    const uint64_t high = (uint64_t)ll_max_i64(row, column);
    return (uint32_t)((low * 1000003u + high) * 0x9E3779B97F4A7C15u >> 32);
}

static void put_value(const struct matrix *m, uint8_t *to, int64_t row, int64_t column)
{
    const uint32_t wide = value_at(row, column);
    const uint16_t narrow = (uint16_t)wide;

    if (value_bytes(m) == 4)
        memcpy(to, &wide, sizeof wide);
    else
        memcpy(to, &narrow, sizeof narrow);
}

static void open_matrix(struct matrix *m)
{
    const ll_store_extents extents = {.items = m->items, .neighbors = 1, .matrix = m->type};
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_alloc("ids", m->items, sizeof *m->id_bytes, &m->id_bytes, &err), LL_OK);
    assert_int_equal(ll_alloc("ids", m->items, sizeof *m->ids, &m->ids, &err), LL_OK);
    assert_int_equal(ll_alloc("digests", m->items, LL_STORE_DIGEST, &m->digests, &err), LL_OK);
    assert_int_equal(
        ll_alloc("matrix", m->items * m->items, (size_t)value_bytes(m), &m->values, &err), LL_OK);
    for (int64_t i = 0; i < m->items; i++) {
        snprintf(m->id_bytes[i], sizeof m->id_bytes[i], "%d", (int)i);
        m->ids[i] = m->id_bytes[i];
        for (int64_t j = 0; j < m->items; j++)
            put_value(m, m->values + (i * m->items + j) * value_bytes(m), i, j);
    }
    snprintf(m->path, sizeof m->path, "/tmp/unit_bands.XXXXXX");
    const int fd = mkstemp(m->path);
    assert_true(fd >= 0);
    close(fd);
    const ll_store_items items = {.ids = m->ids, .images = m->ids, .digests = m->digests};
    if (ll_writer_create(m->path, &extents, &items, &m->writer, &err) != LL_OK)
        fail_msg("%s", err.text);
}

static void close_matrix(struct matrix *m)
{
    ll_bands_free(m->bands);
    ll_writer_close(m->writer); /* unfinished: the file goes with it */
    free(m->values);
    free(m->digests);
    free(m->ids);
    free(m->id_bytes);
}

static ll_status give(const struct matrix *m, int64_t i, int64_t j, ll_error *err)
{
    ll_status status = LL_OK;
    const int64_t row = i * m->tile, column = j * m->tile;
    const int64_t rows = ll_min_i64(m->tile, m->items - row);
    const int64_t columns = ll_min_i64(m->tile, m->items - column);
    uint8_t *values = NULL;

    LL_TRY(ll_alloc("a tile", rows * columns, (size_t)value_bytes(m), &values, err));
    for (int64_t r = 0; r < rows; r++)
        memcpy(values + r * columns * value_bytes(m),
               m->values + ((row + r) * m->items + column) * value_bytes(m),
               (size_t)(columns * value_bytes(m)));
    status = ll_bands_add(m->bands, row, rows, column, columns, values, err);
    free(values); /* only valid during the call: whoever kept the pointer will be found */
    return status;
}

static ll_status add_tile(void *context, int64_t task, int thread, ll_error *err)
{
    const struct matrix *const m = context;
    const ll_tile_plan plan = ll_tile_plan_make(m->items, m->tile);
    int64_t i = 0, j = 0;

    (void)thread;
    ll_tile_plan_at(&plan, task, &i, &j);
    return give(m, i, j, err);
}

static void begin(struct matrix *m, int64_t max_bytes)
{
    ll_error err = LL_ERROR_INIT;
    open_matrix(m);
    assert_int_equal(ll_bands_create(m->writer, max_bytes, &m->bands, &err), LL_OK);
    assert_int_equal(ll_bands_begin(m->bands, LL_TILE_PLAN_BAND * m->tile, &err), LL_OK);
}

static void check_file(const struct matrix *m)
{
    const int64_t bytes = m->items * m->items * value_bytes(m);
    uint8_t *const got = malloc((size_t)bytes);

    assert_non_null(got);
    assert_int_equal(
        pread(m->writer->fd, got, (size_t)bytes, m->writer->offsets[LL_ARRAY_SIMILARITY]), bytes);
    for (int64_t i = 0; i < m->items; i++)
        if (memcmp(got + i * m->items * value_bytes(m), m->values + i * m->items * value_bytes(m),
                   (size_t)(m->items * value_bytes(m))) != 0)
            fail_msg("%d items, tiles of %d, %s: row %d", (int)m->items, (int)m->tile,
                     ll_store_matrix_name(m->type), (int)i);
    free(got);
}

static void write_and_check(int64_t items, int64_t tile, ll_matrix_type type, int threads,
                            int64_t max_bytes)
{
    struct matrix m = {.items = items, .tile = tile, .type = type};
    ll_error err = LL_ERROR_INIT;

    begin(&m, max_bytes);
    if (ll_parallel_run(threads, ll_tile_plan_make(items, tile).tiles, add_tile, &m, &err) != LL_OK)
        fail_msg("%s", err.text);
    if (ll_bands_finish(m.bands, &err) != LL_OK) fail_msg("%s", err.text);
    check_file(&m);
    close_matrix(&m);
}

static void every_cell_is_in_its_place(void **state)
{
    static const int64_t items[] = {1, 2, 7, 16, 17, 64, 65, 131, 300};
    static const int64_t tiles[] = {1, 4, 5, 16, 33};

    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        for (size_t t = 0; t < sizeof tiles / sizeof tiles[0]; t++) {
            if (items[i] / tiles[t] > 70) continue; /* many tiles show nothing new */
            for (int threads = 1; threads <= 4; threads++)
                write_and_check(items[i], tiles[t],
                                threads % 3 == 0 ? LL_MATRIX_UINT16 : LL_MATRIX_FLOAT32, threads,
                                k_plenty);
        }
}

static void a_band_too_large_goes_tile_by_tile(void **state)
{
    (void)state;
    write_and_check(65, 4, LL_MATRIX_FLOAT32, 2, 16 * 65 * 4 - 1);
    write_and_check(65, 4, LL_MATRIX_FLOAT32, 2, 16 * 65 * 4); /* just fits */
    write_and_check(65, 4, LL_MATRIX_FLOAT16, 3, 0);
}

/* Tiles in the opposite order: all but the first band's are early. */
static void what_comes_early_waits(void **state)
{
    (void)state;
    struct matrix m = {.items = 131, .tile = 5, .type = LL_MATRIX_FLOAT32};
    ll_error err = LL_ERROR_INIT;
    const ll_tile_plan plan = ll_tile_plan_make(m.items, m.tile);

    begin(&m, k_plenty);
    for (int64_t number = plan.tiles - 1; number >= 0; number--) {
        assert_int_equal(ll_bands_finish(m.bands, &err), LL_ERR_FORMAT);
        assert_int_equal(add_tile(&m, number, 0, &err), LL_OK);
    }
    assert_int_equal(ll_bands_finish(m.bands, &err), LL_OK);
    check_file(&m);
    close_matrix(&m);
}

static void a_matrix_with_a_hole_is_not_finished(void **state)
{
    (void)state;
    struct matrix m = {.items = 65, .tile = 4, .type = LL_MATRIX_FLOAT32};
    ll_error err = LL_ERROR_INIT;
    const ll_tile_plan plan = ll_tile_plan_make(m.items, m.tile);

    begin(&m, k_plenty);
    for (int64_t number = 0; number < plan.tiles; number++)
        if (number != 90) assert_int_equal(add_tile(&m, number, 0, &err), LL_OK);
    assert_int_equal(ll_bands_finish(m.bands, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "of the matrix are incomplete"));
    close_matrix(&m);
}

static void a_disk_that_fails_is_told_to_everybody(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct matrix m = {.items = 300, .tile = 16, .type = LL_MATRIX_FLOAT32};
        ll_error err = LL_ERROR_INIT;
        begin(&m, k_plenty);
        close(m.writer->fd);
        m.writer->fd = -1;
        assert_int_equal(
            ll_parallel_run(threads, ll_tile_plan_make(m.items, m.tile).tiles, add_tile, &m, &err),
            LL_ERR_IO);
        assert_non_null(strstr(err.text, "Bad file descriptor"));
        ll_error again = LL_ERROR_INIT;
        assert_int_equal(add_tile(&m, 0, 0, &again), LL_ERR_IO);
        assert_int_equal(ll_bands_finish(m.bands, &again), LL_ERR_IO);
        close_matrix(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_in_its_place),
        cmocka_unit_test(a_band_too_large_goes_tile_by_tile),
        cmocka_unit_test(what_comes_early_waits),
        cmocka_unit_test(a_matrix_with_a_hole_is_not_finished),
        cmocka_unit_test(a_disk_that_fails_is_told_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
