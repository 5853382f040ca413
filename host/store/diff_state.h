/* host/store/diff_state.h - two indexes side by side. Private to host/store: diff.c and
 * diff_scores.c share it. Floor 2. */
#ifndef LL_STORE_DIFF_STATE_H
#define LL_STORE_DIFF_STATE_H

#include "host/base/text.h"
#include "host/store/check.h"
#include "host/store/findings.h"
#include "host/store/reader_state.h"

typedef struct ll_diff {
    ll_reader *a, *b;
    const ll_store_diff_options *options;
    const ll_log *log;
    ll_findings findings;
    int64_t *b_of_a, *a_of_b; /* row of the same id in the other file; -1: none */
} ll_diff;

LL_NODISCARD ll_status ll_diff_neighbors(ll_diff *diff, ll_error *err);
LL_NODISCARD ll_status ll_diff_matrix(ll_diff *diff, ll_error *err);

/** A text for people, an id or a value: "..." ends one that is too long for its part of a line. */
typedef struct ll_diff_text {
    char text[84];
} ll_diff_text;

static inline ll_diff_text ll_diff_value(const char *value, size_t length)
{
    ll_diff_text out;
    ll_text_say(out.text, sizeof out.text, "%.*s", (int)length, value);
    return out;
}

static inline ll_diff_text ll_diff_id(const ll_reader *reader, int64_t row)
{
    size_t length = 0;
    const char *const id = ll_reader_id(reader, row, &length);
    return ll_diff_value(id, length);
}

#endif
