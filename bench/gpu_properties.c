/* bench/gpu_properties.c - a card's properties as cuDNN keeps them: the JSON from which graphs are
 * built for that card on a machine without one (tests/unit/unit_cudnn_graphs.c).
 *
 *   gpu-properties [DEVICE]
 *
 * Exit 3 and one line where there is no device or cuDNN does not tell. */
#include "host/base/memory.h"
#include "host/base/number.h"
#include "host/base/status.h"

#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <stdio.h>
#include <stdlib.h>

#define CUDNN(call) cudnn_status(err, (call), #call)

static ll_status cudnn_status(ll_error *err, cudnnStatus_t code, const char *call)
{
    if (code == CUDNN_STATUS_SUCCESS) return LL_OK;
    return ll_fail(err, LL_ERR_DEVICE, "cuDNN: %s in %s", cudnnGetErrorString(code), call);
}

static ll_status print_properties(cudnnBackendDescriptor_t properties, ll_error *err)
{
    ll_status status = LL_OK;
    int64_t bytes = 0, written = 0;
    char *json = NULL;

    LL_TRY_DONE(CUDNN(cudnnBackendGetAttribute(
        properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, 0, &bytes, NULL)));
    LL_TRY_DONE(ll_alloc("properties", bytes + 1, 1, &json, err));
    LL_TRY_DONE(
        CUDNN(cudnnBackendGetAttribute(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                       CUDNN_TYPE_CHAR, bytes, &written, json)));
    if (puts(json) < 0) status = ll_fail(err, LL_ERR_IO, "standard output: it does not take more");
done:
    free(json);
    return status;
}

static ll_status run(int32_t device, ll_error *err)
{
    ll_status status = LL_OK;
    cudnnBackendDescriptor_t properties = NULL;
    int devices = 0;

    if (cudaGetDeviceCount(&devices) != cudaSuccess || device >= devices)
        return ll_fail(err, LL_ERR_DEVICE, "no device");
    LL_TRY_DONE(
        CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &properties)));
    LL_TRY_DONE(CUDNN(cudnnBackendSetAttribute(properties, CUDNN_ATTR_DEVICEPROP_DEVICE_ID,
                                               CUDNN_TYPE_INT32, 1, &device)));
    LL_TRY_DONE(CUDNN(cudnnBackendFinalize(properties)));
    LL_TRY_DONE(print_properties(properties, err));
done:
    if (properties != NULL) (void)cudnnBackendDestroyDescriptor(properties);
    return status;
}

int main(int argc, char **argv)
{
    ll_error err = LL_ERROR_INIT;
    ll_status status = LL_OK;
    int64_t device = 0;

    if (argc > 1) LL_TRY_DONE(ll_number_int("DEVICE", argv[1], 0, 1023, &device, &err));
    LL_TRY_DONE(run((int32_t)device, &err));
done:
    if (status != LL_OK) fprintf(stderr, "gpu-properties: %s\n", err.text);
    return status == LL_OK ? 0 : status == LL_ERR_ARGUMENT ? 2 : 3;
}
