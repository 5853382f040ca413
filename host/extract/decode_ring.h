/* host/extract/decode_ring.h - decoder threads that stay a little ahead, in the order of the
 * photos' source.
 *
 * Threads claim rows in ascending order and decode into a ring of row buffers; the owner receives
 * the rows in that order, whatever order they finish in. The size of the ring bounds the memory and
 * how far decoding runs ahead. Floor 4; includes base, catalog, image. */
#ifndef LL_EXTRACT_DECODE_RING_H
#define LL_EXTRACT_DECODE_RING_H

#include "host/base/status.h"
#include "host/extract/photo_source.h"
#include "host/image/decode.h"

#include <stdint.h>

typedef struct ll_decode_ring ll_decode_ring;

typedef struct ll_decode_ring_options {
    ll_photo_source photos;
    const ll_image_options *image;
    int threads;
    int64_t capacity;             /* rows decoded ahead; 1 or more */
    void (*disturb)(int64_t row); /* tests only; NULL in production */
} ll_decode_ring_options;

/** Start decoding from row 0. */
LL_NODISCARD ll_status ll_decode_ring_open(const ll_decode_ring_options *options,
                                           ll_decode_ring **out, ll_error *err);

/** Wait for the next row, in order. `*pixels` (LL_IMAGE_BYTES, defined if the reason is "") and
 *  `*facts` are borrowed until the next call. Not to be called more often than there are rows. */
LL_NODISCARD ll_status ll_decode_ring_next(ll_decode_ring *ring, const uint8_t **pixels,
                                           const ll_image_facts **facts, ll_error *err);

/** Seconds spent decoding, summed over threads, and those of a processor; after the last row. */
void ll_decode_ring_seconds(ll_decode_ring *ring, double *seconds, double *cpu_seconds);

/** Stop the threads and free; accepts NULL. */
void ll_decode_ring_close(ll_decode_ring *ring);

#endif
