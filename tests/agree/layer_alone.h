/* tests/agree/layer_alone.h - one layer of the network by itself, on drawn operands, by any engine
 * the libraries offer; judged in double precision at sampled places.
 *
 * Operands repeat after a prime number of values, so that no two places of an image, and no two
 * images, have the same; half of the activations are zero. Every result must be written, the same
 * twice, and within the arithmetic's bound of the definition where it is looked at. */
#ifndef LL_TESTS_LAYER_ALONE_H
#define LL_TESTS_LAYER_ALONE_H

#include "host/backend/cuda/conv/cuda_conv.h"
#include "host/backend/cuda/gemm/cuda_gemm.h"

enum { LAYER_ENGINES = 48, LAYER_TEXT = 256 };

typedef struct layer_libraries {
    ll_conv_library *conv;
    ll_gemm_library *gemm;
    cudaStream_t stream;
} layer_libraries;

/* What of which, and the engines offered for it. */
typedef struct layer_alone {
    int layer, batch; /* a convolution or a product; images */
    ll_conv_type type;
    bool pool; /* with the pool after it in one graph */
    char (*engines)[LAYER_TEXT];
    int count, next;           /* engines; the first not yet tried */
    int right;                 /* engines that were */
    struct operands *operands; /* on the card from the first try to layer_alone_rest; or NULL */
    char why[LAYER_TEXT];
    char name[48]; /* "conv1_2 fp16 with its pool" */
} layer_alone;

/* One engine's result. */
typedef struct layer_verdict {
    bool refused;      /* it cannot after all: nobody's fault */
    bool failed;       /* it should have run, and did not */
    bool wrong;        /* its result is; `text` says where, as of the others why */
    double made_s, ms; /* to make and run it first; the least of three runs */
    double error;      /* the largest, over its bound */
    char text[LAYER_TEXT];
} layer_verdict;

/** Ask for the engines of a layer. LL_ERR_MEMORY, LL_ERR_DEVICE; that there are none is no error.
 */
LL_NODISCARD ll_status layer_alone_init(layer_alone *alone, const layer_libraries *libraries,
                                        ll_error *err);
void layer_alone_release(layer_alone *alone); /* accepts a zeroed one */

/** Give back the operands' memory: up to 0.5 GB on the card and as much on the host. */
void layer_alone_rest(layer_alone *alone);

/** Try the next engine; alone->next < alone->count. LL_ERR_DEVICE if the card does not go on. */
LL_NODISCARD ll_status layer_alone_try(layer_alone *alone, const layer_libraries *libraries,
                                       layer_verdict *verdict, ll_error *err);

#endif
