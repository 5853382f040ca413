/* host/pipeline/synth.c - untrained weights: the generator's kernels, the backend's biases. */
#include "host/pipeline/pipeline.h"

#include "host/backend/backend.h"
#include "host/base/file.h"
#include "host/base/memory.h"
#include "host/vgg16/vgg16.h"
#include "weights/synthetic.h"

#include <stdlib.h>

static ll_status kernel(void *to, int layer, float *out, ll_error *err)
{
    return ll_synthetic_kernel(*(const uint64_t *)to, layer, out, err);
}

static int64_t bias_count(void)
{
    int64_t count = 0;
    for (int i = 0; i < LL_VGG16_LAYERS; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            count += ll_vgg16_layer_at(i)->out_channels;
    return count;
}

ll_status ll_pipeline_synth(const char *path, uint64_t seed, int threads, const ll_log *log,
                            ll_error *err)
{
    ll_status status = LL_OK;
    uint8_t *pixels = NULL;
    float *biases = NULL;

    LL_TRY_DONE(ll_file_check_target(path, err));
    LL_TRY_DONE(ll_alloc("pictures", LL_SYNTHETIC_BATCH, LL_IMAGE_BYTES, &pixels, err));
    LL_TRY_DONE(ll_alloc("biases", bias_count(), sizeof *biases, &biases, err));
    ll_synthetic_pixels(pixels);
    LL_TRY_DONE(
        ll_backend_calibrate(threads, kernel, &seed, pixels, LL_SYNTHETIC_BATCH, biases, log, err));
    LL_TRY_DONE(ll_synthetic_write(path, seed, biases, err));
done:
    free(biases);
    free(pixels);
    return status;
}
