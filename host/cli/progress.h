/* host/cli/progress.h - the ll_log of a program: lines and a progress bar on stderr.
 *
 * Thread-safe. Lines never tear a bar: it is cleared before and drawn again after.
 * Floor 1; includes base. */
#ifndef LL_CLI_PROGRESS_H
#define LL_CLI_PROGRESS_H

#include "host/base/log.h"
#include "host/base/status.h"

#include <stdbool.h>
#include <stdio.h>

/* What --progress takes; LL_PROGRESS_WORDS is the `value` of its option. */
#define LL_PROGRESS_WORDS "auto|json|none"

typedef enum ll_progress_mode {
    LL_PROGRESS_AUTO, /* a bar if the stream is a terminal */
    LL_PROGRESS_JSON, /* one object a line, one line a second; messages are objects too */
    LL_PROGRESS_NONE, /* messages only */
    LL_PROGRESS_BAR,  /* a bar whatever the stream is: for tests */
} ll_progress_mode;

/** The mode of one of LL_PROGRESS_WORDS. */
ll_progress_mode ll_progress_find(const char *word);

typedef struct ll_progress_options {
    const char *program; /* starts each message: "lookloom index: 12 photos rejected" */
    FILE *stream;        /* NULL: stderr */
    ll_progress_mode mode;
    bool quiet;   /* no messages and no bar; failures are ll_exit_report's */
    bool verbose; /* details too */
} ll_progress_options;

typedef struct ll_progress ll_progress;

LL_NODISCARD ll_status ll_progress_create(const ll_progress_options *options, ll_progress **out,
                                          ll_error *err);

/** Clear the bar and free. Call it before printing a result or a failure. Accepts NULL. */
void ll_progress_free(ll_progress *progress);

/** To hand to every floor below; valid until ll_progress_free. */
const ll_log *ll_progress_log(const ll_progress *progress);

#endif
