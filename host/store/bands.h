/* host/store/bands.h - writes the matrix in whole rows, in order, each byte once.
 *
 * Tiles on and above the diagonal come a band of rows at a time (host/similarity/tile_plan.h). A
 * band is gathered in memory, each tile and, where it lies in the same band, its mirror image; what
 * lies left of the band is read back from the rows above, which it mirrors; then its rows are
 * written in one piece and a thread sets the disk to work, so that little is left for the fsync.
 * Where a band is larger than the memory given, tiles and their mirror images are written one
 * by one (ll_writer_matrix). The file's bytes are the same. Floor 2; includes base. */
#ifndef LL_STORE_BANDS_H
#define LL_STORE_BANDS_H

#include "host/base/status.h"
#include "host/store/writer.h"

#include <stdint.h>

typedef struct ll_bands ll_bands;

/** @param writer     borrowed until free
 *  @param max_bytes  of memory for a band */
LL_NODISCARD ll_status ll_bands_create(ll_writer *writer, int64_t max_bytes, ll_bands **out,
                                       ll_error *err);

/** Before the first rectangle: bands have `band_rows` rows, neither the rows nor the columns of a
 *  rectangle reach across two, and work on a band begins after that on the band before. If it is
 *  not called, rectangles are written one by one. */
LL_NODISCARD ll_status ll_bands_begin(ll_bands *bands, int64_t band_rows, ll_error *err);

/** A rectangle of the symmetric matrix in the stored type: above the diagonal, or a symmetric
 * square on it. Each must be given once. Thread-safe. */
LL_NODISCARD ll_status ll_bands_add(ll_bands *bands, int64_t row, int64_t rows, int64_t column,
                                    int64_t columns, const void *values, ll_error *err);

/** After the last rectangle. LL_ERR_FORMAT if some never came. */
LL_NODISCARD ll_status ll_bands_finish(ll_bands *bands, ll_error *err);

void ll_bands_free(ll_bands *bands); /* accepts NULL */

#endif
