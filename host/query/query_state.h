/* host/query/query_state.h - private to host/query: what a handle holds. Floor 3. */
#ifndef LL_QUERY_QUERY_STATE_H
#define LL_QUERY_QUERY_STATE_H

#include "host/query/query.h"
#include "host/query/query_table.h"
#include "host/store/reader.h"

#include <stdbool.h>
#include <stdint.h>

#define LL_NO_ROW 0xFFFFFFFFu /* fill of /neighbors/index */

/* How far a stored float32 may be from the score it was made of: half a step below 1 is 6e-8. */
#define LL_STORED_SLACK 1e-7

struct ll_query {
    ll_reader *reader;
    const ll_store_extents *extents;
    const char **column_names;         /* (columns) */
    const char *const *images;         /* (items), NULL until warm */
    const char *const **column_values; /* (columns), each (items); NULL until warm */
    ll_query_table table;              /* of ids; none until warm */
    int columns;
    int within; /* column of --within, or -1 */
};

#endif
