/* bench/drawn_index.h - writes a complete index of any size in seconds, with random scores instead
 * of computed ones: for timing queries. It passes `lookloom verify`.
 *
 * Without features the items stand on a ring in an order of its own and a score falls with the
 * distance, so the best K of every item are known without comparing anything. With features they
 * are drawn too, and really compared: for small shops only. Floor 6. */
#ifndef LL_BENCH_DRAWN_INDEX_H
#define LL_BENCH_DRAWN_INDEX_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/store/schema.h"

#include <stdint.h>

typedef struct ll_drawn_index {
    int64_t items;
    int64_t neighbors;     /* K; 0: 100; cut to items - 1 */
    int64_t features;      /* width; 0: none, and no matrix then */
    ll_matrix_type matrix; /* with features */
    int threads;           /* 0: the cores this process may use */
    const ll_log *log;     /* may be NULL */
} ll_drawn_index;

/** Publish it at `path` (replaced whole). Texts are held in memory, about 150 bytes an item;
 *  neighbours and scores are written as they are drawn. */
LL_NODISCARD ll_status ll_drawn_index_write(const char *path, const ll_drawn_index *index,
                                            ll_error *err);

enum { LL_DRAWN_ID = 24 };

/** The id of the item at `row` into `id`, which is returned: byte order is not that of the rows. */
const char *ll_drawn_index_id(int64_t row, char id[LL_DRAWN_ID]);

#endif
