/* tests/unit/unit_cpu_pool.c - order, failure, reuse and continuation of the cpu backend's pool. */
#include "host/backend/cpu/cpu_pool.h"
#include "tests/test.h"

#include <stdint.h>
#include <string.h>

#include <stdatomic.h>

enum { MAX_JOBS = 256 };

struct record {
    ll_cpu_pool *pool;
    ll_cpu_group *group;
    _Atomic long order[MAX_JOBS];
    _Atomic long next;
    _Atomic long runs[MAX_JOBS];
    _Atomic long per_thread[8];
    long fail_at; /* job that fails; -1: none */
};

static ll_status note(void *context, long job, int thread, ll_error *err)
{
    struct record *const r = context;
    r->order[r->next++] = job;
    r->runs[job]++;
    r->per_thread[thread]++;
    if (job == r->fail_at) return ll_fail(err, LL_ERR_FORMAT, "job %ld is bad", job);
    return LL_OK;
}

static void one_thread_keeps_the_order(void **state)
{
    (void)state;
    ll_cpu_pool *pool = NULL;
    ll_cpu_group a = {0}, b = {0};
    struct record r = {.fail_at = -1};
    assert_int_equal(ll_cpu_pool_create(1, &pool, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &a, note, &r, 0, 50, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &b, note, &r, 50, 50, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &a, note, &r, 100, 0, NULL), LL_OK); /* no job */
    assert_int_equal(ll_cpu_pool_wait(pool, &b, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_wait(pool, &a, NULL), LL_OK);
    for (long i = 0; i < 100; i++)
        assert_int_equal(r.order[i], i);
    ll_cpu_pool_free(pool);
}

static void many_threads_run_each_job_once(void **state)
{
    (void)state;
    ll_cpu_pool *pool = NULL;
    ll_cpu_group group = {0};
    struct record r = {.fail_at = -1};
    assert_int_equal(ll_cpu_pool_create(3, &pool, NULL), LL_OK);
    for (int round = 1; round <= 20; round++) { /* the same group again and again */
        r.next = 0;
        assert_int_equal(ll_cpu_pool_submit(pool, &group, note, &r, 0, 100, NULL), LL_OK);
        assert_int_equal(ll_cpu_pool_submit(pool, &group, note, &r, 100, 100, NULL), LL_OK);
        assert_int_equal(ll_cpu_pool_wait(pool, &group, NULL), LL_OK);
        for (int i = 0; i < 200; i++)
            assert_int_equal(r.runs[i], round);
    }
    assert_int_equal(r.per_thread[0] + r.per_thread[1] + r.per_thread[2], 4000);
    ll_cpu_pool_free(pool);
}

static void first_failure_is_reported_and_the_rest_skipped(void **state)
{
    (void)state;
    ll_cpu_pool *pool = NULL;
    ll_cpu_group bad = {0}, good = {0};
    ll_error err = LL_ERROR_INIT;
    struct record r = {.fail_at = 5}, other = {.fail_at = -1};
    assert_int_equal(ll_cpu_pool_create(1, &pool, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &bad, note, &r, 0, 100, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &good, note, &other, 0, 10, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_wait(pool, &bad, &err), LL_ERR_FORMAT);
    assert_string_equal(err.text, "job 5 is bad");
    assert_int_equal(r.next, 6);
    assert_int_equal(ll_cpu_pool_wait(pool, &good, NULL), LL_OK); /* not its neighbour's fault */
    assert_int_equal(other.next, 10);

    r.fail_at = -1; /* and the group works again */
    r.next = 0;
    assert_int_equal(ll_cpu_pool_submit(pool, &bad, note, &r, 0, 7, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_wait(pool, &bad, NULL), LL_OK);
    assert_int_equal(r.next, 7);
    ll_cpu_pool_free(pool);
}

static ll_status note_and_continue(void *context, long job, int thread, ll_error *err)
{
    struct record *const r = context;
    const ll_status status = note(context, job, thread, err);
    if (status != LL_OK || job != 2) return status;
    return ll_cpu_pool_continue(r->pool, r->group, note, r, 100, 3, err);
}

static void continuation_goes_ahead_of_the_queue(void **state)
{
    (void)state;
    static const long k_want[] = {0, 1, 2, 100, 101, 102, 3, 4, 50, 51};
    ll_cpu_pool *pool = NULL;
    ll_cpu_group group = {0}, later = {0};
    struct record r = {.fail_at = -1};
    assert_int_equal(ll_cpu_pool_create(1, &pool, NULL), LL_OK);
    r.pool = pool;
    r.group = &group;
    assert_int_equal(ll_cpu_pool_submit(pool, &group, note_and_continue, &r, 0, 5, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &later, note, &r, 50, 2, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_wait(pool, &group, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_wait(pool, &later, NULL), LL_OK);
    assert_int_equal(r.next, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(r.order[i], k_want[i]);
    ll_cpu_pool_free(pool);
}

static ll_status continue_last(void *context, long job, int thread, ll_error *err)
{
    struct record *const r = context;
    const ll_status status = note(context, job, thread, err);
    if (status != LL_OK || job != 0) return status;
    return ll_cpu_pool_continue(r->pool, r->group, note, r, 100, 3, err);
}

static void continuation_of_the_last_job_is_waited_for(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        ll_cpu_pool *pool = NULL;
        ll_cpu_group group = {0};
        struct record r = {.fail_at = -1};
        assert_int_equal(ll_cpu_pool_create(threads, &pool, NULL), LL_OK);
        r.pool = pool;
        r.group = &group;
        assert_int_equal(ll_cpu_pool_submit(pool, &group, continue_last, &r, 0, 1, NULL), LL_OK);
        assert_int_equal(ll_cpu_pool_wait(pool, &group, NULL), LL_OK);
        assert_int_equal(r.next, 4);
        ll_cpu_pool_free(pool);
    }
}

static void free_runs_what_is_queued(void **state)
{
    (void)state;
    ll_cpu_pool *pool = NULL;
    ll_cpu_group group = {0};
    struct record r = {.fail_at = -1};
    ll_cpu_pool_free(NULL);
    assert_int_equal(ll_cpu_pool_create(2, &pool, NULL), LL_OK);
    assert_int_equal(ll_cpu_pool_submit(pool, &group, note, &r, 0, 100, NULL), LL_OK);
    ll_cpu_pool_free(pool);
    assert_int_equal(r.next, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_keeps_the_order),
        cmocka_unit_test(many_threads_run_each_job_once),
        cmocka_unit_test(first_failure_is_reported_and_the_rest_skipped),
        cmocka_unit_test(continuation_goes_ahead_of_the_queue),
        cmocka_unit_test(continuation_of_the_last_job_is_waited_for),
        cmocka_unit_test(free_runs_what_is_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
