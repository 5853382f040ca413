/* tests/cuda_emulated/emulated_graph.c - stream capture and graphs: work with what must come before
 * it, run at each launch in any order that allows. */
#include "tests/cuda_emulated/emulated_stream_state.h"

#include <stdlib.h>
#include <string.h>

struct CUgraph_st {
    graph *made;
};
struct CUgraphExec_st {
    graph *made;
    marker *last; /* the end of its last launch: it never runs twice at a time */
};

/* ---- nodes ----------------------------------------------------------------------------- */

static void add_number(int **list, int *count, int number)
{
    for (int i = 0; i < *count; i++)
        if ((*list)[i] == number) return;
    int *const longer = ll_emulated_room((size_t)*count + 1, sizeof *longer);
    if (*count > 0) memcpy(longer, *list, (size_t)*count * sizeof *longer);
    longer[(*count)++] = number;
    free(*list);
    *list = longer;
}

static void add_numbers(int **list, int *count, const int *more, int n)
{
    for (int i = 0; i < n; i++)
        add_number(list, count, more[i]);
}

void ll_emulated_graph_drop(graph *g)
{
    if (--g->owners > 0) return;
    for (int i = 0; i < g->count; i++) {
        g->nodes[i].work.drop(g->nodes[i].work.data);
        free(g->nodes[i].before);
    }
    free(g->nodes);
    free(g);
}

cudaError_t ll_emulated_graph_add(struct CUstream_st *stream, const ll_emulated_work *work)
{
    graph *const g = stream->graph;

    if (g->spoilt) {
        work->drop(work->data);
        return cudaErrorStreamCaptureInvalidated;
    }
    if (g->count == g->room) {
        const int room = 2 * g->room + 8;
        node *const nodes = ll_emulated_room((size_t)room, sizeof *nodes);
        if (g->count > 0) memcpy(nodes, g->nodes, (size_t)g->count * sizeof *nodes);
        free(g->nodes);
        g->nodes = nodes, g->room = room;
    }
    node *const added = &g->nodes[g->count];
    added->work = *work;
    added->before = stream->nodes, added->count = stream->count; /* handed over */
    stream->nodes = NULL, stream->count = 0;
    add_number(&stream->nodes, &stream->count, g->count++);
    return cudaSuccess;
}

cudaError_t ll_emulated_graph_record(struct CUstream_st *stream, marker *mark)
{
    mark->graph = stream->graph;
    mark->graph->owners++;
    add_numbers(&mark->nodes, &mark->count, stream->nodes, stream->count);
    return stream->graph->spoilt ? cudaErrorStreamCaptureInvalidated : cudaSuccess;
}

/* A wait for an event of a capture brings the stream into it. */
cudaError_t ll_emulated_graph_wait(struct CUstream_st *stream, const marker *mark)
{
    if (mark->graph == NULL) {
        ll_emulated_misuse("a captured stream waits for an event from outside the capture");
        stream->graph->spoilt = true;
        return cudaErrorStreamCaptureIsolation;
    }
    if (!mark->graph->capturing) {
        ll_emulated_misuse("a wait for an event of a capture that has ended");
        return cudaErrorCapturedEvent;
    }
    if (stream->graph != NULL && stream->graph != mark->graph) {
        stream->graph->spoilt = mark->graph->spoilt = true;
        return cudaErrorStreamCaptureIsolation;
    }
    stream->graph = mark->graph;
    add_numbers(&stream->nodes, &stream->count, mark->nodes, mark->count);
    return cudaSuccess;
}

bool ll_emulated_any_capture(enum cudaStreamCaptureMode mode)
{
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next)
        if (s->graph != NULL && s->graph->mode <= mode) return true;
    return false;
}

void ll_emulated_spoil_captures(void)
{
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next)
        if (s->graph != NULL) s->graph->spoilt = true;
}

/* ---- running --------------------------------------------------------------------------- */

static bool may_run(const op *launch, int n)
{
    const node *const wanted = &launch->graph->nodes[n];
    if (launch->ran[n]) return false;
    for (int i = 0; i < wanted->count; i++)
        if (!launch->ran[wanted->before[i]]) return false;
    return true;
}

void ll_emulated_graph_step(op *launch)
{
    const graph *const g = launch->graph;
    uint64_t count = 0;

    for (int i = 0; i < g->count; i++)
        count += may_run(launch, i);
    uint64_t which = ll_emulated_draw(count);
    for (int i = 0; i < g->count; i++) {
        if (!may_run(launch, i) || which-- != 0) continue;
        ll_emulated_run(&g->nodes[i].work);
        launch->ran[i] = true;
        launch->left--;
        return;
    }
}

double ll_emulated_graph_cost(const graph *g)
{
    double cost_ms = 0.0;
    for (int i = 0; i < g->count; i++)
        cost_ms += g->nodes[i].work.cost_ms;
    return cost_ms;
}

