/* host/backend/backend.h - a device that embeds photos and compares features.
 *
 * The only header that callers include; cpu and cuda implement one table of functions
 * (backend_ops.h). Embedding: net_create once, then forward_submit / forward_wait over a few slots,
 * so that the caller decodes while the device works. Comparing: compare_begin with all unit
 * features, submit every tile on or above the diagonal, sync, then take the candidates row block by
 * row block. One backend is driven by one thread. Floor 3; includes base, vgg16, weights,
 * kernels. */
#ifndef LL_BACKEND_H
#define LL_BACKEND_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "kernels/narrow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ll_backend ll_backend;
typedef struct ll_net ll_net;
struct ll_weights;

typedef struct ll_backend_options {
    const char *name;        /* one of ll_backend_words() */
    const char *cuda_module; /* path of lookloom-cuda.so; NULL: beside our own libraries */
    const char *precision;   /* NULL: the backend's default ("fp32" on cpu, "fp16" on cuda) */
    int device;              /* CUDA ordinal */
    int threads;             /* of the cpu backend; results do not depend on it */
    int batch;               /* images a slot holds; 0: 32 on cpu, 256 on cuda */
    int slots;               /* batches in flight; 1 or more */
    int patience_s;          /* how long cuda tries engines, all layers together; 0: 60 */
    const ll_log *log;       /* why auto does not use a card; may be NULL */
    const char *root;        /* where a card is looked for (card_presence.h); NULL: this machine */
} ll_backend_options;

/** The names there are: "cpu" is number 0, NULL comes after the last. */
const char *ll_backend_name(int number);

/** "auto" and the names, as an option lists its words: "auto|cpu|cuda". */
const char *ll_backend_words(void);

/** Open a backend by name; "auto" takes the last name that opens. If that is the processor's, the
 * log gets one line with the reason for each other: where there is such a card it is for everyone,
 * else for who asked for more.
 * @return LL_OK; LL_ERR_ARGUMENT for an unknown name or precision; LL_ERR_UNSUPPORTED,
 * LL_ERR_DEVICE or LL_ERR_MEMORY from the backend asked for. On failure `*out` is NULL. */
LL_NODISCARD ll_status ll_backend_open(const ll_backend_options *options, ll_backend **out,
                                       ll_error *err);
void ll_backend_close(ll_backend *be); /* accepts NULL */

/* What goes into the index and the fingerprint. Borrowed until close, except `engines`:
 * ll_net_create and ll_compare_begin replace it, since they add what they chose. */
typedef struct ll_backend_info {
    const char *name;      /* ll_backend_name() */
    const char *device;    /* "AMD EPYC 9R14, avx512" : what decides the bits */
    const char *precision; /* "fp32" */
    const char *engines;   /* library versions and the implementations chosen, e.g.
                              "oneDNN 2.6.3 (fc1-fc2 brgemm:avx512_core), dots 1 avx512" */
    const char *devices;   /* all there are, for people, a line each: "0: NVIDIA H200, 9.0, 132 SMs,
                              150 GB, 149 GB free"; free memory of the one that is open. "" on cpu */
    int batch;

    /* What times and forecasts have to know of it. */
    bool shares_processor; /* computes on the cores that decode photos */
    bool pads_batches;     /* a batch takes as long however few photos are in it */
    bool stores_otherwise; /* tiles for a stored matrix are multiplied in another way than tiles for
                              candidates alone, and in another time */
} ll_backend_info;
ll_backend_info ll_backend_describe(const ll_backend *be);

/* ---- embedding ------------------------------------------------------------------------- */

typedef struct ll_net_options {
    int layer;      /* LL_VGG16_*: where to stop, any of the 20 layers or LL_VGG16_GAP */
    bool normalize; /* unit rows and their norms; false: raw activations (tests, calibration) */
    /* ll_backend_info.engines of an earlier net on the same device in the same precision: its
     * choices are taken over where they still can be. NULL: none. Borrowed during create. */
    const char *engines;
} ll_net_options;

/** Pack the weights for this device, once. LL_ERR_ARGUMENT if the weights end before `layer`. */
LL_NODISCARD ll_status ll_net_create(ll_backend *be, struct ll_weights *weights,
                                     const ll_net_options *options, ll_net **out, ll_error *err);
void ll_net_free(ll_backend *be, ll_net *net); /* accepts NULL */

/** Start one batch in `slot` (0 .. slots - 1) and return; the slot must be free.
 * @param pixels  (n, 224, 224, 3) u8 RGB; must stay as it is until forward_wait
 * @param n       1 .. batch; the rest of the batch is padding; an image's features, to the bit,
 *                depend neither on n nor on its position in the batch */
LL_NODISCARD ll_status ll_forward_submit(ll_backend *be, ll_net *net, int slot,
                                         const uint8_t *pixels, int n, ll_error *err);

/** Wait for `slot` and free it.
 * @param features  (n, ll_vgg16_width(layer)) f32; activations with sides are NHWC
 * @param norms     (n) f32, length before normalising; NULL if the net does not normalise.
 *                  A row of zeros stays zeros with norm 0.
 * @return LL_OK; LL_ERR_DEVICE; LL_ERR_FORMAT if an activation is infinite or NaN: the weights'
 *         fault, never a photo's */
