/* tests/unit/unit_emulated_runtime.c - the emulated card finds what it is there to find: a missing
 * event, a pinned buffer used again too early, memory of the wrong side; and is otherwise a card.
 */
#include "tests/cuda_emulated/card.h"
#include "tests/cuda_emulated/emulated_queue.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES = 4, SEEDS = 24 };

static int *pinned(size_t count)
{
    void *memory = NULL;
    ok(cudaMallocHost(&memory, count * sizeof(int)));
    return memory;
}

static cudaEvent_t event(void)
{
    cudaEvent_t made = NULL;
    ok(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    return made;
}

/* x += more, on the card. */
struct addition {
    int *x, more;
};

static void add(void *data)
{
    const struct addition *const a = data;
    for (int i = 0; i < VALUES; i++)
        a->x[i] += a->more;
}

static void queue_add(int *x, int more, cudaStream_t to)
{
    const struct addition a = {x, more};
    const ll_emulated_work work = ll_emulated_work_of(add, &a, sizeof a, 1.0);
    ok(ll_emulated_queue(to, &work));
}

/* Up on one stream, work on another, down on a third; without some of the waits between.
 * @return what comes down */
static int up_work_down(uint64_t seed, bool first_wait, bool second_wait, bool last_wait)
{
    ll_emulated *const card = begin(seed);
    cudaStream_t in = stream(), work = stream(), out = stream();
    cudaEvent_t up = event(), done = event();
    int *const from = pinned(VALUES), *const to = pinned(VALUES);
    int *const x = device(VALUES * sizeof *x);

    for (int i = 0; i < VALUES; i++)
        from[i] = 40, to[i] = -1;
    ok(cudaMemcpyAsync(x, from, VALUES * sizeof *x, cudaMemcpyHostToDevice, in));
    ok(cudaEventRecord(up, in));
    if (first_wait) ok(cudaStreamWaitEvent(work, up, 0));
    queue_add(x, 2, work);
    ok(cudaEventRecord(done, work));
    if (second_wait) ok(cudaStreamWaitEvent(out, done, 0));
    ok(cudaMemcpyAsync(to, x, VALUES * sizeof *x, cudaMemcpyDeviceToHost, out));
    if (last_wait) ok(cudaStreamSynchronize(out));
    const int got = to[VALUES - 1];
    ok(cudaDeviceSynchronize());
    ok(cudaEventDestroy(up));
    ok(cudaEventDestroy(done));
    ok(cudaStreamDestroy(in));
    ok(cudaStreamDestroy(work));
    ok(cudaStreamDestroy(out));
    ok(cudaFreeHost(from));
    ok(cudaFreeHost(to));
    ok(cudaFree(x));
    nothing_left(card);
    return got;
}

static void a_missing_wait_shows(void **state)
{
    int wrong[3] = {0};

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        assert_int_equal(up_work_down(seed, true, true, true), 42);
        wrong[0] += up_work_down(seed, false, true, true) != 42;
        wrong[1] += up_work_down(seed, true, false, true) != 42;
        wrong[2] += up_work_down(seed, true, true, false) != 42;
    }
    for (int i = 0; i < 3; i++)
        if (wrong[i] == 0) fail_msg("wait %d is not missed by any of %d seeds", i, SEEDS);
    assert_true(wrong[2] > SEEDS / 2);
}

static void a_pinned_buffer_used_too_early_shows(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        ll_emulated *const card = begin(0);
        cudaStream_t in = stream();
        cudaEvent_t up = event();
        int *const from = pinned(VALUES), *const x = device(2 * VALUES * sizeof *x);
        int got[2 * VALUES];

        for (int half = 0; half < 2; half++) {
            if (waits) ok(cudaEventSynchronize(up));
            for (int i = 0; i < VALUES; i++)
                from[i] = half;
            ok(cudaMemcpyAsync(x + half * VALUES, from, VALUES * sizeof *x, cudaMemcpyHostToDevice,
                               in));
            ok(cudaEventRecord(up, in));
        }
        ok(cudaStreamSynchronize(in));
        ok(cudaMemcpy(got, x, sizeof got, cudaMemcpyDeviceToHost));
        assert_int_equal(got[0], waits ? 0 : 1);
        assert_int_equal(got[VALUES], 1);
        ok(cudaEventDestroy(up));
        ok(cudaStreamDestroy(in));
        ok(cudaFreeHost(from));
        ok(cudaFree(x));
        nothing_left(card);
    }
}

/* Pageable memory is staged: it may change as soon as the call returns. */
static void pageable_memory_is_read_at_once(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    cudaStream_t in = stream();
    int from[VALUES] = {7, 7, 7, 7}, *const x = device(sizeof from);

    ok(cudaMemcpyAsync(x, from, sizeof from, cudaMemcpyHostToDevice, in));
    memset(from, 0, sizeof from);
    ok(cudaMemcpyAsync(from, x, sizeof from, cudaMemcpyDeviceToHost, in));
    assert_int_equal(from[2], 7);
    ok(cudaStreamDestroy(in));
    ok(cudaFree(x));
    nothing_left(card);
}

/* ---- graphs ---------------------------------------------------------------------------- */

