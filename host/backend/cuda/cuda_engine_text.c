/* host/backend/cuda/cuda_engine_text.c - the choices of a net in words: written into the index, and
 * read from it the next night, so that features of two nights come from the same engines.
 *
 *   <libraries>; batch 256; scale 0.0625; conv1_1 e10 k2=1,k13=0; conv1_2 e4 with pool; ...;
 *   fc1 a66 t20 s36 <128 digits>; fc2 a66 t18 s36 <128 digits>
 *
 * Names of engines mean something within one version of the libraries only. The scale is said, not
 * read: it follows from the weights. */
#include "host/backend/cuda/cuda_net.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { START = 384, NAME = 24 };
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
        if (ll_vgg16_layer_at(i)->kind == LL_VGG16_POOL) continue;
        used += (size_t)snprintf(text + used, size_bytes - used, "; %s %s%s", ll_vgg16_name(i),
                                 layer->engine, layer->pooled ? k_with_pool : "");
    }
    assert(used < size_bytes); /* 15 engines of a dozen knobs: about 1500 */
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
    for (int i = 0; *found && i <= net->last; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            *found = read_layer(net, i, text, &layers[i]);
}
