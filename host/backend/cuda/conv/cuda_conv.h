/* host/backend/cuda/conv/cuda_conv.h - create, run and free a fused convolution. The only interface
 * to cuDNN, so that tests can replace it by a reference convolution (lookloom-cuda-emulated.so).
 * Private to host/backend/cuda/.
 *
 *   y = maxpool?( relu( scale * conv3x3(x, w) + bias ) )
 *
 *   x  (batch, side, side, in)    NHWC, fp16 or fp32, stride 1, padding 1
 *   w  (out, 3, 3, in)            KRSC, the type of x
 *   bias (out)                    the type of x: cuDNN's engines for fp16 take no other
 *   y  (batch, side, side, out), or side / 2 with `pool`, the type of x
 *
 *   Where no engine fuses an fp32 or tf32 graph, there are plain ones, which convolve alone; bias
 * and ReLU are then a kernel of ours (kernels/pool.h), with the same bits. Not in fp16: sums would
 * be rounded before the bias. "plain e4 k2=1" is such an engine's text.
 *
 *   arithmetic: fp16 and tf32 on tensor cores with fp32 sums; fp32 without tensor cores or
 *   down-conversion (plans whose notes admit either are refused) */
#ifndef LL_CUDA_CONV_H
#define LL_CUDA_CONV_H

#include "host/base/status.h"

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum ll_conv_type { LL_CONV_FP16, LL_CONV_TF32, LL_CONV_FP32 } ll_conv_type;

typedef struct ll_conv_shape {
    int batch, side, in_channels, out_channels;
    ll_conv_type type;
    bool pool;  /* with the 2 x 2 max-pool after it in one graph */
    bool plain; /* the convolution alone; the caller of ll_conv_make names it by its engine */
} ll_conv_shape;

enum { LL_CONV_ENGINE_TEXT = 256 }; /* "e4 k2=1,k13=0": enough to find the same plan again */
#define LL_CONV_PLAIN "plain "      /* before the name of an engine that convolves alone */
/* Bytes of a name that leaves room for that; an engine whose name is longer is not offered. */
enum { LL_CONV_NAME_TEXT = LL_CONV_ENGINE_TEXT - (sizeof LL_CONV_PLAIN - 1) };

enum { LL_CONV_VERSION_TEXT = 64 };

typedef struct ll_conv_library ll_conv_library; /* a cuDNN handle */
typedef struct ll_conv ll_conv;                 /* one plan, ready to run */

/** Can NVRTC be loaded, which cuDNN needs for engines it compiles? LL_ERR_UNSUPPORTED. Needs no
 * device. */
LL_NODISCARD ll_status ll_conv_library_check(ll_error *err);

/** `version` gets e.g. "cuDNN 9.19.0 for CUDA 13.0". LL_ERR_UNSUPPORTED, LL_ERR_DEVICE. */
LL_NODISCARD ll_status ll_conv_library_open(ll_conv_library **out,
                                            char version[LL_CONV_VERSION_TEXT], ll_error *err);
void ll_conv_library_close(ll_conv_library *library); /* accepts NULL */

/** The engines worth trying for a shape, best guess first; at most `max` are written.
 *  `*count` may be 0 (no engine fuses this graph). `why` says in any case how many were offered and
 *  by which rule of ours some are refused, or why there are none. */
LL_NODISCARD ll_status ll_conv_engines(ll_conv_library *library, const ll_conv_shape *shape,
                                       char (*engines)[LL_CONV_ENGINE_TEXT], int max, int *count,
                                       char why[256], ll_error *err);

/** Build the plan of one engine. LL_ERR_UNSUPPORTED if this engine cannot after all. `scale` other
 *  than 1 leaves few engines; the network scales its input instead. */
LL_NODISCARD ll_status ll_conv_make(ll_conv_library *library, const ll_conv_shape *shape,
                                    const char *engine, float scale, ll_conv **out, ll_error *err);
size_t ll_conv_workspace_bytes(const ll_conv *conv);

/** The most workspace an engine may use on a card with `card_bytes` of memory. In fp32 and tf32
 *  most engines first copy x, many also y, into another layout: 6.6 GB for conv1_2 and 256
 *  images. */
static inline size_t ll_conv_workspace_max(size_t card_bytes)
{
    const size_t least = (size_t)1 << 30;
    return card_bytes / 8 > least ? card_bytes / 8 : least;
}
void ll_conv_free(ll_conv *conv); /* accepts NULL */

/** Enqueue it on `stream` and return; can be captured into a CUDA graph. */
LL_NODISCARD ll_status ll_conv_run(ll_conv *conv, const void *x, const void *w, const void *bias,
                                   void *y, void *workspace, cudaStream_t stream, ll_error *err);

/* cuda_plain.c, for every implementation of the above: _mark puts "plain " before names of at most
 * LL_CONV_NAME_TEXT bytes; _read removes it and sets shape->plain if it was there; _finish adds
 * bias and ReLU after a plain engine. */
void ll_conv_plain_mark(char (*engines)[LL_CONV_ENGINE_TEXT], int count);
LL_NODISCARD ll_status ll_conv_plain_read(const char **engine, ll_conv_shape *shape, ll_error *err);
LL_NODISCARD ll_status ll_conv_plain_finish(const ll_conv_shape *shape, const void *bias, void *y,
                                            cudaStream_t stream, ll_error *err);

#endif
