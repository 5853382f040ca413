/* tests/cuda_on_cpu/streams_at_once.h - a card of a given size, whose calls fail when told to.
 *
 * Every stream does at once what it is given, so orders between streams are not tested here; what
 * is computed, how much memory it takes and what comes of each failure is. A program links this
 * instead of device_memory.c: it has all its calls. */
#ifndef LL_STREAMS_AT_ONCE_H
#define LL_STREAMS_AT_ONCE_H

#include <cuda_runtime_api.h>
#include <stdbool.h>

typedef struct ll_card {
    size_t memory_bytes;  /* of the card */
    int64_t fail_at;      /* call number fail_at (1 is the first) fails; 0: none */
    int64_t calls, alive; /* made so far; allocations and events not yet given back */
    size_t used_bytes, peak_bytes;
    char failed_call[64];
} ll_card;

ll_card *ll_card_now(void);
void ll_card_reset(size_t memory_bytes);

/** Count a call; what it must fail with, or cudaSuccess. */
cudaError_t ll_card_call(const char *call);

#endif
