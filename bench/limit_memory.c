/* bench/limit_memory.c - how fast memory is read; see limits.h. */
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPAN_BYTES = 64 << 20, /* far larger than a core's share of the caches */
    PIECE_BYTES = 16 << 10,
    ROUNDS = 5,
};

/* A thread's span, and behind it where its pieces go. */
static ll_status read_span(void *context, int64_t task, int thread, ll_error *err)
{
    uint8_t *const from = (uint8_t *)context + task * (SPAN_BYTES + PIECE_BYTES);

    (void)thread, (void)err;
    for (int64_t at = 0; at < SPAN_BYTES; at += PIECE_BYTES)
        memcpy(from + SPAN_BYTES, from + at, PIECE_BYTES);
    return LL_OK;
}

ll_status ll_limit_memory(int threads, double *bytes_a_second, ll_error *err)
{
    ll_status status = LL_OK;
    uint8_t *bytes = NULL;

    *bytes_a_second = 0.0;
    LL_TRY(ll_alloc("memory to read", threads, SPAN_BYTES + PIECE_BYTES, &bytes, err));
    memset(bytes, 1,
           (size_t)threads * (SPAN_BYTES + PIECE_BYTES)); /* untouched pages are one page */
    for (int round = 0; round < ROUNDS; round++) {
        const double start = ll_clock_seconds();
        LL_TRY_DONE(ll_parallel_run(threads, threads, read_span, bytes, err));
        const double rate = (double)threads * SPAN_BYTES / (ll_clock_seconds() - start);
        if (rate > *bytes_a_second) *bytes_a_second = rate;
    }
done:
    free(bytes);
    return status;
}
