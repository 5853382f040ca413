/* host/base/random.h - random 64-bit words that come out the same on every machine, in any order.
 * Source: splitmix64 (Steele, Lea, Flood, OOPSLA 2014; constants of Vigna). */
#ifndef LL_BASE_RANDOM_H
#define LL_BASE_RANDOM_H

#include <stdint.h>

static const uint64_t k_random_step = UINT64_C(0x9E3779B97F4A7C15); /* 2^64 over the golden ratio */

/** The finaliser of splitmix64: one to one, every bit of `z` moves about half of the result's. */
static inline uint64_t ll_random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/** The next word; any state to begin with is a good one. */
static inline uint64_t ll_random_next(uint64_t *state)
{
    *state += k_random_step;
    return ll_random_mix(*state);
}

/** Word n (from 0) of the words that begin with state `stream`; needs none before it. */
static inline uint64_t ll_random_word(uint64_t stream, uint64_t n)
{
    return ll_random_mix(stream + (n + 1) * k_random_step);
}

#endif
