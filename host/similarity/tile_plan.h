/* host/similarity/tile_plan.h - cut the N x N scores into tiles on and above the diagonal.
 *
 * Cosine is symmetric, so every pair of rows lies in exactly one of these tiles; whoever computes
 * one uses it twice. Pure arithmetic: no memory, no device. Floor 4; includes nothing. */
#ifndef LL_TILE_PLAN_H
#define LL_TILE_PLAN_H

#include <stdint.h>

enum { LL_TILE_PLAN_BAND = 4 }; /* rows of blocks: work on one begins after that on the last */

typedef struct ll_tile_plan {
    int64_t blocks; /* of rows: ceil(rows / tile) */
    int64_t tiles;  /* blocks (blocks + 1) / 2 */
} ll_tile_plan;

/** @param rows  0 .. 2^32
 *  @param tile  1 or more rows and columns of a tile; edge tiles hold fewer */
ll_tile_plan ll_tile_plan_make(int64_t rows, int64_t tile);

/** Tile number `number` of 0 .. tiles - 1 is block `*i` against block `*j`, *i <= *j; numbers go
 *  along bands of four rows of blocks, down each column of a band: the four blocks *i of the band
 *  and the last *j or two are all that is in use at a time (the cpu packs them for its product). */
void ll_tile_plan_at(const ll_tile_plan *plan, int64_t number, int64_t *i, int64_t *j);

#endif
