/* host/backend/cuda/net/cuda_pictures.h - the calibration pictures on the card, and means of what
 * layers make of them. Private to host/backend/cuda/. */
#ifndef LL_CUDA_PICTURES_H
#define LL_CUDA_PICTURES_H

#include "host/backend/cuda/net/cuda_net.h"

enum { LL_CUDA_MAX_CHANNELS = 4096 };

/** How many pictures for this net's batch: at most half of it, so that a batch of them repeats. */
int ll_cuda_images(const ll_net *net);

/** `images` pictures, again and again up to `n`; (n, 224, 224, 3) on the device. Waits. */
LL_NODISCARD ll_status ll_cuda_pictures(const ll_net *net, int n, int images, uint8_t *device,
                                        ll_error *err);

/** Means of each channel of the first `images` of x, times `factor`; (channels) on the host. `room`
 * on the device is (images, channels) f32. Waits. */
LL_NODISCARD ll_status ll_cuda_channel_means(const ll_net *net, int layer, ll_pool_type type,
                                             const void *x, int images, float factor, float *room,
                                             float *means, ll_error *err);

#endif