LL_NODISCARD ll_status ll_forward_wait(ll_backend *be, ll_net *net, int slot, float *features,
                                       float *norms, ll_error *err);

/** Biases that centre every channel of an untrained network on a batch of pictures: for each layer
 *  in turn, bias = -mean of the channel before bias and ReLU over images and positions.
 *  Always runs on the cpu backend. Kernels come from `kernel(to, layer, out, err)`, OHWI.
 * @param biases  all layers' biases end to end, in layer order (12 416 f32 up to fc2) */
typedef ll_status (*ll_kernel_fn)(void *to, int layer, float *kernel, ll_error *err);
LL_NODISCARD ll_status ll_backend_calibrate(int threads, ll_kernel_fn kernel, void *to,
                                            const uint8_t *pixels, int n, float *biases,
                                            const ll_log *log, ll_error *err);

/* ---- comparing ------------------------------------------------------------------------- */

/* Receives rectangles of the upper half of the symmetric matrix, in the stored type: rows
 * [row, row + rows) x columns [column, column + columns), row-major, `values` valid during the call
 * only. A tile above the diagonal comes once, and whoever keeps all of the matrix mirrors it; a
 * tile on the diagonal comes whole, exactly symmetric, its diagonal exactly 1. Called from the
 * backend's threads, several at once. */
typedef struct ll_tile_sink {
    void *to;
    ll_status (*receive)(void *to, int64_t row, int64_t rows, int64_t column, int64_t columns,
                         const void *values, ll_error *err);
} ll_tile_sink;

typedef struct ll_compare_options {
    const float *features; /* (rows, cols) unit f32, host memory, borrowed until compare_end */
    int64_t rows, cols;
    int keep;              /* candidates kept per row (K + M); 0: no neighbours wanted */
    const uint32_t *group; /* (rows) --within: only equal values are neighbours; or NULL */
    ll_matrix_type matrix;
    ll_tile_sink sink; /* ignored for LL_MATRIX_NONE */
} ll_compare_options;

/** Anonymous host memory a comparison takes from begin to end, about, whether begun or not:
 *  `features` and `sink` are not looked at. */
int64_t ll_compare_host_bytes(const ll_backend *be, const ll_compare_options *options);

/** M for K = `neighbors`: how many candidates to keep beyond K, so that few rows have to be redone
 *  with this backend's error bounds. The neighbours do not depend on M. */
int64_t ll_compare_margin(const ll_backend *be, int64_t neighbors);

/** Bind the features; frees what an earlier comparison held. */
LL_NODISCARD ll_status ll_compare_begin(ll_backend *be, const ll_compare_options *options,
                                        ll_error *err);

/** Rows and columns of a tile (512 on cpu); valid after compare_begin. */
int64_t ll_compare_tile(const ll_backend *be);

/** Compute block i against block j, i <= j, in tiles of ll_compare_tile(). Returns before the work
 *  is done; a failure may be reported by a later call. Every tile once. */
LL_NODISCARD ll_status ll_tile_submit(ll_backend *be, int64_t i, int64_t j, ll_error *err);

/** Wait for all tiles; reports errors of earlier work. */
LL_NODISCARD ll_status ll_compare_sync(ll_backend *be, ll_error *err);

/** The candidates of rows [row, row + rows), after sync: the `keep` best fast scores of each row
 *  among its permitted columns (not itself, same group), best first, ties by column.
 * @param columns  (rows, keep) u32; 0xFFFFFFFF where a row has fewer
 * @param scores   (rows, keep) f32 fast scores
 * @param bounds   (rows) f64: |fast - exact| <= bound for every pair of the row */
LL_NODISCARD ll_status ll_topk_extract(ll_backend *be, int64_t row, int64_t rows, uint32_t *columns,
                                       float *scores, double *bounds, ll_error *err);

/** Start exact scores (kernels/rescore.h) of given pairs: scores[r][c] for row + r and
 * columns[r][c]; entries with column 0xFFFFFFFF are not written. At most one submit is in flight;
 * `columns` must stay valid, and `scores` is incomplete, until ll_rescore_wait. Every other call of
 * the comparison waits first. */
LL_NODISCARD ll_status ll_rescore_submit(ll_backend *be, int64_t row, int64_t rows,
                                         const uint32_t *columns, int64_t count, float *scores,
                                         ll_error *err);
LL_NODISCARD ll_status ll_rescore_wait(ll_backend *be, ll_error *err);

/** Both. */
LL_NODISCARD ll_status ll_rescore(ll_backend *be, int64_t row, int64_t rows,
                                  const uint32_t *columns, int64_t count, float *scores,
                                  ll_error *err);

/** Exact scores of some rows against all, themselves included, in one pass of the features or a
 * few.
 * @param rows    (count) row numbers, in any order
 * @param scores  (count, rows of the comparison) f32 */
LL_NODISCARD ll_status ll_rescore_rows(ll_backend *be, const uint32_t *rows, int64_t count,
                                       float *scores, ll_error *err);

void ll_compare_end(ll_backend *be);

#endif
