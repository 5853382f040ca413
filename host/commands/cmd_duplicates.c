/* host/commands/cmd_duplicates.c - `lookloom duplicates`: which photos are there more than once? */
#include "host/commands/command.h"

#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/text.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/cli/records.h"
#include "host/query/answer_text.h"
#include "host/query/duplicate_groups.h"

#include <math.h>
#include <stdlib.h>

static const char k_program[] = "lookloom duplicates";
enum { COLUMNS = 7 };

static ll_status id_text(const ll_query *query, int64_t row, char **out, ll_error *err)
{
    size_t length = 0;
    const char *const id = ll_query_id(query, row, &length);
    return ll_text_copy(id, length, out, err);
}

static ll_status print_item(ll_records *records, const ll_query *query, int64_t group,
                            const ll_duplicate_groups *groups, int64_t index, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_duplicate *const item = &groups->items[index];
    const double worst = groups->lowest[group];
    char number[LL_NUMBER_TEXT], size[LL_NUMBER_TEXT];
    char score[LL_QUERY_SCORE_TEXT], lowest[LL_QUERY_SCORE_TEXT];
    char *id = NULL, *twin = NULL;

    LL_TRY_DONE(id_text(query, item->row, &id, err));
    if (item->twin >= 0) LL_TRY_DONE(id_text(query, item->twin, &twin, err));
    ll_number_text(group + 1, number);
    ll_number_text(groups->first[group + 1] - groups->first[group], size);
    ll_query_score_text(item->score, score);
    ll_query_score_text(worst, lowest);
    const char *const cells[COLUMNS] = {number,
                                        size,
                                        id,
                                        isnan(item->score) ? NULL : score,
                                        twin,
                                        isnan(worst) ? NULL : lowest,
                                        ll_linkage_name(groups->linkage)};
    LL_TRY_DONE(ll_records_row(records, cells, err));
done:
    free(id);
    free(twin);
    return status;
}

/* A table says the linkage above its columns, which stay as narrow as a terminal. */
static ll_status print(const ll_query *query, const ll_duplicate_groups *groups, double min_score,
                       ll_format format, ll_error *err)
{
    ll_status status = LL_OK;
    ll_records *records = NULL;
    static const ll_column k_columns[COLUMNS] = {
        {"group", true},    {"size", true},   {"id", false},     {"score", true},
        {"twin_of", false}, {"lowest", true}, {"linkage", false}};
    char head[128];

    ll_text_say(
        head, sizeof head,
        "linkage %s: an item scores %g or more with %s of its group; lowest: its worst pair",
        ll_linkage_name(groups->linkage), min_score,
        groups->linkage == LL_LINKAGE_CHAIN ? "some other" : "every other");
    LL_TRY_DONE(ll_records_create(stdout, format, k_columns,
                                  format == LL_FORMAT_TABLE ? COLUMNS - 1 : COLUMNS, &records,
                                  err));
    ll_records_head(records, head);
    for (int64_t g = 0; g < groups->count; g++)
        for (int64_t i = groups->first[g]; i < groups->first[g + 1]; i++)
            LL_TRY_DONE(print_item(records, query, g, groups, i, err));
    LL_TRY_DONE(ll_records_finish(records, err));
done:
    ll_records_free(records);
    return status;
}

/* What is not certain, or not known. */
static void print_caveats(const ll_duplicate_groups *groups)
{
    char count[LL_NUMBER_TEXT], most[LL_NUMBER_TEXT];

    if (!groups->complete)
        fprintf(stderr,
                "%s: one group may be listed as several: some items have more such neighbours than "
                "the index holds, and there is neither matrix nor features to look further%s\n",
                k_program,
                groups->linkage == LL_LINKAGE_CHAIN
                    ? ""
                    : "; a pair that was not seen counts as one that scores less");
    if (!groups->exact)
        fprintf(
            stderr,
            "%s: some links rest on stored scores, which are rounded, without features to check "
            "them\n",
            k_program);
    if (groups->unseen > 0)
        fprintf(stderr,
                "%s: lowest is not known for %s group%s: some of their pairs are on no list of "
                "neighbours, and there is neither matrix nor features\n",
                k_program, ll_number_grouped(groups->unseen, count),
                groups->unseen == 1 ? "" : "s");
    if (groups->too_large > 0)
        fprintf(stderr,
                "%s: lowest is not looked for in %s group%s of more than %s different photos, "
                "without a matrix\n",
                k_program, ll_number_grouped(groups->too_large, count),
                groups->too_large == 1 ? "" : "s",
                ll_number_grouped(LL_DUPLICATE_LOWEST_MAX, most));
}

