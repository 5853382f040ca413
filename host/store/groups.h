/* host/store/groups.h - the values of the --within column as numbers: what the writer of neighbours
 * keeps apart is what `verify` expects apart. Floor 2; includes base. */
#ifndef LL_STORE_GROUPS_H
#define LL_STORE_GROUPS_H

#include "host/base/status.h"

#include <stdint.h>

/** Number texts[0 .. count) from 0 up, in byte order of the values: equal texts, equal numbers.
 *  `group` has room for `count`. LL_ERR_MEMORY. */
LL_NODISCARD ll_status ll_store_number_groups(const char *const *texts, int64_t count,
                                              uint32_t *group, ll_error *err);

#endif
