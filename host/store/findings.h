/* host/store/findings.h - what check and diff find: a few lines a kind, then a count. Private to
 * host/store; any thread may report. Floor 2; includes base. */
#ifndef LL_STORE_FINDINGS_H
#define LL_STORE_FINDINGS_H

#include "host/base/log.h"
#include "host/base/status.h"

#include <stdatomic.h>
#include <stdint.h>

enum { LL_FINDINGS_LINES = 5 }; /* of a kind, before only their number is told */

typedef struct ll_findings {
    const ll_log *log;
    _Atomic int64_t total;
} ll_findings;

/* One kind, e.g. { .findings = f, .name = "/neighbors" }. */
typedef struct ll_finding_kind {
    ll_findings *findings;
    const char *name;
    _Atomic int64_t count;
} ll_finding_kind;

/** One finding: a line "NAME TEXT" while there are few. */
void ll_finding(ll_finding_kind *kind, const char *format, ...) LL_PRINTF(2, 3);

/** Say how many were not shown. */
void ll_finding_end(ll_finding_kind *kind);

#endif
