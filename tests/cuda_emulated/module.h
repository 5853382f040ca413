/* tests/cuda_emulated/module.h - lookloom-cuda-emulated.so for a test: its card, and backends. */
#ifndef LL_EMULATED_MODULE_H
#define LL_EMULATED_MODULE_H

#include "host/backend/backend.h"
#include "tests/cuda_emulated/emulated.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>

/* The card of the module, which stays loaded: AddressSanitizer can then name its functions. */
static inline ll_emulated *emulated_card(void)
{
    ll_emulated_fn card = NULL;
    void *const module = dlopen(LL_EMULATED_MODULE, RTLD_NOW | RTLD_LOCAL);

    if (module == NULL) fail_msg("%s", dlerror());
    *(void **)&card = dlsym(module, LL_EMULATED_SYMBOL);
    assert_non_null(card);
    return card();
}

/* A fresh card with another order of things. */
static inline ll_emulated *emulated_reset(uint64_t seed)
{
    ll_emulated *const card = emulated_card();
    void (*reset)(ll_emulated *) = NULL;
    void *const module = dlopen(LL_EMULATED_MODULE, RTLD_NOW | RTLD_LOCAL);

    *(void **)&reset = dlsym(module, "ll_emulated_reset");
    assert_non_null(reset);
    reset(card);
    card->seed = seed;
    card->haste = (ll_emulated_haste)(seed % LL_EMULATED_HASTES);
    return card;
}

/* Everything was given back, and no call was made that a card would not have taken. */
static inline void emulated_all_well(const ll_emulated *card, const char *repro)
{
    if (card->misuse[0] != '\0') fail_msg("%s: %s", repro, card->misuse);
    if (card->alive != 0 || card->used_bytes != 0)
        fail_msg("%s: %lld things and %zu bytes of the card not given back", repro,
                 (long long)card->alive, card->used_bytes);
}

#endif
