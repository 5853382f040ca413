/* tests/unit/unit_cli.c - what every program of ours does with its command line, its messages and
 * its results: refusals by name, one exit code per outcome, quoting that survives hostile texts. */
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/records.h"
#include "host/cli/text_width.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void exit_codes_follow_the_status(void **state)
{
    (void)state;
    assert_int_equal(ll_exit_code(LL_OK), 0);
    assert_int_equal(ll_exit_code(LL_ERR_ARGUMENT), 2);
    assert_int_equal(ll_exit_code(LL_ERR_IO), 3);
    assert_int_equal(ll_exit_code(LL_ERR_FORMAT), 3);
    assert_int_equal(ll_exit_code(LL_ERR_MEMORY), 3);
    assert_int_equal(ll_exit_code(LL_ERR_DEVICE), 3);
    assert_int_equal(ll_exit_code(LL_ERR_UNSUPPORTED), 3);
    assert_int_equal(ll_exit_report("test", LL_OK, NULL, LL_EXIT_NO), 1);
}

static void a_full_disk_is_no_answer(void **state)
{
    (void)state;
    ll_error err = LL_ERROR_INIT;
    FILE *const full = fopen("/dev/full", "w");
    if (full == NULL) skip();
    fputs("an answer", full);
    assert_int_equal(ll_exit_flush(full, "standard output", &err), LL_ERR_IO);
    assert_string_equal(err.text, "standard output: No space left on device");
    fclose(full);
}

/* Results that fill the stream's buffer many times over, so that the disk is full before the end.
 */
static void a_full_disk_is_no_result(void **state)
{
    static const ll_column k_columns[] = {{"id", false}};
    static const ll_format k_formats[] = {LL_FORMAT_TABLE, LL_FORMAT_JSON, LL_FORMAT_CSV};
    const char *const cells[] = {"an item whose id is long enough"};

    (void)state;
    for (size_t f = 0; f < sizeof k_formats / sizeof k_formats[0]; f++)
        for (int rows = 1; rows <= 1000; rows += 999) {
            ll_error err = LL_ERROR_INIT;
            ll_records *records = NULL;
            FILE *const full = fopen("/dev/full", "w");
            if (full == NULL) skip();
            assert_int_equal(ll_records_create(full, k_formats[f], k_columns, 1, &records, &err),
                             LL_OK);
            for (int i = 0; i < rows; i++)
                assert_int_equal(ll_records_row(records, cells, &err), LL_OK);
            assert_int_equal(ll_records_finish(records, &err), LL_ERR_IO);
            assert_string_equal(err.text, "output: No space left on device");
            ll_records_free(records);
            fclose(full);
        }
}

/* Everything a program may declare, with its defaults. */
typedef enum colour { RED = 3, GREEN = 5, UNSAID } colour;
static const int k_colours[] = {RED, GREEN};

typedef struct sample {
    bool fresh;
    colour shirt, hat;
    int32_t jobs, batch;
    const char *output, *format;
    int64_t top, memory;
    double tolerance, min_score;
    ll_option_list where;
} sample;

static const ll_program k_program = {
    .name = "test tool", .synopsis = "INDEX.h5 ID...", .summary = "Try options."};

static const sample k_defaults = {.format = "json",
                                  .top = 10,
                                  .shirt = GREEN,
                                  .hat = UNSAID,
                                  .jobs = 4,
                                  .memory = 512 << 20,
                                  .min_score = NAN};

