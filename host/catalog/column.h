/* host/catalog/column.h - the names of columns as the index will spell them: '/' would make a
 * group in HDF5, so it becomes '_'. Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_COLUMN_H
#define LL_CATALOG_COLUMN_H

#include "host/base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ll_columns {
    const char **names; /* borrowed from `text` */
    char *text;
    int count;
} ll_columns;

/** Take the names of a header. LL_ERR_FORMAT "FILE:LINE: column N: ..." for a name that is empty,
 *  ".", which HDF5 cannot store, or there already; LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_columns_init(ll_columns *columns, const char *const *header, int count,
                                       const char *file, int64_t line, ll_error *err);
void ll_columns_release(ll_columns *columns);

/** Column called name[0 .. length), where '/' counts as '_', or -1. */
int ll_column_find(const char *const *names, int count, const char *name, size_t length);

#endif
