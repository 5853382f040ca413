/* tools/lookloom-query.c - what looks like this item? Asked of a finished index, without a device.
 *
 * One process per question is how many shops will call it, so it links little and reads only the
 * rows it needs. Floor 6; includes base, cli, query. */
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/records.h"
#include "host/query/answer_text.h"
#include "host/query/query.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_program k_program = {
    .name = "lookloom-query",
    .synopsis = "INDEX.h5 ID...",
    .summary = "List the items of an index that look like an item. For the ID - the ids are\n"
               "read from standard input, one a line.",
    .notes = "Examples:\n"
             "  lookloom-query shop.h5 A7\n"
             "  lookloom-query shop.h5 A7 --top 4 --where stock=yes --distinct product\n"
             "  lookloom-query shop.h5 --all --format csv > similar.csv\n"
             "\n"
             "Exit status: 0 done, 1 an id is unknown or rejected, 2 usage, 3 failed.",
};

enum {
    TEXTS_A_READ = 64,   /* texts of a column read whole in the time one takes alone */
    SHOWN_ALWAYS = 4,    /* columns of a table that stay however narrow the terminal is */
    FIXED_COLUMNS = 4,   /* of a table: rank, score, id, image */
    MAX_COLUMNS = 4 + 60 /* of a table; attributes beyond are left to the other formats */
};

typedef struct tool {
    ll_arguments *arguments;
    ll_query *query;
    ll_query_options options;
    ll_format format;
    bool all, row, list;
    bool several; /* more than one answer: json is then an array */
    int64_t answers;
    ll_records *rows; /* what --row prints to */
    int code;
} tool;

/* Read every text at once if so many answers need more of them than that costs. */
static ll_status warm_for(const tool *to, int64_t questions, ll_error *err)
{
    const int64_t items = ll_query_items(to->query);
    const int64_t hits = to->options.top < items ? to->options.top : items;

    return questions * hits > items / TEXTS_A_READ ? ll_query_warm(to->query, err) : LL_OK;
}

static void say(const tool *to, const char *text)
{
    if (!ll_arguments_quiet(to->arguments)) fprintf(stderr, "%s: %s\n", k_program.name, text);
}

static ll_status print_json(tool *to, const ll_query_answer *answer, ll_error *err)
{
    char *text = NULL;
    LL_TRY(ll_query_answer_json(answer, &text, err));
    if (to->format == LL_FORMAT_JSON && to->several)
        fputs(to->answers == 0 ? "[\n" : ",\n", stdout);
    fputs(text, stdout);
    if (to->format == LL_FORMAT_JSONL || !to->several) fputc('\n', stdout);
    free(text);
    return LL_OK;
}

static void print_csv(const tool *to, const ll_query_answer *answer)
{
    char score[LL_QUERY_SCORE_TEXT];

    if (to->answers == 0) puts("query,rank,id,score,image");
    for (int64_t i = 0; i < answer->count; i++) {
        const ll_query_hit *const hit = &answer->hits[i];
        ll_csv_field(stdout, answer->id, strlen(answer->id));
        printf(",%lld,", (long long)i + 1);
        ll_csv_field(stdout, hit->id, strlen(hit->id));
        printf(",%s,", ll_query_score_text((double)hit->score, score));
        ll_csv_field(stdout, hit->image, strlen(hit->image));
        putchar('\n');
    }
}

