/* tests/unit/unit_diff.c - two indexes compared by id, and the small copy for web servers. */
#include "host/base/utf8.h"
#include "host/store/check.h"
#include "host/store/web_copy.h"
#include "tests/index_fixture.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != LL_OK) fail_msg("%s: %s", #call, err.text);                                  \
    } while (0)

enum { PATH = 128 };
static char folder[PATH], path_a[PATH], path_b[PATH]; /* one a test program */

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/unit_diff.XXXXXX");
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(path_a, sizeof path_a, "%.100s/a.h5", folder);
    snprintf(path_b, sizeof path_b, "%.100s/b.h5", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path_a);
    unlink(path_b);
    return rmdir(folder);
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

static int64_t diff(int exact, double tolerance, struct lines *lines)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *a = NULL, *b = NULL;
    const ll_log log = {.to = lines, .line = record_line};
    const ll_store_diff_options options = {tolerance, exact};
    int64_t differences = 0;

    lines->text[0] = '\0';
    assert_ok(ll_reader_open(path_a, &a, &err));
    assert_ok(ll_reader_open(path_b, &b, &err));
    assert_ok(ll_store_diff(a, b, &options, &log, &differences, &err));
    ll_reader_close(a);
    ll_reader_close(b);
    return differences;
}

static void assert_same(int exact, double tolerance)
{
    struct lines lines;
    const int64_t found = diff(exact, tolerance, &lines);
    if (found != 0) fail_msg("%lld differences:\n%s", (long long)found, lines.text);
}

static void assert_differs(int exact, double tolerance, const char *what)
{
    struct lines lines;
    const int64_t found = diff(exact, tolerance, &lines);
    if (found == 0 || strstr(lines.text, what) == NULL)
        fail_msg("'%s' is not among %lld differences:\n%s", what, (long long)found, lines.text);
}

static const ll_fixture_spec k_spec = {
    .items = 120,
    .features = 30,
    .neighbors = 12,
    .rejected = 2,
    .matrix = LL_MATRIX_FLOAT32,
    .columns = 2,
};

static void write_to(const ll_fixture *f, const char *path)
{
    ll_error err = LL_ERROR_INIT;
    assert_ok(ll_fixture_write(f, path, &err));
}

static void same(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_fixture_spec shuffled = k_spec;
    ll_fixture *const f = ll_fixture_create(&k_spec);

    (void)state;
    write_to(f, path_a);
    f->provenance.created = "2030-01-01T00:00:00Z";
    write_to(f, path_b);
    assert_same(1, 0.0);
    assert_same(0, 0.0);
    ll_fixture_free(f);

    /* The same shop with its rows in another order: ties may fall otherwise, scores may not. */
    shuffled.shuffled = true;
    assert_ok(ll_fixture_make(&shuffled, path_b, &err));
    assert_same(0, 0.0);

    /* The matrix in steps of 1/65535 against float32. */
    shuffled.matrix = LL_MATRIX_UINT16;
    assert_ok(ll_fixture_make(&shuffled, path_b, &err));
    assert_same(0, 1e-5);
    assert_differs(0, 1e-7, "/similarity: ");
    assert_differs(1, 0.0, "/similarity: float32 and uint16\n");
}

static void different(void **state)
{
    ll_fixture_spec smaller = k_spec;
    ll_fixture *const f = ll_fixture_create(&k_spec);
    float *const score = f->score + 30 * k_spec.neighbors;

    (void)state;
    write_to(f, path_a);
    score[3] += 1e-6f;
    write_to(f, path_b);
    assert_differs(0, 0.0, "/neighbors: A30, place 3: ");
    assert_differs(1, 0.0, "/neighbors: A30, place 3: ");
    assert_same(0, 2e-6);
    score[3] -= 1e-6f;

    const uint32_t kept = f->index[30 * k_spec.neighbors];
    f->index[30 * k_spec.neighbors] = 110; /* far from the best */
    write_to(f, path_b);
    assert_differs(0, 1e-3, "/neighbors: A30 has ");
    f->index[30 * k_spec.neighbors] = kept;

    f->features[5 * 30] += 1e-3f;
    f->provenance.layer = "fc1";
    snprintf(f->column_values[1][7], 2, "x");
    snprintf(f->rejected_reasons[1], 4, "odd");
    write_to(f, path_b);
    assert_same(0, 0.0);
    assert_differs(1, 0.0, "/features: A5 differs\n");
    assert_differs(1, 0.0, "layer: 'fc2' and 'fc1'\n");
    assert_differs(1, 0.0, "c1: A7 has '");
    assert_differs(1, 0.0, "/rejected: R1 (truncated JPEG) and R1 (odd)\n");
    ll_fixture_free(f);

    smaller.items = 119;
    ll_fixture *const g = ll_fixture_create(&smaller);
    write_to(g, path_b);
    ll_fixture_free(g);
    assert_differs(0, 0.0, "id Größe-119: only in ");
}

