/* host/similarity/tile_plan.c - see tile_plan.h. */
#include "host/similarity/tile_plan.h"

#include <math.h>

enum { BAND = LL_TILE_PLAN_BAND };

ll_tile_plan ll_tile_plan_make(int64_t rows, int64_t tile)
{
    const int64_t blocks = (rows + tile - 1) / tile;
    return (ll_tile_plan){.blocks = blocks, .tiles = blocks * (blocks + 1) / 2};
}

/* The number of the tile (i, i): i rows of blocks, blocks - i + 1 in the last of them, before it.
 */
static int64_t first_of(const ll_tile_plan *plan, int64_t i)
{
    return i * plan->blocks - i * (i - 1) / 2;
}

void ll_tile_plan_at(const ll_tile_plan *plan, int64_t number, int64_t *i, int64_t *j)
{
    /* The inverse of first_of, and a step or two where f64 rounded it. */
    const double side = (double)plan->blocks + 0.5;
    int64_t row = (int64_t)(side - sqrt(fmax(side * side - 2.0 * (double)number, 0.0)));

    while (row > 0 && first_of(plan, row) > number)
        row--;
    while (first_of(plan, row + 1) <= number)
        row++;
    /* From the row to its band, which begins and ends with whole rows. */
    const int64_t top = row - row % BAND;
    const int64_t high = plan->blocks - top < BAND ? plan->blocks - top : BAND;
    int64_t left = number - first_of(plan, top);

    for (int64_t c = 0; c < high; c++) { /* the triangle on the diagonal */
        if (left <= c) {
            *i = top + left;
            *j = top + c;
            return;
        }
        left -= c + 1;
    }
    *i = top + left % high;
    *j = top + high + left / high;
}
