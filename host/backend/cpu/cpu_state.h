/* host/backend/cpu/cpu_state.h - what the cpu backend keeps; private to host/backend/cpu/.
 *
 * One pool of threads serves both long loops. Each of its threads runs oneDNN with a
 * single thread of their own: how work is cut into jobs never depends on how many threads there
 * are, so neither do the bits. */
#ifndef LL_CPU_STATE_H
#define LL_CPU_STATE_H

#include "host/backend/backend_ops.h"
#include "host/backend/cpu/cpu_pool.h"

extern const struct ll_backend_ops ll_backend_cpu_ops; /* cpu_backend.c */

struct cpu_compare; /* cpu_compare.c */

struct cpu_state {
    ll_cpu_pool *pool;
    int threads, batch, slots;
    char *device, *engines;      /* in words: as long as they are */
    struct cpu_compare *compare; /* NULL between comparisons */
};

/* cpu_forward.c */
ll_status ll_cpu_net_create(ll_backend *be, struct ll_weights *weights,
                            const ll_net_options *options, ll_net **out, ll_error *err);
void ll_cpu_net_free(ll_backend *be, ll_net *net);
ll_status ll_cpu_forward_submit(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels, int n,
                                ll_error *err);
ll_status ll_cpu_forward_wait(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                              ll_error *err);

/* cpu_calibrate.c */
ll_status ll_cpu_calibrate(int threads, ll_kernel_fn kernel, void *to, const uint8_t *pixels, int n,
                           float *biases, const ll_log *log, ll_error *err);

/* cpu_compare.c */
int64_t ll_cpu_compare_margin(int64_t neighbors);
int64_t ll_cpu_compare_host_bytes(const ll_backend *be, const ll_compare_options *options);
ll_status ll_cpu_compare_begin(ll_backend *be, const ll_compare_options *options, ll_error *err);
int64_t ll_cpu_compare_tile(const ll_backend *be);
ll_status ll_cpu_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err);
ll_status ll_cpu_compare_sync(ll_backend *be, ll_error *err);
ll_status ll_cpu_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                              float *scores, double *bounds, ll_error *err);
ll_status ll_cpu_rescore_submit(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                int64_t count, float *scores, ll_error *err);
ll_status ll_cpu_rescore_wait(ll_backend *be, ll_error *err);
ll_status ll_cpu_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                              ll_error *err);
void ll_cpu_compare_end(ll_backend *be);

#endif