static ll_status sample_parse(sample *to, int argc, const char *const *argv, ll_arguments **out,
                              ll_error *err)
{
    *to = k_defaults;
    const ll_option options[] = {
        {.name = "output",
         .letter = 'o',
         .kind = LL_OPTION_TEXT,
         .to = &to->output,
         .value = "FILE",
         .help = "where to write"},
        {.name = "top",
         .kind = LL_OPTION_INT,
         .to = &to->top,
         .value = "N",
         .low = 1,
         .high = 99,
         .help = "how many"},
        {.kind = LL_OPTION_HEADING, .help = "Others:"},
        {.name = "format",
         .kind = LL_OPTION_WORD,
         .to = &to->format,
         .value = "table|json|jsonl",
         .help = "how to print"},
        {"shirt", 0, LL_OPTION_CHOICE, &(ll_choice){&to->shirt, k_colours}, "red|green", "above", 0,
         0},
        {"hat", 0, LL_OPTION_CHOICE, &(ll_choice){&to->hat, k_colours}, "red|green", "on top", 0,
         0},
        {"jobs", 0, LL_OPTION_INT32, &to->jobs, "N", "threads", 1, 64},
        {"batch", 0, LL_OPTION_INT32, &to->batch, "N", "at a time", 1, 64},
        {.name = "memory",
         .kind = LL_OPTION_BYTES,
         .to = &to->memory,
         .value = "SIZE",
         .low = 1,
         .help = "how much"},
        {.name = "tolerance",
         .kind = LL_OPTION_REAL,
         .to = &to->tolerance,
         .value = "X",
         .help = "how far"},
        {.name = "min-score",
         .kind = LL_OPTION_SCORE,
         .to = &to->min_score,
         .value = "X",
         .help = "from where"},
        {.name = "where",
         .kind = LL_OPTION_LIST,
         .to = &to->where,
         .value = "COLUMN=VALUE",
         .help = "which"},
        {.name = "fresh", .kind = LL_OPTION_FLAG, .to = &to->fresh, .help = "again"},
        LL_OPTION_END,
    };
    const ll_status status = ll_arguments_parse(&k_program, argc, argv, options, out, err);
    if (status == LL_OK) {
        assert_false(ll_arguments_given(*out, "no such option"));
        assert_int_equal(ll_arguments_given(*out, "fresh"), to->fresh);
        assert_int_equal(ll_arguments_given(*out, "where"), to->where.count > 0);
    }
    return status;
}

#define PARSE(to, out, err, ...)                                                                   \
    sample_parse(to, (int)(sizeof((const char *[]){"x", __VA_ARGS__}) / sizeof(char *)),           \
                 (const char *[]){"x", __VA_ARGS__}, out, err)

static void options_reach_their_variables(void **state)
{
    (void)state;
    sample got;
    ll_error err = LL_ERROR_INIT;
    ll_arguments *arguments = NULL;

    assert_int_equal(PARSE(&got, &arguments, &err, "A.h5", "--top", "7", "-o", "x.h5", "id-1",
                           "--format=jsonl", "-qV", "--memory", "4G", "--tolerance=1e-5",
                           "--min-score", "0.5", "--where", "a=1", "--where", "b=2=3", "--fresh",
                           "--hat=red", "--jobs=64", "--", "-7", "--top"),
                     LL_OK);
    assert_int_equal(got.hat, RED);
    assert_int_equal(got.jobs, 64);
    assert_int_equal(got.top, 7);
    assert_string_equal(got.output, "x.h5");
    assert_string_equal(got.format, "jsonl");
    assert_true(got.memory == 4LL << 30);
    assert_true(got.tolerance == 1e-5 && got.min_score == 0.5);
    assert_int_equal(got.where.count, 2);
    assert_string_equal(got.where.items[0], "a=1");
    assert_string_equal(got.where.items[1], "b=2=3");
    assert_true(got.fresh);
    assert_true(ll_arguments_quiet(arguments) && ll_arguments_verbose(arguments));
    assert_int_equal(ll_arguments_count(arguments), 4);
    assert_string_equal(ll_arguments_at(arguments, 0), "A.h5");
    assert_string_equal(ll_arguments_at(arguments, 1), "id-1");
    assert_string_equal(ll_arguments_at(arguments, 2), "-7");
    assert_string_equal(ll_arguments_at(arguments, 3), "--top");
    assert_int_equal(ll_arguments_expect(arguments, 1, -1, &err), LL_OK);
    assert_int_equal(ll_arguments_expect(arguments, 1, 3, &err), LL_ERR_ARGUMENT);
    assert_string_equal(err.text, "expected INDEX.h5 ID...; test tool --help explains");
    ll_arguments_free(arguments);
}

