/* tests/agree/device.h - the twins' tests run twice from one source: on fibers (tests/cuda_on_cpu)
 * as agree_*_cuda, everywhere; and on a card as gpu_*, skipped where there is none.
 *
 * Device memory here has guard zones on both sides, checked when it is read back; but not in the
 * first of the orders, where AddressSanitizer sees every read and write beyond its ends. */
#ifndef LL_TESTS_DEVICE_H
#define LL_TESTS_DEVICE_H

#include "tests/test.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cuda_runtime_api.h>

enum { DEVICE_GUARD = 512, DEVICE_FILL = 0xC3, DEVICE_SKIP = 77 };

/* Orders in which fibers run (cuda_runtime_api.h); a card has its own. */
static const uint64_t k_orders[] = {0, 1, 2, 0x9E3779B97F4A7C15u};
enum { ORDERS = sizeof k_orders / sizeof k_orders[0] };

typedef struct device_array {
    unsigned char *memory;
    void *values; /* what kernels get */
    size_t bytes, guard;
} device_array;

static size_t device_guard = 0;

static inline void device_order(int number)
{
    device_guard = number == 0 ? 0 : DEVICE_GUARD;
#ifdef LL_CUDA_ON_CPU
    ll_fibers_order(k_orders[number]);
#endif
}

static inline void device_ok(cudaError_t code)
{
    if (code != cudaSuccess) fail_msg("CUDA: %d, %s", (int)code, cudaGetErrorString(code));
}

/* `bytes` copied from `src`; never written where it is NULL. */
static inline device_array device_put(const void *src, size_t bytes)
{
    device_array array = {.bytes = bytes, .guard = device_guard};
    void *memory = NULL;

    device_ok(cudaMalloc(&memory, bytes + 2 * array.guard));
    array.memory = memory;
    array.values = array.memory + array.guard;
    device_ok(cudaMemset(memory, DEVICE_FILL, bytes + 2 * array.guard));
    if (src != NULL) device_ok(cudaMemcpy(array.values, src, bytes, cudaMemcpyHostToDevice));
    return array;
}

static inline void device_check_guard(const unsigned char *at, size_t bytes)
{
    unsigned char guard[DEVICE_GUARD];

    if (bytes == 0) return;
    device_ok(cudaMemcpy(guard, at, bytes, cudaMemcpyDeviceToHost));
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal(guard[i], DEVICE_FILL);
}

/* Wait, copy to `dst` (NULL: nowhere), check the guards and free. */
static inline void device_copy_back(device_array *array, void *dst)
{
    device_ok(cudaDeviceSynchronize());
    if (dst != NULL)
        device_ok(cudaMemcpy(dst, array->values, array->bytes, cudaMemcpyDeviceToHost));
    device_check_guard(array->memory, array->guard);
    device_check_guard(array->memory + array->guard + array->bytes, array->guard);
    device_ok(cudaFree(array->memory));
    array->memory = NULL;
}

static inline void *host_new(size_t count, size_t size)
{
    void *const memory = calloc(count > 0 ? count : 1, size);
    assert_non_null(memory);
    return memory;
}

/* Equal to the bit; otherwise the first place that differs and the words that repeat it. */
static inline void same_bytes(const void *got, const void *want, size_t bytes, const char *repro)
{
    const unsigned char *const a = got, *const b = want;

    for (size_t i = 0; i < bytes; i++)
        if (a[i] != b[i])
            fail_msg("%s: byte %zu of %zu is %#x instead of %#x", repro, i, bytes, a[i], b[i]);
}

/* In main, first of all. */
static inline void device_or_skip(void)
{
    int devices = 0;
    if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0) return;
    printf("skipped: no device\n");
    exit(DEVICE_SKIP);
}
#endif
