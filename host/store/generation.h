/* host/store/generation.h - every digest of an index from its bytes: the generation, a checksum for
 * each block of rows, one for each other dataset. The writer stores them, check compares them.
 * Private to host/store; the order of bytes is written down in FORMAT.md. Floor 2. */
#ifndef LL_STORE_GENERATION_H
#define LL_STORE_GENERATION_H

#include "host/base/digest.h"
#include "host/base/log.h"
#include "host/store/reader_state.h"

typedef struct ll_digests {
    char generation[LL_DIGEST_HEX];
    uint64_t *blocks[LL_BLOCK_ARRAYS]; /* (ceil(N / 256)) each; NULL where the array is left out */
    uint64_t arrays[LL_ARRAYS];        /* XXH3-64 of those without blocks, /checksums included */
    uint64_t texts[LL_TEXTS];
    uint64_t *columns;               /* (columns of the file) */
    bool unreadable_texts[LL_TEXTS]; /* HDF5 cannot make sense of them: damaged */
    bool *unreadable_columns;
} ll_digests;

typedef struct ll_digests_options {
    int threads;
    bool tolerant; /* note unreadable texts and go on, instead of failing */
    const ll_log *log;
} ll_digests_options;

/** Digest all that `reader` maps and reads; `provenance` stands for the root attributes. Two passes
 *  over the large datasets run side by side on the threads: the generation, the blocks. */
LL_NODISCARD ll_status ll_digests_compute(ll_reader *reader, const ll_store_provenance *provenance,
                                          const ll_digests_options *options, ll_digests *out,
                                          ll_error *err);

/** Does this array have a checksum a block, rather than one of its own? */
bool ll_digests_in_blocks(const ll_layout *layout, ll_array array);
void ll_digests_release(ll_digests *digests);

/** The checksum of the root's attributes, `generation` and `created` included. */
LL_NODISCARD ll_status ll_digests_root(const ll_layout *layout,
                                       const ll_store_provenance *provenance,
                                       const char *generation, uint64_t *out, ll_error *err);

/** The checksum of one text as a dataset of its own: /run. */
LL_NODISCARD ll_status ll_digests_text(const char *text, uint64_t *out, ll_error *err);

#endif