static void defaults_stay(void **state)
{
    (void)state;
    sample got;
    ll_error err = LL_ERROR_INIT;
    ll_arguments *arguments = NULL;

    assert_int_equal(PARSE(&got, &arguments, &err, "-"), LL_OK);
    assert_int_equal(got.top, 10);
    assert_int_equal(got.shirt, GREEN);
    assert_int_equal(got.hat, UNSAID);
    assert_int_equal(got.batch, 0);
    assert_string_equal(got.format, "json");
    assert_true(isnan(got.min_score));
    assert_null(got.output);
    assert_int_equal(got.where.count, 0);
    assert_string_equal(ll_arguments_at(arguments, 0), "-"); /* a lone dash is an argument */
    assert_false(ll_arguments_given(arguments, "top"));
    ll_arguments_free(arguments);
}

static void refusals_name_the_option(void **state)
{
    (void)state;
    static const struct {
        const char *argv[2], *text;
    } k_cases[] = {
        {{"--tpo", "3"}, "--tpo: unknown option; test tool --help lists the options"},
        {{"-x", ""}, "-x: unknown option; test tool --help lists the options"},
        {{"id", "--top"}, "--top: missing argument; test tool --help lists the options"},
        {{"--fresh=1", ""},
         "--fresh=1: option does not take an argument; test tool --help lists the options"},
        {{"--top", "0"}, "--top: 0 is not between 1 and 99"},
        {{"--top", "-1"}, "--top: -1 is not between 1 and 99"},
        {{"--top", "ten"}, "--top: 'ten' is not a whole number"},
        {{"--top", "99999999999999999999"}, "--top: 99999999999999999999 is not between 1 and 99"},
        {{"--format", "xml"}, "--format: 'xml' is not one of table|json|jsonl"},
        {{"--format", "js"}, "--format: 'js' is not one of table|json|jsonl"},
        {{"--format", "jsonl|"}, "--format: 'jsonl|' is not one of table|json|jsonl"},
        {{"--format=", ""}, "--format: '' is not one of table|json|jsonl"},
        {{"--hat", "blue"}, "--hat: 'blue' is not one of red|green"},
        {{"--jobs", "65"}, "--jobs: 65 is not between 1 and 64"},
        {{"--output=", ""}, "--output: is empty"},
        {{"--memory", "4X"}, "--memory: '4X' is not a size; write 512M or 4G"},
        {{"--memory", "99999999999G"}, "--memory: 99999999999G is too large"},
        {{"--memory", "9999999999999999999"}, "--memory: 9999999999999999999 is too large"},
        {{"--tolerance", "nan"}, "--tolerance: 'nan' is not a number"},
        {{"--tolerance", "-1"}, "--tolerance: -1 is not between 0 and inf"},
        {{"--min-score", "80"}, "--min-score: scores go from 0 to 1; write 0.80"},
        {{"--min-score", "1.5"}, "--min-score: scores go from 0 to 1; write 0.015"},
        {{"--min-score", "100"}, "--min-score: scores go from 0 to 1; write 1.00"},
        {{"--min-score", "101"}, "--min-score: 101 is not between 0 and 1"},
        {{"--min-score", "-0.1"}, "--min-score: -0.1 is not between 0 and 1"},
        {{"--min-score", "80%"}, "--min-score: '80%' is not a number"},
    };

    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        sample got;
        ll_error err = LL_ERROR_INIT;
        ll_arguments *arguments = NULL;
        const char *const argv[] = {"x", k_cases[i].argv[0], k_cases[i].argv[1]};
        const int argc = k_cases[i].argv[1][0] != '\0' ? 3 : 2;
        assert_int_equal(sample_parse(&got, argc, argv, &arguments, &err), LL_ERR_ARGUMENT);
        assert_string_equal(err.text, k_cases[i].text);
        assert_null(arguments);
    }
}

