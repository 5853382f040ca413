/* tests/unit/unit_emulated_runtime.c - the emulated card finds what it is there to find: a missing
 * event, a pinned buffer used again too early, memory of the wrong side; and is otherwise a card.
 */
#include "host/backend/cuda/cuda_conv.h"
#include "host/backend/cuda/cuda_gemm.h"
#include "kernels/half.h"
#include "kernels/normalize.h"
#include "tests/cuda_emulated/emulated_queue.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* wants the four above it */

enum { VALUES = 4, SEEDS = 24 };

static void ok(cudaError_t code)
{
    if (code != cudaSuccess) fail_msg("CUDA: %s", cudaGetErrorString(code));
}

static void ok_ll(ll_status status, const ll_error *err)
{
    if (status != LL_OK) fail_msg("%s", err->text);
}

static ll_emulated *begin(uint64_t seed)
{
    ll_emulated *const card = ll_emulated_card();
    ll_emulated_reset(card);
    card->seed = seed;
    card->haste = (ll_emulated_haste)(seed % LL_EMULATED_HASTES);
    return card;
}

static void nothing_left(const ll_emulated *card)
{
    assert_string_equal(card->misuse, "");
    assert_int_equal(card->alive, 0);
    assert_int_equal(card->used_bytes, 0);
}

static void *device(size_t bytes)
{
    void *memory = NULL;
    ok(cudaMalloc(&memory, bytes));
    assert_non_null(memory);
    return memory;
}

static int *pinned(size_t count)
{
    void *memory = NULL;
    ok(cudaMallocHost(&memory, count * sizeof(int)));
    return memory;
}

static cudaStream_t stream(void)
{
    cudaStream_t made = NULL;
    ok(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking));
    return made;
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

/* ---- kernels and libraries ------------------------------------------------------------- */

static void a_kernel_waits_in_its_queue(void **state)
{
    (void)state;
    ll_emulated *const card = begin(0);
    float rows[2][2] = {{3.0f, 4.0f}, {0.0f, 2.0f}}, norms[2];
    cudaStream_t s = stream();
    float *const x = device(sizeof rows), *const lengths = device(sizeof norms);

    ok(cudaMemcpyAsync(x, rows, sizeof rows, cudaMemcpyHostToDevice, s));
    ok(ll_normalize_rows_cuda(x, 2, 2, lengths, s));
    assert_int_equal(card->launches, 0);
    ok(cudaMemcpyAsync(norms, lengths, sizeof norms, cudaMemcpyDeviceToHost, s));
    assert_int_equal(card->launches, 3);
    assert_true(norms[0] == 5.0f && norms[1] == 2.0f);
    ok(cudaStreamDestroy(s));
    ok(cudaFree(x));
    ok(cudaFree(lengths));
    nothing_left(card);
}

static void *put(const void *values, size_t bytes)
{
    void *const memory = device(bytes);
    ok(cudaMemcpy(memory, values, bytes, cudaMemcpyHostToDevice));
    return memory;
}

static float value(int i)
{
    return (float)((i * 37 + 11) % 17 - 8) / 8.0f;
}

/* c = relu(alpha a b^T + bias), halves in and out, against double. */
static void a_product_is_right(void **state)
{
    enum { M = 3, N = 5, K = 7 };
    const ll_gemm_shape shape = {M, N, K, LL_GEMM_FP16, true};
    uint16_t a[M * K], b[N * K], c[M * N];
    float bias[N];
    char text[64];
    ll_gemm_library *library = NULL;
    ll_gemm *gemm = NULL;
    ll_error err = LL_ERROR_INIT;

    (void)state;
    ll_emulated *const card = begin(0);
    for (int i = 0; i < M * K; i++)
        a[i] = ll_half_bits(value(i));
    for (int i = 0; i < N * K; i++)
        b[i] = ll_half_bits(value(i + 5));
    for (int i = 0; i < N; i++)
        bias[i] = value(i + 3);
    ok_ll(ll_gemm_library_open(&library, text, &err), &err);
    ok_ll(ll_gemm_make(library, &shape, 1 << 20, &gemm, text, &err), &err);
    void *const da = put(a, sizeof a), *const db = put(b, sizeof b), *const dc = device(sizeof c);
    float *const dbias = put(bias, sizeof bias);
    void *const workspace = device(ll_gemm_workspace_bytes(gemm));
    ok_ll(ll_gemm_run(gemm, 0.5f, da, db, dbias, dc, workspace, NULL, &err), &err);
    ok(cudaMemcpy(c, dc, sizeof c, cudaMemcpyDeviceToHost));
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double want = 0.0;
            for (int k = 0; k < K; k++)
                want += (double)value(i * K + k) * (double)value(j * K + k + 5);
            want = fmax(0.5 * want + (double)bias[j], 0.0);
            assert_int_equal(c[i * N + j], ll_half_bits((float)want));
        }
    void *const all[] = {da, db, dc, dbias, workspace};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ok(cudaFree(all[i]));
    ll_gemm_free(gemm);
    ll_gemm_library_close(library);
    nothing_left(card);
}

