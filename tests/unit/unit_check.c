/* tests/unit/unit_check.c - verify finds nothing in a good file, and names what is wrong in a bad
 * one: a flipped byte in every dataset, and files whose checksums are right but whose content is
 * not. */
#include "host/base/file.h"
#include "host/store/check.h"
#include "host/store/reader_state.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

static char path[] = "/tmp/unit_check.XXXXXX"; /* one a test program */

static int make_path(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

struct lines {
    char text[16384];
};

static void record_line(void *to, const char *line)
{
    struct lines *const lines = to;
    const size_t length = strlen(lines->text);
    snprintf(lines->text + length, sizeof lines->text - length, "%s\n", line);
}

static int64_t check_file(int64_t sample, struct lines *lines)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    const ll_log log = {.to = lines, .line = record_line};
    int64_t damages = 0;

    lines->text[0] = '\0';
    assert_ok(ll_reader_open(path, &reader, &err));
    assert_ok(ll_store_check(reader, sample, 2, &log, &damages, &err));
    ll_reader_close(reader);
    return damages;
}

/* Files made before 2026-11-27 do not say who decodes JPEG, and are whole. */
static void without_jpeg(void **state)
{
    static const ll_fixture_spec k_spec = {
        .items = 8, .features = 24, .neighbors = 5, .matrix = LL_MATRIX_FLOAT32};
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;
    struct lines lines;
    ll_fixture *const f = ll_fixture_create(&k_spec);

    (void)state;
    f->provenance.jpeg = "";
    assert_ok(ll_fixture_write(f, path, &err));
    assert_ok(ll_reader_open(path, &reader, &err));
    assert_string_equal(ll_reader_provenance(reader)->jpeg, "");
    assert_int_equal(H5Aexists(reader->file, "jpeg"), 0);
    ll_reader_close(reader);
    assert_int_equal(check_file(0, &lines), 0);
    ll_fixture_free(f);
}

static void assert_clean(void)
{
    struct lines lines;
    const int64_t damages = check_file(20, &lines);
    if (damages != 0 || lines.text[0] != '\0') fail_msg("%lld: %s", (long long)damages, lines.text);
}

static void assert_found(const char *what, int64_t sample)
{
    struct lines lines;
    const int64_t damages = check_file(sample, &lines);
    if (damages == 0 || strstr(lines.text, what) == NULL)
        fail_msg("'%s' is not among %lld findings:\n%s", what, (long long)damages, lines.text);
}

static const ll_fixture_spec k_specs[] = {
    {.items = 1, .features = 24, .neighbors = 1, .matrix = LL_MATRIX_FLOAT32},
    {.items = 5,
     .features = 24,
     .neighbors = 4,
     .rejected = 3,
     .matrix = LL_MATRIX_UINT16,
     .columns = 2,
     .within = true},
    {.items = 5,
     .features = 24,
     .neighbors = 2,
     .rejected = 1,
     .matrix = LL_MATRIX_FLOAT16,
     .without_features = true},
    {.items = 600,
     .features = 64,
     .neighbors = 10,
     .rejected = 3,
     .matrix = LL_MATRIX_UINT16,
     .columns = 1,
     .within = true},
    {.items = 600, .features = 33, .neighbors = 10, .rejected = 3, .matrix = LL_MATRIX_FLOAT16},
    {.items = 600,
     .features = 20,
     .neighbors = 30,
     .rejected = 3,
     .matrix = LL_MATRIX_FLOAT32,
     .columns = 2},
    {.items = 300, .features = 20, .neighbors = 30, .matrix = LL_MATRIX_NONE},
};

static void good_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof k_specs / sizeof k_specs[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        assert_ok(ll_fixture_make(&k_specs[i], path, &err));
        assert_clean();
    }
}

/* ---- flipped bytes --------------------------------------------------------------------- */

static void flip(int64_t offset, uint8_t mask)
{
    ll_error err = LL_ERROR_INIT;
    uint8_t byte = 0;
    const int fd = open(path, O_RDWR);

    assert_true(fd >= 0);
    assert_ok(ll_file_pread(fd, &byte, 1, offset, path, &err));
    byte ^= mask;
    assert_ok(ll_file_pwrite(fd, &byte, 1, offset, path, &err));
    close(fd);
}

static int64_t offset_of(ll_array array, int64_t byte)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;

    /* Small arrays may be misaligned and thus copied; the file is searched through HDF5 instead. */
    assert_ok(ll_reader_open(path, &reader, &err));
    const ll_layout_object object = ll_layout_array(&reader->layout, array);
    const hid_t dataset = H5Dopen2(reader->file, object.path, H5P_DEFAULT);
    const int64_t offset = (int64_t)H5Dget_offset(dataset);
    const int64_t size_bytes = (int64_t)ll_layout_bytes(&reader->layout, array);
    H5Dclose(dataset);
    ll_reader_close(reader);
    return offset + (byte < 0 ? size_bytes + byte : byte);
}

