/* host/backend/cuda/cuda_backend.c - the cuda row in the table of backends, and the module's one
 * exported symbol. */
#include "host/backend/cuda/compare/cuda_plan.h"
#include "host/backend/cuda/device/cuda_state.h"
#include "host/backend/cuda/forward/cuda_forward.h"
#include "host/backend/cuda/runtime/cuda_check.h"
#include "host/base/memory.h"
#include "host/base/number.h"

#include <stdlib.h>
#include <string.h>

/* Of 669 images conv1_1 makes more than 2^31 values, beyond which libraries are known to go wrong
 * without a word; of 335, in fp16, as many bytes. */
enum {
    DEFAULT_BATCH = 256,
    DEFAULT_PATIENCE_S = 60,
    MAX_BATCH = 512,
    OLDEST_DRIVER = 13000,
    OLDEST_MAJOR = 8
};

/* Drivers are known to people by their branch, to programs by the CUDA version they bring. */
static const struct {
    int cuda, branch;
} k_branches[] = {
    {13000, 580}, {12090, 575}, {12080, 570}, {12070, 565}, {12060, 560}, {12050, 555},
    {12040, 550}, {12030, 545}, {12020, 535}, {12010, 530}, {12000, 525}, {11080, 520},
    {11070, 515}, {11060, 510}, {11050, 495}, {11040, 470}, {11000, 450}, {0, 0},
};

static ll_status check_driver(int *version, ll_error *err)
{
    int i = 0;

    LL_TRY(LL_CUDA(cudaDriverGetVersion(version)));
    if (*version == 0) return ll_fail(err, LL_ERR_UNSUPPORTED, "no NVIDIA driver");
    if (*version >= OLDEST_DRIVER) return LL_OK;
    while (k_branches[i].cuda > *version)
        i++;
    return ll_fail(err, LL_ERR_UNSUPPORTED, "driver %d is too old; lookloom needs 580",
                   k_branches[i].branch);
}

static ll_status check_device(int device, struct cudaDeviceProp *properties, ll_error *err)
{
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);

    if (code == cudaErrorNoDevice || (code == cudaSuccess && count == 0))
        return ll_fail(err, LL_ERR_UNSUPPORTED, "no CUDA device");
    if (code != cudaSuccess) return ll_cuda_status(err, code, "cudaGetDeviceCount");
    if (device < 0 || device >= count)
        return ll_fail(err, LL_ERR_ARGUMENT, "device %d: there %s %d", device,
                       count == 1 ? "is" : "are", count);
    LL_TRY(LL_CUDA(cudaGetDeviceProperties(properties, device)));
    if (properties->major < OLDEST_MAJOR)
        return ll_fail(err, LL_ERR_UNSUPPORTED, "%s is %d.%d; lookloom needs 8.0", properties->name,
                       properties->major, properties->minor);
    return LL_CUDA(cudaSetDevice(device));
}

/* What decides the bits, and how much there is of it. */
static ll_status name_device(const struct cudaDeviceProp *properties, char **out, ll_error *err)
{
    return ll_text_format(out, err, "%s, %d.%d, %d SMs", properties->name, properties->major,
                          properties->minor, properties->multiProcessorCount);
}

/* A line of `devices`; `free_bytes` is NULL where nobody asked. */
static ll_status add_device(struct cuda_state *state, int device,
                            const struct cudaDeviceProp *properties, const size_t *free_bytes,
                            ll_error *err)
{
    char *name = NULL, size[LL_NUMBER_TEXT], room[LL_NUMBER_TEXT];

    LL_TRY(name_device(properties, &name, err));
    ll_status status =
        ll_text_append(&state->devices, err, "%s%d: %s, %s", device > 0 ? "\n" : "", device, name,
                       ll_number_size((double)properties->totalGlobalMem, size));
    free(name);
    if (status == LL_OK && free_bytes != NULL)
        status = ll_text_append(&state->devices, err, ", %s free",
                                ll_number_size((double)*free_bytes, room));
    return status;
}

static ll_status list_devices(struct cuda_state *state, ll_error *err)
{
    size_t free_bytes = 0, all_bytes = 0;
    int count = 0;

    LL_TRY(LL_CUDA(cudaMemGetInfo(&free_bytes, &all_bytes)));
    LL_TRY(LL_CUDA(cudaGetDeviceCount(&count)));
    for (int i = 0; i < count; i++) {
        struct cudaDeviceProp properties;
        LL_TRY(LL_CUDA(cudaGetDeviceProperties(&properties, i)));
        LL_TRY(add_device(state, i, &properties, i == state->device ? &free_bytes : NULL, err));
    }
    return LL_OK;
}

static ll_status precision_of(const char *name, ll_conv_type *type, ll_error *err)
{
    if (name == NULL || strcmp(name, "fp16") == 0)
        *type = LL_CONV_FP16;
    else if (strcmp(name, "tf32") == 0)
        *type = LL_CONV_TF32;
    else if (strcmp(name, "fp32") == 0)
        *type = LL_CONV_FP32;
    else
        return ll_fail(err, LL_ERR_ARGUMENT, "precision %s: the cuda backend has fp16, tf32, fp32",
                       name);
    return LL_OK;
}

