/* host/backend/cpu/cpu_layer.c - see cpu_layer.h.
 *
 * Scratchpads belong to the caller: oneDNN's own one is kept per creating thread, and running a
 * primitive on another thread with it writes past the end (seen with Winograd, 2.6.3). */
#include "host/backend/cpu/cpu_layer.h"
#include "host/backend/cpu/cpu_dnnl.h"
#include "host/base/memory.h"
#include "host/base/size.h"
#include "host/vgg16/vgg16.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CONV_TAPS = 9, WINOGRAD_CHANNELS = 64, GEMM_ROWS = 24 };

/* With AVX-512 oneDNN's brgemm adds up every row in the same order. Its older GEMM does so for
 * whole blocks only: with AVX2 the last rows of 31, 32 or 33 get other bits (seen with 2.6.3;
 * blocks of 6, 4 and 8 rows all divide 24). */
int ll_cpu_fc_rows(int images)
{
    const int avx512 = dnnl_cpu_isa_avx512_core;
    if (((int)dnnl_get_effective_cpu_isa() & avx512) == avx512) return images;
    return (int)ll_ceil_div(images, GEMM_ROWS) * GEMM_ROWS;
}

/* Bias needs no attribute; ReLU and the caller's scratchpad do. */
static ll_status attributes(bool relu, dnnl_primitive_attr_t *out, ll_error *err)
{
    ll_status status = LL_OK;
    dnnl_post_ops_t after = NULL;

    LL_TRY(LL_DNNL(dnnl_primitive_attr_create(out)));
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user)));
    if (relu) {
        LL_TRY_DONE(LL_DNNL(dnnl_post_ops_create(&after)));
        LL_TRY_DONE(
            LL_DNNL(dnnl_post_ops_append_eltwise(after, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f)));
        LL_TRY_DONE(LL_DNNL(dnnl_primitive_attr_set_post_ops(*out, after)));
    }
done:
    if (after != NULL) dnnl_post_ops_destroy(after);
    return status;
}

static ll_status conv_desc(dnnl_engine_t engine, const ll_cpu_layer_options *options,
                           const dnnl_memory_desc_t *src, dnnl_primitive_attr_t attr,
                           dnnl_primitive_desc_t *out, ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(options->index);
    const dnnl_dim_t in = shape->in_channels, channels = shape->out_channels;
    const dnnl_dim_t side = shape->out_side;
    const dnnl_dims_t one = {1, 1};
    dnnl_memory_desc_t weights, bias, dst;
    dnnl_convolution_desc_t desc;

    LL_TRY(
        ll_dnnl_tensor(&weights, dnnl_format_tag_any, 4, (dnnl_dims_t){channels, in, 3, 3}, err));
    LL_TRY(ll_dnnl_tensor(&bias, dnnl_a, 1, (dnnl_dims_t){channels}, err));
    LL_TRY(ll_dnnl_tensor(&dst, options->dst, 4, (dnnl_dims_t){1, channels, side, side}, err));
    const dnnl_memory_desc_t *const add = options->bias ? &bias : NULL;
    /* Where oneDNN has F(4x4, 3x3) Winograd (AVX-512) it needs a quarter of the multiplications and
     * is 2.4 times as fast; conv1_1 has too few channels for it. */
    if (!options->direct && in >= WINOGRAD_CHANNELS) {
        LL_TRY(LL_DNNL(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference,
                                                          dnnl_convolution_winograd, src, &weights,
                                                          add, &dst, one, one, one)));
        if (dnnl_primitive_desc_create(out, &desc, attr, engine, NULL) == dnnl_success)
            return LL_OK;
    }
    LL_TRY(LL_DNNL(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference,
                                                      dnnl_convolution_direct, src, &weights, add,
                                                      &dst, one, one, one)));
    return LL_DNNL(dnnl_primitive_desc_create(out, &desc, attr, engine, NULL));
}

static ll_status pool_desc(dnnl_engine_t engine, const ll_cpu_layer_options *options,
                           const dnnl_memory_desc_t *src, dnnl_primitive_attr_t attr,
                           dnnl_primitive_desc_t *out, ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(options->index);
    const dnnl_dims_t two = {2, 2}, none = {0, 0};
    dnnl_memory_desc_t dst;
    dnnl_pooling_desc_t desc;

    LL_TRY(ll_dnnl_tensor(&dst, options->dst, 4,
                          (dnnl_dims_t){1, shape->out_channels, shape->out_side, shape->out_side},
                          err));
    LL_TRY(LL_DNNL(dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference, dnnl_pooling_max,
                                                  src, &dst, two, two, none, none)));
    return LL_DNNL(dnnl_primitive_desc_create(out, &desc, attr, engine, NULL));
}