static void flipped_numbers(void **state)
{
    static const struct {
        ll_array array;
        int64_t byte; /* below 0: from the end */
        const char *found;
    } k_flips[] = {
        {LL_ARRAY_FEATURES, 0, "/features rows 0-255: damaged\n"},
        {LL_ARRAY_FEATURES, -1, "/features rows 512-599: damaged\n"},
        {LL_ARRAY_SIMILARITY, 300 * 600 * 4 + 17, "/similarity rows 256-511: damaged\n"},
        {LL_ARRAY_INDEX, 255 * 30 * 4 + 1, "/neighbors/index rows 0-255: damaged\n"},
        {LL_ARRAY_SCORE, 256 * 30 * 4, "/neighbors/score rows 256-511: damaged\n"},
        {LL_ARRAY_NORMS, 1000, "/norms: damaged\n"},
        {LL_ARRAY_DIGEST, -2, "/items/digest: damaged\n"},
        {LL_ARRAY_ID_BYTES, 100, "/lookup/id_bytes: damaged\n"},
        {LL_ARRAY_ID_START, 80, "/lookup/id_start: damaged\n"},
        {LL_ARRAY_ID_START, 87, "/lookup/id_start: damaged\n"},
        {LL_ARRAY_ORDER, 40, "/lookup/order: damaged\n"},
        {LL_ARRAY_ORDER, 43, "/lookup/order: damaged\n"},
        {LL_ARRAY_SUM_SCORE, 9, "/checksums/score: damaged\n"},
    };
    ll_error err = LL_ERROR_INIT;

    (void)state;
    assert_ok(ll_fixture_make(&k_specs[5], path, &err));
    for (size_t i = 0; i < sizeof k_flips / sizeof k_flips[0]; i++) {
        const int64_t offset = offset_of(k_flips[i].array, k_flips[i].byte);
        for (int bit = 0; bit < 8; bit += 7) {
            flip(offset, (uint8_t)(1 << bit));
            assert_found(k_flips[i].found, 0);
            flip(offset, (uint8_t)(1 << bit));
        }
    }
    assert_clean();
}

/* A bit in the middle of each: whatever the table of datasets grows by is asked too. */
static void flipped_arrays(void **state)
{
    ll_error err = LL_ERROR_INIT;
    const ll_layout layout = {.id_bytes = 1}; /* paths depend on none */

    (void)state;
    assert_ok(ll_fixture_make(&k_specs[5], path, &err));
    for (int i = 0; i < LL_ARRAYS; i++) {
        char found[64];
        const ll_layout_object object = ll_layout_array(&layout, (ll_array)i);
        const int64_t size_bytes = offset_of((ll_array)i, -1) - offset_of((ll_array)i, 0) + 1;
        const int64_t offset = offset_of((ll_array)i, size_bytes / 2);
        snprintf(found, sizeof found, i < LL_BLOCK_ARRAYS ? "%s rows " : "%s: damaged\n",
                 object.path);
        flip(offset, 1);
        assert_found(found, 0);
        flip(offset, 1);
    }
    assert_clean();
}

/* Texts lie in HDF5's heaps, where it keeps no checksums. */
static void flipped_texts(void **state)
{
    static const struct {
        const char *text, *found;
    } k_texts[] = {
        {"A303", "damaged"}, /* /item, /other or the lookup: whichever comes first in the file */
        {"images/303.jpg", "/items/image: damaged\n"},
        {"truncated JPEG", "/rejected/reason: damaged\n"},
        {"broken/2.jpg", "/rejected/image: damaged\n"},
        {"boot", "/items/attributes/kind: damaged\n"},
        {"{\"items\"", "/run: damaged\n"},
        {"turbojpeg 2.1.5", "generation: is "},
    };
    ll_error err = LL_ERROR_INIT;
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;

    (void)state;
    assert_ok(ll_fixture_make(&k_specs[5], path, &err));
    assert_ok(ll_file_read(path, (size_t)1 << 30, &bytes, &size_bytes, &err));
    for (size_t i = 0; i < sizeof k_texts / sizeof k_texts[0]; i++) {
        const size_t length = strlen(k_texts[i].text);
        size_t at = 0;
        while (at + length <= size_bytes && memcmp(bytes + at, k_texts[i].text, length) != 0)
            at++;
        assert_true(at + length <= size_bytes);
        flip((int64_t)at + 1, 1);
        assert_found(k_texts[i].found, 0);
        flip((int64_t)at + 1, 1);
    }
    free(bytes);
    assert_clean();
}

