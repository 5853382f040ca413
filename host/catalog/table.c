/* host/catalog/table.c - see table.h. */
#include "host/catalog/table.h"
#include "host/base/digest.h"
#include "host/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The slot that holds `key`, or the free one where it belongs; there always is a free one. */
static int64_t find_slot(const ll_table *table, const char *key)
{
    const uint64_t mask = (uint64_t)table->slot_count - 1;
    uint64_t slot = ll_digest_block(key, strlen(key)) & mask;

    while (table->slots[slot] != 0 &&
           strcmp(ll_table_text(table, table->slots[slot] - 1, table->key_column), key) != 0)
        slot = (slot + 1) & mask;
    return (int64_t)slot;
}

/* At most half full, so that runs of taken slots stay short. */
static ll_status grow_slots(ll_table *table, ll_error *err)
{
    const int64_t count = table->slot_count > 0 ? 2 * table->slot_count : 1024;

    if (2 * (table->rows + 1) <= table->slot_count) return LL_OK;
    free(table->slots);
    table->slot_count = 0;
    LL_TRY(ll_alloc("catalogue ids", count, sizeof *table->slots, &table->slots, err));
    table->slot_count = count;
    for (int64_t row = 0; row < table->rows; row++) {
        const char *const key = ll_table_text(table, row, table->key_column);
        table->slots[find_slot(table, key)] = (uint32_t)row + 1;
    }
    return LL_OK;
}

ll_status ll_table_add(ll_table *table, const char *const *fields, ll_error *err)
{
    static const char what[] = "catalogue";
    const int64_t begin = table->text_used, row = table->rows;
    int64_t end = begin;

    for (int i = 0; i < table->columns; i++)
        end += (int64_t)strlen(fields[i]) + 1;
    if (end - begin > UINT32_MAX)
        return ll_fail(err, LL_ERR_MEMORY, "catalogue: a row of more than 4 GiB");
    if (row >= UINT32_MAX - 1)
        return ll_fail(err, LL_ERR_FORMAT, "catalogue: more than 4 294 967 294 rows");
    LL_TRY(ll_grow(what, &table->text, &table->text_capacity, end, 1, err));
    LL_TRY(
        ll_grow(what, &table->row_at, &table->row_capacity, row + 1, sizeof *table->row_at, err));
    LL_TRY(ll_grow(what, &table->field_at, &table->field_capacity, (row + 1) * table->columns,
                   sizeof *table->field_at, err));
    LL_TRY(grow_slots(table, err));

    table->row_at[row] = begin;
    for (int i = 0; i < table->columns; i++) {
        const size_t bytes = strlen(fields[i]) + 1;
        table->field_at[row * table->columns + i] = (uint32_t)(table->text_used - begin);
        memcpy(table->text + table->text_used, fields[i], bytes);
        table->text_used += (int64_t)bytes;
    }
    table->slots[find_slot(table, fields[table->key_column])] = (uint32_t)row + 1;
    table->rows++;
    return LL_OK;
}

int64_t ll_table_find(const ll_table *table, const char *key)
{
    if (table->slot_count == 0) return -1;
    return (int64_t)table->slots[find_slot(table, key)] - 1;
}

const char *ll_table_text(const ll_table *table, int64_t row, int column)
{
    return table->text + table->row_at[row] + table->field_at[row * table->columns + column];
}

/* Shrinking is a courtesy: where realloc refuses, the larger block serves as well. */
static void *shrink(void *block, int64_t count, size_t size_bytes)
{
    void *const smaller = count > 0 ? realloc(block, (size_t)count * size_bytes) : NULL;
    return smaller != NULL ? smaller : block;
}

void ll_table_seal(ll_table *table)
{
    free(table->slots);
    table->slots = NULL;
    table->slot_count = 0;
    table->text = shrink(table->text, table->text_used, 1);
    table->row_at = shrink(table->row_at, table->rows, sizeof *table->row_at);
    table->field_at =
        shrink(table->field_at, table->rows * table->columns, sizeof *table->field_at);
}

void ll_table_release(ll_table *table)
{
    free(table->text);
    free(table->row_at);
    free(table->field_at);
    free(table->slots);
}