/* What in the environment makes the libraries compute otherwise: part of what decides the bits. */
static ll_status name_environment(char **libraries, ll_error *err)
{
    static const char *const k_names[] = {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION",
                                          "CUBLAS_EMULATION_STRATEGY"};

    for (size_t i = 0; i < sizeof k_names / sizeof k_names[0]; i++) {
        const char *const value = getenv(k_names[i]);
        if (value != NULL) LL_TRY(ll_text_append(libraries, err, ", %s=%s", k_names[i], value));
    }
    return LL_OK;
}

static ll_status open_libraries(struct cuda_state *state, int driver, ll_error *err)
{
    char conv[LL_CONV_VERSION_TEXT] = "", gemm[32] = "";
    int runtime = 0;

    LL_TRY(ll_conv_library_open(&state->conv, conv, err));
    LL_TRY(ll_gemm_library_open(&state->gemm, gemm, err));
    LL_TRY(LL_CUDA(cudaRuntimeGetVersion(&runtime)));
    LL_TRY(ll_text_format(&state->libraries, err, "driver %d.%d, CUDA %d.%d, %s, %s", driver / 1000,
                          driver / 10 % 100, runtime / 1000, runtime / 10 % 100, conv, gemm));
    LL_TRY(name_environment(&state->libraries, err));
    state->engines_length = strlen(state->libraries);
    return ll_text_copy(state->libraries, state->engines_length, &state->engines, err);
}

static ll_status cuda_open(ll_backend *be, const ll_backend_options *options, ll_error *err)
{
    struct cuda_state *state = NULL;
    struct cudaDeviceProp properties;
    int driver = 0;

    LL_TRY(ll_alloc("cuda backend", 1, sizeof *state, &state, err));
    be->state = state;
    LL_TRY(precision_of(options->precision, &state->precision, err));
    LL_TRY(check_driver(&driver, err));
    LL_TRY(ll_conv_library_check(err));
    LL_TRY(check_device(options->device, &properties, err));
    state->device = options->device;
    state->capability = properties.major * 10 + properties.minor;
    state->workspace_max = ll_conv_workspace_max(properties.totalGlobalMem);
    state->batch = options->batch > 0 ? options->batch : DEFAULT_BATCH;
    if (state->batch > MAX_BATCH) {
        ll_log_line(options->log, "batch %d: cuda takes up to %d, and %d it is", state->batch,
                    MAX_BATCH, MAX_BATCH);
        state->batch = MAX_BATCH;
    }
    state->slots = options->slots;
    state->patience_s = options->patience_s > 0 ? options->patience_s : DEFAULT_PATIENCE_S;
    state->log = options->log;
    LL_TRY(name_device(&properties, &state->device_text, err));
    LL_TRY(list_devices(state, err));
    LL_TRY(LL_CUDA(cudaStreamCreateWithFlags(&state->in, cudaStreamNonBlocking)));
    LL_TRY(LL_CUDA(cudaStreamCreateWithFlags(&state->compute, cudaStreamNonBlocking)));
    LL_TRY(LL_CUDA(cudaStreamCreateWithFlags(&state->out, cudaStreamNonBlocking)));
    return open_libraries(state, driver, err);
}

static void cuda_close(ll_backend *be)
{
    struct cuda_state *const state = be->state;

    if (state == NULL) return;
    ll_cuda_compare_end(be);
    ll_gemm_library_close(state->gemm);
    ll_conv_library_close(state->conv);
    if (state->in != NULL) (void)cudaStreamDestroy(state->in);
    if (state->compute != NULL) (void)cudaStreamDestroy(state->compute);
    if (state->out != NULL) (void)cudaStreamDestroy(state->out);
    free(state->engines);
    free(state->devices);
    free(state->libraries);
    free(state->device_text);
    free(state);
    be->state = NULL;
}

static ll_backend_info cuda_describe(const ll_backend *be)
{
    static const char *const k_precisions[] = {"fp16", "tf32", "fp32"};
    const struct cuda_state *const state = be->state;
    return (ll_backend_info){
        .name = "cuda",
        .device = state->device_text,
        .precision = k_precisions[state->precision],
        .engines = state->engines,
        .devices = state->devices,
        .batch = state->batch,
        .pads_batches = true,
        .stores_otherwise = true,
    };
}

static const struct ll_backend_ops k_ops = {
    .abi = LL_BACKEND_ABI,
    .name = "cuda",
    .open = cuda_open,
    .close = cuda_close,
    .describe = cuda_describe,
    .net_create = ll_cuda_net_create,
    .net_free = ll_cuda_net_free,
    .forward_submit = ll_cuda_forward_submit,
    .forward_wait = ll_cuda_forward_wait,
    .compare_margin = ll_cuda_compare_margin,
    .compare_host_bytes = ll_cuda_compare_host_bytes,
    .compare_begin = ll_cuda_compare_begin,
    .compare_tile = ll_cuda_compare_tile,
    .tile_submit = ll_cuda_tile_submit,
    .compare_sync = ll_cuda_compare_sync,
    .topk_extract = ll_cuda_topk_extract,
    .rescore_submit = ll_cuda_rescore_submit,
    .rescore_wait = ll_cuda_rescore_wait,
    .rescore_rows = ll_cuda_rescore_rows,
    .compare_end = ll_cuda_compare_end,
};

/* Everything else of the module is hidden. */
__attribute__((visibility("default"))) const struct ll_backend_ops *ll_backend_module(void);

const struct ll_backend_ops *ll_backend_module(void)
{
    return &k_ops;
}
