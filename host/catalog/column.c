/* host/catalog/column.c - see column.h. */
#include "host/catalog/column.h"
#include "host/base/memory.h"
#include "host/base/text.h"
#include "host/catalog/catalog_error.h"

#include <stdlib.h>
#include <string.h>

int ll_column_find(const char *const *names, int count, const char *name, size_t length)
{
    for (int i = 0; i < count; i++) {
        size_t at = 0;
        while (at < length && names[i][at] != '\0' &&
               names[i][at] == (name[at] == '/' ? '_' : name[at]))
            at++;
        if (at == length && names[i][at] == '\0') return i;
    }
    return -1;
}

static ll_status check_name(const ll_columns *columns, const char *header_name, const char *file,
                            int64_t line, ll_error *err)
{
    char number[LL_CATALOG_EXCERPT];
    const char *const name = columns->names[columns->count];
    const int twin = ll_column_find(columns->names, columns->count, name, strlen(name));

    ll_text_exact(number, sizeof number, "%d", columns->count + 1);
    if (name[0] == '\0')
        return ll_catalog_fail(err, LL_ERR_FORMAT, file, line, number, "has no name");
    if (strcmp(name, ".") == 0)
        return ll_catalog_fail(err, LL_ERR_FORMAT, file, line, number,
                               "is called \".\", which HDF5 cannot store");
    if (twin >= 0)
        return ll_catalog_fail(err, LL_ERR_FORMAT, file, line, header_name,
                               "two columns of this name, %d and %d%s", twin + 1,
                               columns->count + 1,
                               strchr(header_name, '/') != NULL ? " ('/' counts as '_')" : "");
    return LL_OK;
}

ll_status ll_columns_init(ll_columns *columns, const char *const *header, int count,
                          const char *file, int64_t line, ll_error *err)
{
    size_t bytes = 0;

    *columns = (ll_columns){.count = 0};
    for (int i = 0; i < count; i++)
        bytes += strlen(header[i]) + 1;
    LL_TRY(ll_alloc("column names", (int64_t)bytes, 1, &columns->text, err));
    LL_TRY(ll_alloc("column names", count, sizeof *columns->names, &columns->names, err));

    char *to = columns->text;
    for (int i = 0; i < count; i++) {
        columns->names[i] = to;
        for (const char *from = header[i]; *from != '\0'; from++)
            *to++ = *from == '/' ? '_' : *from;
        *to++ = '\0';
        LL_TRY(check_name(columns, header[i], file, line, err));
        columns->count++;
    }
    return LL_OK;
}

void ll_columns_release(ll_columns *columns)
{
    free(columns->names);
    free(columns->text);
}