static ll_status fc_desc(dnnl_engine_t engine, const ll_cpu_layer_options *options,
                         const dnnl_memory_desc_t *src, dnnl_primitive_attr_t attr,
                         dnnl_primitive_desc_t *out, ll_error *err)
{
    const dnnl_dim_t chunk = LL_CPU_FC_CHUNK, width = src->dims[1];
    dnnl_memory_desc_t weights, bias, dst;
    dnnl_inner_product_desc_t desc;

    LL_TRY(ll_dnnl_tensor(&weights, dnnl_format_tag_any, 2, (dnnl_dims_t){chunk, width}, err));
    LL_TRY(ll_dnnl_tensor(&bias, dnnl_a, 1, (dnnl_dims_t){chunk}, err));
    LL_TRY(ll_dnnl_tensor(&dst, dnnl_ab, 2, (dnnl_dims_t){options->rows, chunk}, err));
    LL_TRY(LL_DNNL(dnnl_inner_product_forward_desc_init(
        &desc, dnnl_forward_inference, src, &weights, options->bias ? &bias : NULL, &dst)));
    return LL_DNNL(dnnl_primitive_desc_create(out, &desc, attr, engine, NULL));
}

/* Planes for a convolution or pool that begins a chain, rows for an fc layer. */
static ll_status default_src(const ll_cpu_layer_options *options, dnnl_memory_desc_t *src,
                             ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(options->index);
    const dnnl_dim_t channels = shape->in_channels, side = shape->in_side;

    if (shape->kind == LL_VGG16_FC)
        return ll_dnnl_tensor(src, dnnl_ab, 2, (dnnl_dims_t){options->rows, channels * side * side},
                              err);
    return ll_dnnl_tensor(src, dnnl_nchw, 4, (dnnl_dims_t){1, channels, side, side}, err);
}

static const dnnl_memory_desc_t *tensor(dnnl_primitive_desc_t desc, dnnl_query_t what,
                                        size_t *size_bytes)
{
    const dnnl_memory_desc_t *const found = dnnl_primitive_desc_query_md(desc, what, 0);
    *size_bytes = found == NULL ? 0 : dnnl_memory_desc_get_size(found);
    return found;
}

ll_status ll_cpu_layer_create(dnnl_engine_t engine, const ll_cpu_layer_options *options,
                              ll_cpu_layer *layer, ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(options->index);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_memory_desc_t src;

    *layer = (ll_cpu_layer){.index = options->index, .biased = options->bias, .chunks = 1};
    if (options->src != NULL)
        src = *options->src;
    else
        LL_TRY(default_src(options, &src, err));
    LL_TRY_DONE(attributes(shape->kind != LL_VGG16_POOL && options->relu, &attr, err));
    if (shape->kind == LL_VGG16_CONV) {
        LL_TRY_DONE(conv_desc(engine, options, &src, attr, &layer->desc, err));
    } else if (shape->kind == LL_VGG16_POOL) {
        LL_TRY_DONE(pool_desc(engine, options, &src, attr, &layer->desc, err));
    } else {
        LL_TRY_DONE(fc_desc(engine, options, &src, attr, &layer->desc, err));
        assert(shape->out_channels % LL_CPU_FC_CHUNK == 0);
        layer->chunks = shape->out_channels / LL_CPU_FC_CHUNK;
    }
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_create(&layer->primitive, layer->desc)));
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_desc_query(layer->desc, dnnl_query_impl_info_str, 0,
                                                  &layer->implementation)));
    layer->src = tensor(layer->desc, dnnl_query_src_md, &layer->src_bytes);
    layer->dst = tensor(layer->desc, dnnl_query_dst_md, &layer->dst_bytes);
    layer->weights = tensor(layer->desc, dnnl_query_weights_md, &layer->weights_bytes);
    layer->scratchpad = tensor(layer->desc, dnnl_query_scratchpad_md, &layer->scratchpad_bytes);
done:
    if (attr != NULL) dnnl_primitive_attr_destroy(attr);
    if (status != LL_OK) ll_cpu_layer_release(layer);
    return status;
}

void ll_cpu_layer_release(ll_cpu_layer *layer)
{
    if (layer->primitive != NULL) dnnl_primitive_destroy(layer->primitive);
    if (layer->desc != NULL) dnnl_primitive_desc_destroy(layer->desc);
    free(layer->packed);
    free(layer->bias);
    *layer = (ll_cpu_layer){0};
}

