/* tests/cuda_emulated/emulated_stream.c - streams: queues, who may run, who does. */
#include "tests/cuda_emulated/emulated_stream_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY_ONE_IN = 2, EARLY_STEPS = 4 };

static struct {
    struct CUstream_st legacy; /* cudaStream_t NULL */
    struct CUstream_st *first;
    bool running;
} queues = {.legacy = {.blocking = true}};

void *ll_emulated_room(size_t count, size_t size)
{
    void *const room = calloc(count > 0 ? count : 1, size);
    if (room != NULL) return room;
    fprintf(stderr, "the emulated card itself is out of memory\n");
    abort();
}

/* ---- markers --------------------------------------------------------------------------- */

marker *ll_emulated_marker(struct CUstream_st *stream)
{
    marker *const mark = ll_emulated_room(1, sizeof *mark);
    mark->owners = 1;
    mark->stream = stream;
    return mark;
}

marker *ll_emulated_marker_keep(marker *mark)
{
    mark->owners++;
    return mark;
}

void ll_emulated_marker_drop(marker *mark)
{
    if (mark == NULL || --mark->owners > 0) return;
    if (mark->graph != NULL) ll_emulated_graph_drop(mark->graph);
    free(mark->nodes);
    free(mark);
}

/* ---- queues ---------------------------------------------------------------------------- */

struct CUstream_st *ll_emulated_stream_first(void)
{
    queues.legacy.next = queues.first;
    return &queues.legacy;
}

struct CUstream_st *ll_emulated_stream_of(cudaStream_t handle)
{
    return handle == NULL || handle == cudaStreamLegacy ? &queues.legacy : handle;
}

bool ll_emulated_stream_known(cudaStream_t handle)
{
    const struct CUstream_st *const wanted = ll_emulated_stream_of(handle);
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next)
        if (s == wanted) return !s->destroyed;
    ll_emulated_misuse("a stream that does not exist, or no longer");
    return false;
}

op *ll_emulated_op(op_kind kind)
{
    op *const made = ll_emulated_room(1, sizeof *made);
    made->kind = kind;
    return made;
}

void ll_emulated_append(struct CUstream_st *stream, op *more)
{
    if (stream->head == NULL)
        stream->head = more;
    else
        stream->tail->next = more;
    stream->tail = more;
}

static void free_op(op *done)
{
    if (done->work.drop != NULL) done->work.drop(done->work.data);
    ll_emulated_marker_drop(done->mark);
    if (done->graph != NULL) ll_emulated_graph_drop(done->graph);
    free(done->ran);
    free(done);
}

static void destroy_stream(struct CUstream_st *stream)
{
    struct CUstream_st **at = &queues.first;
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    free(stream->nodes);
    free(stream);
}

static bool stands(const struct CUstream_st *s)
{
    return s->head == NULL || (s->head->kind == OP_WAIT && !s->head->mark->done);
}

void ll_emulated_run(const ll_emulated_work *work)
{
    ll_emulated *const card = ll_emulated_card();
    card->launches++;
    if (!work->network || !card->idle) work->run(work->data);
}

/* Do what is first in a queue that does not stand. */
static void step(struct CUstream_st *s)
{
    op *const now = s->head;

    switch (now->kind) {
    case OP_WORK:
        s->clock_ms += now->work.cost_ms;
        ll_emulated_run(&now->work);
        break;
    case OP_RECORD:
        now->mark->at_ms = s->clock_ms;
        now->mark->done = true;
        break;
    case OP_WAIT:
        if (now->mark->at_ms > s->clock_ms) s->clock_ms = now->mark->at_ms;
        break;
    case OP_GRAPH:
        if (now->left > 0) ll_emulated_graph_step(now);
        if (now->left > 0) return;
        s->clock_ms += ll_emulated_graph_cost(now->graph);
        break;
    }
    s->head = now->next;
    if (s->head == NULL) s->tail = NULL;
    free_op(now);
    if (s->head == NULL && s->destroyed) destroy_stream(s);
}

/* Any queue that does not stand, or NULL. */
static struct CUstream_st *draw_queue(void)
{
    uint64_t count = 0;
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next)
        count += !stands(s);
    if (count == 0) return NULL;
    uint64_t which = ll_emulated_draw(count);
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next)
        if (!stands(s) && which-- == 0) return s;
    return NULL;
}

/* The queue that must go on before `mark` can be reached. */
static struct CUstream_st *needed_queue(const marker *mark)
{
    struct CUstream_st *s = mark->stream;
    while (stands(s))
        s = s->head->mark->stream;
    return s;
}