static ll_status print_table(const tool *to, const ll_query_answer *answer, ll_error *err)
{
    ll_status status = LL_OK;
    ll_column columns[MAX_COLUMNS] = {
        {"rank", true}, {"score", true}, {"id", false}, {"image", false}};
    const char *cells[MAX_COLUMNS];
    char rank[LL_NUMBER_TEXT], score[LL_QUERY_SCORE_TEXT];
    ll_records *table = NULL;
    int count = FIXED_COLUMNS;

    for (; count < MAX_COLUMNS && count - FIXED_COLUMNS < answer->columns; count++)
        columns[count] = (ll_column){answer->column_names[count - FIXED_COLUMNS], false};
    if (to->several) {
        if (to->answers > 0) putchar('\n');
        printf("%s\n", answer->id);
    }
    LL_TRY_DONE(ll_records_create(stdout, LL_FORMAT_TABLE, columns, count, &table, err));
    ll_records_limit(table, ll_terminal_width(stdout), SHOWN_ALWAYS);
    for (int64_t i = 0; i < answer->count; i++) {
        const ll_query_hit *const hit = &answer->hits[i];
        cells[0] = ll_number_text(i + 1, rank);
        cells[1] = ll_query_score_text((double)hit->score, score);
        cells[2] = hit->id;
        cells[3] = hit->image;
        for (int c = FIXED_COLUMNS; c < count; c++)
            cells[c] = hit->attributes[c - FIXED_COLUMNS];
        LL_TRY_DONE(ll_records_row(table, cells, err));
    }
    LL_TRY_DONE(ll_records_finish(table, err));
done:
    ll_records_free(table);
    return status;
}

static ll_status answer_row(tool *to, int64_t row, ll_error *err)
{
    ll_status status = LL_OK;
    ll_query_answer *answer = NULL;
    char text[LL_QUERY_HINT_TEXT], line[LL_QUERY_HINT_TEXT + 128];

    const double began_s = ll_clock_seconds();
    LL_TRY_DONE(ll_query_similar(to->query, row, &to->options, &answer, err));
    if (ll_arguments_verbose(to->arguments)) {
        ll_text_say(line, sizeof line, "%s: %lld found in %.3f ms, %s, %s", answer->id,
                    (long long)answer->count, 1e3 * (ll_clock_seconds() - began_s),
                    answer->complete ? "complete" : "incomplete",
                    answer->exact ? "exact" : "inexact");
        say(to, line);
    }
    switch (to->format) {
    case LL_FORMAT_TABLE: LL_TRY_DONE(print_table(to, answer, err)); break;
    case LL_FORMAT_CSV: print_csv(to, answer); break;
    case LL_FORMAT_JSON:
    case LL_FORMAT_JSONL: LL_TRY_DONE(print_json(to, answer, err)); break;
    }
    to->answers++;
    ll_query_answer_hint(answer, &to->options, text);
    if (text[0] != '\0' && !to->all) say(to, text);
done:
    ll_query_answer_free(answer);
    return status;
}

/* --row: the scores as they are stored, in catalogue order, the item itself included; for whoever
 * ranks by other rules. */
static ll_status matrix_row(const tool *to, int64_t row, ll_error *err)
{
    ll_status status = LL_OK;
    char score[LL_QUERY_SCORE_TEXT], *query = NULL, *id = NULL;
    size_t length = 0;

    const char *bytes = ll_query_id(to->query, row, &length);
    LL_TRY_DONE(ll_text_copy(bytes, length, &query, err));
    for (int64_t other = 0; other < ll_query_items(to->query); other++) {
        bytes = ll_query_id(to->query, other, &length);
        LL_TRY_DONE(ll_text_copy(bytes, length, &id, err));
        ll_query_score_text((double)ll_query_stored_score(to->query, row, other), score);
        LL_TRY_DONE(ll_records_row(to->rows, (const char *const[]){query, id, score}, err));
        free(id);
        id = NULL;
    }
done:
    free(query);
    free(id);
    return status;
}

/* An unknown id does not stop the others; the exit code remembers it. */
static ll_status answer_id(tool *to, const char *id, size_t length, ll_error *err)
{
    char text[LL_QUERY_HINT_TEXT];
    const int64_t row = ll_query_find(to->query, id, length);

    if (row >= 0) return to->row ? matrix_row(to, row, err) : answer_row(to, row, err);
    LL_TRY(ll_query_absence_text(to->query, id, length, text, err));
    fprintf(stderr, "%s: %s\n", k_program.name, text);
    to->code = LL_EXIT_NO;
    return LL_OK;
}

