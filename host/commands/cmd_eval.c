/* host/commands/cmd_eval.c - `lookloom eval`: do an index's neighbours agree with a column? */
#include "host/commands/command.h"

#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/cli/records.h"
#include "host/query/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char k_program[] = "lookloom eval";
enum { MAX_K = 1024 };

/* "1,5,10" into `cuts`. */
static ll_status parse_cuts(const char *text, int64_t *cuts, int *count, ll_error *err)
{
    ll_status status = LL_OK;
    char *word = NULL;

    for (*count = 0;; text++) {
        const size_t length = strcspn(text, ",");
        if (*count == LL_EVALUATION_CUTS)
            return ll_fail(err, LL_ERR_ARGUMENT, "--k: more than %d values", LL_EVALUATION_CUTS);
        LL_TRY(ll_text_copy(text, length, &word, err));
        status = ll_number_int("--k", word, 1, MAX_K, &cuts[*count], err);
        free(word);
        LL_TRY(status);
        ++*count;
        text += length;
        if (*text == '\0') return LL_OK;
    }
}

/* Three decimals are what an eye can use of a mean over a shop; programs get those that are no
 * noise of adding up. */
static const char *number(double value, ll_format format, char buffer[LL_NUMBER_TEXT])
{
    if (isnan(value)) return NULL;
    return format == LL_FORMAT_TABLE ? ll_number_fixed(value, 3, buffer)
                                     : ll_number_digits(value, 13, buffer);
}

static ll_status print_class(ll_records *records, ll_format format,
                             const ll_evaluation_class *class, const ll_evaluation_options *options,
                             ll_error *err)
{
    char items[LL_NUMBER_TEXT], k[LL_NUMBER_TEXT], value[LL_NUMBER_TEXT], low[LL_NUMBER_TEXT];
    char high[LL_NUMBER_TEXT], chance[LL_NUMBER_TEXT];
    /* no label is "", so programs tell the whole from any class by a null or an empty field */
    const char *const label =
        class->label == NULL && format == LL_FORMAT_TABLE ? "(all)" : class->label;

    ll_number_text(class->items, items);
    for (int c = 0; c < options->cut_count; c++) {
        ll_number_text(options->cuts[c], k);
        for (int m = 0; m < LL_MEASURES; m++) {
            const ll_estimate *const e = &class->estimates[c * (int)LL_MEASURES + m];
            const char *const cells[] = {label,
                                         items,
                                         ll_measure_name((ll_measure)m),
                                         k,
                                         number(e->value, format, value),
                                         number(e->low, format, low),
                                         number(e->high, format, high),
                                         number(e->chance, format, chance)};
            LL_TRY(ll_records_row(records, cells, err));
        }
    }
    return LL_OK;
}

static ll_status print(const ll_evaluation *evaluation, const ll_evaluation_options *options,
                       ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    ll_records *records = NULL;
    static const ll_column k_columns[] = {{"label", false}, {"items", true}, {"measure", false},
                                          {"k", true},      {"value", true}, {"low", true},
                                          {"high", true},   {"chance", true}};

    LL_TRY_DONE(ll_records_create(stdout, format, k_columns, 8, &records, err));
    for (int64_t i = 0; i < evaluation->class_count; i++)
        LL_TRY_DONE(print_class(records, format, &evaluation->classes[i], options, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    return status;
}

/* What was asked and what was not, and how the intervals were made. */
static void say(const ll_evaluation *evaluation, const ll_evaluation_options *options)
{
    char asked[LL_NUMBER_TEXT], items[LL_NUMBER_TEXT], alone[LL_NUMBER_TEXT], none[LL_NUMBER_TEXT];
    char resamples[LL_NUMBER_TEXT];

    fprintf(stderr, "%s: %s of %s items asked; not asked: %s without %s, %s alone in their class\n",
            k_program, ll_number_grouped(evaluation->asked, asked),
            ll_number_grouped(evaluation->items, items),
            ll_number_grouped(evaluation->unlabelled, none), options->label,
            ll_number_grouped(evaluation->alone, alone));
    if (options->resamples > 0 && evaluation->asked > 0)
        fprintf(stderr,
                "%s: low and high are 95 %% bootstrap intervals over items: %s resamples, seed "
                "%lld\n",
                k_program, ll_number_grouped(options->resamples, resamples),
                (long long)options->seed);
}

/* The command line, as texts and numbers. */
typedef struct request {
    const char *label, *k, *format, *progress;
    int64_t resamples, seed, jobs;
} request;

static ll_status parse(int argc, const char *const *argv, request *r, ll_arguments **out,
                       ll_error *err)
{
    const ll_option options[] = {
        {"label", 0, LL_OPTION_TEXT, &r->label, "COLUMN", "what makes two items alike", 0, 0},
        {"k", 0, LL_OPTION_TEXT, &r->k, "K,...", "how many neighbours to look at", 0, 0},
        {"resamples", 0, LL_OPTION_INT, &r->resamples, "N", "of the bootstrap; 0: no intervals", 0,
         100000},
        {"seed", 0, LL_OPTION_INT, &r->seed, "S", "of the bootstrap", 0, 1e15},
        {"format", 0, LL_OPTION_WORD, &r->format, LL_FORMAT_WORDS,
         "how to print (default: table on a terminal, else json)", 0, 0},
        {"jobs", 0, LL_OPTION_INT, &r->jobs, "N", "threads; results do not depend on it", 1, 1024},
        {"progress", 0, LL_OPTION_WORD, &r->progress, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    static const ll_program k_eval = {
        .name = k_program,
        .synopsis = "INDEX.h5 --label COLUMN",
        .summary = "Judge the stored neighbours by a column of the catalogue: precision@k,\n"
                   "recall@k, mAP@k and nDCG@k, of each class and of all items together, with\n"
                   "95 % intervals, and beside each what random neighbours would reach.",
        .notes = "Example:\n  lookloom eval shop.h5 --label category --k 1,5,10"};

    return ll_arguments_parse(&k_eval, argc, argv, options, out, err);
}

int cmd_eval(int argc, const char *const *argv)
{
    request r = {.k = "10", .progress = "auto", .resamples = 1000, .seed = 1};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int64_t cuts[LL_EVALUATION_CUTS];
    ll_evaluation_options options = {.cuts = cuts};
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;
    ll_query *query = NULL;
    ll_evaluation *evaluation = NULL;

    r.jobs = ll_parallel_cores();
    LL_TRY_DONE(parse(argc, argv, &r, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    if (r.label == NULL) {
        status = ll_fail(&err, LL_ERR_ARGUMENT, "which column? add --label COLUMN");
        goto done;
    }
    LL_TRY_DONE(parse_cuts(r.k, cuts, &options.cut_count, &err));
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(r.progress),
                                      .quiet = ll_arguments_quiet(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    options.label = r.label;
    options.resamples = r.resamples;
    options.seed = (uint64_t)r.seed;
    options.threads = (int)r.jobs;
    options.log = ll_progress_log(progress);
    LL_TRY_DONE(ll_query_open(ll_arguments_at(arguments, 0), &query, &err));
    LL_TRY_DONE(ll_evaluate(query, &options, &evaluation, &err));
    ll_progress_free(progress);
    progress = NULL;
    if (!ll_arguments_quiet(arguments)) say(evaluation, &options);
    LL_TRY_DONE(print(evaluation, &options, ll_format_find(r.format, stdout), &err));
done:
    ll_progress_free(progress);
    ll_evaluation_free(evaluation);
    ll_query_close(query);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, LL_EXIT_DONE);
}
