/* host/commands/command.h - a subcommand of `lookloom`: one file, one function, one row here.
 * How to add one: host/README.md. Floor 6. */
#ifndef LL_COMMAND_H
#define LL_COMMAND_H

#include "host/base/log.h"
#include "host/base/number.h"
#include "host/base/status.h"
#include "host/pipeline/forecast.h"
#include "host/pipeline/pipeline.h"

#include <stdio.h>

struct ll_records;

struct ll_command {
    const char *name;
    int (*run)(int argc, const char *const *argv); /* argv[0] is the command's name */
    const char *summary;                           /* one line of `lookloom --help` */
};

/* clang-format off */
#define LL_COMMANDS(X) \
    X(index, "read a catalogue, embed its photos, compare all, publish one file") \
    X(match, "rank an index against photos that are not in it") \
    X(info, "what an index holds and what made it; or this program and its backends") \
    X(verify, "check everything an index promises") \
    X(diff, "compare two indexes, rows matched by id") \
    X(eval, "do neighbours agree with a column of the catalogue?") \
    X(duplicates, "groups of photos that are the same or nearly so") \
    X(report, "an index as one page to look at") \
    X(weights, "fetch, make or describe a weights file") \
    X(bench, "how fast each stage is on this machine, beside the machine's limits")
/* clang-format on */

#define LL_COMMAND_DECLARE(name, summary) int cmd_##name(int argc, const char *const *argv);
LL_COMMANDS(LL_COMMAND_DECLARE)

/** What `lookloom index` says when it is done (print_summary.c). */
void ll_print_summary(FILE *to, const char *index_path, const ll_pipeline_summary *summary);

/** "4.2 photos", "13.6 million pairs", "91 MB" into `buffer`, which is returned: of a second. A
 * unit that does not fit is cut. */
const char *ll_rate_text(double rate, const char *unit, char buffer[LL_NUMBER_TEXT]);

/** A line for each stage of /run and one for the bottleneck, as far as it speaks of them: to
 *  records of field and value. */
LL_NODISCARD ll_status ll_print_run(struct ll_records *to, const char *run_json, ll_error *err);

/** What `lookloom index --dry-run` says; memory and time only as far as they are known. */
void ll_print_forecast(FILE *to, const char *index_path, const ll_forecast *forecast);

#endif
