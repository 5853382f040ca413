/* host/query/answer_text.h - an answer as the programs and the web tier say it. */
#ifndef LL_QUERY_ANSWER_TEXT_H
#define LL_QUERY_ANSWER_TEXT_H

#include "host/base/status.h"
#include "host/query/query.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LL_QUERY_SCORE_TEXT = 16, LL_QUERY_HINT_TEXT = 256 };

/** 0.913412: every score we print, into `buffer`, which is returned. */
const char *ll_query_score_text(double score, char buffer[LL_QUERY_SCORE_TEXT]);

/** The answer as one line of JSON without a newline, yours to free(). */
LL_NODISCARD ll_status ll_query_answer_json(const ll_query_answer *answer, char **out,
                                            ll_error *err);

/** Why an answer is empty or incomplete and what to try, for a person: "none of 4 999 reaches 0.80;
 *  best is 0.63 (B17); try --min-score 0.6". Into `buffer`, which is returned; "" if all is well.
 *  What has no room, an id of more than 80 bytes first, ends in "...". */
const char *ll_query_answer_hint(const ll_query_answer *answer, const ll_query_options *options,
                                 char buffer[LL_QUERY_HINT_TEXT]);

/** Why there is no such item: "A9: rejected: truncated JPEG" or "A77: no such item; nearest: A7,
 *  A71". Into `buffer`, cut as above. */
LL_NODISCARD ll_status ll_query_absence_text(ll_query *query, const char *id, size_t length,
                                             char buffer[LL_QUERY_HINT_TEXT], ll_error *err);

#ifdef __cplusplus
}
#endif
#endif
