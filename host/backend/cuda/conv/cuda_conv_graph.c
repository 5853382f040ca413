/* host/backend/cuda/conv/cuda_conv_graph.c - descriptors of cuDNN's graph API.
 *
 * cuDNN numbers dimensions N, C, H, W whatever the layout; NHWC is in the strides. Between the
 * operations of one graph tensors are virtual and fp32: no sum is rounded to fp16 before the bias.
 * The bias is a tensor (1, K, 1, 1) that broadcasts; engines take it in the type of
 * x only. Max-pooling pads nothing, yet cuDNN accepts
 * the mode with padding of minus infinity only. Every attribute is spelt as in the developer's
 * guide, cuDNN 9, "Backend descriptor types". */
#include "host/backend/cuda/conv/cuda_conv_graph.h"
#include "host/base/text.h"

#include <assert.h>
#include <string.h>

enum { RANK = 4, SPATIAL_DIMS = 2, ALIGNMENT = 16, WINDOW = 3, UID_CONV = 11, UID_SUM, UID_RELU };

/* What we build against is the interface of 9.8 and later: device properties, notes, knobs. */
enum { OLDEST_CUDNN = 90800, OLDEST_CUDA = 13000 };

static const cudnnDataType_t k_float = CUDNN_DATA_FLOAT;

ll_status ll_cudnn_status(ll_error *err, cudnnStatus_t code, const char *call)
{
    char why[160] = "";
    ll_status kind = LL_ERR_DEVICE;

    if (code == CUDNN_STATUS_SUCCESS) return LL_OK;
    cudnnGetLastErrorString(why, sizeof why);
    ll_text_mark_truncated(why, sizeof why);
    why[strcspn(why, "\n")] = '\0';
    if (code == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
        code == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
        kind = LL_ERR_MEMORY;
    else if (CUDNN_STATUS_CATEGORY((int)code) == CUDNN_STATUS_NOT_SUPPORTED)
        kind = LL_ERR_UNSUPPORTED;
    return ll_fail(err, kind, "cuDNN: %s%s%s in %.*s", cudnnGetErrorString(code),
                   why[0] == '\0' ? "" : ": ", why, (int)strcspn(call, "("), call);
}

/* The files of a cuDNN for CUDA 12 have the same names, but not the same kernels. */
ll_status ll_conv_version_check(size_t cudnn, size_t cuda, char version[LL_CONV_VERSION_TEXT],
                                ll_error *err)
{
    LL_TRY(ll_text_fit(version, LL_CONV_VERSION_TEXT, err, "cuDNN %zu.%zu.%zu for CUDA %zu.%zu",
                       cudnn / 10000, cudnn / 100 % 100, cudnn % 100, cuda / 1000,
                       cuda / 10 % 100));
    if (cudnn < OLDEST_CUDNN || cudnn >= 100000)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: lookloom needs cuDNN 9.8 or a later 9",
                       version);
    if (cuda < OLDEST_CUDA)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s: lookloom needs the one for CUDA 13", version);
    return LL_OK;
}

/* ---- descriptors ------------------------------------------------------------------------ */

/* Made and kept; the graph frees it. */
static ll_status create_descriptor(ll_conv_graph *graph, cudnnBackendDescriptorType_t type,
                                   cudnnBackendDescriptor_t *out, ll_error *err)
{
    assert(graph->count < LL_CONV_GRAPH_DESCRIPTORS);
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(type, out)));
    graph->descriptors[graph->count++] = *out;
    return LL_OK;
}

/* One attribute of one value; `set` and `set_many` keep the calls below readable. */
struct attribute {
    cudnnBackendAttributeName_t name;
    cudnnBackendAttributeType_t type;
    int64_t count;
    const void *values;
};

/* Set all and finalise. */
static ll_status finish(cudnnBackendDescriptor_t descriptor, const struct attribute *attributes,
                        int count, ll_error *err)
{
    for (int i = 0; i < count; i++) {
        const struct attribute *const a = &attributes[i];
        LL_TRY(
            LL_CUDNN(cudnnBackendSetAttribute(descriptor, a->name, a->type, a->count, a->values)));
    }
    return LL_CUDNN(cudnnBackendFinalize(descriptor));
}

#define FINISH(descriptor, attributes)                                                             \
    finish((descriptor), (attributes), (int)(sizeof(attributes) / sizeof *(attributes)), err)

