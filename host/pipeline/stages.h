/* host/pipeline/stages.h - the stages of a run: how fast each was, how fast it could be on this
 * machine, and which was the bottleneck. Floor 5. */
#ifndef LL_PIPELINE_STAGES_H
#define LL_PIPELINE_STAGES_H

#include "host/pipeline/pipeline.h"

#include <stdint.h>

typedef struct ll_stage {
    const char *name; /* "decode", "network", "compare", "rescore", "write" */
    const char *unit; /* what is counted: "photos", "pairs", "rows", "bytes" */
    double seconds;   /* wall-clock time of the stage; decode and network overlap, and so do compare
                         and write */
    double rate;      /* units a second */
    double limit;     /* units a second if nothing else ran; 0: not known */
    const char *of;   /* where the limit comes from; "" if there is none */
} ll_stage;

enum { LL_STAGES = 5 };

typedef struct ll_stages {
    ll_stage stage[LL_STAGES]; /* seconds 0: there was no such stage */
    const char *bottleneck;    /* a stage's name; "" if nothing was done */
    double share;              /* fraction of the elapsed time that it took */
    int feeding_cores; /* cores needed to decode as fast as the device embeds; 0: there are enough
                        */
} ll_stages;

/** @param threads  --jobs; cores beyond the machine's do not count */
ll_stages ll_stages_of(const ll_pipeline_summary *summary, int threads);

/** Pairs a second when nothing but multiplying is done, the better of two rounds that take a
 *  hundredth of the time of all tiles; 0 where there are too few of those, and where products are
 * to be stored that are others (ll_backend_info.stores_otherwise). Nothing else may be being
 * compared. */
LL_NODISCARD ll_status ll_stages_measure_tiles(ll_backend *be, const float *features, int64_t rows,
                                               int64_t cols, bool stored, double *pairs_per_second,
                                               ll_error *err);

#endif
