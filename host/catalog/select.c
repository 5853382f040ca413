/* host/catalog/select.c - see select.h. */
#include "host/catalog/select.h"
#include "host/base/memory.h"
#include "host/catalog/catalog_error.h"
#include "host/catalog/column.h"

#include <stdlib.h>
#include <string.h>

typedef struct filter {
    int column;
    const char *value;
} filter;

struct ll_select {
    filter *filters; /* by column, so that alternatives stand together */
    int count;
};

static int by_column(const void *a, const void *b)
{
    return ((const filter *)a)->column - ((const filter *)b)->column;
}

static ll_status parse(const char *text, const char *const *columns, int column_count, filter *out,
                       ll_error *err)
{
    char shown[LL_CATALOG_EXCERPT], name[LL_CATALOG_EXCERPT], list[96];
    const char *const equals = strchr(text, '=');

    ll_catalog_excerpt(text, shown);
    if (equals == NULL || equals == text)
        return ll_fail(err, LL_ERR_ARGUMENT, "--keep %s: write COLUMN=VALUE", shown);
    out->value = equals + 1;
    out->column = ll_column_find(columns, column_count, text, (size_t)(equals - text));
    if (out->column >= 0) return LL_OK;

    char *column = NULL;
    LL_TRY(ll_text_copy(text, (size_t)(equals - text), &column, err));
    ll_catalog_excerpt(column, name);
    free(column);
    return ll_fail(err, LL_ERR_ARGUMENT, "--keep %s: no column %s; the columns are %s", shown, name,
                   ll_catalog_list_names(columns, column_count, list, sizeof list));
}

ll_status ll_select_create(const char *const *keep, int keep_count, const char *const *columns,
                           int column_count, ll_select **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_select *select = NULL;

    *out = NULL;
    if (keep_count == 0) return LL_OK;
    LL_TRY_DONE(ll_alloc("filters", 1, sizeof *select, &select, err));
    LL_TRY_DONE(ll_alloc("filters", keep_count, sizeof *select->filters, &select->filters, err));
    select->count = keep_count;
    for (int i = 0; i < keep_count; i++)
        LL_TRY_DONE(parse(keep[i], columns, column_count, &select->filters[i], err));
    qsort(select->filters, (size_t)keep_count, sizeof *select->filters, by_column);
    *out = select;
    select = NULL;
done:
    ll_select_free(select);
    return status;
}

void ll_select_free(ll_select *select)
{
    if (select == NULL) return;
    free(select->filters);
    free(select);
}

bool ll_select_keeps(const ll_select *select, const char *const *fields)
{
    const int count = select != NULL ? select->count : 0;

    for (int i = 0; i < count;) {
        const int column = select->filters[i].column;
        bool any = false;
        for (; i < count && select->filters[i].column == column; i++)
            any = any || strcmp(fields[column], select->filters[i].value) == 0;
        if (!any) return false;
    }
    return true;
}
