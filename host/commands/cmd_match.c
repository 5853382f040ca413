/* host/commands/cmd_match.c - `lookloom match`: which items look like photos that are none? */
#include "host/commands/command.h"

#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/cli/records.h"
#include "host/pipeline/match.h"
#include "host/query/answer_text.h"
#include "host/query/photo_rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char k_program[] = "lookloom match";
enum {
    FIXED_COLUMNS = 5,   /* query, rank, score, id, image */
    MAX_COLUMNS = 5 + 60 /* of a table; attributes beyond are left to the other formats */
};

/* The command line, as texts and numbers. */
typedef struct request {
    const char *weights, *backend, *format, *progress;
    int64_t device, jobs, batch, patience;
    ll_query_options options; /* same: never */
    ll_option_list where;
} request;

/* What a run holds. */
typedef struct matcher {
    request request;
    ll_arguments *arguments;
    ll_progress *progress;
    ll_query *query;
    ll_match *photos;
    ll_query_answer **answers; /* (photos->count) */
    int code;
} matcher;

static ll_status parse(int argc, const char *const *argv, request *r, ll_arguments **out,
                       ll_error *err)
{
    const ll_option options[] = {
        {"top", 0, LL_OPTION_INT, &r->options.top, "N", "list at most N items, the best first", 1,
         UINT32_MAX},
        {"min-score", 0, LL_OPTION_SCORE, &r->options.min_score, "X",
         "list items that score X or more (default: 0.8; 0 with untrained weights)", 0, 0},
        {"max-score", 0, LL_OPTION_SCORE, &r->options.max_score, "X",
         "list items that score X or less", 0, 0},
        {"format", 0, LL_OPTION_WORD, &r->format, LL_FORMAT_WORDS,
         "how to print (default: table on a terminal, else json)", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "Filters:"},
        {"where", 0, LL_OPTION_LIST, &r->where, "COLUMN=VALUE",
         "only items with this value; again for the same column: or; for another: and", 0, 0},
        {"distinct", 0, LL_OPTION_TEXT, &r->options.distinct, "COLUMN",
         "only the best item of each value", 0, 0},
        {.kind = LL_OPTION_HEADING, .help = "From photo to features, as the index was made:"},
        {"weights", 0, LL_OPTION_TEXT, &r->weights, "FILE",
         "the VGG16 weights of the index; else $LOOKLOOM_WEIGHTS or what `lookloom weights fetch` "
         "left",
         0, 0},
        {"backend", 0, LL_OPTION_WORD, &r->backend, ll_backend_words(),
         "where to compute (default: that of the index)", 0, 0},
        {"device", 0, LL_OPTION_INT, &r->device, "N", "which CUDA device", 0, 1023},
        {"batch", 0, LL_OPTION_INT, &r->batch, "N",
         "photos at a time, as the index was made (cpu 32, cuda 256)", 1, 4096},
        {"patience", 0, LL_OPTION_INT, &r->patience, "SECONDS",
         "how long cuda may try engines for all layers together (60)", 1, 86400},
        {"jobs", 0, LL_OPTION_INT, &r->jobs, "N", "threads; results do not depend on it", 1, 1024},
        {"progress", 0, LL_OPTION_WORD, &r->progress, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    static const ll_program k_match = {
        .name = k_program,
        .synopsis = "INDEX.h5 IMAGE...",
        .summary = "Rank the items of an index by how much they look like a photo that is not in\n"
                   "it. Photos are prepared as those of the index were, with the same weights;\n"
                   "scores are exact, so an item's own photo scores 1.",
        .notes = "Exit status: 0 done, 1 a photo cannot be used, 2 usage, 3 failed."};

    LL_TRY(ll_arguments_parse(&k_match, argc, argv, options, out, err));
    r->options.where = r->where.items;
    r->options.where_count = r->where.count;
    return LL_OK;
}

static ll_status print_json(const matcher *m, ll_format format, ll_error *err)
{
    const bool several = ll_arguments_count(m->arguments) > 2;
    const bool array = format == LL_FORMAT_JSON && several;

    if (array) fputs("[\n", stdout);
    for (int64_t i = 0; i < m->photos->count; i++) {
        char *text = NULL;
        LL_TRY(ll_query_answer_json(m->answers[i], &text, err));
        fputs(text, stdout);
        free(text);
        fputs(array && i + 1 < m->photos->count ? ",\n" : "\n", stdout);
    }
    if (array) puts("]");
    return LL_OK;
}

static ll_status print_hits(ll_records *records, const ll_query_answer *answer, bool table,
                            int columns, ll_error *err)
{
    const char *cells[MAX_COLUMNS];
    char rank[LL_NUMBER_TEXT], score[LL_QUERY_SCORE_TEXT];

    for (int64_t i = 0; i < answer->count; i++) {
        const ll_query_hit *const hit = &answer->hits[i];
        cells[0] = answer->id;
        cells[1] = ll_number_text(i + 1, rank);
        cells[table ? 3 : 2] = hit->id;
        cells[table ? 2 : 3] = ll_query_score_text((double)hit->score, score);
        cells[4] = hit->image;
        for (int c = FIXED_COLUMNS; c < columns; c++)
            cells[c] = hit->attributes[c - FIXED_COLUMNS];
        LL_TRY(ll_records_row(records, cells, err));
    }
    return LL_OK;
}

/* A table has the attributes too; the columns of csv are those of lookloom-query. */
static ll_status print_records(const matcher *m, ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    const bool table = format == LL_FORMAT_TABLE;
    ll_column columns[MAX_COLUMNS] = {{"query", false},
                                      {"rank", true},
                                      {table ? "score" : "id", table},
                                      {table ? "id" : "score", !table},
                                      {"image", false}};
    ll_records *records = NULL;
    int count = FIXED_COLUMNS;

    if (table && m->photos->count > 0)
        for (int c = 0; c < m->answers[0]->columns && count < MAX_COLUMNS; c++)
            columns[count++] = (ll_column){m->answers[0]->column_names[c], false};
    LL_TRY_DONE(ll_records_create(stdout, format, columns, count, &records, err));
    ll_records_limit(records, ll_terminal_width(stdout), FIXED_COLUMNS);
    for (int64_t i = 0; i < m->photos->count; i++)
        LL_TRY_DONE(print_hits(records, m->answers[i], table, count, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    return status;
}

/* The threshold that was not given, and whether the two make sense together. */
static ll_status settle_scores(matcher *m, ll_error *err)
{
    ll_query_options *const options = &m->request.options;

    if (isnan(options->min_score)) options->min_score = ll_query_defaults(m->query).min_score;
    if (options->min_score > options->max_score)
        return ll_fail(err, LL_ERR_ARGUMENT, "--max-score: %g is below --min-score %g%s",
                       options->max_score, options->min_score,
                       ll_arguments_given(m->arguments, "min-score") ? ""
                                                                     : ", its default; give both");
    return ll_query_check(m->query, options, err);
}

/* Photos that cannot be used are said even by --quiet: they change the exit code. */
static void log_rejects(matcher *m)
{
    for (int64_t i = 0; i < m->photos->rejected; i++)
        fprintf(stderr, "%s: %s: %s\n", k_program, m->photos->rejects[i].name,
                m->photos->rejects[i].reason);
    if (m->photos->rejected > 0) m->code = LL_EXIT_NO;
}

static void log_hints(const matcher *m)
{
    char text[LL_QUERY_HINT_TEXT];

    if (ll_arguments_quiet(m->arguments)) return;
    if (!ll_query_trained(m->query) && !ll_arguments_given(m->arguments, "min-score"))
        fprintf(stderr,
                "%s: the index was made with untrained weights: scores promise nothing, and "
                "--min-score is 0 unless given\n",
                k_program);
    for (int64_t i = 0; i < m->photos->count; i++) {
        ll_query_answer_hint(m->answers[i], &m->request.options, text);
        if (text[0] != '\0') fprintf(stderr, "%s: %s: %s\n", k_program, m->answers[i]->id, text);
    }
}

static ll_status embed(matcher *m, ll_error *err)
{
    ll_status status = LL_OK;
    const request *const r = &m->request;
    const int64_t count = ll_arguments_count(m->arguments) - 1;
    const char **paths = NULL;
    const ll_match_options options = {.index = ll_query_reader(m->query),
                                      .weights_path = r->weights,
                                      .backend = r->backend,
                                      .device = (int)r->device,
                                      .threads = (int)r->jobs,
                                      .batch = r->batch == LL_OPTION_UNSET ? 0 : (int)r->batch,
                                      .patience_s =
                                          r->patience == LL_OPTION_UNSET ? 0 : (int)r->patience,
                                      .log = ll_progress_log(m->progress)};

    LL_TRY_DONE(ll_alloc("photos", count, sizeof *paths, &paths, err));
    for (int64_t i = 0; i < count; i++)
        paths[i] = ll_arguments_at(m->arguments, (int)i + 1);
    LL_TRY_DONE(ll_match_embed(&options, paths, count, &m->photos, err));
done:
    free(paths);
    return status;
}

static ll_status match(matcher *m, ll_error *err)
{
    const request *const r = &m->request;
    const ll_format format = ll_format_find(r->format, stdout);
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(r->progress),
                                      .quiet = ll_arguments_quiet(m->arguments),
                                      .verbose = ll_arguments_verbose(m->arguments)};

    LL_TRY(ll_arguments_expect(m->arguments, 2, -1, err));
    LL_TRY(ll_progress_create(&talk, &m->progress, err));
    LL_TRY(ll_query_open(ll_arguments_at(m->arguments, 0), &m->query, err));
    LL_TRY(settle_scores(m, err));
    LL_TRY(embed(m, err));
    const ll_query_photos photos = {m->photos->names, m->photos->features, m->photos->count};
    LL_TRY(ll_alloc("answers", photos.count, sizeof(ll_query_answer *), &m->answers, err));
    LL_TRY(ll_query_photos_similar(m->query, &photos, &r->options, (int)r->jobs,
                                   ll_progress_log(m->progress), m->answers, err));
    ll_progress_free(m->progress);
    m->progress = NULL;
    log_rejects(m);
    log_hints(m);
    if (format == LL_FORMAT_JSON || format == LL_FORMAT_JSONL) return print_json(m, format, err);
    return print_records(m, format, err);
}

int cmd_match(int argc, const char *const *argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    matcher m = {.code = LL_EXIT_DONE,
                 .request = {.progress = "auto",
                             .batch = LL_OPTION_UNSET,
                             .patience = LL_OPTION_UNSET,
                             .options = {.top = LL_QUERY_TOP, .min_score = NAN, .max_score = 1.0}}};

    m.request.jobs = ll_parallel_cores();
    LL_TRY_DONE(parse(argc, argv, &m.request, &m.arguments, &err));
    if (!ll_arguments_answered(m.arguments)) LL_TRY_DONE(match(&m, &err));
done:
    ll_progress_free(m.progress);
    for (int64_t i = 0; m.answers != NULL && i < m.photos->count; i++)
        ll_query_answer_free(m.answers[i]);
    free(m.answers);
    ll_match_free(m.photos);
    ll_query_close(m.query);
    ll_arguments_free(m.arguments);
    return ll_exit_report(k_program, status, &err, m.code);
}
