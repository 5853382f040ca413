/* bench/limit_memory.c - how fast memory is copied; see limits.h. */
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"
#include "host/base/size.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 64 << 20, ROUNDS = 5 }; /* far larger than a core's share of the caches */

static ll_status copy(void *context, int64_t task, int thread, ll_error *err)
{
    uint8_t *const from = (uint8_t *)context + task * 2 * PIECE_BYTES;

    (void)thread, (void)err;
    memcpy(from + PIECE_BYTES, from, PIECE_BYTES);
    return LL_OK;
}

ll_status ll_limit_memory(int threads, double *bytes_a_second, ll_error *err)
{
    ll_status status = LL_OK;
    uint8_t *bytes = NULL;

    *bytes_a_second = 0.0;
    LL_TRY(ll_alloc("memory to copy", 2 * (int64_t)threads, PIECE_BYTES, &bytes, err));
    for (int round = 0; round <= ROUNDS; round++) { /* the first only brings the pages */
        memset(bytes, round + 1, PIECE_BYTES);
        const double start = ll_clock_seconds();
        LL_TRY_DONE(ll_parallel_run(threads, threads, copy, bytes, err));
        const double rate = (double)threads * PIECE_BYTES / (ll_clock_seconds() - start);
        if (round > 0 && rate > *bytes_a_second) *bytes_a_second = rate;
    }
done:
    free(bytes);
    return status;
}