/* ---- right checksums, wrong content ---------------------------------------------------- */

static ll_fixture *fixture;

static void assert_written_wrong(const char *what)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_fixture_write(fixture, path, &err));
    assert_found(what, fixture->spec.items);
}

static void swap_ranks(int64_t row, int64_t a, int64_t b)
{
    const int64_t k = fixture->spec.neighbors;
    const uint32_t index = fixture->index[row * k + a];
    const float score = fixture->score[row * k + a];

    fixture->index[row * k + a] = fixture->index[row * k + b];
    fixture->score[row * k + a] = fixture->score[row * k + b];
    fixture->index[row * k + b] = index;
    fixture->score[row * k + b] = score;
}

static void wrong_neighbors(void **state)
{
    const int64_t items = k_specs[5].items, k = k_specs[5].neighbors;

    (void)state;
    fixture = ll_fixture_create(&k_specs[5]);
    uint32_t *const index = fixture->index + 77 * k;
    float *const score = fixture->score + 77 * k;

    swap_ranks(77, 3, 4);
    assert_written_wrong("/neighbors: row 77, place 4 is out of order\n");
    swap_ranks(77, 3, 4);

    const uint32_t kept = index[5];
    index[5] = 77;
    assert_written_wrong("/neighbors: row 77, place 5 is the row itself\n");
    index[5] = (uint32_t)items;
    assert_written_wrong("/neighbors: row 77, place 5 is no row\n");
    index[5] = UINT32_MAX;
    assert_written_wrong("/neighbors: row 77 has 5 of 30 neighbours\n");
    assert_written_wrong("/neighbors: row 77, place 5 is filled after an empty one\n");
    index[5] = kept;

    /* One step of float32 off; and a better neighbour left out. */
    const float right = score[k - 1];
    score[k - 1] -= 6e-8f;
    assert_written_wrong("/neighbors: row 77, place 29 is ");
    score[k - 1] = right;
    for (int64_t j = 0; j < items; j++) {
        const float *const exact = fixture->exact + 77 * items;
        if (j == 77 || exact[j] >= score[k - 1]) continue;
        index[k - 1] = (uint32_t)j;
        score[k - 1] = exact[j];
        break;
    }
    assert_written_wrong("/neighbors: row 77 lists 30 neighbours, ");
    ll_fixture_free(fixture);
}

static void wrong_matrix(void **state)
{
    const int64_t items = k_specs[5].items;

    (void)state;
    fixture = ll_fixture_create(&k_specs[5]);
    float *const matrix = fixture->matrix;
    const float kept = matrix[10 * items + 590];

    matrix[10 * items + 590] += 1e-7f;
    assert_written_wrong("/similarity: (10, 590) is not (590, 10)\n");
    matrix[10 * items + 590] = matrix[590 * items + 10] = kept + 3e-6f;
    assert_written_wrong("/similarity: row 10 is off by ");
    matrix[10 * items + 590] = matrix[590 * items + 10] = kept + 5e-7f;
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_fixture_write(fixture, path, &err));
    assert_clean(); /* within the bound */
    matrix[10 * items + 590] = matrix[590 * items + 10] = kept;
    matrix[33 * items + 33] = 0.9999999f;
    assert_written_wrong("/similarity: (33, 33) is 0.9999999");
    ll_fixture_free(fixture);
}

static void wrong_rows(void **state)
{
    (void)state;
    fixture = ll_fixture_create(&k_specs[5]);
    fixture->features[20 * 20 + 1] += 0.5f;
    assert_written_wrong("/features: row 20 has length ");
    fixture->features[20 * 20 + 1] -= 0.5f;
    fixture->norms[30] = 0.0f;
    assert_written_wrong("/norms: row 30 is 0\n");
    ll_fixture_free(fixture);

    fixture = ll_fixture_create(&k_specs[3]);
    fixture->provenance.within = "nowhere";
    assert_written_wrong("within: /items/attributes/nowhere is missing\n");
    fixture->provenance.within = "kind";
    snprintf(fixture->column_values[0][40], 2, "x");
    assert_written_wrong("/neighbors: row 40 has 10 of 0 neighbours\n");
    ll_fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),      cmocka_unit_test(without_jpeg),
        cmocka_unit_test(flipped_numbers), cmocka_unit_test(flipped_arrays),
        cmocka_unit_test(flipped_texts),   cmocka_unit_test(wrong_neighbors),
        cmocka_unit_test(wrong_matrix),    cmocka_unit_test(wrong_rows),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