/* x = from + 1 on one stream and, forked and joined, y = from + 2 on another. */
static cudaGraphExec_t capture_fork(cudaStream_t a, cudaStream_t b, int *from, int *x, int *y)
{
    cudaEvent_t fork = event(), join = event();
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;

    ok(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    ok(cudaEventRecord(fork, a));
    ok(cudaStreamWaitEvent(b, fork, 0));
    ok(cudaMemcpyAsync(x, from, VALUES * sizeof *x, cudaMemcpyHostToDevice, a));
    queue_add(x, 1, a);
    ok(cudaMemcpyAsync(y, from, VALUES * sizeof *x, cudaMemcpyHostToDevice, b));
    queue_add(y, 2, b);
    ok(cudaEventRecord(join, b));
    ok(cudaStreamWaitEvent(a, join, 0));
    ok(cudaStreamEndCapture(a, &graph));
    ok(cudaGraphInstantiate(&exec, graph, 0));
    ok(cudaGraphDestroy(graph));
    ok(cudaEventDestroy(fork));
    ok(cudaEventDestroy(join));
    return exec;
}

static void a_graph_runs_as_captured(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        ll_emulated *const card = begin(seed);
        cudaStream_t a = stream(), b = stream();
        int *const from = pinned(VALUES), *const x = device(VALUES * sizeof *x);
        int *const y = device(VALUES * sizeof *y), got[VALUES];
        cudaGraphExec_t exec = capture_fork(a, b, from, x, y);

        assert_int_equal(card->launches, 0);
        for (int launch = 0; launch < 3; launch++) {
            for (int i = 0; i < VALUES; i++)
                from[i] = 10 * launch;
            ok(cudaGraphLaunch(exec, a));
            ok(cudaStreamSynchronize(a));
            ok(cudaMemcpy(got, x, sizeof got, cudaMemcpyDeviceToHost));
            assert_int_equal(got[1], 10 * launch + 1);
            ok(cudaMemcpy(got, y, sizeof got, cudaMemcpyDeviceToHost));
            assert_int_equal(got[1], 10 * launch + 2);
        }
        ok(cudaGraphExecDestroy(exec));
        ok(cudaStreamDestroy(a));
        ok(cudaStreamDestroy(b));
        ok(cudaFreeHost(from));
        ok(cudaFree(x));
        ok(cudaFree(y));
        nothing_left(card);
    }
}

static void a_capture_refuses_what_a_card_refuses(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    cudaStream_t a = stream(), b = stream();
    cudaEvent_t before = event(), fork = event();
    cudaGraph_t graph = NULL;
    void *memory = NULL;
    int *const x = device(VALUES * sizeof *x);

    ok(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    assert_int_equal(cudaMalloc(&memory, 8), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);
    assert_null(graph);

    ok(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    assert_int_equal(cudaStreamSynchronize(a), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);

    ok(cudaEventRecord(before, b));
    ok(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    assert_int_equal(cudaStreamWaitEvent(a, before, 0), cudaErrorStreamCaptureIsolation);
    assert_int_equal(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureInvalidated);

    ok(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
    ok(cudaEventRecord(fork, a));
    ok(cudaStreamWaitEvent(b, fork, 0));
    queue_add(x, 1, b);
    assert_int_equal(cudaEventSynchronize(fork), cudaErrorCapturedEvent);
    assert_int_equal(cudaStreamEndCapture(a, &graph), cudaErrorStreamCaptureUnjoined);
    assert_string_not_equal(card->misuse, "");

    card->misuse[0] = '\0';
    ok(cudaEventDestroy(before));
    ok(cudaEventDestroy(fork));
    ok(cudaStreamDestroy(a));
    ok(cudaStreamDestroy(b));
    ok(cudaFree(x));
    nothing_left(card);
}

/* ---- what fails ------------------------------------------------------------------------ */

static void memory_ends(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    size_t free_bytes, total_bytes;
    void *memory = &memory;

    card->memory_bytes = 1000;
    void *const most = device(800);
    ok(cudaMemGetInfo(&free_bytes, &total_bytes));
    assert_int_equal(free_bytes, 200);
    assert_int_equal(total_bytes, 1000);
    assert_int_equal(cudaMalloc(&memory, 201), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    ok(cudaFree(most));
    card->fail_allocation = 3; /* after the two above */
    assert_int_equal(cudaMalloc(&memory, 1), cudaErrorMemoryAllocation);
    nothing_left(card);
}

static void calls_fail_when_asked_to(void **state)
{
    (void)state;
    for (int sticky = 0; sticky < 2; sticky++) {
        ll_emulated *const card = begin(0);
        void *memory = NULL, *other = NULL;
        card->fail_at = 2;
        card->sticky = sticky;
        ok(cudaMalloc(&memory, 8));
        assert_int_equal(cudaMalloc(&other, 8), cudaErrorLaunchFailure);
        assert_string_equal(card->failed_call, "cudaMalloc");
        assert_int_equal(cudaMemset(memory, 0, 8), sticky ? cudaErrorLaunchFailure : cudaSuccess);
        assert_int_equal(cudaFree(memory), sticky ? cudaErrorLaunchFailure : cudaSuccess);
        nothing_left(card); /* given back all the same */
    }
}

static void misuse_is_remembered(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    char host[16];
    void *const x = device(sizeof host);

    assert_int_equal(cudaMemcpy(x, x, 8, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_non_null(strstr(card->misuse, "wrong side"));
    assert_int_equal(cudaMemcpy(x, host, 17, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
    assert_int_equal(cudaMemset(host, 0, 8), cudaErrorInvalidValue);
    assert_int_equal(cudaFree(host), cudaErrorInvalidValue);
    assert_int_equal(cudaStreamSynchronize((cudaStream_t)(void *)host),
                     cudaErrorInvalidResourceHandle);
    card->misuse[0] = '\0';
    ok(cudaFree(x));
    nothing_left(card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_wait_shows),
        cmocka_unit_test(a_pinned_buffer_used_too_early_shows),
        cmocka_unit_test(pageable_memory_is_read_at_once),
        cmocka_unit_test(a_graph_runs_as_captured),
        cmocka_unit_test(a_capture_refuses_what_a_card_refuses),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(calls_fail_when_asked_to),
        cmocka_unit_test(misuse_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
