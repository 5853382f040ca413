/* host/backend/cuda/engines/cuda_proof.h - is what an engine computes right? Private to
 * host/backend/cuda/.
 *
 * A batch of the calibration pictures again and again goes through the net; what a layer makes of
 * it
 *   - must repeat to the bit: an engine that splits sums where tiles happen to lie gives an image
 *     other bits in another place;
 *   - in fp16, must have the largest activation and every channel's mean that fp32 had, to 2 %: an
 *     engine that is quick and wrong;
 *   - else must be finite. */
#ifndef LL_CUDA_PROOF_H
#define LL_CUDA_PROOF_H

#include "host/backend/cuda/net/cuda_pictures.h"

typedef struct cuda_proof {
    const ll_net *net;
    int images;       /* that repeat */
    uint8_t *pixels;  /* (batch, 224, 224, 3) device */
    uint32_t *found;  /* (2) device: the largest, as bits; 1 if it does not repeat */
    float *room;      /* (images, channels) device */
    uint32_t bits[2]; /* of `found`, back on the host; outlives what is queued */
    float means[LL_CUDA_MOST_CHANNELS];
} cuda_proof;

/** Room and pictures. Release it whatever happens. */
LL_NODISCARD ll_status ll_cuda_proof_init(cuda_proof *proof, const ll_net *net, ll_error *err);
void ll_cuda_proof_release(cuda_proof *proof);

/** Look at what `layer` made in `x`, on the compute stream, and wait.
 * @param wrong  NULL if it is right, else what is wrong with it: "gives other numbers than fp32"
 * @return LL_ERR_FORMAT if the weights are at fault, LL_ERR_DEVICE */
LL_NODISCARD ll_status ll_cuda_proof_look(cuda_proof *proof, int layer, const void *x,
                                          const char **wrong, ll_error *err);

#endif
