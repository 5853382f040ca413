/* host/store/diff.c - `diff`: two indexes, rows matched by id; see check.h. */
#include "host/base/memory.h"
#include "host/store/diff_state.h"

#include <stdlib.h>
#include <string.h>

static ll_status match_rows(ll_diff *diff, ll_error *err)
{
    const int64_t a_items = ll_reader_extents(diff->a)->items;
    const int64_t b_items = ll_reader_extents(diff->b)->items;
    ll_finding_kind only_a = {&diff->findings, "id", 0}, only_b = {&diff->findings, "id", 0};
    size_t length = 0;

    LL_TRY(ll_alloc("rows", a_items, sizeof *diff->b_of_a, &diff->b_of_a, err));
    LL_TRY(ll_alloc("rows", b_items, sizeof *diff->a_of_b, &diff->a_of_b, err));
    for (int64_t row = 0; row < a_items; row++) {
        const char *const id = ll_reader_id(diff->a, row, &length);
        diff->b_of_a[row] = ll_reader_find(diff->b, id, length);
        if (diff->b_of_a[row] < 0)
            ll_finding(&only_a, " %s: only in %s", ll_diff_id(diff->a, row).text, diff->a->path);
    }
    ll_finding_end(&only_a);
    for (int64_t row = 0; row < b_items; row++) {
        const char *const id = ll_reader_id(diff->b, row, &length);
        diff->a_of_b[row] = ll_reader_find(diff->a, id, length);
        if (diff->a_of_b[row] < 0)
            ll_finding(&only_b, " %s: only in %s", ll_diff_id(diff->b, row).text, diff->b->path);
    }
    ll_finding_end(&only_b);
    return LL_OK;
}

/* ---- --exact: what is said of the whole ------------------------------------------------ */

static ll_diff_text short_text(const char *text)
{
    return ll_diff_value(text, strlen(text));
}

static void compare_number(ll_diff *diff, const char *name, int64_t a, int64_t b)
{
    ll_finding_kind kind = {&diff->findings, name, 0};
    if (a != b) ll_finding(&kind, ": %lld and %lld", (long long)a, (long long)b);
}

static void compare_field(ll_diff *diff, int field)
{
    const ll_field about = ll_layout_field(field);
    const void *const a = ll_layout_field_in(&diff->a->provenance, field);
    const void *const b = ll_layout_field_in(&diff->b->provenance, field);
    ll_finding_kind kind = {&diff->findings, about.name, 0};

    if (!about.in_generation) return;
    switch (about.kind) {
    case LL_FIELD_TEXT:
        if (strcmp(*(const char *const *)a, *(const char *const *)b) != 0)
            ll_finding(&kind, ": '%s' and '%s'", short_text(*(const char *const *)a).text,
                       short_text(*(const char *const *)b).text);
        break;
    case LL_FIELD_INT:
        compare_number(diff, about.name, *(const int64_t *)a, *(const int64_t *)b);
        break;
    case LL_FIELD_BOOL: compare_number(diff, about.name, *(const bool *)a, *(const bool *)b); break;
    }
}

static void compare_extents(ll_diff *diff)
{
    const ll_store_extents *const a = ll_reader_extents(diff->a);
    const ll_store_extents *const b = ll_reader_extents(diff->b);
    ll_finding_kind kind = {&diff->findings, "/similarity", 0};

    compare_number(diff, "neighbours", a->neighbors, b->neighbors);
    compare_number(diff, "columns of /features", a->features, b->features);
    if (a->matrix != b->matrix)
        ll_finding(&kind, ": %s and %s", ll_store_matrix_name(a->matrix),
                   ll_store_matrix_name(b->matrix));
    for (int i = 0; i < ll_layout_fields(); i++)
        compare_field(diff, i);
}

/* ---- --exact: rows --------------------------------------------------------------------- */

/* Rows of an array that depend on their own item only. */
static void compare_rows(ll_diff *diff, ll_array array)
{
    const char *const a = ll_reader_array(diff->a, array);
    const char *const b = ll_reader_array(diff->b, array);
    const ll_layout_object object = ll_layout_array(&diff->a->layout, array);
    const size_t row_bytes = ll_layout_row_bytes(&diff->a->layout, array);
    ll_finding_kind kind = {&diff->findings, object.path, 0};

    if ((a == NULL) != (b == NULL)) ll_finding(&kind, ": only in one of the two");
    if (a == NULL || b == NULL || row_bytes != ll_layout_row_bytes(&diff->b->layout, array)) return;
    for (int64_t row = 0; row < ll_reader_extents(diff->a)->items; row++) {
        const int64_t other = diff->b_of_a[row];
        if (other >= 0 &&
            memcmp(a + (size_t)row * row_bytes, b + (size_t)other * row_bytes, row_bytes) != 0)
            ll_finding(&kind, ": %s differs", ll_diff_id(diff->a, row).text);
    }
    ll_finding_end(&kind);
}

