/* host/query/duplicate_split.h - private to host/query: from chains of links to groups of which
 * every pair reaches the score. Floor 3. */
#ifndef LL_QUERY_DUPLICATE_SPLIT_H
#define LL_QUERY_DUPLICATE_SPLIT_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/complete_linkage.h"
#include "host/query/disjoint.h"
#include "host/query/pair_scores.h"

#include <stdbool.h>
#include <stdint.h>

/* Memory of one pair that reaches the score: a link in an array that grows by doubling, and what
 * ll_complete_linkage takes for it. */
enum { LL_DUPLICATE_SPLIT_BYTES = 2 * sizeof(ll_link) + LL_COMPLETE_LINKAGE_BYTES }; /* 40 */

typedef struct ll_duplicate_split_task {
    ll_pair_scores *scores;
    float min_score;
    const bool *full;     /* (items): lists of neighbours that are links from end to end */
    int64_t memory_bytes; /* for the pairs of one chain */
} ll_duplicate_split_task;

/** Split each set of `sets`, which links connect, by complete linkage (complete_linkage.h; its
 *  points are photos, items of the same bytes being one photo, numbered by their first rows).
 *
 * @param sets      in: what is connected; out: the groups
 * @param lowest    (items), out: the lowest score of a group at its lowest row
 * @param complete  becomes false if there is a pair whose score the index does not know; it counts
 *                  as not reaching
 * @param exact     becomes false if a pair was judged by a stored score alone
 * @return LL_ERR_MEMORY also if more pairs of a set reach than memory_bytes hold */
LL_NODISCARD ll_status ll_duplicate_split(const ll_duplicate_split_task *task, ll_disjoint *sets,
                                          const ll_log *log, float *lowest, bool *complete,
                                          bool *exact, ll_error *err);

#endif
