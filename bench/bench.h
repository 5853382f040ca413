/* bench/bench.h - how fast a stage is on this machine, beside what the machine could do at best.
 *
 * One case_<stage>.c a stage, one function each, all of this shape: check that the stage's answer
 * is right (a fast wrong answer is worth nothing), warm up, repeat for at least a second, fill in
 * the result. `lookloom bench` prints results as a table or as JSON; nothing here prints.
 * Floor 6; see host/README.md for what a case may include. */
#ifndef LL_BENCH_H
#define LL_BENCH_H

#include "host/base/log.h"
#include "host/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ll_bench_options {
    int threads;           /* 0: the cores this process may use */
    int batch;             /* images a slot holds; 0: the backend's default */
    int patience_s;        /* embed: ll_backend_options.patience_s; 0: its default */
    int64_t items;         /* images, rows or questions of one run; 0: the case's default */
    int64_t cols;          /* width of a feature where the case has a choice; 0: 4096 */
    int rounds;            /* store: matrices to write; 0: 5, or 3 on a slow disk */
    double seconds;        /* measured time at the least; 0: 1 */
    const char *weights;   /* a weights file; NULL: the case draws an untrained network */
    const char *backend;   /* "auto", "cpu", "cuda"; NULL: cpu */
    const char *precision; /* of the backend; NULL: its default */
    bool no_matrix;        /* similarity: neighbours alone; the matrix grows with items squared */
    const char *path;   /* decode: a folder of photos; store: a folder for the scratch file; query:
                           an index; NULL where the case makes its own */
    const char *matrix; /* similarity with `keep`: a word of ll_store_matrix_find; NULL: float32 */
    const char *keep;   /* leave the drawn index here; NULL: nowhere */
    int64_t memory_bytes; /* similarity with `keep`: as --memory of an index; 0: its default */
    const ll_log *log;    /* may be NULL */
} ll_bench_options;

typedef struct ll_bench_result {
    char stage[16];      /* "embed" */
    char work[96];       /* what one run is: "64 images to fc2, cpu fp32" */
    char unit[16];       /* what is counted: "img", "pair", "byte", "query" */
    char limit_name[96]; /* where `limit` comes from: "multiply-add avx2 on 2 threads, ..."; "" if
                            there is none */
    int threads, batch;  /* batch 0: the stage has none */
    int runs;            /* measured ones */
    double count;        /* units of one run; a rate is count / median_s */
    double flops, bytes; /* of one run; 0 where they say nothing */
    double min_s, median_s;
    double limit;    /* units a second this machine could do at best; 0: unknown */
    double may_pass; /* by which factor a correct result may exceed the limit; 0: unknown */
} ll_bench_result;

/** Embedding: batches of drawn pixels through the network up to fc2. Limit: on cpu the rate of
 * multiplications; a card's own limits are measured beside it, by bench/gpu. */
LL_NODISCARD ll_status ll_bench_embed(const ll_bench_options *options, ll_bench_result *result,
                                      ll_error *err);

/** All pairs of drawn features: tiles, neighbours and the rescoring. Limit: as above. */
LL_NODISCARD ll_status ll_bench_similarity(const ll_bench_options *options, ll_bench_result *result,
                                           ll_error *err);

enum { LL_BENCH_RESULTS = 4 }; /* rows a case may fill in: `results` has room for so many */

/** Questions: the ten best of drawn ids in an open index by one thread, by `threads` together, and
 *  by lookloom-query as a process. Fills in up to LL_BENCH_RESULTS; those with 0 runs were left
 *  out. `path`: ask this index; else one of `items` (5 000) is drawn, with `cols` features if
 *  given. Limit: starting /bin/true. */
LL_NODISCARD ll_status ll_bench_query(const ll_bench_options *options, ll_bench_result *results,
                                      ll_error *err);

/** Photos to 224 x 224 pixels: the JPEGs of the folder options->path, or drawn ones. Limit: what
 *  libjpeg-turbo alone decodes of the same files, from memory and into one buffer a thread. */
LL_NODISCARD ll_status ll_bench_decode(const ll_bench_options *options, ll_bench_result *result,
                                       ll_error *err);

/** Two results. Writing the matrix as a night does, with fsync, into the folder options->path;
 * limit: writing as many bytes in order, with fsync, in turns with it. And rows of the matrix out
 * of an open index that is in memory; limit: the speed of memory. */
LL_NODISCARD ll_status ll_bench_store(const ll_bench_options *options, ll_bench_result *results,
                                      ll_error *err);

/** The second half of a run once, on random features: compare, write, publish at options->keep with
 *  options->matrix within options->memory_bytes. Limit: as above. */
LL_NODISCARD ll_status ll_bench_compare_write(const ll_bench_options *options,
                                              ll_bench_result *result, ll_error *err);

/* ---- for the cases ---------------------------------------------------------------------- */

typedef ll_status (*ll_bench_fn)(void *context, ll_error *err);

/** Run once to warm up, then until `seconds` (0: 1) have been measured and at least three times;
 *  fills in runs, min_s and median_s. The first failure ends it. */
LL_NODISCARD ll_status ll_bench_repeat(ll_bench_fn run, void *context, double seconds,
                                       ll_bench_result *result, ll_error *err);

/** The median of `count` times, 1 or more, which are sorted; and the least. */
double ll_bench_median(double *times, int count, double *least);

/** Why a stage may be faster than the processor's multiply-add rate: it needs fewer products than
 *  the plain algorithm, whose FLOPs are counted. Winograd's F(2x2, 3x3) needs 16 products for 36,
 *  F(4x4, 3x3) 36 for 144 (Lavin and Gray, 2015); of a symmetric matrix half is computed. */
typedef enum ll_bench_passing {
    LL_BENCH_PASS_NOTHING,
    LL_BENCH_PASS_WINOGRAD_2,
    LL_BENCH_PASS_WINOGRAD_4,
    LL_BENCH_PASS_SYMMETRY,
} ll_bench_passing;

/** What this processor multiplies and adds at best on `threads` threads (ll_limit_multiply), as the
 *  limit of a result whose `flops` and `count` are set: fills in limit = rate / (flops / count),
 *  limit_name and may_pass. */
LL_NODISCARD ll_status ll_bench_limit_multiply(int threads, ll_bench_passing passing,
                                               ll_bench_result *result, ll_error *err);

/** Is the fastest run more than `may_pass` times as fast as the limit? Then the result or the limit
 *  is wrong. Always false for a result without may_pass. */
bool ll_bench_beyond_limit(const ll_bench_result *result);

#endif
