/* host/catalog/select.h - which rows to keep: `--keep COLUMN=VALUE`. The same column twice means
 * or, different columns and. Private to host/catalog. Floor 1; includes base. */
#ifndef LL_CATALOG_SELECT_H
#define LL_CATALOG_SELECT_H

#include "host/base/status.h"

#include <stdbool.h>

typedef struct ll_select ll_select;

/** Understand `keep[0 .. keep_count)` against the columns of a catalogue. A filter splits at its
 *  first '='; the value may be empty. A filter's '/' in the column's name counts as '_', as in the
 *  names. `*out` is yours to ll_select_free and borrows `keep`; NULL, which keeps everything, if
 *  there are no filters. LL_ERR_ARGUMENT names the columns there are; LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_select_create(const char *const *keep, int keep_count,
                                        const char *const *columns, int column_count,
                                        ll_select **out, ll_error *err);
void ll_select_free(ll_select *select); /* accepts NULL */

/** Does this row, one text a column, pass? Everything passes NULL. */
bool ll_select_keeps(const ll_select *select, const char *const *fields);

#endif
