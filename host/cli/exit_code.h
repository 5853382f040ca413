/* host/cli/exit_code.h - how programs report a failure and choose their exit code. Floor 1;
 * includes base.
 */
#ifndef LL_CLI_EXIT_CODE_H
#define LL_CLI_EXIT_CODE_H

#include "host/base/status.h"

#include <stdio.h>

/* The same in every program and command. */
enum {
    LL_EXIT_DONE = 0,   /* an empty answer is an answer */
    LL_EXIT_NO = 1,     /* done, but the answer is no: unknown id, damage found, indexes differ */
    LL_EXIT_USAGE = 2,  /* the command line makes no sense */
    LL_EXIT_FAILED = 3, /* files, device, memory */
};

/** The exit code of a status: LL_OK 0, LL_ERR_ARGUMENT 2, anything else 3. LL_EXIT_NO is never made
 *  from a status: it is an answer, and the program says so itself. */
int ll_exit_code(ll_status status);

/** The last thing main does: report a failure once on stderr as "PROGRAM: text" and return its exit
 *  code. For LL_OK flush stdout, print nothing and return `code`; a stdout that did not take all of
 *  it is a failure too. */
int ll_exit_report(const char *program, ll_status status, const ll_error *err, int code);

/** Flush a result and learn whether all of it arrived. LL_ERR_IO "standard output: No space left on
 *  device": a pipe or disk that failed must not look like an answer. */
LL_NODISCARD ll_status ll_exit_flush(FILE *stream, const char *name, ll_error *err);

#endif