ll_status ll_conv_device_of(const char *json, size_t length, cudnnBackendDescriptor_t *out,
                            ll_error *err)
{
    const struct attribute attributes[] = {
        {CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, (int64_t)length, json},
    };
    LL_TRY(LL_CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, out)));
    const ll_status status = FINISH(*out, attributes);
    if (status == LL_OK) return LL_OK;
    (void)cudnnBackendDestroyDescriptor(*out);
    *out = NULL;
    return status;
}

/* (n, c, h, w) with channels innermost. */
static ll_status tensor(ll_conv_graph *graph, int64_t uid, cudnnDataType_t type, bool virtual,
                        const int64_t sizes[RANK], cudnnBackendDescriptor_t *out, ll_error *err)
{
    const int64_t c = sizes[1], h = sizes[2], w = sizes[3], alignment = ALIGNMENT;
    const int64_t strides[RANK] = {c * h * w, 1, c * w, c};
    const struct attribute attributes[] = {
        {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type},
        {CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, RANK, sizes},
        {CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, RANK, strides},
        {CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid},
        {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment},
        {CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &virtual},
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR, out, err));
    return FINISH(*out, attributes);
}

/* ---- operations ------------------------------------------------------------------------- */

static ll_status convolution(ll_conv_graph *graph, float scale, cudnnBackendDescriptor_t x,
                             cudnnBackendDescriptor_t w, cudnnBackendDescriptor_t y,
                             cudnnBackendDescriptor_t *out, ll_error *err)
{
    static const int64_t k_one[SPATIAL_DIMS] = {1, 1}, k_spatial_dims = SPATIAL_DIMS;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const float beta = 0.0f;
    cudnnBackendDescriptor_t how = NULL;
    const struct attribute convolution_attributes[] = {
        {CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &k_float},
        {CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode},
        {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &k_spatial_dims},
        {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, SPATIAL_DIMS, k_one},
        {CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, SPATIAL_DIMS, k_one},
        {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, SPATIAL_DIMS, k_one},
        {CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, SPATIAL_DIMS, k_one},
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, &how, err));
    LL_TRY(FINISH(how, convolution_attributes));

    const cudnnBackendAttributeType_t descriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;
    const struct attribute attributes[] = {
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, descriptor, 1, &x},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, descriptor, 1, &w},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, descriptor, 1, &y},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, descriptor, 1, &how},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &scale},
        {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &beta},
    };
    LL_TRY(
        create_descriptor(graph, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, out, err));
    return FINISH(*out, attributes);
}

/* y = mode(x, b); `b` is NULL for the ReLU. */
static ll_status pointwise(ll_conv_graph *graph, cudnnPointwiseMode_t mode,
                           cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
                           cudnnBackendDescriptor_t y, cudnnBackendDescriptor_t *out, ll_error *err)
{
    const cudnnBackendAttributeType_t descriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;
    cudnnBackendDescriptor_t how = NULL;
    const struct attribute mode_attributes[] = {
        {CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode},
        {CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &k_float},
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, &how, err));
    LL_TRY(FINISH(how, mode_attributes));

    const struct attribute attributes[] = {
        {CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, descriptor, 1, &how},
        {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, descriptor, 1, &x},
        {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, descriptor, 1, &y},
        {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, descriptor, 1, &b}, /* last: left out without b */
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, out, err));
    return finish(*out, attributes, b != NULL ? 4 : 3, err);
}

static ll_status max_pool(ll_conv_graph *graph, cudnnBackendDescriptor_t x,
                          cudnnBackendDescriptor_t y, cudnnBackendDescriptor_t *out, ll_error *err)
{
    static const cudnnFraction_t k_two[SPATIAL_DIMS] = {{2, 1}, {2, 1}},
                                 k_none[SPATIAL_DIMS] = {{0, 1}, {0, 1}};
    static const int64_t k_spatial_dims = SPATIAL_DIMS;
    const cudnnResampleMode_t mode = CUDNN_RESAMPLE_MAXPOOL;
    const cudnnPaddingMode_t padding = CUDNN_NEG_INF_PAD;
    const cudnnBackendAttributeType_t descriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;
    cudnnBackendDescriptor_t how = NULL;
    const struct attribute pool_attributes[] = {
        {CUDNN_ATTR_RESAMPLE_MODE, CUDNN_TYPE_RESAMPLE_MODE, 1, &mode},
        {CUDNN_ATTR_RESAMPLE_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &k_float},
        {CUDNN_ATTR_RESAMPLE_PADDING_MODE, CUDNN_TYPE_PADDING_MODE, 1, &padding},
        {CUDNN_ATTR_RESAMPLE_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &k_spatial_dims},
        {CUDNN_ATTR_RESAMPLE_WINDOW_DIMS, CUDNN_TYPE_FRACTION, SPATIAL_DIMS, k_two},
        {CUDNN_ATTR_RESAMPLE_STRIDES, CUDNN_TYPE_FRACTION, SPATIAL_DIMS, k_two},
        {CUDNN_ATTR_RESAMPLE_PRE_PADDINGS, CUDNN_TYPE_FRACTION, SPATIAL_DIMS, k_none},
        {CUDNN_ATTR_RESAMPLE_POST_PADDINGS, CUDNN_TYPE_FRACTION, SPATIAL_DIMS, k_none},
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_RESAMPLE_DESCRIPTOR, &how, err));
    LL_TRY(FINISH(how, pool_attributes));

    const struct attribute attributes[] = {
        {CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC, descriptor, 1, &how},
        {CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC, descriptor, 1, &x},
        {CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC, descriptor, 1, &y},
    };
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR, out, err));
    return FINISH(*out, attributes);
}

