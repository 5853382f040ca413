/* tests/unit/unit_query.c - the handle and its texts: suggestions, hints, JSON, many threads, and
 * questions that make no sense. What is ranked is property_query.c's business. */
#include "host/base/parallel.h"
#include "host/base/utf8.h"
#include "host/query/answer_text.h"
#include "host/query/query.h"
#include "tests/sample_index.h"
#include "tests/test.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    char folder[32], path[64];
    ll_sample sample;
    ll_query *query;
} fixture;

static int setup(void **state)
{
    fixture *const made = calloc(1, sizeof *made);
    const ll_sample_options options = {.seed = 5,
                                       .items = 200,
                                       .width = 70,
                                       .neighbors = 10,
                                       .matrix = LL_MATRIX_FLOAT16,
                                       .features = true,
                                       .trained = true};
    ll_error err = LL_ERROR_INIT;

    assert_non_null(made);
    snprintf(made->folder, sizeof made->folder, "/tmp/unit_query.XXXXXX");
    assert_non_null(mkdtemp(made->folder));
    snprintf(made->path, sizeof made->path, "%s/sample.h5", made->folder);
    ll_sample_make(made->path, &options, &made->sample);
    if (ll_query_open(made->path, &made->query, &err) != LL_OK) fail_msg("%s", err.text);
    *state = made;
    return 0;
}

static int teardown(void **state)
{
    fixture *const made = *state;
    ll_query_close(made->query);
    unlink(made->path);
    rmdir(made->folder);
    ll_sample_release(&made->sample);
    free(made);
    return 0;
}

static void the_handle_describes_the_index(void **state)
{
    const fixture *const made = *state;
    size_t length = 0;

    assert_int_equal(ll_query_items(made->query), 200);
    assert_true(ll_query_trained(made->query) && ll_query_has_matrix(made->query));
    assert_int_equal(strlen(ll_query_generation(made->query)), 32);
    assert_int_equal(ll_query_find(made->query, "C77", 3), 77);
    assert_int_equal(ll_query_find(made->query, "C77", 2), -1);
    assert_int_equal(ll_query_find(made->query, "", 0), -1);
    assert_memory_equal(ll_query_id(made->query, 77, &length), "C77", 3);
    assert_int_equal(length, 3);
    assert_true(ll_query_stored_score(made->query, 77, 77) == 1.0f);
    const ll_query_options defaults = ll_query_defaults(made->query);
    assert_int_equal(defaults.top, 10);
    assert_true(defaults.min_score == 0.80 && defaults.max_score == 1.0);
    ll_query_close(NULL);
    ll_query_answer_free(NULL);
}

/* Warm handles look ids up in a table, cold ones search: the same rows, and the same none. */
static void the_table_finds_what_the_search_finds(void **state)
{
    const fixture *const made = *state;
    ll_query *cold = NULL, *warm = NULL;
    char text[LL_SAMPLE_TEXT + 2];

    assert_int_equal(ll_query_open(made->path, &cold, NULL), LL_OK);
    assert_int_equal(ll_query_open(made->path, &warm, NULL), LL_OK);
    assert_int_equal(ll_query_warm(warm, NULL), LL_OK);
    assert_int_equal(ll_query_warm(warm, NULL), LL_OK); /* again changes nothing */
    for (int64_t row = 0; row < ll_query_items(warm); row++) {
        const char *const id = made->sample.ids[row];
        const size_t length = strlen(id);
        assert_int_equal(ll_query_find(cold, id, length), row);
        assert_int_equal(ll_query_find(warm, id, length), row);
        snprintf(text, sizeof text, "%s7", id);
        for (size_t some = 0; some <= length + 1; some++)
            assert_int_equal(ll_query_find(warm, text, some), ll_query_find(cold, text, some));
    }
    assert_int_equal(ll_query_find(warm, "", 0), -1);
    ll_query_close(cold);
    ll_query_close(warm);
}

static void absences_are_explained(void **state)
{
    fixture *const made = *state;
    static const struct {
        const char *id, *text;
    } k_cases[] = {
        {"broken", "broken: rejected: truncated JPEG"},
        {"huge", "huge: rejected: 90 Mpx, more than 64"},
        {"c77", "c77: no such item; nearest: C77, C17, C47"},   /* case is no edit */
        {"C717", "C717: no such item; nearest: C17, C71, C77"}, /* one letter too many */
        {"7C7", "7C7: no such item; nearest: C77"},             /* swapped */
        {"A", "A: no such item; nearest: A0, A102, A105"},      /* goes on */
        {"B19x", "B19x: no such item; nearest: B19, B190, B193"},
        {"completely different", "completely different: no such item"},
        {"", ": no such item; nearest: A0, A102, A105"},
    };

    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        char text[LL_QUERY_HINT_TEXT];
        ll_error err = LL_ERROR_INIT;
        const char *const id = k_cases[i].id;
        assert_int_equal(ll_query_absence_text(made->query, id, strlen(id), text, &err), LL_OK);
        assert_string_equal(text, k_cases[i].text);
    }
}

