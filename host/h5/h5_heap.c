/* host/h5/h5_heap.c - see h5_heap.h. */
#include "host/h5/h5_heap.h"

#include <string.h>

enum {
    OBJECT_HEAD_BYTES = 16,
    NUMBERS = 1 << 16,
    /* libhdf5 1.10 reads an object of whatever size into a buffer that holds the size its reference
     * states, rounded up to a multiple of this (H5T__conv_vlen). */
    CONVERT_BYTES = 4096,
};

/* The head of an object, and where the next one begins. */
struct object {
    uint32_t number;
    uint64_t size_bytes, next;
};

static uint32_t u16_at(const uint8_t *bytes)
{
    uint16_t value = 0;
    memcpy(&value, bytes, sizeof value);
    return value;
}

bool ll_h5_is_heap(const uint8_t *bytes, uint64_t available)
{
    return available >= LL_H5_HEAP_HEAD_BYTES && memcmp(bytes, "GCOL\1", 5) == 0;
}

uint64_t ll_h5_heap_bytes(const uint8_t *heap)
{
    return ll_h5_u64_at(heap + 8);
}

/* The object at `at`; false if it reaches beyond `end`. */
static bool object_at(const uint8_t *heap, uint64_t at, uint64_t end, struct object *out)
{
    if (end - at < OBJECT_HEAD_BYTES) return false;
    const uint64_t room = end - at - OBJECT_HEAD_BYTES;
    out->number = u16_at(heap + at);
    out->size_bytes = ll_h5_u64_at(heap + at + 8);
    if (out->number == 0) { /* its size counts its head */
        out->next = end;
        return out->size_bytes == end - at;
    }
    if (out->size_bytes > room) return false;
    const uint64_t padded = (out->size_bytes + 7) / 8 * 8;
    if (padded > room) return false;
    out->next = at + OBJECT_HEAD_BYTES + padded;
    return true;
}

/* Do objects follow one another from `at` to `end`, and at least one? What is left after the last
 * may be too short for another, but only at the end of the heap. */
static bool leads_to(const uint8_t *heap, uint64_t at, uint64_t end, bool to_heap_end)
{
    struct object object;
    const uint64_t first = at;

    while (end - at >= OBJECT_HEAD_BYTES) {
        if (!object_at(heap, at, end, &object)) return false;
        at = object.next;
    }
    return at > first && (at == end || to_heap_end);
}

/* If one bit of its size is flipped, does the object end where other objects begin? Then that bit
 * was damaged, and the object now covers them. Only asked of objects that would not fit the buffer:
 * what such a text holds itself never looks like objects, whose sizes begin with zeros. */
static bool swallowed_others(const uint8_t *heap, uint64_t at, const struct object *object,
                             uint64_t heap_bytes)
{
    for (int bit = 0; bit < 64; bit++) {
        const uint64_t size_bytes = object->size_bytes ^ (uint64_t)1 << bit;
        if (size_bytes > object->size_bytes) continue;
        const uint64_t next = at + OBJECT_HEAD_BYTES + (size_bytes + 7) / 8 * 8;
        if (leads_to(heap, next, object->next, object->next == heap_bytes)) return true;
    }
    return false;
}

bool ll_h5_heap_valid(const uint8_t *heap, uint64_t available)
{
    uint8_t seen[NUMBERS / 8] = {0};
    uint64_t at = LL_H5_HEAP_HEAD_BYTES;
    struct object object;

    if (!ll_h5_is_heap(heap, available)) return false;
    const uint64_t heap_bytes = ll_h5_heap_bytes(heap);
    if (heap_bytes < LL_H5_HEAP_HEAD_BYTES || heap_bytes > available) return false;
    for (; heap_bytes - at >= OBJECT_HEAD_BYTES; at = object.next) {
        if (!object_at(heap, at, heap_bytes, &object)) return false;
        const uint8_t bit = (uint8_t)(1u << object.number % 8);
        if (object.number != 0 && (seen[object.number / 8] & bit) != 0) return false;
        seen[object.number / 8] |= bit;
        if (object.size_bytes > CONVERT_BYTES && object.number != 0 &&
            swallowed_others(heap, at, &object, heap_bytes))
            return false;
    }
    return true;
}

uint64_t ll_h5_heap_find(const uint8_t *heap, uint64_t available, uint64_t at, uint32_t number,
                         const uint8_t **data, uint64_t *size_bytes)
{
    struct object object;

    if (!ll_h5_is_heap(heap, available)) return 0;
    const uint64_t heap_bytes = ll_h5_heap_bytes(heap);
    if (heap_bytes > available) return 0;
    for (; at < heap_bytes && object_at(heap, at, heap_bytes, &object); at = object.next) {
        if (object.number == 0) return 0;
        if (object.number != number) continue;
        *data = heap + at + OBJECT_HEAD_BYTES;
        *size_bytes = object.size_bytes;
        return at;
    }
    return 0;
}
