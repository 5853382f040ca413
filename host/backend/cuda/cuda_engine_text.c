/* host/backend/cuda/cuda_engine_text.c - the choices of a net in words: written into the index, and
 * read from it the next night, so that features of two nights come from the same engines.
 *
 *   <libraries>; batch 256; scale 0.0625; conv1_1 e10 k2=1,k13=0; conv1_2 e4 with pool; ...;
 *   fc1 a66 t20 s36; fc2 a66 t18 s36
 *
 * Names of engines mean something within one version of the libraries only. Scale and products are
 * said, not read: they follow from the weights, and from the libraries and the card. */
#include "host/backend/cuda/cuda_net.h"

#include <stdio.h>
#include <string.h>

enum { START = 256, NAME = 24 };
static const char k_with_pool[] = " with pool";

/* What the words must begin with to be about this net. */
static void write_start(const ll_net *net, char start[START])
{
    snprintf(start, START, "%s; batch %d; ", net->state->libraries, net->batch);
}

void ll_cuda_engines_describe(const ll_net *net, char *text, size_t size_bytes)
{
    char start[START];

    write_start(net, start);
    size_t used = (size_t)snprintf(text, size_bytes, "%sscale %g", start, (double)net->factor);
    for (int i = 0; i <= net->last && used < size_bytes; i++) {
        const struct cuda_layer *const layer = &net->layers[i];
        const ll_vgg16_kind kind = ll_vgg16_layer_at(i)->kind;
        if (kind == LL_VGG16_POOL) continue;
        const char *const engine =
            kind == LL_VGG16_CONV ? layer->engine : net->algorithms[i - LL_VGG16_FC1];
        used += (size_t)snprintf(text + used, size_bytes - used, "; %s %s%s", ll_vgg16_name(i),
                                 engine, layer->pooled ? k_with_pool : "");
    }
}

/* The words about one layer. */
static bool read_layer(const ll_net *net, int index, const char *text, struct cuda_layer *layer)
{
    const size_t suffix = strlen(k_with_pool);
    char name[NAME];

    snprintf(name, sizeof name, "; %s ", ll_vgg16_name(index));
    const char *const at = strstr(text, name);
    if (at == NULL) return false;
    const char *const engine = at + strlen(name);
    size_t length = strcspn(engine, ";");
    layer->pooled = length > suffix && memcmp(engine + length - suffix, k_with_pool, suffix) == 0;
    if (layer->pooled) length -= suffix;
    if (length == 0 || length >= sizeof layer->engine) return false;
    memcpy(layer->engine, engine, length);
    layer->engine[length] = '\0';
    return !layer->pooled || ll_cuda_pool_follows(net, index);
}

void ll_cuda_engines_read(const ll_net *net, const char *text, struct cuda_layer layers[],
                          bool *found)
{
    char start[START];

    write_start(net, start);
    *found = strncmp(text, start, strlen(start)) == 0;
    for (int i = 0; *found && i <= net->last && i < LL_VGG16_POOL5; i++)
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_CONV)
            *found = read_layer(net, i, text, &layers[i]);
}
