/* host/backend/cuda/net/cuda_pictures.c - see cuda_pictures.h. */
#include "host/backend/cuda/net/cuda_pictures.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "weights/synthetic.h"

#include <stdlib.h>

enum { IMAGE_BYTES = LL_VGG16_SIDE * LL_VGG16_SIDE * 3 };

ll_status ll_cuda_pictures(const ll_net *net, int n, int images, uint8_t *device, ll_error *err)
{
    ll_status status = LL_OK;
    const cudaStream_t stream = net->state->compute;
    uint8_t *pixels = NULL;

    LL_TRY(ll_alloc("pictures", LL_SYNTHETIC_BATCH, IMAGE_BYTES, &pixels, err));
    ll_synthetic_pixels(pixels);
    for (int i = 0; i < n; i++)
        LL_TRY_DONE(LL_CUDA(cudaMemcpyAsync(device + (size_t)i * IMAGE_BYTES,
                                            pixels + (size_t)(i % images) * IMAGE_BYTES,
                                            IMAGE_BYTES, cudaMemcpyHostToDevice, stream)));
done:
    if (status == LL_OK)
        status = LL_CUDA(cudaStreamSynchronize(stream));
    else
        (void)cudaStreamSynchronize(stream);
    free(pixels);
    return status;
}

int ll_cuda_images(const ll_net *net)
{
    return (int)ll_min_i64(ll_max_i64(net->batch / 2, 1), LL_SYNTHETIC_BATCH);
}

ll_status ll_cuda_channel_means(const ll_net *net, int layer, ll_pool_type type, const void *x,
                                int images, float factor, float *room, float *means, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const l = ll_vgg16_layer_at(layer);
    const int channels = l->out_channels, places = l->out_side * l->out_side;
    const cudaStream_t stream = net->state->compute;
    const size_t count = (size_t)images * (size_t)channels;
    float *each = NULL;

    LL_TRY(ll_alloc("means", (int64_t)count, sizeof *each, &each, err));
    LL_TRY_DONE(LL_CUDA(cudaMemsetAsync(room, 0, count * sizeof *room, stream)));
    LL_TRY_DONE(LL_CUDA(ll_mean_cuda(type, x, images, places, channels, factor, room, stream)));
    LL_TRY_DONE(
        LL_CUDA(cudaMemcpyAsync(each, room, count * sizeof *each, cudaMemcpyDeviceToHost, stream)));
    LL_TRY_DONE(LL_CUDA(cudaStreamSynchronize(stream)));
    for (int channel = 0; channel < channels; channel++) {
        double sum = 0.0;
        for (int i = 0; i < images; i++)
            sum += (double)each[i * channels + channel];
        means[channel] = (float)(sum / images);
    }
done:
    if (status != LL_OK) (void)cudaStreamSynchronize(stream);
    free(each);
    return status;
}
