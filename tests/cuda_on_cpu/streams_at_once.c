/* tests/cuda_on_cpu/streams_at_once.c - see streams_at_once.h.
 *
 * What was never written is a pattern; blocks are of the very size asked for, so that
 * AddressSanitizer sees a kernel leave them. Calls that only give back are counted and never fail:
 * CUDA lets them report what earlier work did, and nothing is lost by it. */
#include "tests/cuda_on_cpu/streams_at_once.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEVER_WRITTEN = 0xA5, HEADER = 64 }; /* bytes before a block, for its size */

static ll_card card;

ll_card *ll_card_now(void)
{
    return &card;
}

void ll_card_reset(size_t memory_bytes)
{
    memset(&card, 0, sizeof card);
    card.memory_bytes = memory_bytes;
}

cudaError_t ll_card_call(const char *call)
{
    if (++card.calls != card.fail_at) return cudaSuccess;
    snprintf(card.failed_call, sizeof card.failed_call, "%s", call);
    return cudaErrorLaunchFailure;
}

/* ---- memory ---------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **out, size_t size_bytes)
{
    const cudaError_t code = ll_card_call("cudaMalloc");
    char *block;

    *out = NULL;
    if (code != cudaSuccess) return code;
    if (size_bytes > card.memory_bytes - card.used_bytes) return cudaErrorMemoryAllocation;
    block = aligned_alloc(HEADER, HEADER + (size_bytes + HEADER - 1) / HEADER * HEADER);
    assert(block != NULL);
    memcpy(block, &size_bytes, sizeof size_bytes);
    memset(block + HEADER, NEVER_WRITTEN, size_bytes);
    card.alive++;
    card.used_bytes += size_bytes;
    if (card.used_bytes > card.peak_bytes) card.peak_bytes = card.used_bytes;
    *out = block + HEADER;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory)
{
    size_t size_bytes;

    if (memory == NULL) return cudaSuccess;
    memcpy(&size_bytes, (char *)memory - HEADER, sizeof size_bytes);
    card.used_bytes -= size_bytes;
    card.alive--;
    free((char *)memory - HEADER);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all_bytes)
{
    *free_bytes = card.memory_bytes - card.used_bytes;
    *all_bytes = card.memory_bytes;
    return ll_card_call("cudaMemGetInfo");
}

cudaError_t cudaHostAlloc(void **out, size_t size_bytes, unsigned flags)
{
    const cudaError_t code = ll_card_call("cudaHostAlloc");

    (void)flags;
    *out = NULL;
    if (code != cudaSuccess) return code;
    *out = malloc(size_bytes);
    assert(*out != NULL);
    memset(*out, NEVER_WRITTEN, size_bytes);
    card.alive++;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory)
{
    card.alive--;
    free(memory);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t size_bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    const cudaError_t code = ll_card_call("cudaMemcpyAsync");

    (void)kind;
    (void)stream;
    if (code == cudaSuccess && size_bytes > 0) memcpy(dst, src, size_bytes);
    return code;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t size_bytes, cudaStream_t stream)
{
    const cudaError_t code = ll_card_call("cudaMemsetAsync");

    (void)stream;
    if (code == cudaSuccess && size_bytes > 0) memset(memory, value, size_bytes);
    return code;
}

/* ---- streams and events ---------------------------------------------------------------- */

struct CUevent_st {
    bool recorded;
};

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    (void)stream;
    return ll_card_call("cudaStreamSynchronize");
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    (void)stream;
    (void)flags;
    assert(event->recorded); /* waiting for what nobody promised waits for nothing */
    return ll_card_call("cudaStreamWaitEvent");
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    const cudaError_t code = ll_card_call("cudaEventCreateWithFlags");

    (void)flags;
    *out = NULL;
    if (code != cudaSuccess) return code;
    *out = calloc(1, sizeof **out);
    assert(*out != NULL);
    card.alive++;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    card.alive--;
    free(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    (void)stream;
    event->recorded = true;
    return ll_card_call("cudaEventRecord");
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    assert(event->recorded);
    return ll_card_call("cudaEventSynchronize");
}

const char *cudaGetErrorString(cudaError_t code)
{
    return code == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}
