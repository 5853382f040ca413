/* host/query/answer_text.c - see answer_text.h. */
#include "host/query/answer_text.h"

#include "host/base/number.h"
#include "host/base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 84 };

/* What is no score may stand in a file: "-1.2345679e+38" has room too. */
const char *ll_query_score_text(double score, char buffer[LL_QUERY_SCORE_TEXT])
{
    return ll_text_exact(buffer, LL_QUERY_SCORE_TEXT, fabs(score) < 1e6 ? "%.6f" : "%.8g", score);
}

/* An id that leaves room for what is said of it. */
static const char *shown_id(const char *id, size_t length, char out[SHOWN])
{
    return ll_text_say(out, SHOWN, "%.*s", (int)length, id);
}

/* Rounded to the 6 decimals of a score, so that 15 digits print no more than those. */
static json_t *score_json(double score)
{
    return isnan(score) ? json_null() : json_real(round(score * 1e6) / 1e6);
}

/* Set a key, keeping count of what could not be made; takes `value`. */
static void put(json_t *object, const char *key, json_t *value, int *failed)
{
    if (json_object_set_new(object, key, value) != 0) *failed = 1;
}

static json_t *hit_json(const ll_query_answer *answer, int64_t rank, int *failed)
{
    const ll_query_hit *const hit = &answer->hits[rank];
    json_t *const object = json_object(), *const attributes = json_object();

    for (int c = 0; c < answer->columns; c++)
        put(attributes, answer->column_names[c], json_string(hit->attributes[c]), failed);
    put(object, "rank", json_integer(rank + 1), failed);
    put(object, "id", json_string(hit->id), failed);
    put(object, "score", score_json((double)hit->score), failed);
    put(object, "image", json_string(hit->image), failed);
    put(object, "attributes", attributes, failed);
    return object;
}

ll_status ll_query_answer_json(const ll_query_answer *answer, char **out, ll_error *err)
{
    json_t *const object = json_object(), *const similar = json_array();
    int failed = 0;

    for (int64_t i = 0; i < answer->count; i++)
        if (json_array_append_new(similar, hit_json(answer, i, &failed)) != 0) failed = 1;
    put(object, "id", json_string(answer->id), &failed);
    put(object, "generation", json_string(answer->generation), &failed);
    put(object, "complete", json_boolean(answer->complete), &failed);
    put(object, "exact", json_boolean(answer->exact), &failed);
    put(object, "best_score", score_json(answer->best_score), &failed);
    put(object, "similar", similar, &failed);
    *out = failed ? NULL : json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    if (*out == NULL)
        return ll_fail(err, LL_ERR_FORMAT, "%s: a text of this item or one like it is not UTF-8",
                       answer->id);
    return LL_OK;
}

/* A score as short as a person would write it: "0.80", but "0.8049" if that is what was asked. */
static int threshold_decimals(double score)
{
    int decimals = 2;
    while (decimals < 6 &&
           fabs(score - round(score * pow(10, decimals)) / pow(10, decimals)) > 1e-9)
        decimals++;
    return decimals;
}

/* Cut, not rounded, to `decimals`: 0.7999 does not reach 0.80 and must not look as if it did. */
static double cut(double score, int decimals)
{
    return floor(score * pow(10, decimals) + 1e-9) / pow(10, decimals);
}

const char *ll_query_answer_hint(const ll_query_answer *answer, const ll_query_options *options,
                                 char buffer[LL_QUERY_HINT_TEXT])
{
    const int decimals = threshold_decimals(options->min_score);
    char others[LL_NUMBER_TEXT], id[SHOWN], best[SHOWN];

    buffer[0] = '\0';
    shown_id(answer->id, strlen(answer->id), id);
    if (answer->count > 0 && !answer->complete)
        ll_text_say(buffer, LL_QUERY_HINT_TEXT,
                    "%s: there may be more: only the stored neighbours were asked, and there is no "
                    "matrix to look further",
                    id);
    if (answer->count > 0) return buffer;
    ll_number_grouped(answer->others, others);
    if (answer->others == 0)
        return ll_text_say(buffer, LL_QUERY_HINT_TEXT, "%s: no other item %s", id,
                           options->where_count > 0 || options->same != NULL ||
                                   options->distinct != NULL
                               ? "passes the filters"
                               : "to compare with");
    if (answer->best_id == NULL && answer->complete)
        return ll_text_say(buffer, LL_QUERY_HINT_TEXT, "none of %s is at or below --max-score %.*f",
                           others, threshold_decimals(options->max_score), options->max_score);
    if (answer->best_id == NULL)
        return ll_text_say(
            buffer, LL_QUERY_HINT_TEXT,
            "none of the stored neighbours of %s fits, and there is no matrix to look further", id);
    return ll_text_say(buffer, LL_QUERY_HINT_TEXT,
                       "none of %s reaches %.*f; best is %.*f (%s); try --min-score %g", others,
                       decimals, options->min_score, decimals, cut(answer->best_score, decimals),
                       shown_id(answer->best_id, strlen(answer->best_id), best),
                       cut(answer->best_score, 1));
}

ll_status ll_query_absence_text(ll_query *query, const char *id, size_t length,
                                char buffer[LL_QUERY_HINT_TEXT], ll_error *err)
{
    ll_query_absence absence;
    char shown[SHOWN];

    LL_TRY(ll_query_absent(query, id, length, &absence, err));
    shown_id(id, length, shown);
    if (absence.rejected != NULL)
        ll_text_say(buffer, LL_QUERY_HINT_TEXT, "%s: rejected: %s", shown, absence.rejected);
    else
        ll_text_say(buffer, LL_QUERY_HINT_TEXT, "%s: no such item", shown);
    for (int i = 0; i < absence.suggestions; i++) {
        size_t near_length = 0;
        const char *const near = ll_query_id(query, absence.rows[i], &near_length);
        ll_text_say_more(buffer, LL_QUERY_HINT_TEXT, "%s%.*s", i == 0 ? "; nearest: " : ", ",
                         (int)near_length, near);
    }
    return LL_OK;
}