static ll_status answer_stdin(tool *to, ll_error *err)
{
    ll_status status = LL_OK;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length = 0;
    int64_t lines = 0;

    while (status == LL_OK && (length = getline(&line, &capacity, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n') length--;
        if (length > 0 && line[length - 1] == '\r') length--;
        if (length == 0) continue;
        status = warm_for(to, ++lines, err); /* once it has, asking again costs nothing */
        if (status == LL_OK) status = answer_id(to, line, (size_t)length, err);
    }
    if (status == LL_OK && ferror(stdin))
        status = ll_fail(err, LL_ERR_IO, "standard input: %s", strerror(errno));
    free(line);
    return status;
}

static ll_status answer_all(tool *to, ll_error *err)
{
    for (int64_t row = 0; row < ll_query_items(to->query) && !ferror(stdout); row++)
        LL_TRY(answer_row(to, row, err));
    return LL_OK;
}

/* --list: one id a line, for eyes and for `lookloom-query INDEX.h5 -`; with a --format given, what
 * that makes of one column. */
static ll_status list_ids(const tool *to, ll_error *err)
{
    ll_status status = LL_OK;
    static const ll_column k_column[] = {{"id", false}};
    ll_records *records = NULL;
    char *id = NULL;

    if (to->format != LL_FORMAT_TABLE && ll_arguments_given(to->arguments, "format"))
        LL_TRY_DONE(ll_records_create(stdout, to->format, k_column, 1, &records, err));
    for (int64_t row = 0; row < ll_query_items(to->query); row++) {
        size_t length = 0;
        const char *const bytes = ll_query_id(to->query, row, &length);
        free(id);
        id = NULL;
        LL_TRY_DONE(ll_text_copy(bytes, length, &id, err));
        if (records == NULL)
            puts(id);
        else
            LL_TRY_DONE(ll_records_row(records, (const char *const[]){id}, err));
    }
    if (records != NULL) LL_TRY_DONE(ll_records_finish(records, err));
done:
    free(id);
    ll_records_free(records);
    return status;
}

static ll_status answer_arguments(tool *to, ll_error *err)
{
    for (int i = 1; i < ll_arguments_count(to->arguments); i++) {
        const char *const id = ll_arguments_at(to->arguments, i);
        if (strcmp(id, "-") == 0)
            LL_TRY(answer_stdin(to, err));
        else
            LL_TRY(answer_id(to, id, strlen(id), err));
    }
    return LL_OK;
}

static ll_status matrix_rows(tool *to, ll_error *err)
{
    static const ll_column k_columns[] = {{"query", false}, {"id", false}, {"score", true}};

    if (!ll_query_has_matrix(to->query))
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: --row needs a matrix, and there is none",
                       ll_arguments_at(to->arguments, 0));
    LL_TRY(ll_records_create(stdout, to->format, k_columns, 3, &to->rows, err));
    LL_TRY(answer_arguments(to, err));
    return ll_records_finish(to->rows, err);
}

static ll_status answers(tool *to, ll_error *err)
{
    const int count = ll_arguments_count(to->arguments);

    to->several = to->all || count > 2 || strcmp(ll_arguments_at(to->arguments, 1), "-") == 0;
    LL_TRY(warm_for(to, to->all ? ll_query_items(to->query) : count - 1, err));
    LL_TRY(to->all ? answer_all(to, err) : answer_arguments(to, err));
    if (to->format == LL_FORMAT_JSON && to->several) puts(to->answers == 0 ? "[]" : "\n]");
    if (to->format == LL_FORMAT_CSV && to->answers == 0) puts("query,rank,id,score,image");
    return LL_OK;
}

static ll_status ask(tool *to, ll_error *err)
{
    const bool ids_needed = !to->all && !to->list;

    if (to->all + to->row + to->list > 1)
        return ll_fail(err, LL_ERR_ARGUMENT, "--all, --row and --list exclude each other");
    LL_TRY(ll_arguments_expect(to->arguments, ids_needed ? 2 : 1, !ids_needed ? 1 : -1, err));
    LL_TRY(ll_query_open(ll_arguments_at(to->arguments, 0), &to->query, err));
    LL_TRY(ll_query_check(to->query, &to->options, err));
    if (to->list) return list_ids(to, err);
    if (to->row) return matrix_rows(to, err);
    if (isnan(to->options.min_score)) {
        to->options.min_score = ll_query_defaults(to->query).min_score;
        if (!ll_query_trained(to->query))
            say(to, "the index was made with untrained weights: scores promise nothing, and "
                    "--min-score is 0 unless given");
    }
    if (to->options.min_score > to->options.max_score)
        return ll_fail(err, LL_ERR_ARGUMENT, "--max-score: %g is below --min-score %g%s",
                       to->options.max_score, to->options.min_score,
                       ll_arguments_given(to->arguments, "min-score") ? ""
                                                                      : ", its default; give both");
    return answers(to, err);
}

static ll_status parse(tool *to, int argc, char **argv, ll_error *err)
{
    const char *format = NULL;
    ll_option_list where = {0};
    const ll_option options[] = {
        {"top", 0, LL_OPTION_INT, &to->options.top, "N", "list at most N items, the best first", 1,
         UINT32_MAX},
        {"min-score", 0, LL_OPTION_SCORE, &to->options.min_score, "X",
         "list items that score X or more (default: 0.8; 0 with untrained weights)", 0, 0},
        {"max-score", 0, LL_OPTION_SCORE, &to->options.max_score, "X",
         "list items that score X or less; below 1 leaves out twins", 0, 0},
        {"format", 0, LL_OPTION_WORD, &format, LL_FORMAT_WORDS,
         "how to print (default: table on a terminal, else json)", 0, 0},
        {"all", 0, LL_OPTION_FLAG, &to->all, NULL, "answer for every item", 0, 0},
        {"row", 0, LL_OPTION_FLAG, &to->row, NULL,
         "list the item's whole row of the stored matrix, in catalogue order", 0, 0},
        {"list", 0, LL_OPTION_FLAG, &to->list, NULL,
         "list the ids instead, one a line unless --format is given", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "Filters:"},
        {"where", 0, LL_OPTION_LIST, &where, "COLUMN=VALUE",
         "only items with this value; again for the same column: or; for another: and", 0, 0},
        {"same", 0, LL_OPTION_TEXT, &to->options.same, "COLUMN",
         "only items with the queried item's own value", 0, 0},
        {"distinct", 0, LL_OPTION_TEXT, &to->options.distinct, "COLUMN",
         "only the best item of each value, and none with the queried item's own", 0, 0},
        LL_OPTION_END,
    };

    LL_TRY(ll_arguments_parse(&k_program, argc, (const char *const *)argv, options, &to->arguments,
                              err));
    to->options.where = where.items;
    to->options.where_count = where.count;
    to->format = ll_format_find(format, stdout);
    return LL_OK;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    tool to = {.options = {.top = LL_QUERY_TOP, .min_score = NAN, .max_score = 1.0}};

    /* This variable would override our request for no file locks; none are needed, since files
     * appear whole and never change. */
    (void)unsetenv("HDF5_USE_FILE_LOCKING");
    LL_TRY_DONE(parse(&to, argc, argv, &err));
    if (!ll_arguments_answered(to.arguments)) LL_TRY_DONE(ask(&to, &err));
done:
    ll_records_free(to.rows);
    ll_query_close(to.query);
    ll_arguments_free(to.arguments);
    return ll_exit_report(k_program.name, status, &err, to.code);
}
