/* kernels/topk.c - see topk.h.
 *
 * Once a list is full nearly every score is below its threshold, so scores are compared 16 at a
 * time and only a group with a survivor is looked at one by one. A survivor replaces the worst key
 * of the heap: a row of N scores drawn in any order has about keep * ln(N / keep) of them. */
#include "kernels/topk.h"
#include "kernels/target_clones.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 16 };

static uint64_t key_of(float score, int64_t column)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return (uint64_t)bits << 32 | (UINT32_MAX - (uint32_t)column);
}

static float score_of(uint64_t key)
{
    const uint32_t bits = (uint32_t)(key >> 32);
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Replace the worst key by `key` and sift it down the heap. */
static void replace_worst(uint64_t *keys, int keep, uint64_t key)
{
    int position = 0;

    for (int child = 1; child < keep; child = 2 * position + 1) {
        if (child + 1 < keep && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= key) break;
        keys[position] = keys[child];
        position = child;
    }
    keys[position] = key;
}

/* The score of (row, column) for list number `list`, which is row's. */
static void offer(const ll_topk_lists *lists, int64_t list, const uint32_t *group, int64_t row,
                  int64_t column, float score)
{
    uint64_t *const keys = lists->keys + list * lists->keep;
    const uint64_t key = key_of(score, column);

    if (key <= keys[0] || row == column) return;
    if (group != NULL && group[row] != group[column]) return;
    replace_worst(keys, lists->keep, key);
    lists->thresholds[list] = score_of(keys[0]);
}

static int any_reaches(const float *scores, float threshold)
{
    int any = 0;
    for (int i = 0; i < AT_ONCE; i++)
        any |= scores[i] >= threshold;
    return any;
}

static int any_reaches_thresholds(const float *scores, const float *thresholds)
{
    int any = 0;
    for (int i = 0; i < AT_ONCE; i++)
        any |= scores[i] >= thresholds[i];
    return any;
}

LL_TARGET_CLONES void ll_topk_offer_rows_cpu(const ll_topk_lists *lists, const ll_topk_tile *tile)
{
    for (int64_t r = 0; r < tile->rows; r++) {
        const float *const scores = tile->scores + r * tile->stride;

        for (int64_t start = 0; start < tile->columns; start += AT_ONCE) {
            const int64_t left = tile->columns - start;
            if (left >= AT_ONCE && !any_reaches(scores + start, lists->thresholds[r])) continue;
            for (int64_t c = start; c < start + (left < AT_ONCE ? left : AT_ONCE); c++)
                if (scores[c] >= lists->thresholds[r])
                    offer(lists, r, tile->group, tile->row + r, tile->column + c, scores[c]);
        }
    }
}

LL_TARGET_CLONES void ll_topk_offer_columns_cpu(const ll_topk_lists *lists,
                                                const ll_topk_tile *tile)
{
    for (int64_t r = 0; r < tile->rows; r++) {
        const float *const scores = tile->scores + r * tile->stride;

        for (int64_t start = 0; start < tile->columns; start += AT_ONCE) {
            const int64_t left = tile->columns - start;
            if (left >= AT_ONCE &&
                !any_reaches_thresholds(scores + start, lists->thresholds + start))
                continue;
            for (int64_t c = start; c < start + (left < AT_ONCE ? left : AT_ONCE); c++)
                if (scores[c] >= lists->thresholds[c])
                    offer(lists, c, tile->group, tile->column + c, tile->row + r, scores[c]);
        }
    }
}

static int by_key(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void ll_topk_extract_cpu(uint64_t *keys, int keep, uint32_t *columns, float *scores)
{
    /* Ascending keys are still a heap with the worst first. */
    qsort(keys, (size_t)keep, sizeof *keys, by_key);
    for (int i = 0; i < keep; i++) {
        const uint64_t key = keys[keep - 1 - i];
        columns[i] = UINT32_MAX - (uint32_t)key;
        scores[i] = score_of(key);
    }
}

int ll_topk_capacity(int keep)
{
    return keep + (keep / 2 > 128 ? keep / 2 : 128);
}
