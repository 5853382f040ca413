/* host/similarity/ranking.c - see ranking.h. */
#include "host/similarity/ranking.h"
#include "kernels/score_order.h"

#include <math.h>
#include <stddef.h>

int64_t ll_ranking_sort(uint32_t *columns, float *scores, int64_t count)
{
    int64_t sorted = 0;

    /* By insertion: the exact score moves a candidate by a few places at most. */
    for (int64_t i = 0; i < count; i++) {
        const uint32_t column = columns[i];
        const float score = scores[i];
        int64_t position = sorted;
        if (column == UINT32_MAX) continue;
        for (; position > 0 &&
               ll_score_is_before(score, column, scores[position - 1], columns[position - 1]);
             position--) {
            columns[position] = columns[position - 1];
            scores[position] = scores[position - 1];
        }
        columns[position] = column;
        scores[position] = score;
        sorted++;
    }
    return sorted;
}

/* (columns, best) is a heap of `count` with the worst pair first: let the pair sink from
 * `position`.
 */
static void sink(uint32_t *columns, float *best, int64_t count, int64_t position, uint32_t column,
                 float score)
{
    for (int64_t child = 2 * position + 1; child < count; child = 2 * position + 1) {
        if (child + 1 < count &&
            ll_score_is_before(best[child], columns[child], best[child + 1], columns[child + 1]))
            child++;
        if (!ll_score_is_before(score, column, best[child], columns[child])) break;
        columns[position] = columns[child];
        best[position] = best[child];
        position = child;
    }
    columns[position] = column;
    best[position] = score;
}

int64_t ll_ranking_best(const float *scores, int64_t rows, int64_t row, const uint32_t *group,
                        int64_t wanted, uint32_t *columns, float *best)
{
    int64_t count = 0;

    for (int64_t c = 0; c < rows; c++) {
        if (group != NULL && group[c] != group[row]) continue;
        if (count < wanted) {
            columns[count] = (uint32_t)c;
            best[count++] = scores[c];
            if (count < wanted) continue;
            for (int64_t i = count / 2 - 1; i >= 0; i--)
                sink(columns, best, count, i, columns[i], best[i]);
        } else if (scores[c] > best[0]) {
            /* A score equal to the worst does not enter: columns ascend, so it loses the tie. */
            sink(columns, best, count, 0, (uint32_t)c, scores[c]);
        }
    }
    if (count < wanted)
        for (int64_t i = count / 2 - 1; i >= 0; i--)
            sink(columns, best, count, i, columns[i], best[i]);
    for (int64_t left = count - 1; left > 0; left--) { /* the worst goes to the end */
        const uint32_t column = columns[left];
        const float score = best[left];
        columns[left] = columns[0];
        best[left] = best[0];
        sink(columns, best, left, 0, column, score);
    }
    return count;
}

void ll_ranking_without_self(const uint32_t *columns, const float *scores, int64_t count,
                             int64_t row, int64_t wanted, uint32_t *index, float *score)
{
    int64_t given = 0;

    for (int64_t c = 0; c < count && given < wanted; c++) {
        if (columns[c] == row) continue;
        index[given] = columns[c];
        score[given++] = scores[c];
    }
    for (; given < wanted; given++) {
        index[given] = UINT32_MAX;
        score[given] = NAN;
    }
}
