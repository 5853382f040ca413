/* host/backend/cpu/cpu_pool.h - the cpu backend's threads and their queue; private to it.
 *
 * Jobs start in the order they were submitted. A group counts the jobs of one slot or one
 * comparison and keeps the first failure, so that waiting for it reports what went wrong. */
#ifndef LL_CPU_POOL_H
#define LL_CPU_POOL_H

#include "host/base/status.h"

typedef struct ll_cpu_pool ll_cpu_pool;

typedef struct ll_cpu_group {
    int pending;      /* jobs not finished yet; guarded by the pool */
    ll_status status; /* of the first that failed */
    ll_error err;
} ll_cpu_group;

/** One job; `thread` is 0 .. threads - 1 and constant for a pool thread (scratch is kept by it). */
typedef ll_status (*ll_cpu_job_fn)(void *context, long job, int thread, ll_error *err);

LL_NODISCARD ll_status ll_cpu_pool_create(int threads, ll_cpu_pool **out, ll_error *err);
void ll_cpu_pool_free(ll_cpu_pool *pool); /* waits for running jobs; accepts NULL */

/** Queue run(context, first + 0 .. jobs - 1) in `group` (zeroed before its first use) and return.
 *  `context` and `group` must outlive the wait. */
LL_NODISCARD ll_status ll_cpu_pool_submit(ll_cpu_pool *pool, ll_cpu_group *group, ll_cpu_job_fn run,
                                          void *context, long first, long jobs, ll_error *err);

/** The same from within a job of `group`, for what can only start when that job is done: these jobs
 *  go to the front of the queue, so that a batch in progress is finished before the next one is
 *  started. */
LL_NODISCARD ll_status ll_cpu_pool_continue(ll_cpu_pool *pool, ll_cpu_group *group,
                                            ll_cpu_job_fn run, void *context, long first, long jobs,
                                            ll_error *err);

/** Wait until the group has no pending job; report its first failure and make it ready for reuse.
 *  After a failure the group's remaining jobs are skipped. */
LL_NODISCARD ll_status ll_cpu_pool_wait(ll_cpu_pool *pool, ll_cpu_group *group, ll_error *err);

#endif
