/* kernels/score_order.h - the one order of scores: higher first, of equal scores the lower row
 * first. It is strict, so a list has one answer whoever sorts it. Floor 1. Includes nothing of
 * ours. */
#ifndef LL_KERNELS_SCORE_ORDER_H
#define LL_KERNELS_SCORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/** Does (score, row) come before (other_score, other_row)? Scores are no NaN. */
static inline bool ll_score_is_before(float score, int64_t row, float other_score,
                                      int64_t other_row)
{
    return score > other_score || (score == other_score && row < other_row);
}

#endif
