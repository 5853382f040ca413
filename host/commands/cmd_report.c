/* host/commands/cmd_report.c - `lookloom report`: an index as one page to look at. */
#include "host/commands/command.h"

#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/query/answer_text.h"
#include "host/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char k_program[] = "lookloom report";

/* Scores that one histogram may count: a second or so, and never all of a large matrix. */
enum { MAX_SCORES = 64 * 1000 * 1000 };

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Rows of --item, ascending, each once. `*known` is false after an id that is none: said then. */
static ll_status find_chosen(ll_query *query, const ll_option_list *ids, int64_t **rows,
                             int64_t *count, bool *known, ll_error *err)
{
    char text[LL_QUERY_HINT_TEXT];

    LL_TRY(ll_alloc("chosen items", ids->count, sizeof **rows, rows, err));
    for (int64_t i = 0; i < ids->count; i++) {
        const size_t length = strlen(ids->items[i]);
        (*rows)[i] = ll_query_find(query, ids->items[i], length);
        if ((*rows)[i] >= 0) continue;
        LL_TRY(ll_query_absence_text(query, ids->items[i], length, text, err));
        fprintf(stderr, "%s: %s\n", k_program, text);
        *known = false;
        return LL_OK;
    }
    qsort(*rows, (size_t)ids->count, sizeof **rows, ascending);
    for (int64_t i = 0; i < ids->count; i++)
        if (*count == 0 || (*rows)[i] != (*rows)[*count - 1]) (*rows)[(*count)++] = (*rows)[i];
    return LL_OK;
}

/* Renaming a file over a device would take its place, over the index would lose it. */
static ll_status check_output(const char *path, const char *index_path, ll_error *err)
{
    struct stat info, index;

    LL_TRY(ll_file_check_target(path, err));
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return ll_fail(err, LL_ERR_IO, "%s: not a regular file", path);
    if (stat(path, &info) == 0 && stat(index_path, &index) == 0 && info.st_dev == index.st_dev &&
        info.st_ino == index.st_ino)
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: is the index", path);
    return LL_OK;
}

static ll_status open_index(const char *path, ll_report *report, ll_error *err)
{
    LL_TRY(ll_reader_open(path, &report->reader, err));
    LL_TRY(ll_query_open(path, &report->query, err));
    if (strcmp(ll_reader_generation(report->reader), ll_query_generation(report->query)) != 0)
        return ll_fail(err, LL_ERR_IO, "%s: was replaced just now; once more, please", path);
    return LL_OK;
}

static ll_status write_page(ll_report *report, ll_error *err)
{
    ll_report_begin(report);
    ll_report_glance(report);
    LL_TRY(ll_report_sheet(report, err));
    ll_report_section(report, "scores", "Scores");
    ll_report_histograms(report);
    ll_report_coverage(report);
    ll_report_section_end(report);
    LL_TRY(ll_report_duplicates(report, err));
    LL_TRY(ll_report_rejects(report, err));
    LL_TRY(ll_report_run(report, err));
    ll_report_provenance(report);
    ll_report_end(report);
    return LL_OK;
}

/* Whole or not at all: under another name first. */
static ll_status publish(ll_report *report, const char *path, ll_error *err)
{
    ll_status status = LL_OK;
    char *draft = NULL;
    bool made = false;

    LL_TRY_DONE(ll_text_format(&draft, err, "%s.%ld.part", path, (long)getpid()));
    const int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    made = fd >= 0;
    if (made) report->to = fdopen(fd, "w");
    if (report->to == NULL) {
        status = ll_fail(err, LL_ERR_IO, "%s: %s", made ? draft : path, strerror(errno));
        if (made) close(fd);
        goto done;
    }
    LL_TRY_DONE(write_page(report, err));
    LL_TRY_DONE(ll_exit_flush(report->to, path, err));
    LL_TRY_DONE(ll_file_publish(draft, path, err));
    made = false;
done:
    if (report->to != NULL) fclose(report->to);
    report->to = NULL;
    if (made) unlink(draft);
    free(draft);
    return status;
}