/* ---- capture --------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode)
{
    cudaError_t code = ll_emulated_enter("cudaStreamBeginCapture");

    if (code == cudaSuccess && (handle == NULL || !ll_emulated_stream_known(handle))) {
        ll_emulated_misuse("the legacy stream, or none, to be captured");
        code = cudaErrorStreamCaptureUnsupported;
    }
    if (code == cudaSuccess && handle->graph != NULL) code = cudaErrorIllegalState;
    if (code == cudaSuccess) {
        graph *const g = ll_emulated_room(1, sizeof *g);
        g->owners = 1;
        g->capturing = true;
        g->mode = mode;
        g->origin = handle;
        handle->graph = g;
        ll_emulated_card()->alive++;
    }
    return ll_emulated_leave(code);
}

/* Everything captured must come before the end of the stream it began in. */
static bool joined(const graph *g)
{
    bool *const seen = ll_emulated_room((size_t)g->count, sizeof *seen);
    bool all = true;

    for (int i = 0; i < g->origin->count; i++)
        seen[g->origin->nodes[i]] = true;
    for (int n = g->count - 1; n >= 0; n--)
        for (int i = 0; seen[n] && i < g->nodes[n].count; i++)
            seen[g->nodes[n].before[i]] = true;
    for (int n = 0; n < g->count; n++)
        all &= seen[n];
    free(seen);
    return all;
}

static void leave_capture(const graph *g)
{
    for (struct CUstream_st *s = ll_emulated_stream_first(); s != NULL; s = s->next) {
        if (s->graph != g) continue;
        free(s->nodes);
        s->graph = NULL, s->nodes = NULL, s->count = 0;
    }
}

/* The capture ends even where this is made to fail: its stream would be of no use to anybody. */
cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *out)
{
    cudaError_t code = ll_emulated_enter("cudaStreamEndCapture");

    *out = NULL;
    if (handle == NULL || !ll_emulated_stream_known(handle) || handle->graph == NULL ||
        handle->graph->origin != handle) {
        ll_emulated_misuse("the end of a capture that did not begin on this stream");
        return ll_emulated_leave(cudaErrorStreamCaptureUnmatched);
    }
    graph *const g = handle->graph;
    if (code == cudaSuccess && g->spoilt) code = cudaErrorStreamCaptureInvalidated;
    if (code == cudaSuccess && !joined(g)) {
        ll_emulated_misuse("a capture whose streams do not join again");
        code = cudaErrorStreamCaptureUnjoined;
    }
    g->capturing = false;
    leave_capture(g);
    if (code == cudaSuccess) {
        *out = ll_emulated_room(1, sizeof **out);
        (*out)->made = g; /* which owned it all along: alive stays */
    } else {
        ll_emulated_graph_drop(g);
        ll_emulated_card()->alive--;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus *status)
{
    cudaError_t code = ll_emulated_enter("cudaStreamIsCapturing");
    if (code == cudaSuccess && !ll_emulated_stream_known(handle))
        code = cudaErrorInvalidResourceHandle;
    *status = cudaStreamCaptureStatusNone;
    if (code == cudaSuccess && ll_emulated_capturing(handle))
        *status = ll_emulated_stream_of(handle)->graph->spoilt ? cudaStreamCaptureStatusInvalidated
                                                               : cudaStreamCaptureStatusActive;
    return ll_emulated_leave(code);
}

/* ---- graphs ---------------------------------------------------------------------------- */

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t made, unsigned long long flags)
{
    cudaError_t code = ll_emulated_enter("cudaGraphInstantiate");

    (void)flags;
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess && made == NULL) code = cudaErrorInvalidValue;
    if (code == cudaSuccess) {
        *out = ll_emulated_room(1, sizeof **out);
        (*out)->made = made->made;
        made->made->owners++;
        ll_emulated_card()->alive++;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaGraphDestroy(cudaGraph_t made)
{
    cudaError_t code = ll_emulated_enter("cudaGraphDestroy");
    if (made == NULL) {
        code = cudaErrorInvalidValue;
    } else {
        ll_emulated_graph_drop(made->made);
        free(made);
        ll_emulated_card()->alive--;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    cudaError_t code = ll_emulated_enter("cudaGraphExecDestroy");
    if (exec == NULL) {
        code = cudaErrorInvalidValue;
    } else {
        ll_emulated_graph_drop(exec->made);
        ll_emulated_marker_drop(exec->last);
        free(exec);
        ll_emulated_card()->alive--;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaGraphUpload");
    if (code == cudaSuccess && (exec == NULL || !ll_emulated_stream_known(stream)))
        code = cudaErrorInvalidValue;
    return ll_emulated_leave(code);
}

static void queue_launch(cudaGraphExec_t exec, struct CUstream_st *stream)
{
    op *const launch = ll_emulated_op(OP_GRAPH), *const record = ll_emulated_op(OP_RECORD);

    if (exec->last != NULL) {
        op *const wait = ll_emulated_op(OP_WAIT);
        wait->mark = exec->last; /* handed over */
        ll_emulated_append(stream, wait);
    }
    launch->graph = exec->made;
    launch->graph->owners++;
    launch->left = launch->graph->count;
    launch->ran = ll_emulated_room((size_t)launch->left, sizeof *launch->ran);
    ll_emulated_append(stream, launch);
    exec->last = ll_emulated_marker(stream);
    record->mark = ll_emulated_marker_keep(exec->last);
    ll_emulated_append(stream, record);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle)
{
    cudaError_t code = ll_emulated_enter("cudaGraphLaunch");

    if (code == cudaSuccess && exec == NULL) code = cudaErrorInvalidValue;
    if (code == cudaSuccess && !ll_emulated_stream_known(handle))
        code = cudaErrorInvalidResourceHandle;
    if (code == cudaSuccess && ll_emulated_capturing(handle)) {
        ll_emulated_misuse("a graph launched into a capture");
        code = cudaErrorStreamCaptureUnsupported;
    }
    if (code == cudaSuccess) {
        queue_launch(exec, ll_emulated_stream_of(handle));
        ll_emulated_hurry();
    }
    return ll_emulated_leave(code);
}
