/* tests/cuda_emulated/card.h - for tests that call the emulated card themselves. */
#ifndef LL_EMULATED_CARD_H
#define LL_EMULATED_CARD_H

#include "tests/cuda_emulated/emulated.h"
#include "tests/test.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>
#include <string.h>

static inline void ok(cudaError_t code)
{
    if (code != cudaSuccess) fail_msg("CUDA: %s", cudaGetErrorString(code));
}

static inline ll_emulated *begin(uint64_t seed)
{
    ll_emulated *const card = ll_emulated_card();
    ll_emulated_reset(card);
    card->seed = seed;
    card->haste = (ll_emulated_haste)(seed % LL_EMULATED_HASTES);
    return card;
}

static inline void nothing_left(const ll_emulated *card)
{
    assert_string_equal(card->misuse, "");
    assert_int_equal(card->alive, 0);
    assert_int_equal(card->used_bytes, 0);
}

static inline void *device(size_t bytes)
{
    void *memory = NULL;
    ok(cudaMalloc(&memory, bytes));
    assert_non_null(memory);
    return memory;
}

static inline cudaStream_t stream(void)
{
    cudaStream_t made = NULL;
    ok(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return made;
}

#endif
