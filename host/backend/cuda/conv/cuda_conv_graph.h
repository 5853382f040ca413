/* host/backend/cuda/conv/cuda_conv_graph.h - a convolution as cuDNN's graph API sees it: built,
 * asked for engines, made into a plan. Private to cuda_conv.c and its test.
 *
 * Graphs are built for the card in this machine (a handle) or for the stored properties of another
 * card, so that they can be tested on a machine without one. */
#ifndef LL_CUDA_CONV_GRAPH_H
#define LL_CUDA_CONV_GRAPH_H

#include "host/backend/cuda/conv/cuda_conv.h"

#include <cudnn_backend.h>

/* Codes become one ll_status; the text has cuDNN's own reason. `err` is the caller's. */
#define LL_CUDNN(call) ll_cudnn_status(err, (call), #call)
LL_NODISCARD ll_status ll_cudnn_status(ll_error *err, cudnnStatus_t code, const char *call);

/** Is that a cuDNN for us? `version` gets "cuDNN 9.19.0 for CUDA 13.0". LL_ERR_UNSUPPORTED. */
LL_NODISCARD ll_status ll_conv_version_check(size_t cudnn, size_t cuda,
                                             char version[LL_CONV_VERSION_TEXT], ll_error *err);

/* What a graph is built for: exactly one of the two is set. */
typedef struct ll_conv_target {
    cudnnHandle_t handle;
    cudnnBackendDescriptor_t device; /* CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, finalised */
} ll_conv_target;

enum { LL_CONV_GRAPH_DESCRIPTORS = 24 };
enum { LL_CONV_UID_X = 1, LL_CONV_UID_W, LL_CONV_UID_BIAS, LL_CONV_UID_Y };

typedef struct ll_conv_graph {
    ll_conv_target target;
    cudnnBackendDescriptor_t descriptors[LL_CONV_GRAPH_DESCRIPTORS]; /* all of them, oldest first */
    int count;
    cudnnBackendDescriptor_t graph; /* the operation graph, one of `descriptors` */
} ll_conv_graph;

/** `json` as the README beside the stored properties says; yours to destroy. */
LL_NODISCARD ll_status ll_conv_device_of(const char *json, size_t length,
                                         cudnnBackendDescriptor_t *out, ll_error *err);

LL_NODISCARD ll_status ll_conv_graph_build(const ll_conv_target *target, const ll_conv_shape *shape,
                                           float scale, ll_conv_graph *graph, ll_error *err);
void ll_conv_graph_release(ll_conv_graph *graph); /* accepts a zeroed one */

/* Rules by which an engine is refused before it is tried. */
typedef enum ll_conv_rule {
    LL_CONV_ALLOWED,
    LL_CONV_NOT_DETERMINISTIC,
    LL_CONV_LOW_SUMS,
    LL_CONV_FFT,
    LL_CONV_WINOGRAD,
    LL_CONV_TENSOR_CORES,
    LL_CONV_ROUNDED_INPUTS,
    LL_CONV_SPLIT_SUMS,
    LL_CONV_UNABLE, /* by cuDNN's own word, or its name is too long for us */
    LL_CONV_RULES
} ll_conv_rule;

/* What cuDNN offered for a graph, and what was refused. An engine that both heuristic modes offer
 * counts once if it is accepted, but twice if it is refused. */
typedef struct ll_conv_tally {
    int offered; /* by the heuristics */
    int known;   /* if all of those are refused: all engines cuDNN has for graphs of this kind */
    int refused[LL_CONV_RULES];
    int added; /* variants of offered engines with split sums switched off; cuDNN offers only some
                  of them */
    char last[160]; /* what cuDNN said last of an engine or of all; "" */
} ll_conv_tally;

/** "27 offered, 24 refused (tensor cores 23, split sums 1)". */
void ll_conv_tally_text(const ll_conv_tally *tally, char text[256]);

/** Engines the heuristics offer for the graph and the type's arithmetic allows, best guess first,
 *  none twice. If none is left, every engine that supports the graph, with default knobs; whether
 *  it splits sums then shows when its result is verified (cuda_verify.h). `*count` may
 * be 0. */
LL_NODISCARD ll_status ll_conv_graph_engines(const ll_conv_graph *graph, ll_conv_type type,
                                             char (*engines)[LL_CONV_ENGINE_TEXT], int max,
                                             int *count, ll_conv_tally *tally, ll_error *err);

/** The plan an engine's text stands for, yours to destroy. LL_ERR_UNSUPPORTED also if it would
 * split sums by place at this batch. */
LL_NODISCARD ll_status ll_conv_graph_plan(const ll_conv_graph *graph, const char *engine,
                                          cudnnBackendDescriptor_t *out, ll_error *err);
LL_NODISCARD ll_status ll_conv_plan_workspace(cudnnBackendDescriptor_t plan, size_t *bytes,
                                              ll_error *err);

#endif
