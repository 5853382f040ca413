/* host/query/duplicate_groups.h - which photos of an index are the same one, or nearly so? Floor 3;
 * includes base, store, kernels.
 *
 * Two items are linked if their score is min_score or more, or if their files have the very same
 * bytes; in an index made --within a column, scores link only items of one value. A group is what
 * links connect, so a chain makes one group of items whose ends may score less than min_score. */
#ifndef LL_QUERY_DUPLICATE_GROUPS_H
#define LL_QUERY_DUPLICATE_GROUPS_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/query.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_duplicate {
    int64_t row;
    int64_t twin; /* first row of the same bytes, this one maybe; -1 if no other file has them */
    double score; /* with the first item of the group; NAN where the index cannot tell */
} ll_duplicate;

typedef struct ll_duplicate_groups {
    int64_t count;       /* groups of two or more, by first row */
    int64_t *first;      /* (count + 1): where each group begins in `items` */
    ll_duplicate *items; /* (first[count]), by row within a group */
    int64_t twins;       /* items whose bytes another one has */
    bool complete; /* false: lists of neighbours end too early and nothing is there to go on with:
                      what is one group may be listed as several */
    bool exact;    /* false: some links were judged by stored scores without features to check */
} ll_duplicate_groups;

LL_NODISCARD ll_status ll_query_duplicates(ll_query *query, double min_score, const ll_log *log,
                                           ll_duplicate_groups **out, ll_error *err);
void ll_duplicate_groups_free(ll_duplicate_groups *groups); /* accepts NULL */

#endif
