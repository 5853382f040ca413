/* tests/unit/cudnn_cards.h - cards that are not here, as cuDNN knows them by their stored
 * properties, and what it has for a convolution there. */
#ifndef LL_TESTS_CUDNN_CARDS_H
#define LL_TESTS_CUDNN_CARDS_H

#include "host/backend/cuda/conv/cuda_conv_graph.h"

#include <stddef.h>

enum { CUDNN_CARDS = 2, CUDNN_ENGINES = 64, CUDNN_REASON = 256 };

typedef struct cudnn_card {
    const char *name, *path;
    ll_conv_target target;
    size_t memory_bytes;
} cudnn_card;

/* What becomes of an engine that no rule refused. */
typedef enum cudnn_verdict {
    CUDNN_PLAN,    /* there is a plan, and its workspace is not too large */
    CUDNN_MISSING, /* what it lacks is the card or its driver: it would be compiled */
    CUDNN_LARGE,   /* it wants too much workspace */
    CUDNN_UNABLE,
    CUDNN_VERDICTS
} cudnn_verdict;

/* All engines of one convolution. */
typedef struct cudnn_row {
    ll_conv_tally tally;
    int count;
    int verdicts[CUDNN_VERDICTS];
    int tensor; /* of those with a plan or compiled: what fp32 would refuse */
    char first[LL_CONV_ENGINE_TEXT], reason[CUDNN_REASON]; /* of those that will do; of others */
} cudnn_row;

/** `cards` by their files. 0, or a line and what to exit with: a younger cuDNN (seen with 9.28)
 * wants a libcuda to load its parts. */
int cudnn_cards_open(cudnn_card cards[CUDNN_CARDS]);
void cudnn_cards_close(cudnn_card cards[CUDNN_CARDS]);

typedef enum cudnn_effort {
    CUDNN_FIRST,        /* up to one that will do */
    CUDNN_FIRST_TENSOR, /* and whether it is on tensor cores */
    CUDNN_ALL
} cudnn_effort;
LL_NODISCARD ll_status cudnn_row_fill(const cudnn_card *card, const ll_conv_shape *shape,
                                      cudnn_effort effort, cudnn_row *row, ll_error *err);

/** Engines that will do. */
int cudnn_row_left(const cudnn_row *row);

/** The convolution of `layer`, as the backend asks for it. */
ll_conv_shape cudnn_shape(int layer, int batch, ll_conv_type type);

/** A line for each card, layer, precision and kind of graph. */
LL_NODISCARD ll_status cudnn_table_print(const cudnn_card cards[CUDNN_CARDS], int batch,
                                         ll_error *err);

#endif
