/* host/commands/cmd_bench.c - `lookloom bench`: the one front door to the cases of bench/. */
#include "host/commands/command.h"

#include "bench/bench.h"
#include "host/backend/backend.h"
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/base/text.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/cli/records.h"

#include <stdlib.h>
#include <string.h>

static const char k_program[] = "lookloom bench";

enum stage { DECODE, EMBED, SIMILARITY, STORE, QUERY, STAGES };

static const struct {
    const char *name;
    ll_status (*run)(const ll_bench_options *options, ll_bench_result *results, ll_error *err);
} k_stages[STAGES] = {
    [DECODE] = {"decode", ll_bench_decode},
    [EMBED] = {"embed", ll_bench_embed},
    [SIMILARITY] = {"similarity", ll_bench_similarity},
    [STORE] = {"store", ll_bench_store},
    [QUERY] = {"query", ll_bench_query},
};
enum { COLUMNS = 13, MAX_BATCHES = 16 };
static const int64_t k_largest_batch = 4096;

static const ll_column k_columns[COLUMNS] = {
    {"stage", false},   {"work", false},  {"threads", true}, {"runs", true},    {"min_s", true},
    {"median_s", true}, {"rate", true},   {"unit", false},   {"gflop_s", true}, {"gb_s", true},
    {"of_limit", true}, {"limit", false}, {"batch", true},
};

struct request {
    int64_t jobs, items, cols, memory, rounds, patience;
    double seconds;
    const char *batch, *photos, *folder, *index, *keep;
    const char *weights, *backend, *precision, *matrix, *format;
    int batches[MAX_BATCHES]; /* of `batch`; one 0: the backend's default */
    int batch_count;
};

static ll_status print_result(ll_records *to, const ll_bench_result *r, ll_error *err)
{
    char numbers[COLUMNS][LL_NUMBER_TEXT], unit[sizeof r->unit + sizeof "/s"];
    const double rate = r->median_s > 0.0 ? r->count / r->median_s : 0.0;
    const double gflop_s = r->median_s > 0.0 ? r->flops / r->median_s / 1e9 : 0.0;
    const double gb_s = r->median_s > 0.0 ? r->bytes / r->median_s / 1e9 : 0.0;
    const char *const row[COLUMNS] = {
        r->stage,
        r->work,
        ll_number_text(r->threads, numbers[2]),
        ll_number_text(r->runs, numbers[3]),
        ll_number_fixed(r->min_s, 4, numbers[4]),
        ll_number_fixed(r->median_s, 4, numbers[5]),
        ll_number_digits(rate, 6, numbers[6]),
        ll_text_exact(unit, sizeof unit, "%s/s", r->unit),
        r->flops > 0.0 ? ll_number_fixed(gflop_s, 1, numbers[8]) : NULL,
        r->bytes > 0.0 ? ll_number_fixed(gb_s, 2, numbers[9]) : NULL,
        r->limit > 0.0 ? ll_number_fixed(rate / r->limit, 3, numbers[10]) : NULL,
        r->limit_name,
        r->batch > 0 ? ll_number_text(r->batch, numbers[12]) : NULL,
    };
    return ll_records_row(to, row, err);
}

/* A figure that cannot be is printed, and said to be one. */
static void warn_beyond_limit(const ll_bench_result *r, const ll_log *log)
{
    if (!ll_bench_beyond_limit(r)) return;
    ll_log_line(
        log,
        "%s: its fastest run was %.2f times the limit, where at most %g is possible: one of "
        "the two is wrong",
        r->stage, r->count / r->min_s / r->limit, r->may_pass);
}

static bool wanted(const ll_arguments *arguments, const char *stage)
{
    const int count = ll_arguments_count(arguments);

    for (int i = 0; i < count; i++)
        if (strcmp(ll_arguments_at(arguments, i), stage) == 0 ||
            strcmp(ll_arguments_at(arguments, i), "all") == 0)
            return true;
    return count == 0;
}

static ll_status check_stages(const ll_arguments *arguments, ll_error *err)
{
    for (int i = 0; i < ll_arguments_count(arguments); i++) {
        const char *const word = ll_arguments_at(arguments, i);
        bool known = strcmp(word, "all") == 0;
        for (int s = 0; s < STAGES; s++)
            known |= strcmp(word, k_stages[s].name) == 0;
        if (!known)
            return ll_fail(err, LL_ERR_ARGUMENT,
                           "no stage '%s'; use decode, embed, similarity, store, query or all",
                           word);
    }
    return LL_OK;
}

