/* tests/unit/unit_store.c - what the writer writes, the reader reads: all kinds of matrix, with and
 * without features, one item, no rejects, ids beyond ASCII. */
#include "host/base/file.h"
#include "host/store/reader.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 128 };
static char folder[PATH]; /* NOLINT: one a test program */

static const char *in_folder(char path[PATH], const char *name)
{
    snprintf(path, PATH, "%.90s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/unit_store.XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

static const ll_fixture_spec k_specs[] = {
    {.items = 1, .features = 24, .neighbors = 1, .rejected = 0, .matrix = LL_MATRIX_FLOAT32},
    {.items = 5,
     .features = 24,
     .neighbors = 4,
     .rejected = 3,
     .matrix = LL_MATRIX_FLOAT16,
     .columns = 2},
    {.items = 5,
     .features = 24,
     .neighbors = 3,
     .rejected = 0,
     .matrix = LL_MATRIX_UINT16,
     .columns = 1,
     .without_features = true},
    {.items = 300,
     .features = 70,
     .neighbors = 10,
     .rejected = 3,
     .matrix = LL_MATRIX_FLOAT32,
     .columns = 1,
     .within = true},
    {.items = 300,
     .features = 70,
     .neighbors = 20,
     .rejected = 0,
     .matrix = LL_MATRIX_NONE,
     .columns = 3},
    {.items = 257, .features = 64, .neighbors = 7, .rejected = 1, .matrix = LL_MATRIX_UINT16},
    {.items = 300,
     .features = 65,
     .neighbors = 100,
     .rejected = 3,
     .matrix = LL_MATRIX_FLOAT16,
     .columns = 12},
};

static void check_ids(const ll_fixture *f, const ll_reader *reader)
{
    const char *before = "";

    for (int64_t row = 0; row < f->spec.items; row++) {
        size_t length = 0;
        const char *const id = ll_reader_id(reader, row, &length);
        assert_int_equal(length, strlen(f->ids[row]));
        assert_memory_equal(id, f->ids[row], length);
        assert_int_equal(ll_reader_find(reader, id, length), row);

        const int64_t sorted = ll_reader_row_in_order(reader, row);
        assert_true(strcmp(before, f->ids[sorted]) < 0);
        before = f->ids[sorted];
        assert_int_equal(ll_reader_lower_bound(reader, before, strlen(before)), row);
    }
    assert_int_equal(ll_reader_find(reader, "A", 1), -1);
    assert_int_equal(ll_reader_find(reader, "", 0), -1);
    assert_int_equal(ll_reader_find(reader, "zzz", 3), -1);
    assert_int_equal(ll_reader_lower_bound(reader, "zzz", 3), f->spec.items);
    assert_int_equal(ll_reader_lower_bound(reader, "", 0), 0);
    size_t length = 1;
    ll_reader_id(reader, f->spec.items, &length);
    assert_int_equal(length, 0);
}

static void check_numbers(const ll_fixture *f, const ll_reader *reader)
{
    const int64_t items = f->spec.items, cells = items * f->spec.neighbors;
    static const double k_bounds[] = {0.0, 0.0, 0x1p-12, 1.0 / 131070 + 1e-7};

    if (f->spec.without_features)
        assert_null(ll_reader_features(reader));
    else
        assert_memory_equal(ll_reader_features(reader), f->features,
                            (size_t)(items * f->spec.features) * sizeof(float));
    assert_memory_equal(ll_reader_norms(reader), f->norms, (size_t)items * sizeof(float));
    assert_memory_equal(ll_reader_digests(reader), f->digests, (size_t)items * LL_STORE_DIGEST);
    assert_memory_equal(ll_reader_neighbor_index(reader), f->index, (size_t)cells * 4);
    assert_memory_equal(ll_reader_neighbor_score(reader), f->score, (size_t)cells * 4);
    if (f->spec.matrix == LL_MATRIX_NONE) {
        assert_null(ll_reader_matrix(reader));
        return;
    }
    assert_memory_equal(ll_reader_matrix(reader), f->matrix,
                        (size_t)(items * items) * ll_matrix_type_bytes(f->spec.matrix));
    for (int64_t i = 0; i < items; i++)
        for (int64_t j = 0; j < items; j++) {
            const double got = (double)ll_reader_score(reader, i, j);
            assert_true(fabs(got - (double)f->exact[i * items + j]) <= k_bounds[f->spec.matrix]);
        }
}

static void check_texts(const ll_fixture *f, ll_reader *reader)
{
    ll_error err = LL_ERROR_INIT;
    const char *const *texts = NULL;
    ll_reader_rejects rejects;
    char *image = NULL, *values[16] = {NULL};

    assert_int_equal(ll_reader_columns(reader), f->spec.columns);
    for (int64_t row = 0; row<f->spec.items; row += f->spec.items> 50 ? 29 : 1) {
        assert_ok(ll_reader_item_texts(reader, row, &image, values, &err));
        assert_string_equal(image, f->images[row]);
        for (int c = 0; c < f->spec.columns; c++) {
            assert_string_equal(values[c], f->column_values[c][row]);
            free(values[c]);
        }
        free(image);
    }
    assert_int_equal(ll_reader_item_texts(reader, f->spec.items, &image, values, NULL),
                     LL_ERR_ARGUMENT);
    assert_ok(ll_reader_images(reader, &texts, &err));
    for (int64_t row = 0; row < f->spec.items; row++)
        assert_string_equal(texts[row], f->images[row]);
    for (int c = 0; c < f->spec.columns; c++) {
        assert_string_equal(ll_reader_column_name(reader, c), f->column_names[c]);
        assert_int_equal(ll_reader_find_column(reader, f->column_names[c]), c);
        assert_ok(ll_reader_column(reader, c, &texts, &err));
        for (int64_t row = 0; row < f->spec.items; row++)
            assert_string_equal(texts[row], f->column_values[c][row]);
    }
    assert_int_equal(ll_reader_find_column(reader, "nowhere"), -1);
    assert_ok(ll_reader_rejected(reader, &rejects, &err));
    assert_int_equal(rejects.count, f->spec.rejected);
    for (int64_t i = 0; i < rejects.count; i++) {
        assert_string_equal(rejects.ids[i], f->rejected_ids[i]);
        assert_string_equal(rejects.images[i], f->rejected_images[i]);
        assert_string_equal(rejects.reasons[i], "truncated JPEG");
    }
}

static void check_provenance(const ll_fixture *f, ll_reader *reader)
{
    ll_error err = LL_ERROR_INIT;
    const ll_store_provenance *const got = ll_reader_provenance(reader);
    const char *run = NULL;

    assert_string_equal(got->created, "2026-11-23T04:00:00Z");
    assert_string_equal(got->decoder, "turbojpeg 2.1.5");
    assert_string_equal(got->jpeg, "turbojpeg");
    assert_string_equal(got->weights_sha256, "");
    assert_string_equal(got->within, f->spec.within ? "kind" : "");
    assert_string_equal(got->license, "CC-BY 4.0");
    assert_false(got->weights_trained);
    assert_int_equal(got->rows_redone, 2);
    assert_int_equal(strlen(ll_reader_generation(reader)), 32);
    assert_ok(ll_reader_run(reader, &run, &err));
    assert_string_equal(run, "{\"items\": 1}");
}

static void round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_specs / sizeof k_specs[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        ll_reader *reader = NULL;
        char path[PATH];
        ll_fixture *const f = ll_fixture_create(&k_specs[i]);

        assert_ok(ll_fixture_write(f, in_folder(path, "a.h5"), &err));
        assert_ok(ll_reader_open(path, &reader, &err));
        const ll_store_extents *const extents = ll_reader_extents(reader);
        assert_int_equal(extents->items, f->spec.items);
        assert_int_equal(extents->features, f->spec.without_features ? 0 : f->spec.features);
        assert_int_equal(extents->neighbors, f->spec.neighbors);
        assert_int_equal(extents->rejected, f->spec.rejected);
        assert_int_equal(extents->matrix, f->spec.matrix);
        assert_string_equal(ll_reader_path(reader), path);
        check_ids(f, reader);
        check_numbers(f, reader);
        check_texts(f, reader);
        check_provenance(f, reader);
        ll_reader_close(reader);
        ll_fixture_free(f);
        unlink(path);
    }
}

static void generation_of(const ll_fixture *f, char out[64])
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    char path[PATH];

    assert_ok(ll_fixture_write(f, in_folder(path, "g.h5"), &err));
    assert_ok(ll_reader_open(path, &reader, &err));
    snprintf(out, 64, "%s", ll_reader_generation(reader));
    ll_reader_close(reader);
    unlink(path);
}