/* Values and ids too long for a line end in dots, where one sees that they were cut, and never
 * within a character. */
static void long_texts_end_in_dots(void **state)
{
    enum { LONG = 300 };
    char engines[LONG + 1], *const id = malloc(LONG + 1), *const value = malloc(LONG + 1);
    struct lines lines;
    ll_fixture *const f = ll_fixture_create(&k_spec);

    (void)state;
    assert_true(id != NULL && value != NULL);
    memset(engines, 'e', LONG);
    for (int i = 0; i < LONG; i += 3) { /* the euro sign */
        memcpy(id + i, "\xE2\x82\xAC", 3);
        memcpy(value + i, "\xE2\x82\xAC", 3);
    }
    engines[LONG] = id[LONG] = value[LONG] = '\0';
    free(f->ids[7]);
    f->ids[7] = id;
    free(f->column_values[1][7]);
    f->column_values[1][7] = value;
    f->provenance.engines = engines;
    write_to(f, path_a);
    engines[LONG - 1] = 'f';
    memcpy(value + LONG - 3, "abc", 3);
    write_to(f, path_b);
    assert_true(diff(1, 0.0, &lines) > 0);
    assert_int_equal(ll_utf8_check(lines.text, strlen(lines.text)), strlen(lines.text));
    assert_non_null(strstr(lines.text, "engines: 'eee"));
    assert_non_null(strstr(lines.text, "eee...' and 'eee"));
    assert_non_null(strstr(lines.text, "eee...'\n"));
    assert_non_null(strstr(lines.text, "\xE2\x82\xAC... has '\xE2\x82\xAC"));
    assert_non_null(strstr(lines.text, "\xE2\x82\xAC...'\n"));
    ll_fixture_free(f);
}

/* ---- web copy -------------------------------------------------------------------------- */

static void web(void **state)
{
    ll_error err = LL_ERROR_INIT;
    ll_reader *whole = NULL, *copy = NULL;
    ll_fixture *const f = ll_fixture_create(&k_spec);
    struct lines lines = {""};
    const ll_log log = {.to = &lines, .line = record_line};
    char *image = NULL, *values[2] = {NULL, NULL};
    int64_t damages = -1;

    (void)state;
    write_to(f, path_a);
    assert_ok(ll_reader_open(path_a, &whole, &err));
    assert_ok(ll_store_copy_web(whole, path_b, NULL, &err));
    assert_ok(ll_reader_open(path_b, &copy, &err));
    assert_string_equal(ll_reader_generation(copy), ll_reader_generation(whole));
    assert_string_equal(ll_reader_provenance(copy)->device, "none");
    assert_int_equal(ll_reader_extents(copy)->items, k_spec.items);
    assert_int_equal(ll_reader_extents(copy)->rejected, k_spec.rejected);
    assert_null(ll_reader_features(copy));
    assert_null(ll_reader_norms(copy));
    assert_null(ll_reader_matrix(copy));
    assert_null(ll_reader_digests(copy));
    assert_memory_equal(ll_reader_neighbor_index(copy), f->index, 120 * 12 * 4);
    assert_memory_equal(ll_reader_neighbor_score(copy), f->score, 120 * 12 * 4);
    assert_int_equal(ll_reader_find(copy, "A77", 3), 77);
    assert_ok(ll_reader_item_texts(copy, 77, &image, values, &err));
    assert_string_equal(image, "images/77.jpg");
    assert_string_equal(values[1], f->column_values[1][77]);
    assert_ok(ll_store_check(copy, 10, 1, &log, &damages, &err));
    if (damages != 0) fail_msg("%s", lines.text);
    free(image);
    free(values[0]);
    free(values[1]);
    ll_reader_close(copy);
    ll_reader_close(whole);
    ll_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same),
        cmocka_unit_test(different),
        cmocka_unit_test(long_texts_end_in_dots),
        cmocka_unit_test(web),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
