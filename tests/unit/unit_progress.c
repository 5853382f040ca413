/* tests/unit/unit_progress.c - what programs say of long work: a bar, lines, or JSON, and what they
 * say only once. */
#include "host/cli/progress.h"
#include "tests/test.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *stream_text(FILE *stream)
{
    const long size = (fseek(stream, 0, SEEK_END), ftell(stream));
    rewind(stream);
    char *const text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, stream), size);
    fclose(stream);
    return text;
}

static char *progress_text(ll_progress_mode mode, bool quiet, bool verbose)
{
    ll_error err = LL_ERROR_INIT;
    ll_progress *progress = NULL;
    FILE *const to = tmpfile();
    assert_non_null(to);
    const ll_progress_options options = {"tool", to, mode, quiet, verbose};
    assert_int_equal(ll_progress_create(&options, &progress, &err), LL_OK);
    const ll_log *const log = ll_progress_log(progress);
    ll_log_progress(log, "embed", 150, 600);
    ll_log_line(log, "%d photos", 3);
    ll_log_detail(log, "%d of them red", 2);
    ll_log_progress(log, "embed", 600, 600);
    ll_progress_free(progress);
    return stream_text(to);
}

static void progress_bar_gives_way_to_lines(void **state)
{
    (void)state;
    char *text = progress_text(LL_PROGRESS_BAR, false, false);
    const char *const bar = "\rembed       25 % [######..................] 150 of 600\x1B[K";
    const char *const line = "\r\x1B[Ktool: 3 photos\n";
    assert_memory_equal(text, bar, strlen(bar));
    assert_memory_equal(text + strlen(bar), line, strlen(line));
    assert_non_null(strstr(text, "100 % [########################] 600 of 600"));
    assert_string_equal(text + strlen(text) - 4, "\r\x1B[K"); /* nothing is left behind */
    free(text);

    text = progress_text(LL_PROGRESS_NONE, false, false);
    assert_string_equal(text, "tool: 3 photos\n");
    free(text);
    text = progress_text(LL_PROGRESS_AUTO, false, false); /* a file is no terminal */
    assert_string_equal(text, "tool: 3 photos\n");
    free(text);
    text = progress_text(LL_PROGRESS_NONE, false, true);
    assert_string_equal(text, "tool: 3 photos\ntool: 2 of them red\n");
    free(text);
    text = progress_text(LL_PROGRESS_BAR, true, true);
    assert_string_equal(text, "");
    free(text);
}

static void what_is_said_once(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    ll_progress *progress = NULL;
    FILE *const to = tmpfile();
    assert_non_null(to);
    const ll_progress_options options = {"tool", to, LL_PROGRESS_NONE, false, true};
    assert_int_equal(ll_progress_create(&options, &progress, &err), LL_OK);
    const ll_log *const log = ll_progress_log(progress);
    for (int i = 0; i < 3; i++) {
        ll_log_line_once(log, "no %s", "card");
        ll_log_detail_once(log, "no driver");
        ll_log_line_once(log, "no card");
        ll_log_line(log, "again");
    }
    for (int i = 0; i < 100; i++) /* more than anybody remembers are said rather than lost */
        ll_log_detail_once(log, "%d", i);
    ll_progress_free(progress);
    char *const text = stream_text(to);
    const char *const begins = "tool: no card\ntool: no driver\ntool: again\ntool: again\n"
                               "tool: again\ntool: 0\ntool: 1\n";
    assert_memory_equal(text, begins, strlen(begins));
    assert_non_null(strstr(text, "tool: 99\n"));
    free(text);
    ll_log_line_once(NULL, "nobody listens");
}

static void progress_json_is_a_line_an_object(void **state)
{
    (void)state;
    char *const text = progress_text(LL_PROGRESS_JSON, false, false);
    const char *const first = "{\"stage\":\"embed\",\"done\":150,\"total\":600,\"seconds\":0.0,";
    assert_memory_equal(text, first, strlen(first));
    assert_non_null(
        strstr(text, "}\n{\"message\":\"3 photos\"}\n{\"stage\":\"embed\",\"done\":600"));
    free(text);
}

/* Told twice of the same long stage it goes on with it; the end of its name is dots. */
static void long_stages_end_in_dots(void **state)
{
    static const char k_stage[] = "a stage that somebody gave a name of so many characters";
    ll_error err = LL_ERROR_INIT;
    ll_progress *progress = NULL;
    FILE *const to = tmpfile();
    const ll_progress_options options = {"tool", to, LL_PROGRESS_JSON, false, false};

    (void)state;
    assert_non_null(to);
    assert_int_equal(ll_progress_create(&options, &progress, &err), LL_OK);
    ll_log_progress(ll_progress_log(progress), k_stage, 1, 600);
    ll_log_progress(ll_progress_log(progress), k_stage, 2, 600);
    ll_progress_free(progress);
    char *const text = stream_text(to);
    assert_non_null(strstr(text, "{\"stage\":\"a stage that somebody gave a...\",\"done\":1,"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_bar_gives_way_to_lines),
        cmocka_unit_test(progress_json_is_a_line_an_object),
        cmocka_unit_test(long_stages_end_in_dots),
        cmocka_unit_test(what_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
