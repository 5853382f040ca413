/* host/catalog/table.h - rows of text in one block of memory, and which row has this key.
 *
 * A million rows of ten fields would be ten million small allocations, each with a header of its
 * own; here a field costs its bytes, a NUL and four bytes. Private to host/catalog. Floor 1;
 * includes base. */
#ifndef LL_CATALOG_TABLE_H
#define LL_CATALOG_TABLE_H

#include "host/base/status.h"

#include <stdint.h>

typedef struct ll_table {
    int columns, key_column; /* set by the owner before the first row; the rest is the table's */
    int64_t rows;
    char *text;
    int64_t text_used, text_capacity;
    int64_t *row_at; /* where a row begins in text */
    int64_t row_capacity;
    uint32_t *field_at; /* (rows, columns): where a field begins in its row */
    int64_t field_capacity;
    uint32_t *slots; /* open addressing: row + 1 at the key's hash or after it; 0 is free */
    int64_t slot_count;
} ll_table;

/** Append a row of `columns` fields. The key must not exist yet (see ll_table_find). LL_ERR_MEMORY,
 *  also for a row of 4 GiB; LL_ERR_FORMAT beyond 2^32 - 2 rows, what `/neighbors/index` can
 *  name. */
LL_NODISCARD ll_status ll_table_add(ll_table *table, const char *const *fields, ll_error *err);

/** Row whose key is `key`, or -1. Not after ll_table_seal. */
int64_t ll_table_find(const ll_table *table, const char *key);

/** Borrowed until the table changes. */
const char *ll_table_text(const ll_table *table, int64_t row, int column);

/** Call after the last row: frees what only ll_table_add and ll_table_find need. */
void ll_table_seal(ll_table *table);

void ll_table_release(ll_table *table);

#endif