/* Run `print` with stdout in a file; the text it left, yours to free(). */
static char *captured(void (*print)(void *), void *context)
{
    fflush(stdout);
    FILE *const to = tmpfile();
    assert_non_null(to);
    const int saved = dup(1);
    dup2(fileno(to), 1);
    print(context);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    const long size = (fseek(to, 0, SEEK_END), ftell(to));
    rewind(to);
    char *const text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, to), size);
    fclose(to);
    return text;
}

static void print_help(void *letter)
{
    sample got;
    ll_error err = LL_ERROR_INIT;
    ll_arguments *arguments = NULL;
    const char *const argv[] = {"/usr/bin/x", letter};
    assert_int_equal(sample_parse(&got, 2, argv, &arguments, &err), LL_OK);
    assert_true(ll_arguments_answered(arguments));
    ll_arguments_free(arguments);
}

static void help_lists_the_table(void **state)
{
    (void)state;
    static const char *const k_expected[] = {
        "Usage: test tool [OPTION...] INDEX.h5 ID...\nTry options.\n\nOptions:\n",
        "  -o, --output=FILE ",
        "how many (default: 10)",
        "\nOthers:\n",
        "--format=table|json|jsonl",
        "(default: json)",
        "(default: 512M)",
        "above (default: green)\n",
        "on top\n",
        "threads (default: 4)\n",
        "at a time\n",
        "-h, --help ",
        "-v, --version",
        "-q, --quiet",
        "-V, --verbose",
    };
    char *const text = captured(print_help, "--help");
    for (size_t i = 0; i < sizeof k_expected / sizeof k_expected[0]; i++)
        if (strstr(text, k_expected[i]) == NULL) fail_msg("no '%s' in:\n%s", k_expected[i], text);
    assert_null(strstr(text, "default: nan"));
    static const char *const k_same[] = {"-h", "-?"};
    for (size_t i = 0; i < 2; i++) {
        char *const other = captured(print_help, (void *)(uintptr_t)k_same[i]);
        assert_string_equal(other, text);
        free(other);
    }
    free(text);
    char *const version = captured(print_help, "-v");
    char expected[64];
    snprintf(expected, sizeof expected, "test tool %s\n", ll_arguments_version());
    assert_string_equal(version, expected);
    free(version);
}

static void print_long_help(void *folder)
{
    const char *to = folder;
    ll_error err = LL_ERROR_INIT;
    ll_arguments *arguments = NULL;
    const ll_option options[] = {
        {.name = "folder", .kind = LL_OPTION_TEXT, .to = &to, .value = "DIR", .help = "where"},
        LL_OPTION_END};
    const char *const argv[] = {"x", "--help"};
    assert_int_equal(ll_arguments_parse(&k_program, 2, argv, options, &arguments, &err), LL_OK);
    ll_arguments_free(arguments);
}

/* A default that may be a path is shown to its end (popt breaks lines at spaces alone). */
static void help_shows_defaults_whole(void **state)
{
    char folder[3000], want[sizeof folder + 32];

    (void)state;
    memset(folder, 'd', sizeof folder - 1);
    folder[sizeof folder - 1] = '\0';
    char *const text = captured(print_long_help, folder);
    snprintf(want, sizeof want, "%s)", folder);
    assert_non_null(strstr(text, want));
    free(text);
}

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

