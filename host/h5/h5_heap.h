/* host/h5/h5_heap.h - global heaps, where a file keeps what has no fixed length: texts, and the
 * references in DIMENSION_LIST. They carry no checksums. Private to host/h5. Floor 1.
 *
 * A heap is "GCOL", a version, its size (u64 at 8), then objects of a number (u16), a count of
 * references (u16), 4 bytes of nothing, a size (u64) and that many bytes, padded to 8. Number 0 is
 * the free space at the end; what is too short for an object is free too. Source: HDF5 File Format
 * Specification 3.0, III.E. */
#ifndef LL_H5_HEAP_H
#define LL_H5_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LL_H5_HEAP_HEAD_BYTES = 16 };

/** A little-endian number at any address; this machine must be little-endian. */
static inline uint64_t ll_h5_u64_at(const uint8_t *bytes)
{
    uint64_t value = 0;
    memcpy(&value, bytes, sizeof value);
    return value;
}

/** Does a heap begin here? Of `available` bytes, from here to the end of the file. */
bool ll_h5_is_heap(const uint8_t *bytes, uint64_t available);

/** The size it states, its head included; more than `available` if it is damaged. */
uint64_t ll_h5_heap_bytes(const uint8_t *heap);

/** Is the heap valid: do its objects follow one another to its end, with no number twice and no
 *  object longer than it can have been? Nothing beyond `available` is read. */
bool ll_h5_heap_valid(const uint8_t *heap, uint64_t available);

/** Where object `number` begins, looked for from `at` on (LL_H5_HEAP_HEAD_BYTES: from the first),
 *  and the bytes behind `*data`; 0 if it is not there. */
uint64_t ll_h5_heap_find(const uint8_t *heap, uint64_t available, uint64_t at, uint32_t number,
                         const uint8_t **data, uint64_t *size_bytes);

#endif
