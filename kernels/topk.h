/* kernels/topk.h - the best `keep` scores of every row, updated tile by tile.
 *
 * Order: higher score first, ties to the lower column. It is a total order, so what a list holds at
 * the end depends neither on the order of the tiles nor on threads. A score and its column are one
 * 64-bit key, larger is better:
 *
 *   key = bits of the score << 32 | (0xFFFFFFFF - column)
 *
 * and key 0 is an empty entry: score 0, column 0xFFFFFFFF. Scores are f32 in [0, 1]. A list is
 * `keep` keys, a binary heap with the worst key first; all zeros is the empty list. Floor 1.
 * Includes nothing of ours. */
#ifndef LL_KERNELS_TOPK_H
#define LL_KERNELS_TOPK_H

#include <stdint.h>
#ifdef LL_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_topk_lists {
    uint64_t *keys;    /* (rows, keep) */
    float *thresholds; /* (rows) the worst score kept; 0 while there is room */
    int keep;          /* 1 or more */
} ll_topk_lists;

/* A rectangle of the matrix: rows x columns scores, `stride` floats from row to row, whose first
 * is that of the pair (row, column). `group` (all rows of the matrix) or NULL: only pairs of equal
 * value are neighbours. An item is never its own neighbour. */
typedef struct ll_topk_tile {
    const float *scores;
    int64_t stride;
    int64_t row, rows, column, columns;
    const uint32_t *group;
} ll_topk_tile;

/** Offer each row of the tile its scores; lists->keys[0] belongs to tile->row. */
void ll_topk_offer_rows_cpu(const ll_topk_lists *lists, const ll_topk_tile *tile);

/** Offer each column of the tile its scores: the tile read as its transpose, without transposing.
 *  lists->keys[0] belongs to tile->column. */
void ll_topk_offer_columns_cpu(const ll_topk_lists *lists, const ll_topk_tile *tile);

/** One list, best first; the list stays valid. Unused entries: column 0xFFFFFFFF, score 0.
 * @param keys  (keep) one row's; reordered
 * @param columns, scores  (keep) each */
void ll_topk_extract_cpu(uint64_t *keys, int keep, uint32_t *columns, float *scores);

/* ---- lists on a card ------------------------------------------------------------------- */

/* The same lists with spare capacity: keys are appended, and the best `keep` are selected when the
 * capacity is used up. All zero bytes are empty lists. All arrays are for all rows of the matrix,
 * on the device. */
typedef struct ll_topk_card {
    uint64_t *keys;   /* (rows, capacity) the first counts[row] of a row, in any order */
    uint64_t *worst;  /* (rows) the worst key of the best `keep`; 0 while there is room */
    uint32_t *counts; /* (rows) keys that were to be appended; see topk.cu when over capacity */
    uint32_t *base_counts; /* (rows) counts before the tile */
    int keep, capacity;
} ll_topk_card;

/** Room for lists of `keep`: half as many again, and at least 128 more. */
int ll_topk_capacity(int keep);

#ifdef LL_WITH_CUDA
/** Offer a tile to its rows and, unless it lies on the diagonal, to its columns. A tile lies on the
 *  diagonal (row == column, square, both halves filled in) or clear of it, and comes once. Scores
 *  outside [0, 1] count as clamped to it. lists->capacity is keep + 32 or more. */
cudaError_t ll_topk_offer_cuda(const ll_topk_card *lists, const ll_topk_tile *tile,
                               cudaStream_t stream);

/** The lists of rows [row, row + rows), best first; they stay valid. Unused entries: column
 *  0xFFFFFFFF, score 0.
 * @param columns, scores  (rows, keep) each, on the device */
cudaError_t ll_topk_extract_cuda(const ll_topk_card *lists, int64_t row, int64_t rows,
                                 uint32_t *columns, float *scores, cudaStream_t stream);
#endif

#ifdef __cplusplus
}
#endif
#endif
