/* bench/limit_multiply.c - how fast this processor multiplies and adds; see limits.h.
 *
 * A loop that never leaves the registers, one for each width of vectors, and the best of those the
 * processor has. No library is asked: a BLAS that takes the processor for an older one (its
 * environment can say so) would be a limit that the network passes several times. Compiled with
 * -ffp-contract=fast, so product and sum are one instruction where there is one. */
#include "bench/limits.h"
#include "host/base/clock.h"
#include "host/base/memory.h"
#include "host/base/parallel.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    CHAINS = 12, /* a result takes 4 to 7 cycles, up to 2 begin in each; there are 16 registers */
    STEPS = 1 << 21,
    ROUNDS = 10, /* of 4 ms and more, beside which starting threads is nothing; the best counts */
};

/* Chains x = x * factor + term, which end near 1; returns a value that depends on all of them. They
 * begin apart, or the compiler would see that one is enough. */
typedef float loop_fn(float factor, float term);

#define MULTIPLY_LOOP(name, bytes, attributes)                                                     \
    attributes static float name(float factor, float term)                                         \
    {                                                                                              \
        typedef float vector __attribute__((vector_size(bytes)));                                  \
        vector x[CHAINS];                                                                          \
        float sum = 0.0f;                                                                          \
                                                                                                   \
        for (int c = 0; c < CHAINS; c++)                                                           \
            x[c] = (vector){0} + (float)c;                                                         \
        for (int step = 0; step < STEPS; step++)                                                   \
            _Pragma("GCC unroll 12") for (int c = 0; c < CHAINS; c++) x[c] = x[c] * factor + term; \
        for (int c = 0; c < CHAINS; c++)                                                           \
            sum += x[c][c % ((bytes) / 4)];                                                        \
        return sum;                                                                                \
    }

MULTIPLY_LOOP(loop_plain, 16, )
#ifdef __x86_64__
MULTIPLY_LOOP(loop_avx, 32, __attribute__((target("avx"))))
MULTIPLY_LOOP(loop_avx2, 32, __attribute__((target("avx2,fma"))))
MULTIPLY_LOOP(loop_avx512, 64, __attribute__((target("avx512f"))))
#endif

struct multiply {
    loop_fn *loop;
    float *results; /* (threads) f32: what is kept of the sums, or the compiler would drop them */
};

static ll_status run_loop(void *context, int64_t task, int thread, ll_error *err)
{
    const struct multiply *const m = context;

    (void)thread;
    m->results[task] = m->loop(0.5f, 0.5f);
    if (m->results[task] > CHAINS - 0.01f && m->results[task] < CHAINS + 0.01f) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "multiplying gave %g instead of %d",
                   (double)m->results[task], CHAINS);
}

ll_status ll_limit_multiply(int threads, double *flop_a_second, const char **vectors, ll_error *err)
{
    const struct {
        const char *name;
        int lanes;
        loop_fn *loop;
        bool is_there;
    } widths[] = {
        {"plain", 4, loop_plain, true},
#ifdef __x86_64__
        {"avx", 8, loop_avx, __builtin_cpu_supports("avx")},
        {"avx2", 8, loop_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
        {"avx512", 16, loop_avx512, __builtin_cpu_supports("avx512f")},
#endif
    };
    ll_status status = LL_OK;
    struct multiply m = {0};

    *flop_a_second = 0.0;
    *vectors = "";
    LL_TRY(ll_alloc("results", threads, sizeof *m.results, &m.results, err));
    for (int round = 0; round < ROUNDS; round++)
        for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
            if (!widths[w].is_there) continue;
            m.loop = widths[w].loop;
            const double start = ll_clock_seconds();
            LL_TRY_DONE(ll_parallel_run(threads, threads, run_loop, &m, err));
            const double flops = 2.0 * CHAINS * STEPS * widths[w].lanes * threads;
            const double rate = flops / (ll_clock_seconds() - start);
            if (!(rate > *flop_a_second)) continue;
            *flop_a_second = rate;
            *vectors = widths[w].name;
        }
done:
    free(m.results);
    return status;
}
