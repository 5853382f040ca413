/* host/commands/cmd_diff.c - `lookloom diff`: do two indexes say the same? */
#include "host/commands/command.h"
#include "host/commands/print_findings.h"

#include "host/cli/arguments.h"
#include "host/cli/exit_code.h"
#include "host/store/check.h"

static const char k_program[] = "lookloom diff";

int cmd_diff(int argc, const char *const *argv)
{
    double tolerance = 1e-6;
    bool exact = false;
    int64_t differences = 0;
    const ll_option options[] = {
        {"tolerance", 0, LL_OPTION_REAL, &tolerance, "X", "largest accepted difference of scores",
         0, 1},
        {"exact", 0, LL_OPTION_FLAG, &exact, NULL,
         "to the bit: scores, features, norms and attributes", 0, 0},
        LL_OPTION_END,
    };
    const ll_program program = {
        .name = k_program,
        .synopsis = "A.h5 B.h5",
        .summary = "Compare two indexes, rows matched by id. Exit code 0 if they are the same, 1\n"
                   "if they differ."};
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int code = LL_EXIT_DONE;
    ll_arguments *arguments = NULL;
    ll_reader *a = NULL, *b = NULL;

    LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
    if (ll_arguments_answered(arguments)) goto done;
    LL_TRY_DONE(ll_arguments_expect(arguments, 2, 2, &err));
    const ll_log findings = ll_findings_log(NULL);
    LL_TRY_DONE(ll_reader_open(ll_arguments_at(arguments, 0), &a, &err));
    LL_TRY_DONE(ll_reader_open(ll_arguments_at(arguments, 1), &b, &err));
    const ll_store_diff_options how = {.tolerance = exact ? 0.0 : tolerance, .exact = exact};
    LL_TRY_DONE(ll_store_diff(a, b, &how, &findings, &differences, &err));
    if (differences > 0) code = LL_EXIT_NO;
done:
    ll_reader_close(b);
    ll_reader_close(a);
    ll_arguments_free(arguments);
    return ll_exit_report(k_program, status, &err, code);
}
