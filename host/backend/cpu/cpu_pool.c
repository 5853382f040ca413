/* host/backend/cpu/cpu_pool.c - threads, one queue, one lock; see cpu_pool.h.
 *
 * A job is all convolutions of an image, or a tile: tens of milliseconds. Compared with that, one
 * lock around the queue costs nothing, and it keeps the order of jobs and the choice of the first
 * failure simple. */
#include "host/backend/cpu/cpu_pool.h"
#include "host/base/memory.h"

#include <assert.h>
#include <omp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct batch { /* jobs [next, end) of one submit, not handed out yet */
    struct batch *after;
    ll_cpu_group *group;
    ll_cpu_job_fn run;
    void *context;
    long next, end;
};

struct worker {
    ll_cpu_pool *pool;
    pthread_t thread;
    int number;
};

struct ll_cpu_pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* the queue grew, or the pool closes */
    pthread_cond_t done; /* a group ran out of jobs */
    struct batch *head, *tail;
    struct worker *workers;
    int started;
    bool closing;
};

/* Take one job off the queue; false if it is empty. */
static bool dequeue(ll_cpu_pool *pool, struct batch *job)
{
    struct batch *const head = pool->head;

    if (head == NULL) return false;
    *job = *head;
    head->next++;
    if (head->next == head->end) {
        pool->head = head->after;
        if (pool->head == NULL) pool->tail = NULL;
        free(head);
    }
    return true;
}

static void finish(ll_cpu_pool *pool, ll_cpu_group *group, ll_status status, const ll_error *err)
{
    if (status != LL_OK && group->status == LL_OK) {
        group->status = status;
        group->err = *err;
    }
    group->pending--;
    if (group->pending == 0) pthread_cond_broadcast(&pool->done);
}

static void *work(void *argument)
{
    struct worker *const me = argument;
    ll_cpu_pool *const pool = me->pool;

    omp_set_num_threads(1); /* of this thread alone: oneDNN must not start a team of its own */
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct batch job;
        if (!dequeue(pool, &job)) {
            if (pool->closing) break;
            pthread_cond_wait(&pool->work, &pool->lock);
            continue;
        }
        ll_error err = LL_ERROR_INIT;
        ll_status status = LL_OK;
        if (job.group->status == LL_OK) {
            pthread_mutex_unlock(&pool->lock);
            status = job.run(job.context, job.next, me->number, &err);
            pthread_mutex_lock(&pool->lock);
        }
        finish(pool, job.group, status, &err);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

ll_status ll_cpu_pool_create(int threads, ll_cpu_pool **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_cpu_pool *pool = NULL;

    assert(threads >= 1);
    *out = NULL;
    LL_TRY(ll_alloc("cpu threads", 1, sizeof *pool, &pool, err));
    pthread_mutex_init(&pool->lock, NULL); /* with default attributes none of the three can fail */
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    LL_TRY_DONE(ll_alloc("cpu threads", threads, sizeof *pool->workers, &pool->workers, err));
    for (int i = 0; i < threads; i++) {
        struct worker *const worker = &pool->workers[i];
        worker->pool = pool;
        worker->number = i;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            status =
                ll_fail(err, LL_ERR_MEMORY, "cpu threads: the system gives %d of %d", i, threads);
            goto done;
        }
        pool->started++;
    }
    *out = pool;
    return LL_OK;
done:
    ll_cpu_pool_free(pool);
    return status;
}

void ll_cpu_pool_free(ll_cpu_pool *pool)
{
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool);
}

static ll_status enqueue(ll_cpu_pool *pool, const struct batch *jobs, bool at_front, ll_error *err)
{
    struct batch *batch = NULL;

    if (jobs->next == jobs->end) return LL_OK;
    LL_TRY(ll_alloc("cpu jobs", 1, sizeof *batch, &batch, err));
    *batch = *jobs;
    pthread_mutex_lock(&pool->lock);
    batch->group->pending += (int)(batch->end - batch->next);
    batch->after = at_front ? pool->head : NULL;
    if (at_front)
        pool->head = batch;
    else if (pool->tail != NULL)
        pool->tail->after = batch;
    else
        pool->head = batch;
    if (!at_front || batch->after == NULL) pool->tail = batch;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    return LL_OK;
}

ll_status ll_cpu_pool_submit(ll_cpu_pool *pool, ll_cpu_group *group, ll_cpu_job_fn run,
                             void *context, long first, long jobs, ll_error *err)
{
    const struct batch batch = {
        .group = group, .run = run, .context = context, .next = first, .end = first + jobs};
    return enqueue(pool, &batch, false, err);
}

ll_status ll_cpu_pool_continue(ll_cpu_pool *pool, ll_cpu_group *group, ll_cpu_job_fn run,
                               void *context, long first, long jobs, ll_error *err)
{
    const struct batch batch = {
        .group = group, .run = run, .context = context, .next = first, .end = first + jobs};
    return enqueue(pool, &batch, true, err);
}

ll_status ll_cpu_pool_wait(ll_cpu_pool *pool, ll_cpu_group *group, ll_error *err)
{
    pthread_mutex_lock(&pool->lock);
    while (group->pending > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    const ll_status status = group->status;
    const ll_error first = group->err;
    group->status = LL_OK;
    group->err = (ll_error)LL_ERROR_INIT;
    pthread_mutex_unlock(&pool->lock);
    return status == LL_OK ? LL_OK : ll_fail(err, status, "%s", first.text);
}