/* Is this stage the only one asked for? */
static bool is_only_stage(const ll_arguments *arguments, const char *stage)
{
    return ll_arguments_count(arguments) == 1 && strcmp(ll_arguments_at(arguments, 0), stage) == 0;
}

/* What the index of a night has and a bench in memory has not. */
static ll_status check_kept(const ll_arguments *arguments, const struct request *r, ll_error *err)
{
    const bool single_run = r->keep != NULL && is_only_stage(arguments, "similarity");
    const bool narrow = strcmp(r->matrix, "float32") != 0 && strcmp(r->matrix, "none") != 0;

    if (r->keep != NULL && !single_run && !is_only_stage(arguments, "query"))
        return ll_fail(err, LL_ERR_ARGUMENT, "--keep: for `bench similarity` or `bench query`");
    if (!single_run && narrow)
        return ll_fail(err, LL_ERR_ARGUMENT, "--matrix %s: only for `bench similarity --keep`",
                       r->matrix);
    if (!single_run && r->memory != LL_OPTION_UNSET)
        return ll_fail(err, LL_ERR_ARGUMENT, "--memory: only for `bench similarity --keep`");
    return LL_OK;
}

/* One stage, once or, of those that have batches, once a batch. */
static ll_status run_stage(enum stage stage, const struct request *r,
                           const ll_bench_options *common, ll_records *records, ll_error *err)
{
    ll_bench_options options = *common;
    const int times = stage == EMBED ? r->batch_count : 1;

    options.path = stage == DECODE  ? r->photos
                   : stage == STORE ? r->folder
                   : stage == QUERY ? r->index
                                    : NULL;
    for (int b = 0; b < times; b++) {
        ll_bench_result results[LL_BENCH_RESULTS] = {0};
        options.batch = r->batches[b];
        if (stage == SIMILARITY && r->keep != NULL)
            LL_TRY(ll_bench_compare_write(&options, results, err));
        else
            LL_TRY(k_stages[stage].run(&options, results, err));
        for (int i = 0; i < LL_BENCH_RESULTS; i++) {
            if (results[i].runs == 0) continue;
            LL_TRY(print_result(records, results + i, err));
            warn_beyond_limit(results + i, common->log);
        }
    }
    return LL_OK;
}