static void say(const ll_query *query, const ll_duplicate_groups *groups, double min_score)
{
    char count[LL_NUMBER_TEXT], found[LL_NUMBER_TEXT], items[LL_NUMBER_TEXT], twins[LL_NUMBER_TEXT];

    fprintf(
        stderr, "%s: %s group%s of photos that score %g or more%s: %s of %s items, %s byte twins\n",
        k_program, ll_number_grouped(groups->count, count), groups->count == 1 ? "" : "s",
        min_score, groups->linkage == LL_LINKAGE_CHAIN ? "" : " with every other of their group",
        ll_number_grouped(groups->first[groups->count], found),
        ll_number_grouped(ll_query_items(query), items), ll_number_grouped(groups->twins, twins));
    print_caveats(groups);
}

static ll_status check_memory(int64_t memory, bool every_pair, ll_error *err)
{
    if (memory == LL_OPTION_UNSET || every_pair) return LL_OK;
    return ll_fail(err, LL_ERR_ARGUMENT, "--memory: only with --every-pair");
}

int cmd_duplicates(int argc, const char *const *argv)
{
    double min_score = 0.999;
    int64_t memory = LL_OPTION_UNSET;
    bool every_pair = false;
    const char *format = NULL, *progress_mode = "auto";
    const ll_option options[] = {
        {"min-score", 0, LL_OPTION_SCORE, &min_score, "X", "photos that score X or more are alike",
         0, 0},
        {"every-pair", 0, LL_OPTION_FLAG, &every_pair, NULL,
         "every two items of a group score that, not only links of a chain", 0, 0},
        {"memory", 0, LL_OPTION_BYTES, &memory, "SIZE",
         "what --every-pair may take, 40 bytes a pair of a chain: 512M, 4G (a quarter of the "
         "machine's)",
         1, 0},
        {"format", 0, LL_OPTION_WORD, &format, LL_FORMAT_WORDS,
         "how to print (default: table on a terminal, else json)", 0, 0},
        {"progress", 0, LL_OPTION_WORD, &progress_mode, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "INDEX.h5",
        .summary =
            "List groups of items whose photos are the same or nearly so. Links make groups:\n"
            "the ends of a chain may score less than --min-score; with --every-pair no two of\n"
            "a group do. score is that with the group's first item, lowest that of the group's\n"
            "worst pair; twin_of names the first item of the very same bytes."};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;
    ll_query *query = NULL;
    ll_duplicate_groups *groups = NULL;

    LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    LL_TRY_DONE(check_memory(memory, every_pair, &err));
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(progress_mode),
                                      .quiet = ll_arguments_quiet(arguments)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    LL_TRY_DONE(ll_query_open(ll_arguments_at(arguments, 0), &query, &err));
    const ll_duplicate_options wanted = {.min_score = min_score,
                                         .linkage =
                                             every_pair ? LL_LINKAGE_EVERY_PAIR : LL_LINKAGE_CHAIN,
                                         .memory_bytes = memory == LL_OPTION_UNSET ? 0 : memory};
    LL_TRY_DONE(ll_query_duplicates(query, &wanted, ll_progress_log(progress), &groups, &err));
    ll_progress_free(progress);
    progress = NULL;
    LL_TRY_DONE(print(query, groups, min_score, ll_format_find(format, stdout), &err));
    if (!ll_arguments_quiet(arguments)) say(query, groups, min_score);
done:
    ll_progress_free(progress);
    ll_duplicate_groups_free(groups);
    ll_query_close(query);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, LL_EXIT_DONE);
}
