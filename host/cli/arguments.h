/* host/cli/arguments.h - a command line from one table: what is parsed is what --help lists.
 *
 * A program declares its options as a table of ll_option, each pointing at the variable that holds
 * its default; popt parses and prints. Every program gets `-h --help` (popt's `-?` too),
 * `-v --version`, `-q --quiet` and `-V --verbose` without declaring them.
 *
 *     int64_t top = 10;
 *     const ll_option options[] = {
 *         {.name = "top", .kind = LL_OPTION_INT, .to = &top, .value = "N", .low = 1, .high = 1e9,
 *          .help = "how many similar items to list"},
 *         LL_OPTION_END,
 *     };
 *     const ll_program program = {.name = "lookloom-query", .synopsis = "INDEX.h5 ID...",
 *                                 .summary = "List the items that look like an item."};
 *     LL_TRY_DONE(ll_arguments_parse(&program, argc, argv, options, &arguments, &err));
 *     if (ll_arguments_answered(arguments)) goto done;
 *
 * Floor 1; includes base. */
#ifndef LL_CLI_ARGUMENTS_H
#define LL_CLI_ARGUMENTS_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ll_option_kind {
    LL_OPTION_FLAG,    /* bool *: given or not */
    LL_OPTION_TEXT,    /* const char **: any text but the empty one */
    LL_OPTION_WORD,    /* const char **: one of the words of `value`, "table|json|csv" */
    LL_OPTION_CHOICE,  /* ll_choice *: one of the words of `value`, kept as an enum */
    LL_OPTION_INT,     /* int64_t * in [low, high] */
    LL_OPTION_INT32,   /* int32_t * in [low, high] */
    LL_OPTION_REAL,    /* double * in [low, high] */
    LL_OPTION_SCORE,   /* double * in [0, 1]; 80 is answered `write 0.80` */
    LL_OPTION_BYTES,   /* int64_t *, at least low: 512M, 4G */
    LL_OPTION_LIST,    /* ll_option_list *: repeatable */
    LL_OPTION_HEADING, /* no option: `help` is the heading of the options that follow */
} ll_option_kind;

/* The values of a repeatable option, in the order given. */
typedef struct ll_option_list {
    const char **items; /* borrowed from the ll_arguments */
    int64_t count;
} ll_option_list;

/* Where a choice is kept, and as what. */
typedef struct ll_choice {
    void *to;          /* an enum as wide as int, or an int */
    const int *values; /* of the words, in their order; another default is "not given" */
} ll_choice;

typedef struct ll_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    ll_option_kind kind;
    void *to;          /* holds the default; shown by --help unless unset (below) */
    const char *value; /* what --help calls the value: "N", "FILE"; the words to choose from */
    const char *help;  /* what it does, lower case, no full stop */
    double low, high;  /* both 0: any number from 0 */
} ll_option;

#define LL_OPTION_END                                                                              \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Defaults that mean "not given" and are not shown: NULL for texts, NAN for real numbers, and for
 * whole ones any below `low`, such as: */
#define LL_OPTION_UNSET INT64_MIN

typedef struct ll_program {
    const char *name;     /* "lookloom-query", "lookloom index": starts every message */
    const char *synopsis; /* the positional arguments, "INDEX.h5 ID..." */
    const char *summary;  /* a sentence or two, printed under the usage line */
    const char *notes;    /* printed after the options (examples, files); NULL: none */
} ll_program;

typedef struct ll_arguments ll_arguments;

/** Parse argv[1 .. argc - 1]. Numbers are checked against their range, choices against their words.
 *  LL_ERR_ARGUMENT names the option and what is wrong with it. `*out` owns every text. */
LL_NODISCARD ll_status ll_arguments_parse(const ll_program *program, int argc,
                                          const char *const *argv, const ll_option *options,
                                          ll_arguments **out, ll_error *err);
void ll_arguments_free(ll_arguments *arguments); /* accepts NULL */

/** --help or --version was asked for and printed: leave with LL_EXIT_DONE. */
bool ll_arguments_answered(const ll_arguments *arguments);
bool ll_arguments_quiet(const ll_arguments *arguments);
bool ll_arguments_verbose(const ll_arguments *arguments);

/** Was the option named `name` on the command line, even with its default value? */
bool ll_arguments_given(const ll_arguments *arguments, const char *name);

/* Positional arguments, borrowed. */
int ll_arguments_count(const ll_arguments *arguments);
const char *ll_arguments_at(const ll_arguments *arguments, int index);

/** Check the number of positional arguments (high < 0: no limit). LL_ERR_ARGUMENT repeats the
 *  synopsis: "expected INDEX.h5 ID...; lookloom-query --help". */
LL_NODISCARD ll_status ll_arguments_expect(const ll_arguments *arguments, int low, int high,
                                           ll_error *err);

/** "0.1.0": the version of every program of ours. */
const char *ll_arguments_version(void);

#endif