enum { SIDE = 10, IN = 4, OUT = 3, BATCH = 2, TAPS = 9 };

/* One value of the definition, before the pool. */
static double convolved(int image, int row, int column, int out)
{
    double sum = 0.0;
    for (int tap = 0; tap < TAPS; tap++)
        for (int i = 0; i < IN; i++) {
            const int r = row + tap / 3 - 1, c = column + tap % 3 - 1;
            if (r < 0 || r >= SIDE || c < 0 || c >= SIDE) continue;
            sum += (double)value(((image * SIDE + r) * SIDE + c) * IN + i) *
                   (double)value((out * TAPS + tap) * IN + i + 9);
        }
    return fmax(0.25 * sum + (double)value(out + 2), 0.0);
}

static void check_convolution(const float *y, bool pool)
{
    const int side = pool ? SIDE / 2 : SIDE;
    for (int k = 0; k < BATCH * side * side * OUT; k++) {
        const int o = k % OUT, c = k / OUT % side, r = k / OUT / side % side;
        const int image = k / OUT / side / side;
        double want = pool ? 0.0 : convolved(image, r, c, o);
        for (int i = 0; pool && i < 4; i++)
            want = fmax(want, convolved(image, 2 * r + i / 2, 2 * c + i % 2, o));
        if (fabs((double)y[k] - want) > 1e-5)
            fail_msg("pool %d, value %d: %g instead of %g", pool, k, (double)y[k], want);
    }
}

static void a_convolution_is_right(void **state)
{
    static float x[BATCH * SIDE * SIDE * IN], w[OUT * TAPS * IN], y[BATCH * SIDE * SIDE * OUT];
    float bias[OUT];
    char version[32], engines[8][LL_CONV_ENGINE_TEXT], why[256];
    ll_conv_library *library = NULL;
    ll_error err = LL_ERROR_INIT;
    int count = 0;

    (void)state;
    ll_emulated *const card = begin(0);
    for (int i = 0; i < BATCH * SIDE * SIDE * IN; i++)
        x[i] = value(i);
    for (int i = 0; i < OUT * TAPS * IN; i++)
        w[i] = value(i + 9);
    for (int i = 0; i < OUT; i++)
        bias[i] = value(i + 2);
    void *const dx = put(x, sizeof x), *const dw = put(w, sizeof w), *const dy = device(sizeof y);
    float *const dbias = put(bias, sizeof bias);
    ok_ll(ll_conv_library_open(&library, version, &err), &err);
    for (int pool = 0; pool < 2; pool++) {
        const ll_conv_shape shape = {BATCH, SIDE, IN, OUT, LL_CONV_FP32, pool};
        ok_ll(ll_conv_engines(library, &shape, engines, 8, &count, why, &err), &err);
        int made = 0;
        for (int e = 0; e < count; e++) {
            ll_conv *conv = NULL;
            const ll_status status = ll_conv_make(library, &shape, engines[e], 0.25f, &conv, &err);
            if (status == LL_ERR_UNSUPPORTED) continue;
            ok_ll(status, &err);
            void *workspace = NULL;
            ok(cudaMalloc(&workspace, ll_conv_workspace_bytes(conv)));
            ok_ll(ll_conv_run(conv, dx, dw, dbias, dy, workspace, NULL, &err), &err);
            ok(cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost));
            check_convolution(y, pool);
            ok(cudaFree(workspace));
            ll_conv_free(conv);
            made++;
        }
        assert_true(made >= 2 && made < count);
    }
    ok(cudaFree(dx));
    ok(cudaFree(dw));
    ok(cudaFree(dy));
    ok(cudaFree(dbias));
    ll_conv_library_close(library);
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
        cmocka_unit_test(a_kernel_waits_in_its_queue),
        cmocka_unit_test(a_product_is_right),
        cmocka_unit_test(a_convolution_is_right),
        cmocka_unit_test(memory_ends),
        cmocka_unit_test(calls_fail_when_asked_to),
        cmocka_unit_test(misuse_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
