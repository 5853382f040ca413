/* host/pipeline/collect.h - stores features until the number of items is known.
 *
 * Rejects leave no gap in the index, so an item's row is known only when every item before it was
 * decoded. Features go to a scratch file in the work folder (16 KB an item at D = 4096: memory does
 * not grow with the shop) and are mapped back for comparing. Floor 5. */
#ifndef LL_PIPELINE_COLLECT_H
#define LL_PIPELINE_COLLECT_H

#include "host/extract/extract.h"
#include "host/store/publish.h"

#include <stdint.h>

typedef struct ll_collect {
    int64_t width;
    int64_t items, items_capacity, norms_capacity, digests_capacity;
    int64_t *rows;                       /* (items): catalogue row */
    float *norms;                        /* (items) */
    uint8_t (*digests)[LL_DIGEST_BYTES]; /* (items) */
    int64_t rejected, rejected_capacity;
    struct ll_collect_reject {
        int64_t row;
        char reason[LL_IMAGE_REASON];
    } * rejects; /* (rejected), ascending by row after ll_collect_finish */
    int fd;
    char *path;
    const float
        *features; /* (items, width), mapped; NULL before ll_collect_finish or for 0 items */
    size_t mapped_bytes;
} ll_collect;

LL_NODISCARD ll_status ll_collect_init(ll_collect *collect, const ll_work *work, int64_t width,
                                       ll_error *err);

/** The sink to give to ll_extract_run. */
ll_extract_sink ll_collect_sink(ll_collect *collect);

/** Sort the rejects and map the features. */
LL_NODISCARD ll_status ll_collect_finish(ll_collect *collect, ll_error *err);

/** Accepts one that was never or only half initialised, if it was zeroed with fd = -1. */
void ll_collect_release(ll_collect *collect);

#endif