static void long_ids_do_not_overrun(void **state)
{
    fixture *const made = *state;
    char text[LL_QUERY_HINT_TEXT];
    ll_error err = LL_ERROR_INIT;
    ll_query_absence absence;
    char *const id = malloc(100000);

    assert_non_null(id);
    memset(id, 'A', 100000);
    assert_int_equal(ll_query_absent(made->query, id, 100000, &absence, &err), LL_OK);
    assert_null(absence.rejected);
    assert_int_equal(absence.suggestions, 0);
    assert_int_equal(ll_query_absence_text(made->query, id, 100000, text, &err), LL_OK);
    assert_true(strlen(text) < 128);
    free(id);
}

static void hints(void **state)
{
    (void)state;
    static const struct {
        ll_query_answer answer;
        double min_score, max_score;
        const char *text;
    } k_cases[] = {
        {{.id = "A7", .complete = true, .best_score = 0.6349, .best_id = "B17", .others = 4999},
         0.80,
         1.0,
         "none of 4 999 reaches 0.80; best is 0.63 (B17); try --min-score 0.6"},
        {{.id = "A7", .complete = true, .best_score = 0.79999, .best_id = "B17", .others = 3},
         0.80,
         1.0,
         "none of 3 reaches 0.80; best is 0.79 (B17); try --min-score 0.7"},
        {{.id = "A7", .complete = true, .best_score = 0.80521, .best_id = "B17", .others = 3},
         0.8055,
         1.0,
         "none of 3 reaches 0.8055; best is 0.8052 (B17); try --min-score 0.8"},
        {{.id = "A7", .complete = true, .best_score = 0.03, .best_id = "B17", .others = 3},
         0.80,
         1.0,
         "none of 3 reaches 0.80; best is 0.03 (B17); try --min-score 0"},
        {{.id = "A7", .complete = true, .best_score = NAN, .others = 12},
         0.0,
         0.25,
         "none of 12 is at or below --max-score 0.25"},
        {{.id = "A7", .complete = true, .best_score = NAN},
         0.8,
         1.0,
         "A7: no other item to compare with"},
        {{.id = "A7", .complete = true, .best_score = 0.9, .best_id = "B", .count = 1},
         0.8,
         1.0,
         ""},
    };

    for (size_t i = 0; i < sizeof k_cases / sizeof k_cases[0]; i++) {
        char text[LL_QUERY_HINT_TEXT];
        const ll_query_options options = {
            .top = 10, .min_score = k_cases[i].min_score, .max_score = k_cases[i].max_score};
        ll_query_answer_hint(&k_cases[i].answer, &options, text);
        assert_string_equal(text, k_cases[i].text);
    }
}

/* The longest id there may be leaves room for what is said of it. */
static void long_ids_end_in_dots(void **state)
{
    enum { LONG = 1023 };
    fixture *const made = *state;
    char id[LONG + 1], text[LL_QUERY_HINT_TEXT];
    ll_error err = LL_ERROR_INIT;
    const ll_query_options options = {.top = 10, .min_score = 0.8, .max_score = 1.0};

    for (int i = 0; i < LONG; i += 3) /* the euro sign */
        memcpy(id + i, "\xE2\x82\xAC", 3);
    id[LONG] = '\0';
    assert_int_equal(ll_query_absence_text(made->query, id, LONG, text, &err), LL_OK);
    assert_int_equal(ll_utf8_check(text, strlen(text)), strlen(text));
    assert_non_null(strstr(text, "\xE2\x82\xAC...: no such item"));
    const ll_query_answer answers[] = {
        {.id = "A7", .complete = true, .best_score = 0.63, .best_id = id, .others = 3},
        {.id = id, .complete = true, .best_score = (double)NAN},
        {.id = id, .best_score = 0.9, .best_id = "B", .count = 1},
    };
    static const char *const k_ends[] = {"\xE2\x82\xAC...); try --min-score 0.6",
                                         "\xE2\x82\xAC...: no other item to compare with",
                                         "there is no matrix to look further"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        ll_query_answer_hint(&answers[i], &options, text);
        assert_int_equal(ll_utf8_check(text, strlen(text)), strlen(text));
        assert_string_equal(text + strlen(text) - strlen(k_ends[i]), k_ends[i]);
    }
}

static void scores_have_room(void **state)
{
    char text[LL_QUERY_SCORE_TEXT];

    (void)state;
    assert_string_equal(ll_query_score_text(0.9134123, text), "0.913412");
    assert_string_equal(ll_query_score_text(-999999.9999999, text), "-1000000.000000");
    assert_string_equal(ll_query_score_text(-1.23456789e300, text), "-1.2345679e+300");
    assert_string_equal(ll_query_score_text((double)INFINITY, text), "inf");
}

