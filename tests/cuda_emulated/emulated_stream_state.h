/* tests/cuda_emulated/emulated_stream_state.h - what the files about streams, events
 * and graphs share. Private to them. */
#ifndef LL_EMULATED_STREAM_STATE_H
#define LL_EMULATED_STREAM_STATE_H

#include "tests/cuda_emulated/emulated_queue.h"

/* A point in a queue, or in a capture: what an event was last recorded as. Counted. */
typedef struct marker {
    int owners;
    bool done;
    double at_ms;               /* the queue's clock when it came there */
    struct CUstream_st *stream; /* whose queue */
    struct graph *graph;        /* of a capture; its nodes `nodes` come before */
    int *nodes, count;
} marker;

typedef enum op_kind { OP_WORK, OP_RECORD, OP_WAIT, OP_GRAPH } op_kind;

typedef struct op {
    struct op *next;
    op_kind kind;
    ll_emulated_work work; /* OP_WORK */
    marker *mark;          /* OP_RECORD, OP_WAIT */
    struct graph *graph;   /* OP_GRAPH */
    bool *ran;             /* (nodes) of this launch */
    int left;
} op;

struct CUstream_st {
    struct CUstream_st *next;
    op *head, *tail;
    bool blocking;  /* waits for the legacy stream, and it for this one */
    bool destroyed; /* with work left, which still runs */
    double clock_ms;
    struct graph *graph; /* being captured into, or NULL */
    int *nodes, count;   /* what comes before the next node */
};

struct CUevent_st {
    marker *mark; /* NULL: never recorded */
    bool timing;
};

typedef struct node {
    ll_emulated_work work;
    int *before, count;
} node;

typedef struct graph {
    int owners; /* the capture, cudaGraph_t, each cudaGraphExec_t, each launch */
    node *nodes;
    int count, room;
    bool capturing, spoilt;
    enum cudaStreamCaptureMode mode;
    struct CUstream_st *origin;
} graph;

/* emulated_stream.c; also emulated_event.c */
struct CUstream_st *ll_emulated_stream_first(void);
struct CUstream_st *ll_emulated_stream_of(cudaStream_t handle); /* NULL: the legacy one */
void ll_emulated_append(struct CUstream_st *stream, op *more);
op *ll_emulated_op(op_kind kind);
marker *ll_emulated_marker(struct CUstream_st *stream);
marker *ll_emulated_marker_keep(marker *mark);
void ll_emulated_marker_drop(marker *mark);
/* A marker behind everything now queued on `stream`; yours to drop. */
marker *ll_emulated_mark_end(struct CUstream_st *stream);
void ll_emulated_run(const ll_emulated_work *work);
void ll_emulated_run_until(const marker *mark);
/* The legacy stream waits for all blocking ones, and they for it. */
void ll_emulated_bind_legacy(struct CUstream_st *stream);
void ll_emulated_hurry(void); /* after something was queued: perhaps run some of it */

/* emulated_graph.c */
void ll_emulated_graph_drop(graph *g);
cudaError_t ll_emulated_graph_add(struct CUstream_st *stream, const ll_emulated_work *work);
cudaError_t ll_emulated_graph_record(struct CUstream_st *stream, marker *mark);
cudaError_t ll_emulated_graph_wait(struct CUstream_st *stream, const marker *mark);
void ll_emulated_graph_step(op *launch); /* one node whose turn may be now */
double ll_emulated_graph_cost(const graph *g);
bool ll_emulated_any_capture(enum cudaStreamCaptureMode mode);
void ll_emulated_spoil_captures(void);
void *ll_emulated_room(size_t count, size_t size); /* zeroed; aborts without memory */
#endif
