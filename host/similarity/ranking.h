/* host/similarity/ranking.h - the order of neighbours: higher score first, equal scores by the
 * lower row.
 *
 * The one order of neighbours. Floor 4; includes nothing of ours. */
#ifndef LL_RANKING_H
#define LL_RANKING_H

#include <stdint.h>

/** Sort pairs in place, best first; a pair with column 0xFFFFFFFF is dropped.
 *  @return how many are left. Quick where they are nearly in order already, as candidates are. */
int64_t ll_ranking_sort(uint32_t *columns, float *scores, int64_t count);

/** The best `wanted` of one row's scores with all rows, itself included, best first.
 * @param scores  (rows) of row `row` with each row
 * @param group   (rows) only rows of its own value count; or NULL
 * @param columns, best  (wanted) each
 * @return how many there are, `wanted` at most; places after them are not written */
int64_t ll_ranking_best(const float *scores, int64_t rows, int64_t row, const uint32_t *group,
                        int64_t wanted, uint32_t *columns, float *best);

/** The first `wanted` of `count` pairs without that of column `row`: a row is not its own
 * neighbour. Places left over get column 0xFFFFFFFF and score NaN.
 * @param index, score  (wanted) each */
void ll_ranking_without_self(const uint32_t *columns, const float *scores, int64_t count,
                             int64_t row, int64_t wanted, uint32_t *index, float *score);

#endif
