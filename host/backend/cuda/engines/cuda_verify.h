/* host/backend/cuda/engines/cuda_verify.h - checks what an engine computes. Private to
 * host/backend/cuda/.
 *
 * A batch in which the calibration pictures are repeated goes through the net. The output of a
 * layer
 *   - must repeat to the bit: an engine that splits sums at tile borders gives an image other bits
 *     at another position in the batch;
 *   - in fp16, must have the same largest activation and channel means as fp32, to within 2 %:
 *     finds engines that are fast and wrong;
 *   - else must be finite. */
#ifndef LL_CUDA_VERIFY_H
#define LL_CUDA_VERIFY_H

#include "host/backend/cuda/net/cuda_pictures.h"

typedef struct cuda_verify {
    const ll_net *net;
    int images;       /* that repeat */
    uint8_t *pixels;  /* (batch, 224, 224, 3) device */
    uint32_t *found;  /* (2) device: the largest, as bits; 1 if it does not repeat */
    float *room;      /* (images, channels) device */
    uint32_t bits[2]; /* of `found`, back on the host; outlives what is queued */
    float means[LL_CUDA_MAX_CHANNELS];
} cuda_verify;

/** Room and pictures. Release it whatever happens. */
LL_NODISCARD ll_status ll_cuda_verify_init(cuda_verify *verify, const ll_net *net, ll_error *err);
void ll_cuda_verify_release(cuda_verify *verify);

/** Look at what `layer` made in `x`, on the compute stream, and wait.
 * @param wrong  NULL if it is right, else what is wrong with it: "gives other numbers than fp32"
 * @return LL_ERR_FORMAT if the weights are at fault, LL_ERR_DEVICE */
LL_NODISCARD ll_status ll_cuda_verify_layer(cuda_verify *verify, int layer, const void *x,
                                            const char **wrong, ll_error *err);

#endif
