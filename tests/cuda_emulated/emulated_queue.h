/* tests/cuda_emulated/emulated_queue.h - what the emulated libraries share: calls that are counted
 * and made to fail, and queues of work. Private to tests/cuda_emulated/. */
#ifndef LL_EMULATED_QUEUE_H
#define LL_EMULATED_QUEUE_H

#include "tests/cuda_emulated/emulated.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- calls (emulated_call.c) ----------------------------------------------------------- */

/** Every call begins with this and ends with the other; in between it is alone.
 * @return what it must fail with at once, or cudaSuccess */
cudaError_t ll_emulated_enter(const char *call);
/** @return `code`, remembered for cudaGetLastError */
cudaError_t ll_emulated_leave(cudaError_t code);

/** Something no card would take: kept for the test to find. @return cudaErrorInvalidValue */
cudaError_t ll_emulated_misuse(const char *what);

/** Uniform in 0 .. below - 1, from the card's seed. */
uint64_t ll_emulated_draw(uint64_t below);

/* ---- work (emulated_stream.c) ---------------------------------------------------------- */

/* Run any number of times (a graph's work is run at every launch), dropped once. */
typedef struct ll_emulated_work {
    void (*run)(void *data);
    void (*drop)(void *data);
    void *data;
    double cost_ms; /* what events measure */
    bool network;   /* left undone by an idle card */
} ll_emulated_work;

/** Queue it, or add it to the graph being captured. It is dropped, whatever comes of it. */
cudaError_t ll_emulated_queue(cudaStream_t stream, const ll_emulated_work *work);

/** A copy of `bytes` of arguments as work; fails by an abort, as tests may. */
ll_emulated_work ll_emulated_work_of(void (*run)(void *data), const void *arguments, size_t bytes,
                                     double cost_ms);

/** Run what is left on all queues. */
void ll_emulated_finish_all(void);

/** No call that allocates or waits may come while a capture in global mode is going on; if one is,
 *  it is spoilt. */
cudaError_t ll_emulated_outside_capture(void);

/** Run everything queued on one stream. */
cudaError_t ll_emulated_finish(cudaStream_t stream);

bool ll_emulated_stream_known(cudaStream_t stream);
bool ll_emulated_capturing(cudaStream_t stream);

/* ---- memory (emulated_memory.c) -------------------------------------------------------- */

/** While the card runs, device memory may be touched; else nobody may (AddressSanitizer). */
void ll_emulated_open_memory(void);
void ll_emulated_close_memory(void);

/** Is it device memory, all of it? Host memory, pinned or not, has no byte on the card. */
bool ll_emulated_on_card(const void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