/* An unchanged shop keeps its generation; any change to what it holds gives another. */
static void generation(void **state)
{
    char first[64], other[64];
    ll_fixture *const f = ll_fixture_create(&k_specs[3]);

    (void)state;
    generation_of(f, first);
    f->provenance.created = "2027-01-01T00:00:00Z";
    generation_of(f, other);
    assert_string_equal(first, other);
    f->provenance.jpeg = "stb";
    generation_of(f, other);
    assert_string_equal(first, other);
    f->provenance.layer = "fc1";
    generation_of(f, other);
    assert_string_not_equal(first, other);
    f->provenance.layer = "fc2";
    f->provenance.weights_trained = true;
    generation_of(f, other);
    assert_string_not_equal(first, other);
    f->provenance.weights_trained = false;
    f->column_values[0][299][0] = 'D';
    generation_of(f, other);
    assert_string_not_equal(first, other);
    ll_fixture_free(f);
}

/* What differs only in the last of many characters differs: names of columns, engines. */
static void no_text_is_too_long(void **state)
{
    enum { LONG = 5000 };
    static char engines[20 * LONG + 1], column[LONG + 1];
    char first[64], other[64], path[PATH];
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    ll_fixture *const f = ll_fixture_create(&k_specs[3]);
    char *const kept = f->column_names[0];

    (void)state;
    memset(engines, 'e', sizeof engines - 1);
    memset(column, 'c', sizeof column - 1);
    f->provenance.engines = engines;
    f->column_names[0] = column;
    generation_of(f, first);
    engines[sizeof engines - 2] = 'f';
    generation_of(f, other);
    assert_string_not_equal(first, other);
    engines[sizeof engines - 2] = 'e';
    column[LONG - 1] = 'd';
    generation_of(f, other);
    assert_string_not_equal(first, other);

    assert_ok(ll_fixture_write(f, in_folder(path, "a.h5"), &err));
    assert_ok(ll_reader_open(path, &reader, &err));
    assert_string_equal(ll_reader_provenance(reader)->engines, engines);
    assert_string_equal(ll_reader_column_name(reader, 0), column);
    ll_reader_close(reader);
    unlink(path);
    f->column_names[0] = kept;
    ll_fixture_free(f);
}

