/* tests/index_fixture.h - small indexes for tests: drawn features, exact neighbours by the plainest
 * code there is, ids beyond ASCII. The same spec gives the same content on every machine. */
#ifndef LL_TESTS_INDEX_FIXTURE_H
#define LL_TESTS_INDEX_FIXTURE_H

#include "host/base/status.h"
#include "host/store/writer.h"

#include <stdint.h>

typedef struct ll_fixture_spec {
    int64_t items, features, neighbors, rejected;
    ll_matrix_type matrix;
    int columns;           /* "kind", then "c1", "c2", ... */
    bool within;           /* neighbours only of the same kind */
    bool shuffled;         /* the same items, rows in another order */
    bool without_features; /* computed from, but not stored */
    uint64_t seed;
} ll_fixture_spec;

typedef struct ll_fixture {
    ll_fixture_spec spec;
    char **ids, **images, **rejected_ids, **rejected_images, **rejected_reasons;
    char **column_names, ***column_values;
    uint8_t *digests;
    float *features, *norms;
    uint32_t *index;
    float *score;
    float *exact; /* (N, N) scores */
    void *matrix; /* (N, N) in the stored type, or NULL */
    ll_store_provenance provenance;
    const char *run_json;
} ll_fixture;

/* Fails by abort(): a test without its fixture is no test. */
ll_fixture *ll_fixture_create(const ll_fixture_spec *spec);
void ll_fixture_free(ll_fixture *fixture);

/** `index` and `score`, (N, K), from `exact` and, if within, from the first column. */
void ll_fixture_rank(ll_fixture *fixture);

/** Through the writer to `path`. */
LL_NODISCARD ll_status ll_fixture_write(const ll_fixture *fixture, const char *path, ll_error *err);

/** Both at once; the fixture is gone again. */
LL_NODISCARD ll_status ll_fixture_make(const ll_fixture_spec *spec, const char *path,
                                       ll_error *err);

#endif
