/* host/query/disjoint.h - private to host/query: which rows are connected so far? Floor 3. */
#ifndef LL_QUERY_DISJOINT_H
#define LL_QUERY_DISJOINT_H

#include "host/base/status.h"

#include <stdint.h>

/* Sets of rows; the root of each is its lowest row. */
typedef struct ll_disjoint {
    uint32_t *parent; /* (rows), never above the row itself */
} ll_disjoint;

/** Every row alone. Call ll_disjoint_release afterwards, whatever the status. */
LL_NODISCARD ll_status ll_disjoint_init(ll_disjoint *sets, int64_t rows, ll_error *err);
void ll_disjoint_release(ll_disjoint *sets);

/** The lowest row of the set of `row`. */
uint32_t ll_disjoint_root(ll_disjoint *sets, uint32_t row);

void ll_disjoint_join(ll_disjoint *sets, uint32_t a, uint32_t b);

#endif
