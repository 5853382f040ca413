/* tests/cuda_emulated/emulated.h - how a test steers the emulated card and asks what happened.
 *
 * The cuda backend's own sources, linked with these files instead of CUDA's libraries, are
 * lookloom-cuda-emulated.so: device memory is memory, a stream is a queue, a kernel runs on fibers
 * (tests/cuda_on_cpu), cuBLASLt is OpenBLAS, a convolution is its definition.
 *
 * A queue runs as late as it may: when something waits for it. Between queues only events bind, and
 * who goes first is drawn. Copies read host memory when they run. While no queue runs,
 * AddressSanitizer keeps everybody out of device memory. So a missing event, a pinned buffer
 * written again too early, a result read too early and a pointer of the wrong side all show.
 * Not found: races within a kernel launch (tests/cuda_on_cpu looks for those), anything about
 * speed. */
#ifndef LL_EMULATED_H
#define LL_EMULATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ll_emulated_haste {
    LL_EMULATED_LATE,  /* only what somebody waits for, and only then */
    LL_EMULATED_MIXED, /* when somebody waits, any queue may go first */
    LL_EMULATED_EARLY, /* and now and then a queue runs without being waited for */
    LL_EMULATED_HASTES,
} ll_emulated_haste;

typedef struct ll_emulated {
    /* The card. */
    char name[256];
    int devices, driver_version, major, minor;
    size_t memory_bytes;
    bool idle; /* the network's kernels, products and convolutions are queued but leave their
                  results garbage: for tests of what the host does when calls fail */
    bool relu_hides_nan; /* makes 0 of it, as some engines do, instead of keeping it */
    bool slow_pool;      /* convolutions with the max-pool in them are the slower ones */
    bool no_pool;        /* and no engine has them at all */
    bool uneven;     /* the fastest engines round some images of a batch otherwise than others */
    bool unsound;    /* the fastest engines leave a channel of zeros */
    int slow_ms;     /* making an engine takes so long; and many more turn out unable */
    bool no_engine;  /* the libraries offer nothing at all */
    int breaks;      /* this engine (1 is the first) cannot run: its own failure, not the card's */
    bool no_capture; /* engines wait for their stream, which a capture does not allow */
    bool no_fused;   /* in fp32 and tf32 engines convolve alone: cuda_conv.h, plain */

    /* The order of things. */
    uint64_t seed;
    ll_emulated_haste haste;

    /* What fails: call number `fail_at` (1 is the first), and, `sticky`, all after it. Or
     * allocation number `fail_allocation` on the card, for want of memory. 0: nothing. */
    int64_t fail_at, fail_allocation;
    bool sticky;
    void (*before)(int64_t number, const char *call); /* NULL, or told of each call to come */

    /* What happened. */
    int64_t calls;       /* of the runtime, the gemm and the convolution layer */
    int64_t allocations; /* on the card */
    int64_t launches;    /* kernels, products and convolutions that ran */
    size_t used_bytes, peak_bytes;
    int64_t alive;        /* allocations, streams, events, graphs, plans not yet given back */
    char failed_call[64]; /* the one made to fail, "" if none was */
    char misuse[160];     /* the first call no card would have taken, "" if there was none */
} ll_emulated;

/** The one card. Found by dlsym() in the module, whose handle counts its opens, so that a test and
 *  the backend see the same one. */
ll_emulated *ll_emulated_card(void);
#define LL_EMULATED_SYMBOL "ll_emulated_card"
typedef ll_emulated *(*ll_emulated_fn)(void);

/** The defaults: a card like an H200, with a tenth of its memory, and nothing that fails. */
void ll_emulated_reset(ll_emulated *card);

#endif