void ll_emulated_run_until(const marker *mark)
{
    const bool late = ll_emulated_card()->haste == LL_EMULATED_LATE;

    if (queues.running) {
        ll_emulated_misuse("a call from a host function that a stream runs");
        return;
    }
    queues.running = true;
    ll_emulated_open_memory();
    while (!mark->done)
        step(late ? needed_queue(mark) : draw_queue());
    ll_emulated_close_memory();
    queues.running = false;
}

void ll_emulated_hurry(void)
{
    struct CUstream_st *s;

    if (ll_emulated_card()->haste != LL_EMULATED_EARLY || queues.running ||
        ll_emulated_draw(EARLY_ONE_IN) != 0)
        return;
    queues.running = true;
    ll_emulated_open_memory();
    for (int i = 0; i < EARLY_STEPS && (s = draw_queue()) != NULL; i++)
        step(s);
    ll_emulated_close_memory();
    queues.running = false;
}

marker *ll_emulated_mark_end(struct CUstream_st *stream)
{
    marker *const mark = ll_emulated_marker(stream);
    op *const record = ll_emulated_op(OP_RECORD);
    record->mark = ll_emulated_marker_keep(mark);
    ll_emulated_append(stream, record);
    return mark;
}

static void wait_for_end(struct CUstream_st *stream, struct CUstream_st *of)
{
    if (of->head == NULL) return;
    op *const wait = ll_emulated_op(OP_WAIT);
    wait->mark = ll_emulated_mark_end(of);
    ll_emulated_append(stream, wait);
}

void ll_emulated_bind_legacy(struct CUstream_st *stream)
{
    if (stream != &queues.legacy) {
        if (stream->blocking) wait_for_end(stream, &queues.legacy);
        return;
    }
    for (struct CUstream_st *s = queues.first; s != NULL; s = s->next)
        if (s->blocking) wait_for_end(stream, s);
}

static void finish(struct CUstream_st *stream)
{
    if (stream->head == NULL) return;
    marker *const mark = ll_emulated_mark_end(stream);
    ll_emulated_run_until(mark);
    ll_emulated_marker_drop(mark);
}

/* A destroyed queue is forgotten with its last step; so look for the next one from the start. */
void ll_emulated_finish_all(void)
{
    struct CUstream_st *s;
    do {
        for (s = ll_emulated_stream_first(); s != NULL && s->head == NULL;)
            s = s->next;
        if (s != NULL) finish(s);
    } while (s != NULL && !queues.running);
}

cudaError_t ll_emulated_finish(cudaStream_t stream)
{
    ll_emulated_bind_legacy(ll_emulated_stream_of(stream));
    finish(ll_emulated_stream_of(stream));
    return cudaSuccess;
}

bool ll_emulated_capturing(cudaStream_t stream)
{
    return ll_emulated_stream_of(stream)->graph != NULL;
}

cudaError_t ll_emulated_queue(cudaStream_t handle, const ll_emulated_work *work)
{
    struct CUstream_st *const stream = ll_emulated_stream_of(handle);
    cudaError_t code = cudaSuccess;

    if (!ll_emulated_stream_known(handle))
        code = cudaErrorInvalidResourceHandle;
    else if (stream->graph != NULL)
        return ll_emulated_graph_add(stream, work);
    else if (stream == &queues.legacy && ll_emulated_any_capture(cudaStreamCaptureModeGlobal))
        code = cudaErrorStreamCaptureImplicit;
    if (code != cudaSuccess) {
        work->drop(work->data);
        return code;
    }
    ll_emulated_bind_legacy(stream);
    op *const more = ll_emulated_op(OP_WORK);
    more->work = *work;
    ll_emulated_append(stream, more);
    ll_emulated_hurry();
    return cudaSuccess;
}

ll_emulated_work ll_emulated_work_of(void (*run)(void *data), const void *arguments, size_t bytes,
                                     double cost_ms)
{
    void *const copy = ll_emulated_room(1, bytes);
    memcpy(copy, arguments, bytes);
    return (ll_emulated_work){run, free, copy, cost_ms, false};
}

cudaError_t ll_emulated_outside_capture(void)
{
    if (!ll_emulated_any_capture(cudaStreamCaptureModeGlobal)) return cudaSuccess;
    ll_emulated_misuse("a call that allocates or waits while a stream is being captured");
    ll_emulated_spoil_captures();
    return cudaErrorStreamCaptureUnsupported;
}

