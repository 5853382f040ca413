/* host/query/query_table.c - see query_table.h. Open addressing, at most half full. */
#include "host/query/query_table.h"

#include "host/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Eight bytes at a time; the multiplier is that of splitmix64. */
static uint64_t id_hash(const char *id, size_t length)
{
    uint64_t hash = length, word = 0;

    for (; length >= sizeof word; id += sizeof word, length -= sizeof word) {
        memcpy(&word, id, sizeof word);
        hash = (hash ^ word) * 0xBF58476D1CE4E5B9u;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, id, length);
    hash = (hash ^ word) * 0xBF58476D1CE4E5B9u;
    return hash ^ hash >> 32;
}

/* The upper half of the hash, beside the row: tells most other ids apart without reading them. */
static uint64_t slot_of(uint64_t hash, int64_t row)
{
    return (hash & ~(uint64_t)UINT32_MAX) | (uint64_t)(row + 1);
}

ll_status ll_query_table_init(const ll_reader *reader, ll_query_table *table, ll_error *err)
{
    const int64_t items = ll_reader_extents(reader)->items;
    uint64_t count = 2;

    while (count < 2 * (uint64_t)items)
        count *= 2;
    LL_TRY(ll_alloc("table of ids", (int64_t)count, sizeof *table->slots, &table->slots, err));
    table->mask = count - 1;
    for (int64_t row = 0; row < items; row++) {
        size_t length = 0;
        const char *const id = ll_reader_id(reader, row, &length);
        const uint64_t hash = id_hash(id, length);
        uint64_t at = hash & table->mask;
        while (table->slots[at] != 0)
            at = (at + 1) & table->mask;
        table->slots[at] = slot_of(hash, row);
    }
    return LL_OK;
}

void ll_query_table_release(ll_query_table *table)
{
    free(table->slots);
    *table = (ll_query_table){NULL, 0};
}

int64_t ll_query_table_find(const ll_query_table *table, const ll_reader *reader, const char *id,
                            size_t length)
{
    const uint64_t hash = id_hash(id, length);

    for (uint64_t at = hash & table->mask; table->slots[at] != 0; at = (at + 1) & table->mask) {
        const uint64_t slot = table->slots[at];
        const int64_t row = (int64_t)(slot & UINT32_MAX) - 1;
        size_t found_length = 0;
        if (slot >> 32 != hash >> 32) continue;
        const char *const found = ll_reader_id(reader, row, &found_length);
        if (found_length == length && memcmp(found, id, length) == 0) return row;
    }
    return -1;
}
