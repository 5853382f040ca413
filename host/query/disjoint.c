/* host/query/disjoint.c - see disjoint.h. Paths are halved on the way up, which keeps them short
 * without ranks, so that the lowest row can be the root. */
#include "host/query/disjoint.h"

#include "host/base/memory.h"

#include <stdlib.h>

ll_status ll_disjoint_init(ll_disjoint *sets, int64_t rows, ll_error *err)
{
    *sets = (ll_disjoint){NULL};
    LL_TRY(ll_alloc("sets", rows, sizeof *sets->parent, &sets->parent, err));
    for (int64_t i = 0; i < rows; i++)
        sets->parent[i] = (uint32_t)i;
    return LL_OK;
}

void ll_disjoint_release(ll_disjoint *sets)
{
    free(sets->parent);
    sets->parent = NULL;
}

uint32_t ll_disjoint_root(ll_disjoint *sets, uint32_t row)
{
    while (sets->parent[row] != row) {
        sets->parent[row] = sets->parent[sets->parent[row]];
        row = sets->parent[row];
    }
    return row;
}

void ll_disjoint_join(ll_disjoint *sets, uint32_t a, uint32_t b)
{
    const uint32_t x = ll_disjoint_root(sets, a), y = ll_disjoint_root(sets, b);
    if (x < y)
        sets->parent[y] = x;
    else
        sets->parent[x] = y;
}
