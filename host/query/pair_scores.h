/* host/query/pair_scores.h - private to host/query: the score of any two items, as well as an index
 * knows it. Floor 3.
 *
 * From the features, as the score is defined; without features from the list of neighbours of
 * either, which holds the same number; else from the matrix, which is rounded; else unknown. Items
 * of the very same bytes score 1. */
#ifndef LL_QUERY_PAIR_SCORES_H
#define LL_QUERY_PAIR_SCORES_H

#include "host/base/status.h"
#include "host/query/query.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_pair_scores {
    const ll_query *query;
    const int64_t *twin;   /* (items), borrowed: first row of the same bytes, or -1 */
    const float *features; /* (items, width), or NULL */
    bool matrix;           /* is there one? */
    double bound;          /* how far a stored score may be from the score */
    double *squares; /* (items): S(row, row), or 0 until it is needed; NULL without features */
} ll_pair_scores;

/** Call ll_pair_scores_release afterwards, whatever the status. */
LL_NODISCARD ll_status ll_pair_scores_init(ll_pair_scores *scores, const ll_query *query,
                                           const int64_t *twin, ll_error *err);
void ll_pair_scores_release(ll_pair_scores *scores);

/** The first item of the bytes of `row`: what stands for all of them. */
int64_t ll_pair_scores_photo(const ll_pair_scores *scores, int64_t row);

/** No more than the score of two items can be, by the matrix; infinite if there is none. */
double ll_pair_scores_upper_bound(const ll_pair_scores *scores, int64_t a, int64_t b);

/** No less, by the matrix; minus infinite if there is none. */
double ll_pair_scores_lower_bound(const ll_pair_scores *scores, int64_t a, int64_t b);

/** out[c] = score of `row` and columns[c] for `count` other rows; NAN where it is unknown. */
void ll_pair_scores_of(ll_pair_scores *scores, int64_t row, const uint32_t *columns, int64_t count,
                       float *out);

/** The lowest score of any two of `photos` (count), each of other bytes; 1 for one photo; NAN if
 * the score of a pair is unknown. More than LL_DUPLICATE_LOWEST_MAX photos are not looked at
 * without a matrix: NAN, and `*too_many`. With one each stored score is read once, and few features
 * are. */
LL_NODISCARD ll_status ll_pair_scores_lowest(ll_pair_scores *scores, const uint32_t *photos,
                                             int64_t count, double *lowest, bool *too_many,
                                             ll_error *err);

#endif
