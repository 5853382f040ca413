/* host/query/duplicate_groups.h - which photos of an index are the same one, or nearly so? Floor 3;
 * includes base, store, kernels.
 *
 * Two items are linked if they score min_score or more, or if their files have the very same bytes,
 * which is a score of 1; in an index made --within a column, scores link only items of one value.
 *
 * Chain (single linkage): a group is what links connect, so its ends may score less.
 *
 * Every pair (complete linkage): all of a group are linked with each other. Items of the same bytes
 * are one photo, numbered by its first row. Every photo begins as a group; again and again two
 * groups become one: of all that are linked photo by photo, those two whose last pair comes first.
 * Pairs stand in one order: best score first, equal scores by the lower row and then by the higher.
 * So there is one answer, however it is come by (complete_linkage.h): also the one of items taken
 * one by one, where pairs of the same bytes come before all others. Each group lies within a chain.
 * --within a column, two photos are compared if an item of one has the value of an item of the
 * other. */
#ifndef LL_QUERY_DUPLICATE_GROUPS_H
#define LL_QUERY_DUPLICATE_GROUPS_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/query.h"

#include <stdbool.h>
#include <stdint.h>

/* The lowest score of a chain takes a look at each of its pairs. Without a matrix that is done for
 * at most so many photos of different bytes: they are 34 million pairs, of 4096 products each. */
enum { LL_DUPLICATE_LOWEST_MAX = 8192 };

typedef enum ll_linkage { LL_LINKAGE_CHAIN, LL_LINKAGE_EVERY_PAIR } ll_linkage;

typedef struct ll_duplicate_options {
    double min_score;
    ll_linkage linkage;
    int64_t memory_bytes; /* of every pair: for the pairs of one chain that reach min_score, 40
                             bytes each; 0: a quarter of the machine's */
} ll_duplicate_options;

typedef struct ll_duplicate {
    int64_t row;
    int64_t twin; /* first row of the same bytes, this one maybe; -1 if no other file has them */
    double score; /* with the first item of the group; NAN where the index cannot tell */
} ll_duplicate;

typedef struct ll_duplicate_groups {
    ll_linkage linkage;
    int64_t count;       /* groups of two or more, by first row */
    int64_t *first;      /* (count + 1): where each group begins in `items` */
    double *lowest;      /* (count): score of the worst pair of each group; NAN where not known */
    ll_duplicate *items; /* (first[count]), by row within a group */
    int64_t twins;       /* items whose bytes another one has */
    int64_t unseen;    /* groups without a lowest score: the index does not know all their pairs */
    int64_t too_large; /* groups without one: more than LL_DUPLICATE_LOWEST_MAX, and no matrix */
    bool complete; /* false: lists of neighbours end too early and nothing is there to go on with.
                      A pair that was not seen counts as not linked, so what is one group may be
                      listed as several */
    bool exact;    /* false: some links were judged by stored scores without features to check */
} ll_duplicate_groups;

/** "chain" or "every-pair": how programs tell. Borrowed for ever. */
const char *ll_linkage_name(ll_linkage linkage);

/** LL_ERR_FORMAT for a damaged index; LL_ERR_MEMORY, also if memory_bytes are not enough. */
LL_NODISCARD ll_status ll_query_duplicates(ll_query *query, const ll_duplicate_options *options,
                                           const ll_log *log, ll_duplicate_groups **out,
                                           ll_error *err);
void ll_duplicate_groups_free(ll_duplicate_groups *groups); /* accepts NULL */

#endif
