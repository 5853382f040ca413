/* tests/agree/weights_dump.c - a weights file's layers as raw float32 on stdout, for
 * agree_weights.py: each named layer's kernel, then its bias.
 *
 *   weights_dump FILE LAYER...        weights_dump --synthetic SEED LAYER... (kernels only) */
#include "host/vgg16/vgg16.h"
#include "weights/synthetic.h"
#include "weights/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const ll_error *err)
{
    (void)fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int dump(ll_weights *weights, uint64_t seed, const char *name)
{
    ll_error err = LL_ERROR_INIT;
    const int layer = ll_vgg16_find(name);
    if (layer < 0 || layer == LL_VGG16_GAP || ll_vgg16_kernel_count(layer) == 0) return 2;
    const size_t count = (size_t)ll_vgg16_kernel_count(layer);
    const size_t outputs = (size_t)ll_vgg16_layer_at(layer)->out_channels;
    float *const kernel = malloc(count * sizeof *kernel), *const bias =
                                                              malloc(outputs * sizeof *bias);
    ll_status status = LL_ERR_MEMORY;

    if (kernel != NULL && bias != NULL)
        status = weights != NULL ? ll_weights_load(weights, layer, kernel, bias, &err)
                                 : ll_synthetic_kernel(seed, layer, kernel, &err);
    if (status == LL_OK &&
        (fwrite(kernel, sizeof *kernel, count, stdout) != count ||
         (weights != NULL && fwrite(bias, sizeof *bias, outputs, stdout) != outputs)))
        status = LL_ERR_IO;
    free(kernel);
    free(bias);
    return status == LL_OK ? 0 : complain(&err);
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_weights *weights = NULL;
    const int synthetic = argc > 2 && strcmp(argv[1], "--synthetic") == 0;
    int failed = argc < 3 ? 2 : 0;

    if (failed == 0 && !synthetic && ll_weights_open(argv[1], &weights, &err) != LL_OK)
        return complain(&err);
    const uint64_t seed = synthetic ? strtoull(argv[2], NULL, 10) : 0;
    for (int i = synthetic ? 3 : 2; i < argc && failed == 0; i++)
        failed = dump(weights, seed, argv[i]);
    ll_weights_close(weights);
    return failed;
}
