/* host/store/schema.h - what an index file holds: schema lookloom-index, version 1 (FORMAT.md).
 * Floor 2; includes base, h5, kernels. */
#ifndef LL_STORE_SCHEMA_H
#define LL_STORE_SCHEMA_H

#include "kernels/narrow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LL_STORE_FORMAT "lookloom-index"
enum { LL_STORE_VERSION = 1, LL_STORE_CHECK_ROWS = 256, LL_STORE_DIGEST = 16 };

/** "none", "float32", "float16", "uint16": the spelling of --matrix. */
const char *ll_store_matrix_name(ll_matrix_type matrix);
/** -1 for an unknown name, else a ll_matrix_type. */
int ll_store_matrix_find(const char *name);
/** How far a stored score may lie from the score: 1e-6, 2.5e-4, half a step of uint16 + 1e-6. */
double ll_store_matrix_bound(ll_matrix_type matrix);

/* The root attributes that say what made the file. Texts are never NULL ("" if unknown). */
typedef struct ll_store_provenance {
    const char *created; /* the only one, with /run, that two equal runs may differ in */
    const char *generator;
    const char *model, *layer, *preprocess, *resize, *exif, *alpha;
    const char *decoder; /* versions of the libraries that decode */
    const char *jpeg;    /* who decodes JPEG; left out of the file if "" */
    const char *image_root;
    const char *weights_sha256, *weights_name;
    bool weights_trained;
    const char *backend, *device, *precision, *engines;
    const char *fingerprint;
    const char *within; /* column of --within, or "" */
    int64_t rows_redone;
    const char *license;
} ll_store_provenance;

/* Extents, known before the file is made. */
typedef struct ll_store_extents {
    int64_t items;     /* N */
    int64_t features;  /* D; 0: leave /features out */
    int64_t neighbors; /* K, already min(--neighbors, max(N - 1, 1)) */
    int64_t rejected;  /* M */
    ll_matrix_type matrix;
} ll_store_extents;

/* Datasets of numbers, in the order they are made and digested; the first four are checked by
 * blocks of rows. index_layout.c has their table. */
typedef enum ll_array {
    LL_ARRAY_FEATURES,
    LL_ARRAY_SIMILARITY,
    LL_ARRAY_INDEX,
    LL_ARRAY_SCORE,
    LL_ARRAY_NORMS,
    LL_ARRAY_DIGEST,
    LL_ARRAY_ID_BYTES,
    LL_ARRAY_ID_START,
    LL_ARRAY_ORDER,
    LL_ARRAY_SUM_FEATURES, /* + the array it is of */
    LL_ARRAY_SUM_SIMILARITY,
    LL_ARRAY_SUM_INDEX,
    LL_ARRAY_SUM_SCORE,
    LL_ARRAYS,
} ll_array;

#endif
