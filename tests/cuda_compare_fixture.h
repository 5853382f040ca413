/* tests/cuda_compare_fixture.h - the cuda backend's comparing half as a backend of its own, on the
 * emulated card, and shops to compare. Everything here fails the test it is called from. */
#ifndef LL_CUDA_COMPARE_FIXTURE_H
#define LL_CUDA_COMPARE_FIXTURE_H

#include "host/backend/cuda/compare/cuda_compare.h"
#include "host/similarity/similarity.h"
#include "tests/cuda_emulated/emulated.h"

enum { LOG_TEXT = 512 };

struct card {
    ll_backend be; /* first: what the table's functions get */
    struct cuda_state state;
    ll_cuda_limits limits;
    bool own_limits; /* ask the card instead */
    int64_t alive;   /* before the comparison */
    ll_log log;
    char logged[LOG_TEXT];
};

/** A card with a gigabyte, and these limits. */
void open_card(struct card *card, int64_t tile, int64_t chunk_bytes);
/** Nothing is left on it, and it was asked for nothing a card would not do. */
void close_card(struct card *card);
ll_backend *open_cpu(void);

struct shop {
    int64_t rows, cols;
    int neighbors, groups; /* groups 0: none */
    ll_matrix_type matrix;
    int64_t tile, chunk_bytes;
    float *features;
    uint32_t *group;
};

/** Zeroed. */
void *room(int64_t count, size_t size);

/** Activations of unit length; every eleventh row is a copy of an earlier one, every thirteenth a
 *  near copy, and row 7 is empty. */
void draw(struct shop *shop, uint64_t seed);
void free_shop(struct shop *shop);

struct result {
    const struct shop *shop;
    size_t bytes; /* of a stored score */
    unsigned char *matrix, *seen;
    uint32_t *index;
    float *score;
    int64_t fail_at; /* the sink's call number that fails; 0: none */
    int64_t calls;
};

struct result new_result(const struct shop *shop);
void free_result(struct result *result);

/** The sink of tiles; `to` is a struct result. */
ll_status receive_tile(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                       const void *values, ll_error *err);
ll_status run(ll_backend *be, struct result *result, ll_error *err);

/** The whole on `card` and on the cpu: the same neighbours to the bit. */
void check(struct card *card, struct shop *shop);

#endif
