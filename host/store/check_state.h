/* host/store/check_state.h - the checks of `verify`. Private to host/store: check.c calls them in
 * turn. Floor 2. */
#ifndef LL_STORE_CHECK_STATE_H
#define LL_STORE_CHECK_STATE_H

#include "host/store/findings.h"
#include "host/store/reader_state.h"

typedef struct ll_check {
    ll_reader *reader;
    const ll_store_extents *extents;
    int threads;
    const ll_log *log;
    ll_findings findings;
    uint32_t *group; /* (N) number of the row's value in the --within column; NULL: no column */
    uint32_t *group_sizes; /* (groups) */
} ll_check;

/** Everything in the file can be opened, and is tied together as FORMAT.md says (check_objects.c).
 */
LL_NODISCARD ll_status ll_check_objects(ll_check *check, ll_error *err);

/** Checksums and generation (check.c). */
LL_NODISCARD ll_status ll_check_digests(ll_check *check, ll_error *err);

/** Ids, the lookup table, /item and /other (check_items.c). */
LL_NODISCARD ll_status ll_check_lookup(ll_check *check, ll_error *err);
/** Fills `group` and `group_sizes` (check_items.c). */
LL_NODISCARD ll_status ll_check_groups(ll_check *check, ll_error *err);

/** Order, fill and membership of neighbours; unit rows (check_rows.c). */
LL_NODISCARD ll_status ll_check_rows(ll_check *check, ll_error *err);

/** Diagonal, symmetry and range of the matrix (check_scores.c). */
LL_NODISCARD ll_status ll_check_matrix(ll_check *check, ll_error *err);
/** `sample` rows against the definition of the score (check_scores.c). */
LL_NODISCARD ll_status ll_check_sample(ll_check *check, int64_t sample, ll_error *err);

/** May `column` be a neighbour of `row`? */
static inline bool ll_check_permits(const ll_check *check, int64_t row, int64_t column)
{
    return row != column && (check->group == NULL || check->group[row] == check->group[column]);
}

#endif