static ll_status run_stages(const ll_arguments *arguments, const struct request *r,
                            const ll_log *log, ll_error *err)
{
    ll_status status = LL_OK;
    ll_records *records = NULL;
    const ll_bench_options common = {.threads = (int)r->jobs,
                                     .items = r->items == LL_OPTION_UNSET ? 0 : r->items,
                                     .cols = r->cols == LL_OPTION_UNSET ? 0 : r->cols,
                                     .rounds = r->rounds == LL_OPTION_UNSET ? 0 : (int)r->rounds,
                                     .seconds = r->seconds,
                                     .weights = r->weights,
                                     .backend = r->backend,
                                     .precision = r->precision,
                                     .no_matrix = strcmp(r->matrix, "none") == 0,
                                     .matrix = r->matrix,
                                     .keep = r->keep,
                                     .patience_s =
                                         r->patience == LL_OPTION_UNSET ? 0 : (int)r->patience,
                                     .memory_bytes = r->memory == LL_OPTION_UNSET ? 0 : r->memory,
                                     .log = log};

    LL_TRY_DONE(check_stages(arguments, err));
    LL_TRY_DONE(check_kept(arguments, r, err));
    LL_TRY_DONE(ll_records_create(stdout, ll_format_find(r->format, stdout), k_columns, COLUMNS,
                                  &records, err));
    for (int s = 0; s < STAGES; s++)
        if (wanted(arguments, k_stages[s].name))
            LL_TRY_DONE(run_stage((enum stage)s, r, &common, records, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    return status;
}

/* "1,8,64" */
static ll_status read_batches(struct request *r, ll_error *err)
{
    const char *at = r->batch;

    if (at == NULL) {
        r->batch_count = 1;
        return LL_OK;
    }
    for (;;) {
        char *word = NULL;
        const size_t length = strcspn(at, ",");
        int64_t batch = 0;
        if (r->batch_count == MAX_BATCHES)
            return ll_fail(err, LL_ERR_ARGUMENT, "--batch %s: at most %d numbers", r->batch,
                           MAX_BATCHES);
        LL_TRY(ll_text_copy(at, length, &word, err));
        const ll_status status = ll_number_int("--batch", word, 1, k_largest_batch, &batch, err);
        free(word);
        LL_TRY(status);
        r->batches[r->batch_count++] = (int)batch;
        if (at[length] == '\0') return LL_OK;
        at += length + 1;
    }
}

static ll_status parse(struct request *r, int argc, const char *const *argv, ll_arguments **out,
                       ll_error *err)
{
    const ll_option options[] = {
        {"backend", 0, LL_OPTION_WORD, &r->backend, ll_backend_words(), "where to compute", 0, 0},
        {"precision", 0, LL_OPTION_WORD, &r->precision, "fp32|tf32|fp16",
         "cpu: fp32; cuda: fp16 unless given", 0, 0},
        {"jobs", 0, LL_OPTION_INT, &r->jobs, "N", "threads", 1, 1024},
        {"batch", 0, LL_OPTION_TEXT, &r->batch, "N[,N...]",
         "embed: images at a time; a result for each", 0, 0},
        {"patience", 0, LL_OPTION_INT, &r->patience, "SECONDS",
         "embed: how long cuda may try engines for all layers together (60)", 1, 86400},
        {"items", 0, LL_OPTION_INT, &r->items, "N",
         "images (decode, embed), rows (similarity, store) or size of the index (query)", 1, 1e8},
        {"cols", 0, LL_OPTION_INT, &r->cols, "D",
         "similarity: width of a feature; query: draw features and a matrix too", 1, 1e6},
        {"matrix", 0, LL_OPTION_WORD, &r->matrix, "float32|float16|uint16|none",
         "similarity: none compares for neighbours alone", 0, 0},
        {"memory", 0, LL_OPTION_BYTES, &r->memory, "SIZE",
         "similarity with --keep: as --memory of `lookloom index`", 1, 0},
        {"seconds", 0, LL_OPTION_REAL, &r->seconds, "S", "measure at least this long", 0.01, 3600},
        {"weights", 0, LL_OPTION_TEXT, &r->weights, "FILE",
         "embed: this network (an untrained one)", 0, 0},
        {"photos", 0, LL_OPTION_TEXT, &r->photos, "FOLDER", "decode: its JPEGs (drawn ones)", 0, 0},
        {"folder", 0, LL_OPTION_TEXT, &r->folder, "FOLDER",
         "store: write there ($TMPDIR, else /tmp)", 0, 0},
        {"rounds", 0, LL_OPTION_INT, &r->rounds, "N",
         "store: matrices to write (5; 3 on a slow disk)", 1, 100},
        {"index", 0, LL_OPTION_TEXT, &r->index, "INDEX.h5", "query: ask this index", 0, 0},
        {"keep", 0, LL_OPTION_TEXT, &r->keep, "FILE",
         "query, similarity: leave the drawn index here; similarity runs once, as a night does", 0,
         0},
        {"format", 0, LL_OPTION_WORD, &r->format, LL_FORMAT_WORDS,
         "how to print (a table on a terminal, else json)", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "[decode] [embed] [similarity] [store] [query] [all]",
        .summary =
            "Measure stages on this machine: each answer is checked, warmed up, repeated,\n"
            "and set beside what the machine could do at best. -V says what a backend does."};
    return ll_arguments_parse(&program, argc, argv, options, out, err);
}

int cmd_bench(int argc, const char *const *argv)
{
    struct request r = {.jobs = ll_parallel_cores(),
                        .items = LL_OPTION_UNSET,
                        .cols = LL_OPTION_UNSET,
                        .memory = LL_OPTION_UNSET,
                        .patience = LL_OPTION_UNSET,
                        .rounds = LL_OPTION_UNSET,
                        .seconds = 1.0,
                        .backend = "cpu",
                        .matrix = "float32"};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;

    LL_TRY_DONE(parse(&r, argc, argv, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(read_batches(&r, &err));
    const ll_progress_options talk = {.program = k_program,
                                      .mode = LL_PROGRESS_NONE,
                                      .quiet = ll_arguments_quiet(arguments),
                                      .verbose = ll_arguments_verbose(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    LL_TRY_DONE(run_stages(arguments, &r, ll_progress_log(progress), &err));
done:
    ll_progress_free(progress);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, LL_EXIT_DONE);
}