ll_status ll_cpu_layer_pack_begin(ll_cpu_layer *layer, const float *bias, ll_error *err)
{
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer->index);
    const int64_t channels = shape->out_channels;

    LL_TRY(ll_alloc(shape->name, layer->chunks, layer->weights_bytes, &layer->packed, err));
    if (!layer->biased) return LL_OK;
    LL_TRY(ll_alloc(shape->name, channels, sizeof *layer->bias, &layer->bias, err));
    memcpy(layer->bias, bias, (size_t)channels * sizeof *bias);
    return LL_OK;
}

/* OHWI to OIHW first: the Winograd transform accepts nothing else. */
static ll_status pack_conv(const ll_cpu_layer *layer, dnnl_engine_t engine, const float *kernel,
                           ll_error *err)
{
    ll_status status = LL_OK;
    const ll_vgg16_layer *const shape = ll_vgg16_layer_at(layer->index);
    const dnnl_dims_t sizes = {shape->out_channels, shape->in_channels, 3, 3};
    dnnl_memory_desc_t ohwi, oihw;
    float *plain = NULL;

    LL_TRY(ll_dnnl_tensor(&ohwi, dnnl_ohwi, 4, sizes, err));
    LL_TRY(ll_dnnl_tensor(&oihw, dnnl_oihw, 4, sizes, err));
    LL_TRY(ll_alloc(shape->name, sizes[0] * sizes[1] * CONV_TAPS, sizeof *plain, &plain, err));
    LL_TRY_DONE(ll_dnnl_reorder(engine, &ohwi, kernel, &oihw, plain, err));
    LL_TRY_DONE(ll_dnnl_reorder(engine, &oihw, plain, layer->weights, layer->packed, err));
done:
    free(plain);
    return status;
}

ll_status ll_cpu_layer_pack(ll_cpu_layer *layer, dnnl_engine_t engine, const float *kernel,
                            int chunk, ll_error *err)
{
    dnnl_memory_desc_t rows;

    if (ll_vgg16_layer_at(layer->index)->kind == LL_VGG16_CONV)
        return pack_conv(layer, engine, kernel, err);
    const dnnl_dim_t width = layer->src->dims[1];
    LL_TRY(ll_dnnl_tensor(&rows, dnnl_ab, 2, (dnnl_dims_t){LL_CPU_FC_CHUNK, width}, err));
    return ll_dnnl_reorder(engine, &rows, kernel + (int64_t)chunk * LL_CPU_FC_CHUNK * width,
                           layer->weights, layer->packed + (size_t)chunk * layer->weights_bytes,
                           err);
}

ll_status ll_cpu_layer_run(const ll_cpu_layer *layer, dnnl_engine_t engine, dnnl_stream_t stream,
                           int chunk, const void *src, void *dst, void *scratchpad, ll_error *err)
{
    ll_status status = LL_OK;
    dnnl_memory_desc_t bias;
    /* oneDNN takes writable handles for what it only reads. */
    const struct {
        int argument;
        const dnnl_memory_desc_t *tensor;
        void *data;
    } parts[] = {
        {DNNL_ARG_SRC, layer->src, (void *)src},
        {DNNL_ARG_DST, layer->dst, dst},
        {DNNL_ARG_SCRATCHPAD, layer->scratchpad, layer->scratchpad_bytes == 0 ? NULL : scratchpad},
        {DNNL_ARG_WEIGHTS, layer->weights,
         layer->packed == NULL ? NULL : layer->packed + (size_t)chunk * layer->weights_bytes},
        {DNNL_ARG_BIAS, &bias,
         layer->bias == NULL ? NULL : layer->bias + (size_t)chunk * LL_CPU_FC_CHUNK},
    };
    enum { PARTS = sizeof parts / sizeof parts[0] };
    dnnl_exec_arg_t arguments[PARTS];
    int count = 0;

    const dnnl_dim_t channels = layer->dst->dims[1];
    LL_TRY(ll_dnnl_tensor(&bias, dnnl_a, 1, (dnnl_dims_t){channels}, err));
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].data == NULL) continue;
        dnnl_memory_t memory = NULL;
        LL_TRY_DONE(LL_DNNL(dnnl_memory_create(&memory, parts[i].tensor, engine, parts[i].data)));
        arguments[count++] = (dnnl_exec_arg_t){parts[i].argument, memory};
    }
    LL_TRY_DONE(LL_DNNL(dnnl_primitive_execute(layer->primitive, stream, count, arguments)));
    LL_TRY_DONE(LL_DNNL(dnnl_stream_wait(stream)));
done:
    for (int i = 0; i < count; i++)
        dnnl_memory_destroy(arguments[i].memory);
    return status;
}
