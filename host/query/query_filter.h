/* host/query/query_filter.h - private to host/query: which items may be listed at all. Floor 3. */
#ifndef LL_QUERY_QUERY_FILTER_H
#define LL_QUERY_QUERY_FILTER_H

#include "host/base/status.h"
#include "host/query/query.h"

#include <stdbool.h>
#include <stdint.h>

/* One accepted value of a column. */
typedef struct ll_query_term {
    int column;
    const char *const *values; /* (items), borrowed from the reader */
    const char *value;         /* borrowed from the options */
} ll_query_term;

typedef struct ll_query_filter {
    int64_t row;          /* the queried item, never listed; -1: it is in no row */
    ll_query_term *terms; /* by column: neighbours of one column are alternatives */
    int64_t count;
    /* Columns of (items) values, NULL if not asked for. */
    const char *const *same;
    const char *const *distinct; /* which item of a value is listed is the ranking's business */
    const char *const *within;
} ll_query_filter;

/** Resolve the filters of `options` for the item at `row`. Call ll_query_filter_release afterwards,
 *  whatever the status. */
LL_NODISCARD ll_status ll_query_filter_init(ll_query *query, int64_t row,
                                            const ll_query_options *options,
                                            ll_query_filter *filter, ll_error *err);
void ll_query_filter_release(ll_query_filter *filter);

/** The values of the column called `name`, (items), without a lock where the texts are warm.
 *  LL_ERR_ARGUMENT "--option: no column 'name'; the index has ...". */
LL_NODISCARD ll_status ll_query_column_named(ll_query *query, const char *option, const char *name,
                                             const char *const **out, ll_error *err);

/** Keep to the index's own --within as well. Its neighbours do so by themselves; a row of the
 * matrix does not. */
LL_NODISCARD ll_status ll_query_filter_keep_within(ll_query *query, ll_query_filter *filter,
                                                   ll_error *err);

/** May the item at `row` be listed? */
bool ll_query_filter_accepts(const ll_query_filter *filter, int64_t row);

#endif
