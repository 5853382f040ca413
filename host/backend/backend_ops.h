/* host/backend/backend_ops.h - the table a backend fills. Only host/backend/ and the modules
 * include this. Each member is the function of the same name in backend.h, arguments already
 * checked; the comments there are the contract. Floor 3. */
#ifndef LL_BACKEND_OPS_H
#define LL_BACKEND_OPS_H

#include "host/backend/backend.h"

/* Raise it when a member changes: a module built against another number is refused by name. */
enum { LL_BACKEND_ABI = 5 };

struct ll_backend_ops {
    int abi;
    const char *name; /* as in backend.c's rows */

    ll_status (*open)(ll_backend *be, const ll_backend_options *options, ll_error *err);
    void (*close)(ll_backend *be); /* accepts a half-open backend, so open() may just fail */
    ll_backend_info (*describe)(const ll_backend *be);

    ll_status (*net_create)(ll_backend *be, struct ll_weights *weights,
                            const ll_net_options *options, ll_net **out, ll_error *err);
    void (*net_free)(ll_backend *be, ll_net *net);
    ll_status (*forward_submit)(ll_backend *be, ll_net *net, int slot, const uint8_t *pixels, int n,
                                ll_error *err);
    ll_status (*forward_wait)(ll_backend *be, ll_net *net, int slot, float *features, float *norms,
                              ll_error *err);

    int64_t (*compare_margin)(int64_t neighbors);
    int64_t (*compare_host_bytes)(const ll_backend *be, const ll_compare_options *options);
    ll_status (*compare_begin)(ll_backend *be, const ll_compare_options *options, ll_error *err);
    int64_t (*compare_tile)(const ll_backend *be);
    ll_status (*tile_submit)(ll_backend *be, int64_t i, int64_t j, ll_error *err);
    ll_status (*compare_sync)(ll_backend *be, ll_error *err);
    ll_status (*topk_extract)(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                              float *scores, double *bounds, ll_error *err);
    /* Waiting comes before any other member, unless the comparison ends. */
    ll_status (*rescore_submit)(ll_backend *be, int64_t row, int64_t rows, const uint32_t *columns,
                                int64_t count, float *scores, ll_error *err);
    ll_status (*rescore_wait)(ll_backend *be, ll_error *err);
    ll_status (*rescore_rows)(ll_backend *be, const uint32_t *rows, int64_t count, float *scores,
                              ll_error *err);
    void (*compare_end)(ll_backend *be);
};

struct ll_weights_info;

struct ll_backend {
    const struct ll_backend_ops *ops;

    /* Functions of weights.h in the program, for modules: a module with its own copy of that code
     * would also have its own HDF5, which does not know the files that the program has open. */
    const struct ll_weights_info *(*weights_describe)(const struct ll_weights *weights);
    ll_status (*weights_load)(struct ll_weights *weights, int layer, float *kernel, float *bias,
                              ll_error *err);

    void *module; /* dlopen handle; NULL for cpu */
    void *state;  /* struct cpu_state or struct cuda_state; each casts its own, nobody else's */

    /* What backend.c checks arguments against. */
    int slots, batch;
    int64_t rows; /* of the comparison; -1 between comparisons */
    int keep;
    bool rescoring; /* submitted and not waited for */
    int threads;    /* last, because modules do not see it: their ABI ends above */
};

/* The one symbol a module exports. */
#define LL_BACKEND_MODULE_SYMBOL "ll_backend_module"
typedef const struct ll_backend_ops *(*ll_backend_module_fn)(void);

#endif
