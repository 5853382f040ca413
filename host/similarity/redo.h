/* host/similarity/redo.h - recomputes the neighbours of rows whose candidates are not certain:
 * exact scores with every row, as many rows at once as memory allows, and the best K of those.
 *
 * Byte-equal photos have byte-equal features and so the same scores: a shop's thousand "no image
 * yet" pictures are scored once, not a thousand times. Floor 4; includes base and backend. */
#ifndef LL_REDO_H
#define LL_REDO_H

#include "host/backend/backend.h"
#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_redo ll_redo;

typedef struct ll_redo_options {
    ll_backend *be;        /* a comparison is on, with these features and groups */
    const float *features; /* (rows, cols) */
    int64_t rows, cols;
    const uint32_t *group; /* (rows) or NULL */
    int64_t neighbors;     /* K, 1 or more */
    int64_t most;          /* rows that one call asks for */
    int threads;           /* that rank; results do not depend on it */
} ll_redo_options;

/** Bytes it will hold with these options, at most; `be`, `features` and `group` are not looked at.
 */
int64_t ll_redo_bytes(const ll_redo_options *options);

LL_NODISCARD ll_status ll_redo_create(const ll_redo_options *options, ll_redo **out, ll_error *err);
void ll_redo_free(ll_redo *redo); /* accepts NULL */

/** Redo rows which[0 .. count - 1]: those of row which[i] go to index and score + (which[i] -
 * first) K, best first, 0xFFFFFFFF and NaN behind the last. */
LL_NODISCARD ll_status ll_redo_rows(ll_redo *redo, const uint32_t *which, int64_t count,
                                    int64_t first, uint32_t *index, float *score, ll_error *err);

#endif
