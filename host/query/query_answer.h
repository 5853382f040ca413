/* host/query/query_answer.h - private to host/query: a ranking becomes an answer. Floor 3. */
#ifndef LL_QUERY_QUERY_ANSWER_H
#define LL_QUERY_QUERY_ANSWER_H

#include "host/base/status.h"
#include "host/query/query.h"
#include "host/query/query_rank.h"

#include <stdint.h>

/** The answer for a photo called `name`, of which the filters left `others` items. */
LL_NODISCARD ll_status ll_query_answer_photo(ll_query *query, const char *name,
                                             const ll_query_ranking *ranking, int64_t others,
                                             ll_query_answer **out, ll_error *err);

#endif
