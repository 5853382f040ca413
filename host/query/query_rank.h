/* host/query/query_rank.h - private to host/query: the best of what the filters leave. Floor 3. */
#ifndef LL_QUERY_QUERY_RANK_H
#define LL_QUERY_QUERY_RANK_H

#include "host/base/status.h"
#include "host/query/query.h"
#include "host/query/query_filter.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_scored_row {
    int64_t row;
    float score;
} ll_scored_row;

typedef struct ll_query_ranking {
    ll_scored_row *entries; /* best first, ties by row; yours to free() */
    int64_t count;
    ll_scored_row best; /* whatever min_score is; row -1 if nothing is left */
    bool complete, exact;
} ll_query_ranking;

/** Rank for the item of `filter`: from the stored neighbours where they suffice, else from its row
 *  of the matrix. */
LL_NODISCARD ll_status ll_query_rank(ll_query *query, ll_query_filter *filter,
                                     const ll_query_options *options, ll_query_ranking *out,
                                     ll_error *err);

#endif