static void compare_texts(ll_diff *diff, const char *name, const char *const *a,
                          const char *const *b)
{
    ll_finding_kind kind = {&diff->findings, name, 0};

    for (int64_t row = 0; row < ll_reader_extents(diff->a)->items; row++) {
        const int64_t other = diff->b_of_a[row];
        if (other >= 0 && strcmp(a[row], b[other]) != 0)
            ll_finding(&kind, ": %s has '%s' and '%s'", ll_diff_id(diff->a, row).text,
                       short_text(a[row]).text, short_text(b[other]).text);
    }
    ll_finding_end(&kind);
}

static ll_status compare_columns(ll_diff *diff, ll_error *err)
{
    const char *const *a = NULL, *const *b = NULL;

    for (int i = 0; i < diff->a->columns; i++) {
        const char *const name = ll_reader_column_name(diff->a, i);
        const int other = ll_reader_find_column(diff->b, name);
        ll_finding_kind kind = {&diff->findings, "column ", 0};
        if (other < 0) {
            ll_finding(&kind, "%s: only in %s", name, diff->a->path);
            continue;
        }
        LL_TRY(ll_reader_column(diff->a, i, &a, err));
        LL_TRY(ll_reader_column(diff->b, other, &b, err));
        compare_texts(diff, name, a, b);
    }
    for (int i = 0; i < diff->b->columns; i++) {
        const char *const name = ll_reader_column_name(diff->b, i);
        ll_finding_kind kind = {&diff->findings, "column ", 0};
        if (ll_reader_find_column(diff->a, name) < 0)
            ll_finding(&kind, "%s: only in %s", name, diff->b->path);
    }
    LL_TRY(ll_reader_images(diff->a, &a, err));
    LL_TRY(ll_reader_images(diff->b, &b, err));
    compare_texts(diff, "image", a, b);
    return LL_OK;
}

static ll_status compare_rejected(ll_diff *diff, ll_error *err)
{
    ll_reader_rejects a, b;
    ll_finding_kind kind = {&diff->findings, "/rejected", 0};

    LL_TRY(ll_reader_rejected(diff->a, &a, err));
    LL_TRY(ll_reader_rejected(diff->b, &b, err));
    if (a.count != b.count)
        ll_finding(&kind, ": %lld and %lld", (long long)a.count, (long long)b.count);
    for (int64_t i = 0; a.count == b.count && i < a.count; i++)
        if (strcmp(a.ids[i], b.ids[i]) != 0 || strcmp(a.images[i], b.images[i]) != 0 ||
            strcmp(a.reasons[i], b.reasons[i]) != 0)
            ll_finding(&kind, ": %s (%s) and %s (%s)", short_text(a.ids[i]).text,
                       short_text(a.reasons[i]).text, short_text(b.ids[i]).text,
                       short_text(b.reasons[i]).text);
    ll_finding_end(&kind);
    return LL_OK;
}

static ll_status compare_exactly(ll_diff *diff, ll_error *err)
{
    compare_extents(diff);
    for (int i = 0; i < LL_ARRAYS; i++)
        if (ll_layout_role((ll_array)i) == LL_ROLE_ITEM) compare_rows(diff, (ll_array)i);
    LL_TRY(compare_columns(diff, err));
    return compare_rejected(diff, err);
}

ll_status ll_store_diff(ll_reader *a, ll_reader *b, const ll_store_diff_options *options,
                        const ll_log *log, int64_t *differences, ll_error *err)
{
    ll_status status = LL_OK;
    ll_diff diff = {.a = a, .b = b, .options = options, .log = log, .findings = {.log = log}};

    LL_TRY_DONE(match_rows(&diff, err));
    if (options->exact) LL_TRY_DONE(compare_exactly(&diff, err));
    LL_TRY_DONE(ll_diff_neighbors(&diff, err));
    LL_TRY_DONE(ll_diff_matrix(&diff, err));
done:
    *differences = atomic_load(&diff.findings.total);
    free(diff.b_of_a);
    free(diff.a_of_b);
    return status;
}
