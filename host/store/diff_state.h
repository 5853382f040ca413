/* host/store/diff_state.h - two indexes side by side. Private to host/store: diff.c and
 * diff_scores.c share it. Floor 2. */
#ifndef LL_STORE_DIFF_STATE_H
#define LL_STORE_DIFF_STATE_H

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

/** An id for people, cut to what fits a line: use with "%.*s". */
#define LL_DIFF_ID(reader, row) ll_diff_id_length(reader, row), ll_diff_id(reader, row)

static inline int ll_diff_id_length(const ll_reader *reader, int64_t row)
{
    size_t length = 0;
    (void)ll_reader_id(reader, row, &length);
    return length < 80 ? (int)length : 80;
}

static inline const char *ll_diff_id(const ll_reader *reader, int64_t row)
{
    size_t length = 0;
    return ll_reader_id(reader, row, &length);
}

#endif