/* Work of destroyed streams still runs on a card; what it touches had better be there. */
__attribute__((destructor)) static void finish_at_exit(void)
{
    ll_emulated_finish_all();
}

/* ---- cudaStream... --------------------------------------------------------------------- */

static cudaError_t create_stream(cudaStream_t *out, bool blocking)
{
    struct CUstream_st *const stream = ll_emulated_room(1, sizeof *stream);
    stream->blocking = blocking;
    stream->next = queues.first;
    queues.first = stream;
    ll_emulated_card()->alive++;
    *out = stream;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *out)
{
    cudaError_t code = ll_emulated_enter("cudaStreamCreate");
    if (code == cudaSuccess) code = create_stream(out, true);
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    cudaError_t code = ll_emulated_enter("cudaStreamCreateWithFlags");
    if (code == cudaSuccess) code = create_stream(out, (flags & cudaStreamNonBlocking) == 0);
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int priority)
{
    cudaError_t code = ll_emulated_enter("cudaStreamCreateWithPriority");
    (void)priority;
    if (code == cudaSuccess) code = create_stream(out, (flags & cudaStreamNonBlocking) == 0);
    return ll_emulated_leave(code);
}

/* Given back even when made to fail: a card frees everything with the process. */
cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaStreamDestroy");

    if (stream == NULL || !ll_emulated_stream_known(stream)) {
        code = cudaErrorInvalidResourceHandle;
    } else {
        if (stream->graph != NULL) {
            ll_emulated_spoil_captures();
            ll_emulated_misuse("a stream destroyed while it is being captured");
        }
        ll_emulated_card()->alive--;
        stream->destroyed = true;
        if (stream->head == NULL) destroy_stream(stream);
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaStreamSynchronize");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess && !ll_emulated_stream_known(stream))
        code = cudaErrorInvalidResourceHandle;
    if (code == cudaSuccess) code = ll_emulated_finish(stream);
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaStreamQuery");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) ll_emulated_hurry();
    if (code == cudaSuccess && ll_emulated_stream_of(stream)->head != NULL)
        code = cudaErrorNotReady;
    return ll_emulated_leave(code);
}

cudaError_t cudaDeviceSynchronize(void)
{
    cudaError_t code = ll_emulated_enter("cudaDeviceSynchronize");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) ll_emulated_finish_all();
    return ll_emulated_leave(code);
}

/* ---- host functions -------------------------------------------------------------------- */

struct host_call {
    cudaHostFn_t call;
    void *to;
};

static void run_host_call(void *data)
{
    const struct host_call *const c = data;
    ll_emulated_close_memory();
    c->call(c->to);
    ll_emulated_open_memory();
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t call, void *to)
{
    cudaError_t code = ll_emulated_enter("cudaLaunchHostFunc");
    if (code == cudaSuccess) {
        const struct host_call c = {call, to};
        const ll_emulated_work work = ll_emulated_work_of(run_host_call, &c, sizeof c, 0.0);
        code = ll_emulated_queue(stream, &work);
    }
    return ll_emulated_leave(code);
}

/* ---- kernels: what LL_LAUNCH comes to (tests/cuda_on_cpu/cuda_runtime_api.h) ------------- */

static bool of_the_network(const char *kernel)
{
    static const char *const k_kernels[] = {"preprocess<", "max_pool<", "mean<",    "widen<",
                                            "largest_of<", "bias_relu", "repeat_of"};
    for (size_t i = 0; i < sizeof k_kernels / sizeof k_kernels[0]; i++)
        if (strncmp(kernel, k_kernels[i], strlen(k_kernels[i])) == 0) return true;
    return false;
}

static const double k_kernel_ms = 1e-4; /* little beside a convolution, as on a card */

/* A launch is a call that can fail, but tells only cudaGetLastError. */
void ll_fibers_submit(cudaStream_t stream, const char *kernel, cudaError_t error,
                      void (*run)(void *data), void (*drop)(void *data), void *data);
void ll_fibers_submit(cudaStream_t stream, const char *kernel, cudaError_t error,
                      void (*run)(void *data), void (*drop)(void *data), void *data)
{
    const ll_emulated_work work = {run, drop, data, k_kernel_ms, of_the_network(kernel)};
    cudaError_t code = ll_emulated_enter("a kernel's launch");

    if (code == cudaSuccess) code = error;
    if (code == cudaSuccess)
        code = ll_emulated_queue(stream, &work);
    else if (data != NULL)
        drop(data);
    ll_emulated_leave(code);
}
