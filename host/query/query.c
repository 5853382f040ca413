/* host/query/query.c - see query.h. */
#include "host/query/query.h"

#include "host/base/memory.h"
#include "host/query/query_state.h"

#include <stdlib.h>
#include <string.h>

ll_status ll_query_open(const char *path, ll_query **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_query *query = NULL;

    *out = NULL;
    LL_TRY_DONE(ll_alloc("index handle", 1, sizeof *query, &query, err));
    LL_TRY_DONE(ll_reader_open(path, &query->reader, err));
    ll_reader_advise_random(query->reader);
    query->extents = ll_reader_extents(query->reader);
    query->columns = ll_reader_columns(query->reader);
    LL_TRY_DONE(ll_alloc("columns", query->columns, sizeof *query->column_names,
                         &query->column_names, err));
    LL_TRY_DONE(ll_alloc("columns", query->columns, sizeof *query->column_values,
                         &query->column_values, err));
    for (int i = 0; i < query->columns; i++)
        query->column_names[i] = ll_reader_column_name(query->reader, i);
    query->within =
        ll_reader_find_column(query->reader, ll_reader_provenance(query->reader)->within);
    *out = query;
    query = NULL;
done:
    ll_query_close(query);
    return status;
}

void ll_query_close(ll_query *query)
{
    if (query == NULL) return;
    ll_reader_close(query->reader);
    free(query->column_names);
    free(query->column_values);
    ll_query_table_release(&query->table);
    free(query);
}

ll_status ll_query_warm(ll_query *query, ll_error *err)
{
    for (int i = 0; i < query->columns; i++)
        LL_TRY(ll_reader_column(query->reader, i, &query->column_values[i], err));
    if (query->table.slots == NULL) LL_TRY(ll_query_table_init(query->reader, &query->table, err));
    return ll_reader_images(query->reader, &query->images, err);
}

int64_t ll_query_items(const ll_query *query)
{
    return query->extents->items;
}

const char *ll_query_generation(const ll_query *query)
{
    return ll_reader_generation(query->reader);
}

bool ll_query_trained(const ll_query *query)
{
    return ll_reader_provenance(query->reader)->weights_trained;
}

bool ll_query_has_matrix(const ll_query *query)
{
    return ll_reader_matrix(query->reader) != NULL;
}

float ll_query_stored_score(const ll_query *query, int64_t row, int64_t other)
{
    return ll_reader_score(query->reader, row, other);
}

const char *ll_query_id(const ll_query *query, int64_t row, size_t *length)
{
    return ll_reader_id(query->reader, row, length);
}

int64_t ll_query_find(const ll_query *query, const char *id, size_t length)
{
    if (query->table.slots != NULL)
        return ll_query_table_find(&query->table, query->reader, id, length);
    return ll_reader_find(query->reader, id, length);
}

ll_query_options ll_query_defaults(const ll_query *query)
{
    return (ll_query_options){
        .top = LL_QUERY_TOP,
        .min_score = ll_query_trained(query) ? LL_QUERY_MIN_SCORE : 0.0,
        .max_score = 1.0,
    };
}
