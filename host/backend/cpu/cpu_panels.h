/* host/backend/cpu/cpu_panels.h - a few blocks of rows, packed for cpu_dots.h and shared by
 * threads.
 *
 * Packing a block takes a tenth of the time of one tile, and a block serves as many tiles as there
 * are blocks. All blocks at once would double the memory of the features; a few, with the tiles in
 * an order that returns to them soon (host/similarity/tile_plan.h), serve nearly as well. */
#ifndef LL_CPU_PANELS_H
#define LL_CPU_PANELS_H

#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_cpu_panels ll_cpu_panels;

/** @param features  (rows, cols) f32, borrowed until free
 *  @param block     rows of a block; the last may have fewer
 *  @param threads   that will take panels at the same time */
LL_NODISCARD ll_status ll_cpu_panels_create(const float *features, int64_t rows, int64_t cols,
                                            int64_t block, int threads, ll_cpu_panels **out,
                                            ll_error *err);
/** Bytes ll_cpu_panels_create would take. */
int64_t ll_cpu_panels_bytes(int64_t rows, int64_t cols, int64_t block, int threads);

void ll_cpu_panels_free(ll_cpu_panels *panels); /* accepts NULL */

/** The panels of blocks i and j (equal ones allowed), packed by the caller's thread if nobody did;
 *  may wait for other threads to give some back. Valid until given back. */
void ll_cpu_panels_acquire(ll_cpu_panels *panels, int64_t i, int64_t j, const float **x,
                           const float **y);
void ll_cpu_panels_return(ll_cpu_panels *panels, int64_t i, int64_t j);

#endif
