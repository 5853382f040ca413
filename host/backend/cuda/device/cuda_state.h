/* host/backend/cuda/device/cuda_state.h - what the cuda backend keeps; private to
 * host/backend/cuda/. */
#ifndef LL_CUDA_STATE_H
#define LL_CUDA_STATE_H

#include "host/backend/backend_ops.h"
#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/backend/cuda/gemm/cuda_gemm.h"

#include <cuda_runtime_api.h>

struct cuda_compare; /* cuda_compare.c */

struct cuda_state {
    int device, batch, slots;
    int patience_s; /* for trying engines, all layers of a net together */
    int capability; /* of the card, major * 10 + minor */
    ll_conv_type precision;
    size_t workspace_max;          /* ll_conv_workspace_max */
    cudaStream_t in, compute, out; /* uploads, work, downloads; only events bind them */
    ll_conv_library *conv;
    ll_gemm_library *gemm;
    /* In words, as long as they are: */
    char *device_text, *libraries; /* the card; driver, cuDNN, cuBLASLt */
    char *devices;                 /* all cards, a line each */
    char *engines;                 /* what goes into the index */
    size_t engines_length;         /* without what a comparison added to them */
    const ll_log *log;
    struct cuda_compare *compare; /* NULL between comparisons */
};

/* cuda_compare.c */
int64_t ll_cuda_compare_host_bytes(const ll_backend *be, const ll_compare_options *options);
ll_status ll_cuda_compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err);
int64_t ll_cuda_compare_tile(const ll_backend *be);
ll_status ll_cuda_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err);
ll_status ll_cuda_compare_sync(ll_backend *be, ll_error *err);
ll_status ll_cuda_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                               float *scores, double *bounds, ll_error *err);
ll_status ll_cuda_rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                 int64_t count, float *scores, ll_error *err);
ll_status ll_cuda_rescore_wait(ll_backend *be, ll_error *err);
ll_status ll_cuda_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                               ll_error *err);
void ll_cuda_compare_end(ll_backend *be);

#endif
