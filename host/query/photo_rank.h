/* host/query/photo_rank.h - ranks the items of an index by similarity to photos that are not in it.
 *
 * Scores are exact (kernels/rescore.h): every item the filters leave is scored in double precision,
 * so an item's own photo scores exactly 1. Features are read from the mapped file once for all
 * photos, and of each photo only about twice `top` places are kept: memory does not grow with the
 * index, but for the texts of the columns that filters name. An index made --within a column is
 * ranked whole: a photo has no value. Floor 3; includes base, store, kernels. */
#ifndef LL_QUERY_PHOTO_RANK_H
#define LL_QUERY_PHOTO_RANK_H

#include "host/base/log.h"
#include "host/base/status.h"
#include "host/query/query.h"
#include "host/store/reader.h"

#include <stdint.h>

/** The open index behind the questions, borrowed: it says what made its features. */
const ll_reader *ll_query_reader(const ll_query *query);

typedef struct ll_query_photos {
    const char *const *names; /* (count): become the `id` of the answers, whose `row` is -1 */
    const float *features;    /* (count, D) made as the index's were */
    int64_t count;
} ll_query_photos;

/** One answer a photo into `answers` (photos->count), each to be freed with ll_query_answer_free;
 *  all NULL on failure. `options->same` must be NULL. LL_ERR_UNSUPPORTED if the index has no
 *  /features. */
LL_NODISCARD ll_status ll_query_photos_similar(ll_query *query, const ll_query_photos *photos,
                                               const ll_query_options *options, int threads,
                                               const ll_log *log, ll_query_answer **answers,
                                               ll_error *err);

#endif
