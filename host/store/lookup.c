/* host/store/lookup.c - questions answered from mapped memory: ids, rows, scores; see reader.h.
 *
 * Nothing here calls HDF5, takes a lock or trusts a number of the file: a damaged table may give a
 * wrong answer, which `verify` finds, but never a read outside the file. */
#include "host/store/reader.h"
#include "host/store/reader_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const ll_store_extents *ll_reader_extents(const ll_reader *reader)
{
    return &reader->layout.extents;
}

const ll_store_provenance *ll_reader_provenance(const ll_reader *reader)
{
    return &reader->provenance;
}

const char *ll_reader_generation(const ll_reader *reader)
{
    return reader->generation;
}

const char *ll_reader_path(const ll_reader *reader)
{
    return reader->path;
}

const void *ll_reader_array(const ll_reader *reader, ll_array array)
{
    return reader->arrays[array];
}

const float *ll_reader_features(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_FEATURES];
}

const float *ll_reader_norms(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_NORMS];
}

const void *ll_reader_matrix(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_SIMILARITY];
}

const uint32_t *ll_reader_neighbor_index(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_INDEX];
}

const float *ll_reader_neighbor_score(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_SCORE];
}

const uint8_t *ll_reader_digests(const ll_reader *reader)
{
    return reader->arrays[LL_ARRAY_DIGEST];
}

/* IEEE 754 binary16 to binary32, exact. */
static float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = (half >> 10) & 0x1Fu, fraction = half & 0x3FFu;
    uint32_t bits = 0;
    float value = 0.0f;

    if (exponent == 0) {
        value = (float)fraction * 0x1p-24f; /* zero or subnormal */
        return sign != 0 ? -value : value;
    }
    bits = sign | (exponent == 31 ? 0x7F800000u : (exponent + 112u) << 23) | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float ll_reader_score(const ll_reader *reader, int64_t row, int64_t column)
{
    const int64_t items = reader->layout.extents.items;
    const void *const matrix = ll_reader_matrix(reader);

    assert(matrix != NULL && row >= 0 && row < items && column >= 0 && column < items);
    const size_t position = (size_t)row * (size_t)items + (size_t)column;
    switch (reader->layout.extents.matrix) {
    case LL_MATRIX_FLOAT32: return ((const float *)matrix)[position];
    case LL_MATRIX_FLOAT16: return half_to_float(((const uint16_t *)matrix)[position]);
    case LL_MATRIX_UINT16: return (float)((const uint16_t *)matrix)[position] / 65535.0f;
    case LL_MATRIX_NONE: break;
    }
    return NAN;
}

const char *ll_reader_id(const ll_reader *reader, int64_t row, size_t *length)
{
    const uint64_t *const start = reader->arrays[LL_ARRAY_ID_START];
    const char *const bytes = reader->arrays[LL_ARRAY_ID_BYTES];

    *length = 0;
    if (row < 0 || row >= reader->layout.extents.items) return "";
    const uint64_t from = start[row], to = start[row + 1];
    if (from > to || to > (uint64_t)reader->layout.id_bytes) return "";
    *length = (size_t)(to - from);
    return bytes + from;
}

void ll_reader_prefetch_id(const ll_reader *reader, int64_t row)
{
    if (row >= 0 && row < reader->layout.extents.items)
        __builtin_prefetch((const uint64_t *)reader->arrays[LL_ARRAY_ID_START] + row);
}

int64_t ll_reader_row_in_order(const ll_reader *reader, int64_t position)
{
    const uint32_t *const order = reader->arrays[LL_ARRAY_ORDER];

    if (position < 0 || position >= reader->layout.extents.items) return -1;
    return (int64_t)order[position] < reader->layout.extents.items ? (int64_t)order[position] : -1;
}

/* Byte order, the shorter first where one begins the other. */
static int compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (order != 0) return order;
    return (a_length > b_length) - (a_length < b_length);
}

int64_t ll_reader_lower_bound(const ll_reader *reader, const char *id, size_t length)
{
    int64_t low = 0, high = reader->layout.extents.items;

    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        size_t other_length = 0;
        const char *const other =
            ll_reader_id(reader, ll_reader_row_in_order(reader, middle), &other_length);
        if (compare(other, other_length, id, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t ll_reader_find(const ll_reader *reader, const char *id, size_t length)
{
    const int64_t row = ll_reader_row_in_order(reader, ll_reader_lower_bound(reader, id, length));
    size_t found_length = 0;

    if (row < 0) return -1;
    const char *const found = ll_reader_id(reader, row, &found_length);
    return found_length == length && memcmp(found, id, length) == 0 ? row : -1;
}

int ll_reader_columns(const ll_reader *reader)
{
    return reader->columns;
}

const char *ll_reader_column_name(const ll_reader *reader, int column)
{
    assert(column >= 0 && column < reader->columns);
    return reader->column_names[column];
}

int ll_reader_find_column(const ll_reader *reader, const char *name)
{
    for (int i = 0; i < reader->columns; i++)
        if (strcmp(reader->column_names[i], name) == 0) return i;
    return -1;
}
