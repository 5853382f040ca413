/* host/query/query_table.h - private to host/query: ids to rows by hashing. Binary search in a
 * million ids touches 20 distant memory locations; hashing touches three. Floor 3. */
#ifndef LL_QUERY_QUERY_TABLE_H
#define LL_QUERY_QUERY_TABLE_H

#include "host/base/status.h"
#include "host/store/reader.h"

#include <stddef.h>
#include <stdint.h>

typedef struct ll_query_table {
    uint64_t *slots; /* (mask + 1): half of the hash, row + 1; 0 is free; NULL: no table */
    uint64_t mask;
} ll_query_table;

/** 16 to 32 bytes an item. Call ll_query_table_release afterwards. */
LL_NODISCARD ll_status ll_query_table_init(const ll_reader *reader, ll_query_table *table,
                                           ll_error *err);
void ll_query_table_release(ll_query_table *table);

/** Row of an id, or -1. */
int64_t ll_query_table_find(const ll_query_table *table, const ll_reader *reader, const char *id,
                            size_t length);

#endif
