/* host/base/parallel.h - the same task many times on a few threads. Floor 0: decoding, the cpu
 * network, tiles and rescoring all need it.
 *
 * Tasks are handed out in ascending order, so results may depend on a task's number and never on
 * which thread ran it. */
#ifndef LL_BASE_PARALLEL_H
#define LL_BASE_PARALLEL_H

#include "host/base/status.h"

#include <stdint.h>

/** Task number `task` of 0 .. tasks - 1, on thread `thread` of 0 .. threads - 1. */
typedef ll_status (*ll_parallel_fn)(void *context, int64_t task, int thread, ll_error *err);

/** Run all tasks on up to `threads` threads, the caller's among them, and wait.
 *  After a failure no new task starts; the failure with the lowest task number is reported. */
LL_NODISCARD ll_status ll_parallel_run(int threads, int64_t tasks, ll_parallel_fn run,
                                       void *context, ll_error *err);

/** How many processors this process may use: sched_getaffinity, so containers are respected. */
int ll_parallel_cores(void);

#endif
