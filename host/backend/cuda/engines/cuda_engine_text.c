/* host/backend/cuda/engines/cuda_engine_text.c - the choices of a net in words: written into the
 * index, and read from it the next night, so that features of two nights come from the same
 * engines.
 *
 *   <libraries>; batch 256; scale 0.0625; conv1_1 e10 k2=1,k13=0; conv1_2 e4 with pool; ...;
 *   fc1 a66 t20 s36 <128 digits>; fc2 a66 t18 s36 <128 digits>
 *
 * Names of engines mean something within one version of the libraries only. The scale is written
 * for information only; it is computed from the weights, not read back. */
#include "host/backend/cuda/engines/cuda_engine_text.h"
#include "host/backend/cuda/engines/cuda_engine_names.h"
#include "host/base/memory.h"
#include "host/base/text.h"

#include <stdlib.h>
#include <string.h>

/* What the words must begin with to be about this net. */
static ll_status make_start(const ll_net *net, char **out, ll_error *err)
{
    return ll_text_format(out, err, "%s; batch %d; ", net->state->libraries, net->batch);
}

ll_status ll_cuda_engines_describe(const ll_net *net, char **out, ll_error *err)
{
    ll_status status = LL_OK;
    ll_cuda_engine_name names[LL_CUDA_LAYERS];
    char *start = NULL;
    int count = 0;

    *out = NULL;
    for (int i = 0; i <= net->last; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            names[count++] = (ll_cuda_engine_name){ll_vgg16_name(i), net->layers[i].engine,
                                                   net->layers[i].pooled};
    LL_TRY_DONE(make_start(net, &start, err));
    LL_TRY_DONE(ll_text_append(&start, err, "scale %g", (double)net->factor));
    LL_TRY_DONE(ll_cuda_engine_names_join(start, names, count, out, err));
done:
    free(start);
    return status;
}

/* The words about one layer. An engine whose name has no room is none that we offer. */
static bool read_layer(const ll_net *net, int index, const char *text, struct cuda_layer *layer)
{
    const char *engine = NULL;
    size_t length = 0;

    if (!ll_cuda_engine_names_find(text, ll_vgg16_name(index), &engine, &length, &layer->pooled) ||
        ll_text_fit(layer->engine, sizeof layer->engine, NULL, "%.*s", (int)length, engine) !=
            LL_OK)
        return false;
    return !layer->pooled || ll_cuda_pool_follows(net, index);
}

ll_status ll_cuda_engines_read(const ll_net *net, const char *text, struct cuda_layer layers[],
                               bool *found, ll_error *err)
{
    char *start = NULL;

    *found = false;
    LL_TRY(make_start(net, &start, err));
    *found = strncmp(text, start, strlen(start)) == 0;
    free(start);
    for (int i = 0; *found && i <= net->last; i++)
        if (ll_vgg16_layer_at(i)->kind != LL_VGG16_POOL)
            *found = read_layer(net, i, text, &layers[i]);
    return LL_OK;
}
