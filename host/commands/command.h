/* host/commands/command.h - a subcommand of `lookloom`: one file, one function, one row in main.c.
 * To add one: write cmd_<name>.c, declare it here, add its row to the table in main.c, a section to
 * tools/man/lookloom.1 and README.md, and give it a case in tests/cli/. Floor 6. */
#ifndef LL_COMMAND_H
#define LL_COMMAND_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/pipeline/pipeline.h"

#include <stdio.h>

struct ll_command {
    const char *name;
    int (*run)(int argc, const char *const *argv); /* argv[0] is the command's name */
    const char *summary;                           /* one line of `lookloom --help` */
};

int cmd_bench(int argc, const char *const *argv);
int cmd_diff(int argc, const char *const *argv);
int cmd_duplicates(int argc, const char *const *argv);
int cmd_eval(int argc, const char *const *argv);
int cmd_index(int argc, const char *const *argv);
int cmd_info(int argc, const char *const *argv);
int cmd_match(int argc, const char *const *argv);
int cmd_report(int argc, const char *const *argv);
int cmd_verify(int argc, const char *const *argv);
int cmd_weights(int argc, const char *const *argv);

/** What `lookloom index` says when it is done (print_summary.c). */
void ll_print_summary(FILE *to, const char *index_path, const ll_pipeline_summary *summary);

#endif
