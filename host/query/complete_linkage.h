/* host/query/complete_linkage.h - private to host/query: groups within which every two are linked.
 * Floor 3.
 *
 * Complete linkage: every point begins as a group of its own; again and again two groups become
 * one, of all that are linked point by point those two whose last link comes first. Links have a
 * strict order: best score first, equal scores by the lower point and then by the higher. So no two
 * links are equal, and the groups do not depend on the order of processing. scipy's
 * linkage(method="complete") finds the same groups if the rank of a link in that order is the
 * distance of its points, and fcluster cuts after the last link
 * (tests/golden/verify_duplicates.py). */
#ifndef LL_QUERY_COMPLETE_LINKAGE_H
#define LL_QUERY_COMPLETE_LINKAGE_H

#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_link {
    uint32_t low, high; /* points, low < high */
    float score;        /* not NAN */
} ll_link;

/* Memory per link while groups are made, in addition to `links` itself. */
enum { LL_COMPLETE_LINKAGE_BYTES = 16 };

/** Group `points` points by `count` links, fewer than 2^32 - 1, each pair at most once.
 *
 * @param links   (count), sorted here
 * @param group   (points), out: the lowest point of each point's group
 * @param lowest  (points), out: for the lowest point of a group its lowest score; 1 for a group of
 *                one
 *
 * Takes O(points^2) steps where all are linked with all. */
LL_NODISCARD ll_status ll_complete_linkage(int64_t points, ll_link *links, int64_t count,
                                           uint32_t *group, float *lowest, ll_error *err);

#endif
