/* host/commands/cmd_verify.c - `lookloom verify`: checks an index against its format. */
#include "host/commands/command.h"
#include "host/commands/print_findings.h"

#include "host/base/number.h"
#include "host/base/parallel.h"
#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/cli/progress.h"
#include "host/store/check.h"

static const char k_program[] = "lookloom verify";

int cmd_verify(int argc, const char *const *argv)
{
    int64_t rows = 100, jobs = ll_parallel_cores(), damages = 0;
    const char *progress_mode = "auto";
    const ll_option options[] = {
        {"rows", 0, LL_OPTION_INT, &rows, "N", "rows to recompute in double precision", 0, 1e9},
        {"jobs", 0, LL_OPTION_INT, &jobs, "N", "threads", 1, 1024},
        {"progress", 0, LL_OPTION_WORD, &progress_mode, LL_PROGRESS_WORDS,
         "a bar on a terminal, a JSON line a second, or nothing", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "INDEX.h5",
        .summary = "Open everything in an index as any reader would, check every checksum, order,\n"
                   "bound and promise, and recompute a sample of its rows. Exit code 1 if\n"
                   "anything is damaged."};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int code = LL_EXIT_DONE;
    ll_arguments *arguments = NULL;
    ll_progress *progress = NULL;
    ll_reader *reader = NULL;
    char items[LL_NUMBER_TEXT];

    LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 1, 1, &err));
    const ll_progress_options talk = {.program = k_program,
                                      .mode = ll_progress_find(progress_mode)};
    LL_TRY_DONE(ll_progress_create(&talk, &progress, &err));
    const ll_log findings = ll_findings_log(ll_progress_log(progress));
    status = ll_reader_open(ll_arguments_at(arguments, 0), &reader, &err);
    if (status == LL_ERR_FORMAT) { /* damage too, only sooner */
        ll_log_line(&findings, "%s", err.text);
        status = LL_OK;
        code = LL_EXIT_NO;
        goto done;
    }
    LL_TRY_DONE(status);
    LL_TRY_DONE(ll_store_check(reader, rows, (int)jobs, &findings, &damages, &err));
    ll_progress_free(progress);
    progress = NULL;
    if (damages > 0)
        code = LL_EXIT_NO;
    else if (!ll_arguments_quiet(arguments))
        printf("%s: %s items, generation %s: all is well\n", ll_reader_path(reader),
               ll_number_grouped(ll_reader_extents(reader)->items, items),
               ll_reader_generation(reader));
done:
    ll_progress_free(progress);
    ll_reader_close(reader);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, code);
}