/* Everything that is counted before the first word is written. */
static ll_status gather(ll_report *report, ll_duplicate_groups **groups, ll_error *err)
{
    LL_TRY(ll_report_scores_count(report->reader, MAX_SCORES, report->seed, report->log,
                                  &report->scores, err));
    static const ll_duplicate_options k_alike = {.min_score = LL_REPORT_ALIKE,
                                                 .linkage = LL_LINKAGE_CHAIN};

    LL_TRY(ll_query_duplicates(report->query, &k_alike, report->log, groups, err));
    report->groups = *groups;
    return ll_reader_rejected(report->reader, &report->rejects, err);
}

static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

typedef struct settings {
    const char *output, *image_root, *title, *progress;
    ll_option_list items;
    int64_t sheet, seed;
} settings;

static ll_status run(const ll_arguments *arguments, const settings *chosen, bool *known,
                     ll_error *err)
{
    ll_status status = LL_OK;
    const char *const path = ll_arguments_at(arguments, 0);
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(chosen->progress),
                                      .quiet = ll_arguments_quiet(arguments)};
    ll_report report = {.sheet = chosen->sheet, .seed = (uint64_t)chosen->seed};
    ll_duplicate_groups *groups = NULL;
    ll_progress *progress = NULL;
    int64_t *rows = NULL;

    LL_TRY_DONE(ll_progress_create(&talk, &progress, err));
    LL_TRY_DONE(open_index(path, &report, err));
    LL_TRY_DONE(find_chosen(report.query, &chosen->items, &rows, &report.chosen_count, known, err));
    if (!*known) goto done;
    LL_TRY_DONE(check_output(chosen->output, path, err));
    report.log = ll_progress_log(progress);
    report.version = ll_arguments_version();
    report.chosen = rows;
    report.title = chosen->title != NULL ? chosen->title : base_name(path);
    report.image_root = chosen->image_root != NULL
                            ? chosen->image_root
                            : ll_reader_provenance(report.reader)->image_root;
    LL_TRY_DONE(gather(&report, &groups, err));
    LL_TRY_DONE(publish(&report, chosen->output, err));
done:
    ll_progress_free(progress);
    free(rows);
    ll_duplicate_groups_free(groups);
    ll_query_close(report.query);
    ll_reader_close(report.reader);
    return status;
}

int cmd_report(int argc, const char *const *argv)
{
    settings chosen = {.progress = "auto", .sheet = LL_REPORT_SHEET, .seed = 1};
    const ll_option options[] = {
        {"output", 'o', LL_OPTION_TEXT, &chosen.output, "FILE",
         "the page to write, e.g. report.html", 0, 0},
        {"image-root", 0, LL_OPTION_TEXT, &chosen.image_root, "DIR",
         "folder that photos' paths start from (default: the index's)", 0, 0},
        {"item", 0, LL_OPTION_LIST, &chosen.items, "ID",
         "show this item and its nearest; repeatable", 0, 0},
        {"sheet", 0, LL_OPTION_INT, &chosen.sheet, "N", "show N drawn items and their nearest", 0,
         LL_REPORT_SHEET_MAX},
        {"seed", 0, LL_OPTION_INT, &chosen.seed, "S", "of what is drawn", 0, (double)INT32_MAX},
        {"title", 0, LL_OPTION_TEXT, &chosen.title, "TEXT",
         "heading of the page (default: the index's name)", 0, 0},
        {"progress", 0, LL_OPTION_WORD, &chosen.progress, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "INDEX.h5 -o FILE",
        .summary =
            "Write one page to look at: items beside their nearest, how scores spread, what\n"
            "is there twice, what was left out, how fast it went, what made it. The page\n"
            "holds everything it shows and runs nothing."};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    ll_arguments *arguments = NULL;
    bool known = true;

    LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    if (chosen.output == NULL) {
        status = ll_fail(&err, LL_ERR_ARGUMENT, "write where? add -o report.html");
        goto done;
    }
    status = run(arguments, &chosen, &known, &err);
done:
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, known ? LL_EXIT_DONE : LL_EXIT_NO);
}
