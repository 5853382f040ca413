/* tests/cuda_emulated/emulated_event.c - events: points in queues that others wait for. */
#include "tests/cuda_emulated/emulated_stream_state.h"

#include <stdlib.h>

/* ---- cudaEvent... ---------------------------------------------------------------------- */

static cudaError_t create_event(cudaEvent_t *out, bool timing)
{
    *out = ll_emulated_room(1, sizeof **out);
    (*out)->timing = timing;
    ll_emulated_card()->alive++;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *out)
{
    cudaError_t code = ll_emulated_enter("cudaEventCreate");
    if (code == cudaSuccess) code = create_event(out, true);
    return ll_emulated_leave(code);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    cudaError_t code = ll_emulated_enter("cudaEventCreateWithFlags");
    if (code == cudaSuccess) code = create_event(out, (flags & cudaEventDisableTiming) == 0);
    return ll_emulated_leave(code);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaError_t code = ll_emulated_enter("cudaEventDestroy");
    if (event == NULL) {
        code = cudaErrorInvalidResourceHandle;
    } else {
        ll_emulated_marker_drop(event->mark);
        free(event);
        ll_emulated_card()->alive--;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle)
{
    struct CUstream_st *const stream = ll_emulated_stream_of(handle);
    cudaError_t code = ll_emulated_enter("cudaEventRecord");

    if (code == cudaSuccess && (!ll_emulated_stream_known(handle) || event == NULL))
        code = cudaErrorInvalidResourceHandle;
    if (code == cudaSuccess) {
        ll_emulated_marker_drop(event->mark);
        if (stream->graph != NULL) {
            event->mark = ll_emulated_marker(stream);
            code = ll_emulated_graph_record(stream, event->mark);
        } else {
            ll_emulated_bind_legacy(stream);
            event->mark = ll_emulated_mark_end(stream);
        }
    }
    return ll_emulated_leave(code);
}

/* What an event that is asked for its state answers at once, if it does. */
static cudaError_t event_error(cudaEvent_t event)
{
    if (event == NULL) return cudaErrorInvalidResourceHandle;
    if (event->mark != NULL && event->mark->graph != NULL) return cudaErrorCapturedEvent;
    return ll_emulated_outside_capture();
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    cudaError_t code = ll_emulated_enter("cudaEventSynchronize");
    if (code == cudaSuccess) code = event_error(event);
    if (code == cudaSuccess && event->mark != NULL) ll_emulated_run_until(event->mark);
    return ll_emulated_leave(code);
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    cudaError_t code = ll_emulated_enter("cudaEventQuery");
    if (code == cudaSuccess) code = event_error(event);
    if (code == cudaSuccess) ll_emulated_hurry();
    if (code == cudaSuccess && event->mark != NULL && !event->mark->done) code = cudaErrorNotReady;
    return ll_emulated_leave(code);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t start, cudaEvent_t end)
{
    cudaError_t code = ll_emulated_enter("cudaEventElapsedTime");
    if (code == cudaSuccess) code = event_error(start);
    if (code == cudaSuccess) code = event_error(end);
    if (code == cudaSuccess &&
        (start->mark == NULL || end->mark == NULL || !start->timing || !end->timing))
        code = cudaErrorInvalidResourceHandle;
    if (code == cudaSuccess && (!start->mark->done || !end->mark->done)) code = cudaErrorNotReady;
    if (code == cudaSuccess) *ms = (float)(end->mark->at_ms - start->mark->at_ms);
    return ll_emulated_leave(code);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned flags)
{
    struct CUstream_st *const stream = ll_emulated_stream_of(handle);
    cudaError_t code = ll_emulated_enter("cudaStreamWaitEvent");

    (void)flags;
    if (code == cudaSuccess && (!ll_emulated_stream_known(handle) || event == NULL))
        code = cudaErrorInvalidResourceHandle;
    if (code == cudaSuccess && event->mark != NULL) {
        if (stream->graph != NULL || event->mark->graph != NULL) {
            code = ll_emulated_graph_wait(stream, event->mark);
        } else {
            op *const wait = ll_emulated_op(OP_WAIT);
            wait->mark = ll_emulated_marker_keep(event->mark);
            ll_emulated_append(stream, wait);
        }
    }
    return ll_emulated_leave(code);
}