static void refusals(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    char path[PATH];
    ll_fixture *const f = ll_fixture_create(&k_specs[1]);

    (void)state;
    snprintf(f->ids[3], 3, "A1");
    assert_int_equal(ll_fixture_write(f, in_folder(path, "twice.h5"), &err), LL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "two items have the id 'A1'"));
    assert_int_not_equal(access(path, F_OK), 0); /* nothing is left */

    err = (ll_error)LL_ERROR_INIT;
    f->ids[3][0] = '\0';
    assert_int_equal(ll_fixture_write(f, path, &err), LL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "empty id"));

    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_fixture_write(f, "/nowhere/at/all.h5", &err), LL_ERR_ARGUMENT);
    snprintf(f->ids[3], 3, "A3");
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_fixture_write(f, "/nowhere/at/all.h5", &err), LL_ERR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all.h5"));
    ll_fixture_free(f);

    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_reader_open(in_folder(path, "none.h5"), &reader, &err), LL_ERR_IO);
    assert_null(reader);
    assert_non_null(strstr(err.text, "No such file"));
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_reader_open("/dev/null", &reader, &err), LL_ERR_FORMAT);
    err = (ll_error)LL_ERROR_INIT;
    assert_int_equal(ll_reader_open("CMakeLists.txt", &reader, &err), LL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "not a readable HDF5 file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(generation),
        cmocka_unit_test(no_text_is_too_long),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
