/* host/query/query_filter.c - see query_filter.h. */
#include "host/query/query_filter.h"

#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/query/query_state.h"

#include <stdlib.h>
#include <string.h>

static ll_status column_find(const ll_query *query, const char *option, const char *name,
                             size_t length, int *column, ll_error *err)
{
    for (int i = 0; i < query->columns; i++)
        if (strlen(query->column_names[i]) == length &&
            memcmp(query->column_names[i], name, length) == 0) {
            *column = i;
            return LL_OK;
        }
    char names[128] = "";
    for (int i = 0; i < query->columns; i++)
        ll_text_say_more(names, sizeof names, "%s%s", i > 0 ? ", " : "", query->column_names[i]);
    return ll_fail(err, LL_ERR_ARGUMENT, "--%s: no column '%.*s'; the index has %s", option,
                   (int)length, name, query->columns > 0 ? names : "none");
}

/* The values of a column, without a lock where the texts are warm. */
static ll_status column_values(ll_query *query, int column, const char *const **out, ll_error *err)
{
    if (query->column_values[column] != NULL) {
        *out = query->column_values[column];
        return LL_OK;
    }
    return ll_reader_column(query->reader, column, out, err);
}

ll_status ll_query_column_named(ll_query *query, const char *option, const char *name,
                                const char *const **out, ll_error *err)
{
    int column = -1;
    LL_TRY(column_find(query, option, name, strlen(name), &column, err));
    return column_values(query, column, out, err);
}

static ll_status where_split(const ll_query *query, const char *text, int *column,
                             const char **value, ll_error *err)
{
    const char *const equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return ll_fail(err, LL_ERR_ARGUMENT, "--where: '%s' is not COLUMN=VALUE", text);
    *value = equals + 1;
    return column_find(query, "where", text, (size_t)(equals - text), column, err);
}

ll_status ll_query_check(const ll_query *query, const ll_query_options *options, ll_error *err)
{
    int column = -1;
    const char *value = NULL;

    for (int64_t i = 0; i < options->where_count; i++)
        LL_TRY(where_split(query, options->where[i], &column, &value, err));
    if (options->same != NULL)
        LL_TRY(column_find(query, "same", options->same, strlen(options->same), &column, err));
    if (options->distinct != NULL)
        LL_TRY(column_find(query, "distinct", options->distinct, strlen(options->distinct), &column,
                           err));
    return LL_OK;
}

static ll_status term_add(ll_query *query, const char *text, ll_query_filter *filter, ll_error *err)
{
    ll_query_term term = {0};
    LL_TRY(where_split(query, text, &term.column, &term.value, err));
    LL_TRY(column_values(query, term.column, &term.values, err));
    int64_t at = filter->count++;
    for (; at > 0 && filter->terms[at - 1].column > term.column; at--)
        filter->terms[at] = filter->terms[at - 1];
    filter->terms[at] = term;
    return LL_OK;
}

ll_status ll_query_filter_init(ll_query *query, int64_t row, const ll_query_options *options,
                               ll_query_filter *filter, ll_error *err)
{
    *filter = (ll_query_filter){.row = row};
    if (options->where_count > 0)
        LL_TRY(
            ll_alloc("filters", options->where_count, sizeof *filter->terms, &filter->terms, err));
    for (int64_t i = 0; i < options->where_count; i++)
        LL_TRY(term_add(query, options->where[i], filter, err));
    if (options->same != NULL)
        LL_TRY(ll_query_column_named(query, "same", options->same, &filter->same, err));
    if (options->distinct != NULL)
        LL_TRY(ll_query_column_named(query, "distinct", options->distinct, &filter->distinct, err));
    return LL_OK;
}

void ll_query_filter_release(ll_query_filter *filter)
{
    free(filter->terms);
    filter->terms = NULL;
}

ll_status ll_query_filter_keep_within(ll_query *query, ll_query_filter *filter, ll_error *err)
{
    if (query->within < 0) return LL_OK;
    return column_values(query, query->within, &filter->within, err);
}

static bool equal_at(const char *const *values, int64_t a, int64_t b)
{
    return strcmp(values[a], values[b]) == 0;
}

bool ll_query_filter_accepts(const ll_query_filter *filter, int64_t row)
{
    if (row == filter->row) return false;
    if (filter->within != NULL && !equal_at(filter->within, row, filter->row)) return false;
    if (filter->same != NULL && !equal_at(filter->same, row, filter->row)) return false;
    if (filter->distinct != NULL && filter->row >= 0 &&
        equal_at(filter->distinct, row, filter->row))
        return false;
    for (int64_t i = 0; i < filter->count;) {
        const int column = filter->terms[i].column;
        bool any = false;
        for (; i < filter->count && filter->terms[i].column == column; i++)
            any = any || strcmp(filter->terms[i].values[row], filter->terms[i].value) == 0;
        if (!any) return false;
    }
    return true;
}