static void records_in_every_format(void **state)
{
    (void)state;
    static const ll_column k_columns[] = {{"rank", true}, {"id", false}, {"note", false}};
    static const struct {
        ll_format format;
        const char *text;
    } k_cases[] = {
        {LL_FORMAT_TABLE, "two of them\n"
                          "rank  id     note\n"
                          "   1  a,\"b\"  x?[31m\n"
                          "  22  \xC3\xA4\xE5\xB8\xBD\xCC\x81\n"},
        {LL_FORMAT_JSON,
         "[\n{\"rank\":1,\"id\":\"a,\\\"b\\\"\",\"note\":\"x\\u001B[31m\"},\n"
         "{\"rank\":22,\"id\":\"\xC3\xA4\xE5\xB8\xBD\xCC\x81\",\"note\":null}\n]\n"},
        {LL_FORMAT_JSONL, "{\"rank\":1,\"id\":\"a,\\\"b\\\"\",\"note\":\"x\\u001B[31m\"}\n"
                          "{\"rank\":22,\"id\":\"\xC3\xA4\xE5\xB8\xBD\xCC\x81\",\"note\":null}\n"},
        {LL_FORMAT_CSV, "rank,id,note\n1,\"a,\"\"b\"\"\",x\x1B[31m\n"
                        "22,\xC3\xA4\xE5\xB8\xBD\xCC\x81,\n"},
    };

    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        ll_error err = LL_ERROR_INIT;
        ll_records *records = NULL;
        FILE *const to = tmpfile();
        assert_non_null(to);
        assert_int_equal(ll_records_create(to, k_cases[i].format, k_columns, 3, &records, &err), 0);
        ll_records_head(records, "two of them");
        assert_int_equal(
            ll_records_row(records, (const char *[]){"1", "a,\"b\"", "x\x1B[31m"}, &err), 0);
        assert_int_equal(
            ll_records_row(records, (const char *[]){"22", "\xC3\xA4\xE5\xB8\xBD\xCC\x81", NULL},
                           &err),
            0);
        assert_int_equal(ll_records_finish(records, &err), 0);
        ll_records_free(records);
        char *const text = stream_text(to);
        assert_string_equal(text, k_cases[i].text);
        free(text);
    }
}

static void records_refuse_what_json_cannot_say(void **state)
{
    (void)state;
    static const ll_column k_columns[] = {{"id", false}};
    ll_error err = LL_ERROR_INIT;
    ll_records *records = NULL;
    FILE *const to = tmpfile();

    assert_non_null(to);
    assert_int_equal(ll_records_create(to, LL_FORMAT_JSONL, k_columns, 1, &records, &err), 0);
    assert_int_equal(ll_records_row(records, (const char *[]){"\xFF"}, &err), LL_ERR_FORMAT);
    ll_records_free(records);
    char *const text = stream_text(to);
    assert_string_equal(text, "");
    free(text);
}

static void widths_of_texts(void **state)
{
    (void)state;
    assert_int_equal(ll_text_width(""), 0);
    assert_int_equal(ll_text_width("abc"), 3);
    assert_int_equal(ll_text_width("\xC3\xA4"), 1);         /* a with dots, one code point */
    assert_int_equal(ll_text_width("a\xCC\x88"), 1);        /* the same in two */
    assert_int_equal(ll_text_width("\xE5\xB8\xBD"), 2);     /* a hat, in Chinese */
    assert_int_equal(ll_text_width("\xF0\x9F\x91\x97"), 2); /* a dress, as emoji */
    assert_int_equal(ll_text_width("\xFF\xC3"), 2);         /* broken, and cut short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_follow_the_status),
        cmocka_unit_test(a_full_disk_is_no_answer),
        cmocka_unit_test(a_full_disk_is_no_result),
        cmocka_unit_test(options_reach_their_variables),
        cmocka_unit_test(defaults_stay),
        cmocka_unit_test(refusals_name_the_option),
        cmocka_unit_test(help_lists_the_table),
        cmocka_unit_test(help_shows_defaults_whole),
        cmocka_unit_test(records_in_every_format),
        cmocka_unit_test(records_refuse_what_json_cannot_say),
        cmocka_unit_test(widths_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
