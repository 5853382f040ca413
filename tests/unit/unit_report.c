/* tests/unit/unit_report.c - what a report counts, and how it writes texts of strangers. */
#include "host/report/html_text.h"
#include "host/report/report_scores.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char g_path[] = "/tmp/unit_report.XXXXXX";

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(g_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(g_path);
}

static void escaped(const char *text, size_t length, const char *want)
{
    char *got = NULL;
    size_t size = 0;
    FILE *const to = open_memstream(&got, &size);

    assert_non_null(to);
    ll_html_bytes(to, text, length);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(got, want);
    free(got);
}

static void texts_stay_texts(void **state)
{
    (void)state;
    escaped("", 0, "");
    escaped("A7", 2, "A7");
    escaped("<a href=\"x\" b='y'>&amp;", 23, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
    escaped("tab\tline\nreturn\r", 16, "tab&#9;line&#10;return\xEF\xBF\xBD");
    escaped("\0\x1B\x7F", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    escaped("\xC2\x85|\xC2\xA0", 5, "\xEF\xBF\xBD|\xC2\xA0");
    escaped("\xEF\xBF\xBE\xEF\xB7\x90\xF0\x9F\xBF\xBF", 10,
            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* U+FFFE, U+FDD0, U+1FFFF */
    escaped("\xEF\xBF\xBD\xF0\x9F\x91\x97\xD7\xA9", 9, "\xEF\xBF\xBD\xF0\x9F\x91\x97\xD7\xA9");
    escaped("a\xFF<\xC3", 4, "a\xEF\xBF\xBD&lt;\xEF\xBF\xBD");          /* no UTF-8, cut short */
    escaped("\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* a surrogate */
}

static void rows_are_drawn_one_a_stretch(void **state)
{
    (void)state;
    static const struct {
        int64_t rows, count;
    } k_cases[] = {{1, 0}, {1, 1}, {7, 7}, {7, 3}, {1000, 12}, {4000000000, 64}};
    int64_t rows[64], again[64];

    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            const int64_t all = k_cases[i].rows, count = k_cases[i].count;
            ll_report_draw_rows(all, count, seed, rows);
            ll_report_draw_rows(all, count, seed, again);
            for (int64_t k = 0; k < count; k++) {
                assert_int_equal(rows[k], again[k]);
                assert_true(rows[k] >= k * all / count && rows[k] < (k + 1) * all / count);
            }
        }
    ll_report_draw_rows(1000, 12, 1, rows);
    ll_report_draw_rows(1000, 12, 2, again);
    assert_memory_not_equal(rows, again, 12 * sizeof *rows);
}

static void count(ll_matrix_type matrix, int64_t most, ll_sample *sample, ll_report_scores *out)
{
    const ll_sample_options options = {.seed = 5,
                                       .items = 90,
                                       .width = 32,
                                       .neighbors = 12,
                                       .matrix = matrix,
                                       .features = true,
                                       .trained = true};
    ll_error err = LL_ERROR_INIT;
    ll_reader *reader = NULL;

    ll_sample_make(g_path, &options, sample);
    assert_int_equal(ll_reader_open(g_path, &reader, &err), LL_OK);
    assert_int_equal(ll_report_scores_count(reader, most, 3, NULL, out, &err), LL_OK);
    ll_reader_close(reader);
}

static int64_t sum(const int64_t *bins)
{
    int64_t total = 0;
    for (int i = 0; i < LL_REPORT_BINS; i++)
        total += bins[i];
    return total;
}

static void all_pairs_once_or_a_sample(void **state)
{
    (void)state;
    ll_sample sample;
    ll_report_scores all, some, none;

    count(LL_MATRIX_FLOAT32, 1000000, &sample, &all);
    assert_true(all.from_matrix);
    assert_int_equal(all.rows, 90);
    assert_int_equal(all.all_count, 90 * 89 / 2);
    assert_int_equal(sum(all.all), all.all_count);
    int64_t similar = 0;
    for (int i = 0; i < 90; i++)
        for (int j = 0; j < i; j++)
            similar += sample.scores[i * 90 + j] >= 0.80f;
    assert_true(similar > 0);
    assert_int_equal(all.all_similar, similar);
    ll_sample_release(&sample);

    count(LL_MATRIX_UINT16, 1000, &sample, &some); /* 1000 / 90 = 11 rows */
    assert_int_equal(some.rows, 11);
    assert_int_equal(some.all_count, 11 * 89);
    assert_int_equal(sum(some.all), 11 * 89);
    assert_memory_equal(some.best, all.best, sizeof all.best); /* never a sample */
    ll_sample_release(&sample);

    count(LL_MATRIX_NONE, 1, &sample, &none); /* never fewer than one row */
    assert_false(none.from_matrix);
    assert_int_equal(none.rows, 1);
    assert_int_equal(none.all_count, 12);
    ll_sample_release(&sample);
}

static void coverage_is_that_of_the_neighbours(void **state)
{
    (void)state;
    ll_sample sample;
    ll_report_scores got;

    count(LL_MATRIX_NONE, 1000000, &sample, &got);
    assert_int_equal(got.all_count, 90 * 12);
    assert_int_equal(got.best_count, 90);
    assert_int_equal(sum(got.best), 90);
    for (int t = 0; t < LL_REPORT_THRESHOLDS; t++) {
        int64_t one = 0, ten = 0;
        for (int i = 0; i < 90; i++) {
            int64_t reached = 0;
            for (int j = 0; j < 90; j++)
                reached += i != j && sample.scores[i * 90 + j] >= (float)ll_report_thresholds[t];
            one += reached >= 1;
            ten += reached >= 10;
        }
        assert_int_equal(got.one[t], one);
        assert_int_equal(got.ten[t], ten);
    }
    int64_t below = 0, above = 0;
    for (int i = 0; i < 90; i++) {
        below += (double)sample.neighbor_scores[i * 12] < got.best_median;
        above += (double)sample.neighbor_scores[i * 12] > got.best_median;
    }
    assert_true(below <= 45 && above <= 45);
    ll_sample_release(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_stay_texts),
        cmocka_unit_test(rows_are_drawn_one_a_stretch),
        cmocka_unit_test(all_pairs_once_or_a_sample),
        cmocka_unit_test(coverage_is_that_of_the_neighbours),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
