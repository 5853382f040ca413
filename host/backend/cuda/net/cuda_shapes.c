/* host/backend/cuda/net/cuda_shapes.c - a net's layers as shapes of convolutions and products. */
#include "host/backend/cuda/conv/cuda_conv_shape.h"
#include "host/backend/cuda/net/cuda_net.h"

bool ll_cuda_pool_follows(const ll_net *net, int layer)
{
    return layer < net->last && ll_vgg16_layer_at(layer)->kind == LL_VGG16_CONV &&
           ll_vgg16_layer_at(layer + 1)->kind == LL_VGG16_POOL;
}

ll_pool_type ll_cuda_result_type(const ll_net *net, int layer)
{
    const bool product = ll_vgg16_layer_at(layer)->kind == LL_VGG16_FC;
    return product && layer == net->last ? LL_POOL_FLOAT32 : net->type;
}

ll_conv_shape ll_cuda_conv_shape(const ll_net *net, int layer, bool pool)
{
    return ll_conv_shape_of(layer, net->state->precision, net->batch, pool);
}

ll_gemm_shape ll_cuda_product_shape(const ll_net *net, int layer)
{
    static const ll_gemm_type k_types[] = {LL_GEMM_FP16, LL_GEMM_TF32, LL_GEMM_FP32};
    const ll_vgg16_layer *const to = ll_vgg16_layer_at(layer);
    const ll_gemm_type type = k_types[net->state->precision];
    const bool widened = type == LL_GEMM_FP16 && ll_cuda_result_type(net, layer) != net->type;

    return (ll_gemm_shape){
        .m = net->batch,
        .n = to->out_channels,
        .k = ll_vgg16_kernel_count(layer) / to->out_channels,
        .type = widened ? LL_GEMM_FP16_FP32 : type,
        .bias_relu = true,
    };
}
