/* host/query/query.h - queries a finished index for similar items.
 *
 *     ll_query *query = NULL;
 *     ll_query_answer *answer = NULL;
 *     LL_TRY_DONE(ll_query_open("INDEX.h5", &query, &err));
 *     const int64_t row = ll_query_find(query, "A7", strlen("A7")); (-1: unknown)
 *     LL_TRY_DONE(ll_query_similar(query, row, NULL, &answer, &err));
 *     for (int64_t i = 0; i < answer->count; i++) use(answer->hits[i].id, answer->hits[i].score);
 *
 * One handle serves many threads. After ll_query_warm nothing takes a lock or enters HDF5: answers
 * come from mapped memory. No device is needed. Installed as lookloom/query.h, with status.h and
 * answer_text.h beside it: lookloom-query(3). */
#ifndef LL_QUERY_QUERY_H
#define LL_QUERY_QUERY_H

#include "host/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LL_QUERY_TOP = 10, LL_QUERY_SUGGESTIONS = 3 };

/* The threshold where an index was made with trained weights; untrained ones make no promise about
 * what a score means, so there it is 0. */
#define LL_QUERY_MIN_SCORE 0.80

typedef struct ll_query ll_query;

/** Open and check an index. LL_ERR_IO, LL_ERR_FORMAT. */
LL_NODISCARD ll_status ll_query_open(const char *path, ll_query **out, ll_error *err);
void ll_query_close(ll_query *query); /* accepts NULL; answers must be freed before */

/** Read every text and make a table of the ids now: worth it before many questions or threads, a
 *  waste before one. Not while another thread uses the handle. */
LL_NODISCARD ll_status ll_query_warm(ll_query *query, ll_error *err);

/* What the index says of itself; borrowed until close. */
int64_t ll_query_items(const ll_query *query);
const char *ll_query_generation(const ll_query *query);
bool ll_query_trained(const ll_query *query); /* weights_trained */
bool ll_query_has_matrix(const ll_query *query);

/** Id of a row of 0 .. items - 1: bytes, not NUL-terminated. */
const char *ll_query_id(const ll_query *query, int64_t row, size_t *length);

/** The score of two items as the matrix holds it. Only if there is one. */
float ll_query_stored_score(const ll_query *query, int64_t row, int64_t other);

/** Row of an id, or -1: ask ll_query_absent why. */
int64_t ll_query_find(const ll_query *query, const char *id, size_t length);

/* Why an id has no row. */
typedef struct ll_query_absence {
    const char *rejected; /* why its image was left out of the index; NULL: it was never there */
    int suggestions;
    int64_t rows[LL_QUERY_SUGGESTIONS]; /* items with ids like it, the likeliest first */
} ll_query_absence;

LL_NODISCARD ll_status ll_query_absent(ll_query *query, const char *id, size_t length,
                                       ll_query_absence *out, ll_error *err);

/* A question. The filters leave out items before anything is ranked. */
typedef struct ll_query_options {
    int64_t top;              /* at most so many, the best first; ties by row */
    double min_score;         /* inclusive */
    double max_score;         /* inclusive; below 1 leaves out twins */
    const char *const *where; /* (where_count) "COLUMN=VALUE", split at the first '='; the same
                                 column twice means or, different columns and */
    int64_t where_count;
    const char *same;     /* only items with the queried item's value of this column, or NULL */
    const char *distinct; /* only the best item of each value of this column, and none with the
                             queried item's own value; or NULL */
} ll_query_options;

/** top 10, scores from the index's own threshold to 1, no filters. */
ll_query_options ll_query_defaults(const ll_query *query);

typedef struct ll_query_hit {
    int64_t row;
    float score;
    const char *id; /* NUL-terminated, like all texts of an answer */
    const char *image;
    const char *const *attributes; /* (columns) */
} ll_query_hit;

typedef struct ll_query_answer {
    int64_t row; /* the item asked about */
    const char *id;
    const char *generation;
    bool complete; /* false: better items may exist beyond the stored neighbours */
    bool exact;    /* false: scores came from the stored matrix without features to check them */
    double best_score;   /* of all items the filters and max_score leave; NAN if there are none */
    const char *best_id; /* NULL if there are none */
    int64_t others;      /* how many items the filters leave; counted only if `count` is 0 */
    int columns;
    const char *const *column_names; /* (columns) */
    int64_t count;
    ll_query_hit *hits;
} ll_query_answer;

/** Items like the one at `row`. NULL options: the defaults. A column that does not exist and a
 *  filter without '=' are LL_ERR_ARGUMENT. */
LL_NODISCARD ll_status ll_query_similar(ll_query *query, int64_t row,
                                        const ll_query_options *options, ll_query_answer **out,
                                        ll_error *err);
void ll_query_answer_free(ll_query_answer *answer); /* accepts NULL */

/** Check the filters of `options` without asking anything: for a program that wants to refuse a
 *  wrong column before its first answer. */
LL_NODISCARD ll_status ll_query_check(const ll_query *query, const ll_query_options *options,
                                      ll_error *err);

#ifdef __cplusplus
}
#endif
#endif