static void json_is_the_contract(void **state)
{
    (void)state;
    static const char *const k_columns[] = {"kind", "na\"me"};
    static const char *const k_values[] = {"hat", "\xE5\xB8\xBD"};
    ll_query_hit hit = {3, 0.91341171f, "B2", "b/2.jpg", k_values};
    const ll_query_answer answer = {.id = "A7",
                                    .generation = "00ff",
                                    .complete = true,
                                    .best_score = (double)0.91341171f,
                                    .best_id = "B2",
                                    .columns = 2,
                                    .column_names = k_columns,
                                    .count = 1,
                                    .hits = &hit};
    ll_error err = LL_ERROR_INIT;
    char *text = NULL;

    assert_int_equal(ll_query_answer_json(&answer, &text, &err), LL_OK);
    assert_string_equal(
        text, "{\"id\":\"A7\",\"generation\":\"00ff\",\"complete\":true,\"exact\":false,"
              "\"best_score\":0.913412,\"similar\":[{\"rank\":1,\"id\":\"B2\",\"score\":0.913412,"
              "\"image\":\"b/2.jpg\",\"attributes\":{\"kind\":\"hat\",\"na\\\"me\":\"\xE5\xB8\xBD\""
              "}}]}");
    free(text);
    hit.image = "\xFF";
    assert_int_equal(ll_query_answer_json(&answer, &text, &err), LL_ERR_FORMAT);
    assert_null(text);
}

static void nonsense_is_refused(void **state)
{
    fixture *const made = *state;
    static const char *const k_where[] = {"=x"};
    ll_query_answer *answer = NULL;
    ll_query_options options = ll_query_defaults(made->query);
    ll_error err = LL_ERROR_INIT;

    assert_int_equal(ll_query_similar(made->query, -1, NULL, &answer, &err), LL_ERR_ARGUMENT);
    assert_int_equal(ll_query_similar(made->query, 200, NULL, &answer, NULL), LL_ERR_ARGUMENT);
    options.where = k_where;
    options.where_count = 1;
    assert_int_equal(ll_query_check(made->query, &options, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_query_similar(made->query, 0, &options, &answer, NULL), LL_ERR_ARGUMENT);
    options.where_count = 0;
    options.same = "no such column";
    assert_int_equal(ll_query_check(made->query, &options, NULL), LL_ERR_ARGUMENT);
    assert_int_equal(ll_query_similar(made->query, 0, &options, &answer, NULL), LL_ERR_ARGUMENT);
    assert_null(answer);
}

/* The same question from many threads at once has one answer. */
static ll_status ask(void *context, int64_t task, int thread, ll_error *err)
{
    ll_query *const query = context;
    ll_query_options options = ll_query_defaults(query);
    ll_query_answer *first = NULL, *second = NULL;
    char *a = NULL, *b = NULL;
    ll_status status = LL_OK;

    (void)thread;
    options.top = 1 + task % 40; /* beyond 10 the matrix row is used */
    options.min_score = 0.0;
    options.distinct = task % 3 == 0 ? "product" : NULL;
    LL_TRY_DONE(ll_query_similar(query, task % 200, &options, &first, err));
    LL_TRY_DONE(ll_query_similar(query, task % 200, &options, &second, err));
    LL_TRY_DONE(ll_query_answer_json(first, &a, err));
    LL_TRY_DONE(ll_query_answer_json(second, &b, err));
    if (strcmp(a, b) != 0) status = ll_fail(err, LL_ERR_FORMAT, "%s\n%s", a, b);
done:
    free(a);
    free(b);
    ll_query_answer_free(first);
    ll_query_answer_free(second);
    return status;
}

static void threads_share_a_handle(void **state)
{
    fixture *const made = *state;
    ll_error err = LL_ERROR_INIT;

    /* cold: the first readers meet each other at the reader's lock */
    if (ll_parallel_run(4, 100, ask, made->query, &err) != LL_OK) fail_msg("%s", err.text);
    assert_int_equal(ll_query_warm(made->query, &err), LL_OK);
    if (ll_parallel_run(4, 400, ask, made->query, &err) != LL_OK) fail_msg("%s", err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handle_describes_the_index),
        cmocka_unit_test(the_table_finds_what_the_search_finds),
        cmocka_unit_test(absences_are_explained),
        cmocka_unit_test(long_ids_do_not_overrun),
        cmocka_unit_test(hints),
        cmocka_unit_test(long_ids_end_in_dots),
        cmocka_unit_test(scores_have_room),
        cmocka_unit_test(json_is_the_contract),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(threads_share_a_handle),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
