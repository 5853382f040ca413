/* tests/agree/emulated_work.h - a small night's work for one backend: photos embedded, features
 * compared; for tests that set the cuda backend, emulated or (gpu_backend) real, beside the cpu's.
 */
#ifndef LL_TESTS_EMULATED_WORK_H
#define LL_TESTS_EMULATED_WORK_H

#include "host/backend/backend.h"

enum { WORK_KEEP = 5, WORK_MAX_BATCH = 8 };

typedef struct work_order {
    const char *backend, *precision; /* "cpu", "cuda" */
    int batch, layer, images;        /* images 0: nothing is embedded */
    int patience_s;                  /* ll_backend_options */
    const uint8_t *pixels;           /* (images, 224, 224, 3) */
    int64_t rows, cols;              /* rows 0: nothing is compared */
    const float *features;           /* (rows, cols) unit */
    const uint32_t *group;           /* (rows) or NULL */
    ll_matrix_type matrix;
    const ll_log *log;
} work_order;

typedef struct work_result {
    float *features; /* (images, width), unit */
    float *norms;    /* (images) */
    uint32_t *index; /* (rows, WORK_KEEP) */
    float *score;
    unsigned char *matrix; /* (rows, rows) of the stored type */
    int64_t rows;
    int batch; /* that was used */
    size_t stored_bytes;
} work_result;

/** @return the first failure; `*out` then holds nothing. */
LL_NODISCARD ll_status work_do(const work_order *order, work_result *out, ll_error *err);
void work_release(work_result *result);

#endif
