/* tests/sample_index.h - small indexes made up from a seed, with everything a question can meet:
 * twins, scores closer together than a step of the matrix, values shared and values of one item.
 * Ranked and written by index_fixture.c. */
#ifndef LL_TESTS_SAMPLE_INDEX_H
#define LL_TESTS_SAMPLE_INDEX_H

#include "host/store/schema.h"

#include <stdbool.h>
#include <stdint.h>

enum { LL_SAMPLE_COLUMNS = 3, LL_SAMPLE_TEXT = 64 };

typedef struct ll_sample_options {
    uint64_t seed;
    int64_t items, width, neighbors; /* neighbors as of --neighbors: cut to N - 1 here */
    ll_matrix_type matrix;
    bool features, trained, within; /* within "category" */
    bool awkward;                   /* ids and images that formats stumble over */
    bool hostile;       /* ids, images and categories that a page must not take for its own */
    const float *given; /* (items, width) unit rows, not negative; NULL: drawn ones */
    bool distinct;      /* no two items of nearly equal features */
    bool digests;       /* equal ones for some items of equal features; else none is known */
} ll_sample_options;

/* What the index is made of, and the scores by their definition. */
typedef struct ll_sample {
    ll_sample_options options;
    int64_t neighbors;
    float *features; /* (items, width), unit rows */
    float *norms;    /* (items) */
    float *scores;   /* (items, items), to the bit */
    void *matrix;    /* (items, items), stored type */
    uint32_t *index; /* (items, neighbors) */
    float *neighbor_scores;
    uint8_t *digests; /* (items, 16) */
    char (*ids)[LL_SAMPLE_TEXT], (*images)[LL_SAMPLE_TEXT];
    char (*values[LL_SAMPLE_COLUMNS])[LL_SAMPLE_TEXT]; /* category, product, stock */
} ll_sample;

extern const char *const ll_sample_column_names[LL_SAMPLE_COLUMNS];

/** Make the index file at `path`; aborts on failure, as a test would. Also two rejects, "broken"
 *  (truncated JPEG) and "huge" (too large). */
void ll_sample_make(const char *path, const ll_sample_options *options, ll_sample *out);
void ll_sample_release(ll_sample *sample);

#endif
