/* tests/cuda_emulated/emulated_call.c - the card itself, and calls that are counted, made to fail
 * and remembered. */
#include "tests/cuda_emulated/emulated_queue.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUDA_13 = 13000, MULTIPROCESSORS = 132, L2_BYTES = 50 << 20 };
static const size_t k_memory_bytes = (size_t)14 << 30;

static struct {
    ll_emulated card;
    uint64_t random;
    cudaError_t last, stuck; /* the last error; one that all later calls repeat */
    pthread_mutex_t mutex; /* entered again by a host function that calls CUDA, which is refused */
} state;

void ll_emulated_reset(ll_emulated *card)
{
    const int64_t alive = card->alive;
    const size_t used_bytes = card->used_bytes;
    *card = (ll_emulated){.name = "Emulated H200",
                          .devices = 1,
                          .driver_version = CUDA_13,
                          .major = 9,
                          .memory_bytes = k_memory_bytes,
                          .alive = alive,
                          .used_bytes = used_bytes,
                          .peak_bytes = used_bytes};
    if (card == &state.card) state.last = state.stuck = cudaSuccess, state.random = 0;
}

ll_emulated *ll_emulated_card(void)
{
    return &state.card;
}

__attribute__((constructor)) static void make_ready(void)
{
    pthread_mutexattr_t attributes;

    ll_emulated_reset(&state.card);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&state.mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

uint64_t ll_emulated_draw(uint64_t below)
{
    if (state.random == 0) state.random = state.card.seed * 2 + 1;
    state.random ^= state.random << 13, state.random ^= state.random >> 7;
    state.random ^= state.random << 17;
    return (state.random >> 11) % below;
}

cudaError_t ll_emulated_enter(const char *call)
{
    ll_emulated *const card = ll_emulated_card();

    if (card->before != NULL) card->before(card->calls + 1, call);
    pthread_mutex_lock(&state.mutex);
    if (++card->calls == card->fail_at) {
        snprintf(card->failed_call, sizeof card->failed_call, "%s", call);
        if (card->sticky) state.stuck = cudaErrorLaunchFailure;
        return cudaErrorLaunchFailure;
    }
    return state.stuck;
}

cudaError_t ll_emulated_leave(cudaError_t code)
{
    if (code != cudaSuccess && code != cudaErrorNotReady) state.last = code;
    pthread_mutex_unlock(&state.mutex);
    return code;
}

cudaError_t ll_emulated_misuse(const char *what)
{
    ll_emulated *const card = ll_emulated_card();
    if (card->misuse[0] == '\0') snprintf(card->misuse, sizeof card->misuse, "%s", what);
    return cudaErrorInvalidValue;
}

/* ---- errors ---------------------------------------------------------------------------- */

cudaError_t cudaGetLastError(void)
{
    const cudaError_t error = ll_emulated_enter("cudaGetLastError");
    const cudaError_t last = error != cudaSuccess ? error : state.last;
    state.last = state.stuck;
    ll_emulated_leave(cudaSuccess);
    return last;
}

cudaError_t cudaPeekAtLastError(void)
{
    const cudaError_t error = ll_emulated_enter("cudaPeekAtLastError");
    const cudaError_t last = error != cudaSuccess ? error : state.last;
    ll_emulated_leave(cudaSuccess);
    return last;
}

static const struct {
    cudaError_t code;
    const char *name, *text;
} k_errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not initiated in this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
};

const char *cudaGetErrorString(cudaError_t code)
{
    for (size_t i = 0; i < sizeof k_errors / sizeof k_errors[0]; i++)
        if (k_errors[i].code == code) return k_errors[i].text;
    return "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t code)
{
    for (size_t i = 0; i < sizeof k_errors / sizeof k_errors[0]; i++)
        if (k_errors[i].code == code) return k_errors[i].name;
    return "unrecognized error code";
}

/* ---- the device ------------------------------------------------------------------------ */

static cudaError_t device_error(int device)
{
    const ll_emulated *const card = ll_emulated_card();
    if (card->driver_version < CUDA_13) return cudaErrorInsufficientDriver;
    if (card->devices == 0) return cudaErrorNoDevice;
    return device < 0 || device >= card->devices ? cudaErrorInvalidDevice : cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    cudaError_t code = ll_emulated_enter("cudaGetDeviceCount");
    if (code == cudaSuccess) code = device_error(0);
    *count = code == cudaSuccess ? ll_emulated_card()->devices : 0;
    return ll_emulated_leave(code);
}

cudaError_t cudaSetDevice(int device)
{
    cudaError_t code = ll_emulated_enter("cudaSetDevice");
    if (code == cudaSuccess) code = device_error(device);
    return ll_emulated_leave(code);
}

cudaError_t cudaGetDevice(int *device)
{
    const cudaError_t code = ll_emulated_enter("cudaGetDevice");
    *device = 0;
    return ll_emulated_leave(code);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    const cudaError_t code = ll_emulated_enter("cudaDriverGetVersion");
    *version = ll_emulated_card()->driver_version;
    return ll_emulated_leave(code);
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    const cudaError_t code = ll_emulated_enter("cudaRuntimeGetVersion");
    *version = CUDA_13;
    return ll_emulated_leave(code);
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *of, int device)
{
    const ll_emulated *const card = ll_emulated_card();
    cudaError_t code = ll_emulated_enter("cudaGetDeviceProperties");

    if (code == cudaSuccess) code = device_error(device);
    if (code == cudaSuccess) {
        memset(of, 0, sizeof *of);
        memcpy(of->name, card->name, sizeof of->name);
        memset(of->uuid.bytes, 0x5A, sizeof of->uuid.bytes);
        of->totalGlobalMem = card->memory_bytes;
        of->major = card->major, of->minor = card->minor;
        of->multiProcessorCount = MULTIPROCESSORS;
        of->l2CacheSize = L2_BYTES;
        of->warpSize = 32;
        of->maxThreadsPerBlock = 1024;
        of->sharedMemPerBlock = 48 << 10;
        of->sharedMemPerBlockOptin = 227 << 10;
        of->asyncEngineCount = 3;
        of->concurrentKernels = 1;
        of->unifiedAddressing = 1;
        of->canMapHostMemory = 1;
    }
    return ll_emulated_leave(code);
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    const ll_emulated *const card = ll_emulated_card();
    cudaError_t code = ll_emulated_enter("cudaDeviceGetAttribute");

    if (code == cudaSuccess) code = device_error(device);
    if (code == cudaSuccess) switch (attribute) {
        case cudaDevAttrComputeCapabilityMajor: *value = card->major; break;
        case cudaDevAttrComputeCapabilityMinor: *value = card->minor; break;
        case cudaDevAttrMultiProcessorCount: *value = MULTIPROCESSORS; break;
        case cudaDevAttrL2CacheSize: *value = L2_BYTES; break;
        default: code = ll_emulated_misuse("an attribute the emulated card does not know");
        }
    return ll_emulated_leave(code);
}
