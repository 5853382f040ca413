/* host/commands/print_findings.h - what verify and diff find is their result: it goes to stdout, a
 * line each, whatever --quiet says of talk. Floor 6. */
#ifndef LL_PRINT_FINDINGS_H
#define LL_PRINT_FINDINGS_H

#include "host/base/log.h"

/** A log whose lines are results on stdout and whose progress is that of `talk`, which is borrowed
 *  (it may be NULL). */
ll_log ll_findings_log(const ll_log *talk);

#endif
