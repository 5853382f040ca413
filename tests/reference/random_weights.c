/* tests/reference/random_weights.c - see random_weights.h. */
#include "tests/reference/random_weights.h"
#include "host/base/memory.h"
#include "host/base/random.h"
#include "host/vgg16/vgg16.h"
#include "weights/weights.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ll_weights {
    uint64_t seed;
    float factor;
    char biases[160]; /* path, or "" */
    ll_weights_info info;
};

static float factor_of_next = 1.0f;
static int end_of_next = LL_VGG16_FC2;
static bool keep;
static struct {
    float *kernel; /* NULL: not drawn yet, or not to be kept */
    uint64_t seed;
} kept[LL_VGG16_LAYERS];

float ll_random_at(uint64_t seed, uint64_t stream, uint64_t i)
{
    const uint64_t first = (seed * 1024 + stream) * UINT64_C(0xd1342543de82ef95);
    return (float)((double)(ll_random_word(first, i) >> 40) * 0x1p-23 - 1.0);
}

void ll_random_kernel(uint64_t seed, int layer, float *kernel)
{
    const int64_t count = ll_vgg16_kernel_count(layer);
    const double fan_in = (double)(count / ll_vgg16_layer_at(layer)->out_channels);
    const float scale = (float)sqrt(6.0 / fan_in); /* variance 2 / fan_in */

    for (int64_t i = 0; i < count; i++)
        kernel[i] = ll_random_at(seed, (uint64_t)layer, (uint64_t)i) * scale;
}

void ll_random_weights_scale(float factor)
{
    factor_of_next = factor;
}

void ll_random_weights_end(int last_layer)
{
    end_of_next = last_layer;
}

void ll_random_weights_keep(void)
{
    keep = true;
}

/* Kept from an earlier network, or drawn, and kept if there is memory for it. */
static void kernel_of(uint64_t seed, int layer, float *kernel)
{
    const size_t bytes = (size_t)ll_vgg16_kernel_count(layer) * sizeof *kernel;

    if (kept[layer].kernel != NULL && kept[layer].seed == seed) {
        memcpy(kernel, kept[layer].kernel, bytes);
        return;
    }
    ll_random_kernel(seed, layer, kernel);
    if (!keep || kept[layer].kernel != NULL) return;
    kept[layer].kernel = malloc(bytes);
    kept[layer].seed = seed;
    if (kept[layer].kernel != NULL) memcpy(kept[layer].kernel, kernel, bytes);
}

ll_status ll_weights_open(const char *path, ll_weights **out, ll_error *err)
{
    ll_weights *weights = NULL;
    char kind[8] = "";

    *out = NULL;
    LL_TRY(ll_alloc("random weights", 1, sizeof *weights, &weights, err));
    if (sscanf(path, "%7[a-z]:%" SCNu64 ":%159s", kind, &weights->seed, weights->biases) < 2) {
        free(weights);
        return ll_fail(err, LL_ERR_ARGUMENT, "%s: not KIND:SEED:BIASES", path);
    }
    weights->factor = factor_of_next;
    weights->info = (ll_weights_info){
        .path = "random",
        .name = "vgg16 (random)",
        .layout = "none",
        .license = "",
        .last_layer = end_of_next,
        .scale = strcmp(kind, "torch") == 0 ? LL_INPUT_TORCH : LL_INPUT_CAFFE,
    };
    *out = weights;
    return LL_OK;
}

void ll_weights_close(ll_weights *weights)
{
    free(weights);
}

const ll_weights_info *ll_weights_describe(const ll_weights *weights)
{
    return &weights->info;
}

/* Where a layer's biases begin among all layers'. */
static long bias_offset(int layer)
{
    long offset = 0;
    for (int i = 0; i < layer; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            offset += ll_vgg16_layer_at(i)->out_channels;
    return offset;
}

ll_status ll_weights_load(ll_weights *weights, int layer, float *kernel, float *bias, ll_error *err)
{
    const int channels = ll_vgg16_layer_at(layer)->out_channels;

    if (layer > weights->info.last_layer)
        return ll_fail(err, LL_ERR_ARGUMENT, "random: no %s", ll_vgg16_name(layer));
    kernel_of(weights->seed, layer, kernel);
    for (int64_t i = 0; weights->factor != 1.0f && i < ll_vgg16_kernel_count(layer); i++)
        kernel[i] *= weights->factor;
    if (weights->biases[0] == '\0') {
        for (int i = 0; i < channels; i++)
            bias[i] = ll_random_at(weights->seed, 100 + (uint64_t)layer, (uint64_t)i) * 0.1f;
        return LL_OK;
    }
    FILE *const file = fopen(weights->biases, "rb");
    const int read = file != NULL &&
                     fseek(file, bias_offset(layer) * (long)sizeof *bias, SEEK_SET) == 0 &&
                     fread(bias, sizeof *bias, (size_t)channels, file) == (size_t)channels;
    if (file != NULL) fclose(file);
    return read ? LL_OK : ll_fail(err, LL_ERR_IO, "%s: cannot be read", weights->biases);
}
