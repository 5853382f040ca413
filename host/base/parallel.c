/* host/base/parallel.c - see parallel.h. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "host/base/parallel.h"
#include "host/base/memory.h"
#include "host/base/size.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct shared {
    ll_parallel_fn run;
    void *context;
    int64_t tasks;
    _Atomic int64_t next;
    atomic_bool failed;
};

struct worker {
    struct shared *shared;
    pthread_t thread;
    int number;
    int started;
    ll_status status;
    int64_t failed_task;
    ll_error err;
};

static void *work(void *argument)
{
    struct worker *const me = argument;
    struct shared *const shared = me->shared;

    while (!atomic_load(&shared->failed)) {
        const int64_t task = atomic_fetch_add(&shared->next, 1);
        if (task >= shared->tasks) break;
        me->status = shared->run(shared->context, task, me->number, &me->err);
        if (me->status != LL_OK) {
            me->failed_task = task;
            atomic_store(&shared->failed, 1);
            break;
        }
    }
    return NULL;
}

static ll_status first_failure(const struct worker *workers, int threads, ll_error *err)
{
    const struct worker *first = NULL;

    for (int i = 0; i < threads; i++) {
        if (workers[i].status == LL_OK) continue;
        if (first == NULL || workers[i].failed_task < first->failed_task) first = &workers[i];
    }
    if (first == NULL) return LL_OK;
    return ll_fail(err, first->status, "%s", first->err.text);
}

ll_status ll_parallel_run(int threads, int64_t tasks, ll_parallel_fn run, void *context,
                          ll_error *err)
{
    struct shared shared = {.run = run, .context = context, .tasks = tasks};
    struct worker *workers = NULL;

    if (tasks <= 0) return LL_OK;
    threads = (int)ll_max_i64(1, ll_min_i64(threads, tasks));
    LL_TRY(ll_alloc("threads", threads, sizeof *workers, &workers, err));
    for (int i = 0; i < threads; i++) {
        workers[i].shared = &shared;
        workers[i].number = i;
        /* Fewer threads than asked for is slower, not wrong: the caller's own does the rest. */
        if (i > 0)
            workers[i].started = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
    }
    work(&workers[0]);
    for (int i = 1; i < threads; i++)
        if (workers[i].started) pthread_join(workers[i].thread, NULL);

    const ll_status status = first_failure(workers, threads, err);
    free(workers);
    return status;
}

int ll_parallel_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return (int)ll_max_i64(1, CPU_COUNT(&set));
}