/* ---- the graph -------------------------------------------------------------------------- */

static ll_status close_graph(ll_conv_graph *graph, const cudnnBackendDescriptor_t *operations,
                             int64_t count, ll_error *err)
{
    LL_TRY(create_descriptor(graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &graph->graph, err));
    const struct attribute attributes[] = {
        {CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, operations},
        {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &graph->target.handle},
    };
    return finish(graph->graph, attributes, graph->target.handle != NULL ? 2 : 1, err);
}

static ll_status build(ll_conv_graph *graph, const ll_conv_shape *s, float scale, ll_error *err)
{
    const cudnnDataType_t type = s->type == LL_CONV_FP16 ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
    const int pooled = s->pool ? s->side / 2 : s->side;
    const int64_t x_sizes[RANK] = {s->batch, s->in_channels, s->side, s->side};
    const int64_t w_sizes[RANK] = {s->out_channels, s->in_channels, WINDOW, WINDOW};
    const int64_t bias_sizes[RANK] = {1, s->out_channels, 1, 1};
    const int64_t full_sizes[RANK] = {s->batch, s->out_channels, s->side, s->side};
    const int64_t y_sizes[RANK] = {s->batch, s->out_channels, pooled, pooled};
    cudnnBackendDescriptor_t x, w, bias, conv, sum, relu, y, operations[4];
    int64_t count = 0;

    LL_TRY(tensor(graph, LL_CONV_UID_X, type, false, x_sizes, &x, err));
    LL_TRY(tensor(graph, LL_CONV_UID_W, type, false, w_sizes, &w, err));
    LL_TRY(tensor(graph, LL_CONV_UID_Y, type, false, y_sizes, &y, err));
    if (s->plain) {
        LL_TRY(convolution(graph, scale, x, w, y, &operations[count++], err));
        return close_graph(graph, operations, count, err);
    }
    LL_TRY(tensor(graph, LL_CONV_UID_BIAS, type, false, bias_sizes, &bias, err));
    LL_TRY(tensor(graph, UID_CONV, CUDNN_DATA_FLOAT, true, full_sizes, &conv, err));
    LL_TRY(tensor(graph, UID_SUM, CUDNN_DATA_FLOAT, true, full_sizes, &sum, err));
    relu = y;
    if (s->pool) LL_TRY(tensor(graph, UID_RELU, CUDNN_DATA_FLOAT, true, full_sizes, &relu, err));
    LL_TRY(convolution(graph, scale, x, w, conv, &operations[count++], err));
    LL_TRY(pointwise(graph, CUDNN_POINTWISE_ADD, conv, bias, sum, &operations[count++], err));
    LL_TRY(pointwise(graph, CUDNN_POINTWISE_RELU_FWD, sum, NULL, relu, &operations[count++], err));
    if (s->pool) LL_TRY(max_pool(graph, relu, y, &operations[count++], err));
    return close_graph(graph, operations, count, err);
}

ll_status ll_conv_graph_build(const ll_conv_target *target, const ll_conv_shape *shape, float scale,
                              ll_conv_graph *graph, ll_error *err)
{
    *graph = (ll_conv_graph){.target = *target};
    const ll_status status = build(graph, shape, scale, err);
    if (status != LL_OK) ll_conv_graph_release(graph);
    return status;
}

void ll_conv_graph_release(ll_conv_graph *graph)
{
    while (graph->count > 0)
        (void)cudnnBackendDestroyDescriptor(graph->descriptors[--graph->count]);
    graph->graph = NULL;
}
