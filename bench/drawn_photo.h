/* bench/drawn_photo.h - product photos, generated and encoded in memory: a textured shape on white,
 * 600 x 800 to 1200 x 1600, JPEG of quality 85, every eighth progressive. For timing decoders,
 * whose speed depends on the size and the amount of detail. Floor 6. */
#ifndef LL_BENCH_DRAWN_PHOTO_H
#define LL_BENCH_DRAWN_PHOTO_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

/** Photo number `number` as a JPEG; `*out` is yours to free(). */
LL_NODISCARD ll_status ll_drawn_photo(int64_t number, uint8_t **out, size_t *size_bytes,
                                      ll_error *err);

#endif
