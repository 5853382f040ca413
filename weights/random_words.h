/* weights/random_words.h - random 64-bit words by number: word n of a stream needs none before it,
 * so layers, weights and pictures are independent of the order they are made in.
 * Source: splitmix64 (Steele, Lea, Flood 2014; constants of Vigna). Private to weights. */
#ifndef LL_WEIGHTS_RANDOM_WORDS_H
#define LL_WEIGHTS_RANDOM_WORDS_H

#include <stdint.h>

static inline uint64_t ll_random_word(uint64_t stream, uint64_t n)
{
    uint64_t z = stream + (n + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

#endif
