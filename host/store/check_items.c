/* host/store/check_items.c - ids and the groups of --within; see check_state.h. */
#include "host/base/memory.h"
#include "host/base/utf8.h"
#include "host/store/check_state.h"
#include "host/store/groups.h"

#include <string.h>

enum { MAX_ID_BYTES = 1024 };

static void check_id(ll_finding_kind *kind, const char *id, size_t length, int64_t row)
{
    if (length == 0 || length > MAX_ID_BYTES)
        ll_finding(kind, ": the id of row %lld has %zu bytes", (long long)row, length);
    else if (ll_utf8_check(id, length) != length || memchr(id, '\0', length) != NULL)
        ll_finding(kind, ": the id of row %lld is not UTF-8", (long long)row);
}

static bool below(const ll_reader *reader, int64_t a, int64_t b)
{
    size_t a_length = 0, b_length = 0;
    const char *const a_id = ll_reader_id(reader, a, &a_length);
    const char *const b_id = ll_reader_id(reader, b, &b_length);
    const int order = memcmp(a_id, b_id, a_length < b_length ? a_length : b_length);

    return order < 0 || (order == 0 && a_length < b_length);
}

/* Ascending without equals, and every entry a row: then it is each row once. */
static void check_order(ll_check *check)
{
    ll_finding_kind kind = {&check->findings, "/lookup/order", 0};

    for (int64_t position = 0; position < check->extents->items; position++) {
        const int64_t row = ll_reader_row_in_order(check->reader, position);
        if (row < 0)
            ll_finding(&kind, ": place %lld is no row", (long long)position);
        else if (position > 0 &&
                 !below(check->reader, ll_reader_row_in_order(check->reader, position - 1), row))
            ll_finding(&kind, ": place %lld is not above the one before", (long long)position);
    }
    ll_finding_end(&kind);
}

/* The scale of an axis holds the same ids as the lookup table. Unreadable texts were found before.
 */
static ll_status check_scale(ll_check *check, ll_text text, ll_error *err)
{
    const ll_reader *const reader = check->reader;
    ll_h5_texts texts = {NULL, 0, NULL};
    ll_error cause = LL_ERROR_INIT;
    ll_finding_kind kind = {&check->findings, ll_layout_text(text).path, 0};

    if (!ll_layout_has_text(&reader->layout, text)) return LL_OK;
    const ll_status status = ll_reader_read_text(check->reader, text, &texts, &cause);
    if (status == LL_ERR_MEMORY) return ll_fail(err, status, "%s", cause.text);
    if (status != LL_OK) return LL_OK;
    for (int64_t row = 0; row < texts.count; row++) {
        size_t length = 0;
        const char *const id = ll_reader_id(reader, row, &length);
        if (strlen(texts.items[row]) != length || memcmp(texts.items[row], id, length) != 0)
            ll_finding(&kind, ": row %lld differs from /lookup", (long long)row);
    }
    ll_finding_end(&kind);
    ll_h5_texts_release(&texts);
    return LL_OK;
}

ll_status ll_check_lookup(ll_check *check, ll_error *err)
{
    const uint64_t *const start = check->reader->arrays[LL_ARRAY_ID_START];
    ll_finding_kind kind = {&check->findings, "/lookup", 0};

    for (int64_t row = 0; row < check->extents->items; row++) {
        size_t length = 0;
        const char *const id = ll_reader_id(check->reader, row, &length);
        if (start[row] > start[row + 1])
            ll_finding(&kind, "/id_start: row %lld ends before it begins", (long long)row);
        else
            check_id(&kind, id, length, row);
    }
    ll_finding_end(&kind);
    check_order(check);
    LL_TRY(check_scale(check, LL_TEXT_ITEM, err));
    return check_scale(check, LL_TEXT_OTHER, err);
}

/* ---- groups ---------------------------------------------------------------------------- */

ll_status ll_check_groups(ll_check *check, ll_error *err)
{
    const char *const within = check->reader->provenance.within;
    const char *const *texts = NULL;
    const int64_t items = check->extents->items;
    ll_error cause = LL_ERROR_INIT;
    ll_finding_kind kind = {&check->findings, "within", 0};

    LL_TRY(ll_alloc("groups", items, sizeof *check->group_sizes, &check->group_sizes, err));
    check->group_sizes[0] = (uint32_t)items;
    if (within[0] == '\0') return LL_OK;
    const int column = ll_reader_find_column(check->reader, within);
    if (column < 0) {
        ll_finding(&kind, ": /items/attributes/%s is missing", within);
        return LL_OK;
    }
    const ll_status status = ll_reader_column(check->reader, column, &texts, &cause);
    if (status == LL_ERR_MEMORY) return ll_fail(err, status, "%s", cause.text);
    if (status != LL_OK) return LL_OK; /* found before, as unreadable */
    LL_TRY(ll_alloc("groups", items, sizeof *check->group, &check->group, err));
    LL_TRY(ll_store_number_groups(texts, items, check->group, err));
    check->group_sizes[0] = 0;
    for (int64_t row = 0; row < items; row++)
        check->group_sizes[check->group[row]]++;
    return LL_OK;
}
