/* host/query/duplicate_links.h - private to host/query: links that no list of neighbours shows.
 * Floor 3. */
#ifndef LL_QUERY_DUPLICATE_LINKS_H
#define LL_QUERY_DUPLICATE_LINKS_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/disjoint.h"
#include "host/query/query.h"

#include <stdbool.h>
#include <stdint.h>

/** Join the sets of any two rows of `full` (items; `full_count` of them true) that score
 *  `min_score` or more. `*complete` becomes false if there are several sets and neither a matrix
 *  nor features to compare them by, `*exact` if a stored score was too near to be sure of. */
LL_NODISCARD ll_status ll_duplicate_links(ll_query *query, float min_score, const bool *full,
                                          int64_t full_count, ll_disjoint *sets, const ll_log *log,
                                          bool *complete, bool *exact, ll_error *err);

#endif
