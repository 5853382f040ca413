/* tests/cuda_emulated/emulated_memory.c - device and pinned memory, and copies.
 *
 * Blocks have the very size asked for, so that AddressSanitizer sees who leaves them, and lie on
 * 256 bytes, as a card's do. New device memory holds garbage. */
#define _DEFAULT_SOURCE /* madvise */
#include "tests/cuda_emulated/emulated_queue.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum { ALIGNMENT = 256, GARBAGE = 0xCD, LARGE = 1 << 20 };

struct block {
    struct block *next;
    char *memory;
    size_t bytes;
    enum { ON_CARD, PINNED, REGISTERED } kind;
    bool mapped;
};

static struct {
    struct block *first;
    bool open;
} blocks;

/* ---- blocks ---------------------------------------------------------------------------- */

static void allow(const struct block *b, bool allowed)
{
#ifdef __SANITIZE_ADDRESS__
    if (b->kind != ON_CARD) return;
    if (allowed)
        __asan_unpoison_memory_region(b->memory, b->bytes);
    else
        __asan_poison_memory_region(b->memory, b->bytes);
#else
    (void)b, (void)allowed;
#endif
}

void ll_emulated_open_memory(void)
{
    for (const struct block *b = blocks.first; b != NULL; b = b->next)
        allow(b, true);
    blocks.open = true;
}

void ll_emulated_close_memory(void)
{
    for (const struct block *b = blocks.first; b != NULL; b = b->next)
        allow(b, false);
    blocks.open = false;
}

/* The block that holds the first byte, or NULL. */
static const struct block *block_of(const void *memory)
{
    for (const struct block *b = blocks.first; b != NULL; b = b->next)
        if ((const char *)memory >= b->memory && (const char *)memory < b->memory + b->bytes)
            return b;
    return NULL;
}

static bool all_in(const struct block *b, const void *memory, size_t bytes)
{
    return bytes <= b->bytes - (size_t)((const char *)memory - b->memory);
}

bool ll_emulated_on_card(const void *memory, size_t bytes)
{
    const struct block *const b = block_of(memory);
    return b != NULL && b->kind == ON_CARD && all_in(b, memory, bytes);
}

static bool on_host(const void *memory)
{
    const struct block *const b = block_of(memory);
    return memory != NULL && (b == NULL || b->kind != ON_CARD);
}

static bool pinned(const void *memory, size_t bytes)
{
    const struct block *const b = block_of(memory);
    return b != NULL && b->kind != ON_CARD && all_in(b, memory, bytes);
}

static void remember(void *memory, size_t bytes, int kind, bool mapped)
{
    struct block *const b = calloc(1, sizeof *b);
    if (b == NULL) abort();
    b->next = blocks.first;
    b->memory = memory;
    b->bytes = bytes;
    b->kind = kind;
    b->mapped = mapped;
    blocks.first = b;
    ll_emulated_card()->alive++;
}

/* @return what was there, without its memory; kind -1 if nothing was */
static struct block remove_block(const void *memory)
{
    for (struct block **at = &blocks.first; *at != NULL; at = &(*at)->next) {
        struct block *const b = *at;
        if (b->memory != memory) continue;
        const struct block was = *b;
        *at = b->next;
        allow(b, true);
        free(b);
        ll_emulated_card()->alive--;
        return was;
    }
    return (struct block){.memory = NULL};
}

/* ---- allocation ------------------------------------------------------------------------ */

/* What an idle card computes is garbage anyway: a test that forks need not copy its large blocks,
 * which takes most of a fork's time. */
static void *map_unforked(size_t bytes)
{
    void *const memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    (void)madvise(memory, bytes, MADV_WIPEONFORK); /* or forks take longer */
    return memory;
}

static cudaError_t allocate(void **out, size_t bytes, int kind)
{
    ll_emulated *const card = ll_emulated_card();
    void *memory = NULL;

    *out = NULL;
    if (bytes == 0) return cudaSuccess;
    if (kind == ON_CARD && (++card->allocations == card->fail_allocation ||
                            bytes > card->memory_bytes - card->used_bytes))
        return cudaErrorMemoryAllocation;
    const bool mapped = kind == ON_CARD && card->idle && bytes >= LARGE;
    if (mapped) memory = map_unforked(bytes);
    if (mapped ? memory == NULL : posix_memalign(&memory, ALIGNMENT, bytes) != 0)
        return cudaErrorMemoryAllocation;
    if (!mapped) memset(memory, GARBAGE, bytes);
    remember(memory, bytes, kind, mapped);
    if (kind == ON_CARD) {
        card->used_bytes += bytes;
        if (card->used_bytes > card->peak_bytes) card->peak_bytes = card->used_bytes;
        if (!blocks.open) allow(blocks.first, false);
    }
    *out = memory;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **out, size_t bytes)
{
    cudaError_t code = ll_emulated_enter("cudaMalloc");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = allocate(out, bytes, ON_CARD);
    return ll_emulated_leave(code);
}

cudaError_t cudaMallocHost(void **out, size_t bytes)
{
    cudaError_t code = ll_emulated_enter("cudaMallocHost");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = allocate(out, bytes, PINNED);
    return ll_emulated_leave(code);
}

cudaError_t cudaHostAlloc(void **out, size_t bytes, unsigned flags)
{
    cudaError_t code = ll_emulated_enter("cudaHostAlloc");
    (void)flags;
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = allocate(out, bytes, PINNED);
    return ll_emulated_leave(code);
}

cudaError_t cudaHostRegister(void *memory, size_t bytes, unsigned flags)
{
    cudaError_t code = ll_emulated_enter("cudaHostRegister");
    (void)flags;
    if (code == cudaSuccess && (memory == NULL || bytes == 0 || block_of(memory) != NULL))
        code = cudaErrorInvalidValue;
    if (code == cudaSuccess) remember(memory, bytes, REGISTERED, false);
    return ll_emulated_leave(code);
}

/* Memory is given back even where this is made to fail: on a card it goes with the process. Both
 * kinds wait for all queues, as on a card. */
static cudaError_t release(void *memory, cudaError_t code, int kind)
{
    if (memory == NULL) return code;
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    ll_emulated_finish_all();
    const struct block was = remove_block(memory);
    if (was.memory == NULL || (int)was.kind != kind)
        return ll_emulated_misuse("memory freed that was not allocated so, or twice");
    if (kind == ON_CARD) ll_emulated_card()->used_bytes -= was.bytes;
    if (was.mapped)
        (void)munmap(memory, was.bytes);
    else if (kind != REGISTERED)
        free(memory);
    return code;
}

cudaError_t cudaFree(void *memory)
{
    const cudaError_t code = ll_emulated_enter("cudaFree");
    return ll_emulated_leave(release(memory, code, ON_CARD));
}

cudaError_t cudaFreeHost(void *memory)
{
    const cudaError_t code = ll_emulated_enter("cudaFreeHost");
    return ll_emulated_leave(release(memory, code, PINNED));
}

cudaError_t cudaHostUnregister(void *memory)
{
    const cudaError_t code = ll_emulated_enter("cudaHostUnregister");
    return ll_emulated_leave(release(memory, code, REGISTERED));
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    const ll_emulated *const card = ll_emulated_card();
    const cudaError_t code = ll_emulated_enter("cudaMemGetInfo");
    *total_bytes = card->memory_bytes;
    *free_bytes = card->memory_bytes - card->used_bytes;
    return ll_emulated_leave(code);
}

/* ---- copies ---------------------------------------------------------------------------- */

struct copy {
    char *dst;
    const char *src;
    size_t dst_pitch, src_pitch, width, height;
    char *staged; /* what pageable memory held when the copy was asked for */
};

static void run_copy(void *data)
{
    const struct copy *const c = data;
    for (size_t y = 0; y < c->height; y++)
        memmove(c->dst + y * c->dst_pitch, c->src + y * c->src_pitch, c->width);
}

static void drop_copy(void *data)
{
    struct copy *const c = data;
    free(c->staged);
    free(c);
}

static size_t span(size_t pitch, size_t width, size_t height)
{
    return pitch * (height - 1) + width;
}

/* Does each end lie where `kind` says, and whole? */
static cudaError_t check_sides(const struct copy *c, enum cudaMemcpyKind kind)
{
    const size_t to = span(c->dst_pitch, c->width, c->height);
    const size_t from = span(c->src_pitch, c->width, c->height);
    const bool to_card = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice ||
                         (kind == cudaMemcpyDefault && ll_emulated_on_card(c->dst, 1));
    const bool from_card = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice ||
                           (kind == cudaMemcpyDefault && ll_emulated_on_card(c->src, 1));

    if (c->width > c->dst_pitch || c->width > c->src_pitch)
        return ll_emulated_misuse("a copy wider than its pitch");
    if (to_card ? !ll_emulated_on_card(c->dst, to) : !on_host(c->dst))
        return ll_emulated_misuse("a copy to memory of the wrong side, or beyond its end");
    if (from_card ? !ll_emulated_on_card(c->src, from) : !on_host(c->src))
        return ll_emulated_misuse("a copy from memory of the wrong side, or beyond its end");
    return cudaSuccess;
}

/* Pageable memory is read before the call returns, and written before it returns. */
static void stage(struct copy *c)
{
    const size_t bytes = span(c->src_pitch, c->width, c->height);
    c->staged = malloc(bytes);
    if (c->staged == NULL) abort();
    memcpy(c->staged, c->src, bytes);
    c->src = c->staged;
}

static cudaError_t queue_copy(struct copy c, enum cudaMemcpyKind kind, cudaStream_t stream,
                              bool wait)
{
    if (c.width == 0 || c.height == 0) return cudaSuccess;
    cudaError_t code = check_sides(&c, kind);
    if (code == cudaSuccess && !ll_emulated_stream_known(stream))
        code = cudaErrorInvalidResourceHandle;
    if (code != cudaSuccess) return code;

    const bool capturing = ll_emulated_capturing(stream);
    if (on_host(c.src) && !pinned(c.src, span(c.src_pitch, c.width, c.height)) && !capturing)
        stage(&c);
    if (on_host(c.dst) && !pinned(c.dst, span(c.dst_pitch, c.width, c.height))) wait = !capturing;
    ll_emulated_work work = ll_emulated_work_of(run_copy, &c, sizeof c, 1e-8 * (double)c.width);
    work.drop = drop_copy;
    code = ll_emulated_queue(stream, &work);
    return code == cudaSuccess && wait ? ll_emulated_finish(stream) : code;
}

static struct copy flat(void *dst, const void *src, size_t bytes)
{
    return (struct copy){dst, src, bytes, bytes, bytes, 1, NULL};
}

cudaError_t cudaMemcpy(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind)
{
    cudaError_t code = ll_emulated_enter("cudaMemcpy");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = queue_copy(flat(dst, src, bytes), kind, NULL, true);
    return ll_emulated_leave(code);
}

cudaError_t cudaMemcpyAsync(void *dst, const void *src, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaMemcpyAsync");
    if (code == cudaSuccess) code = queue_copy(flat(dst, src, bytes), kind, stream, false);
    return ll_emulated_leave(code);
}

cudaError_t cudaMemcpy2D(void *dst, size_t dst_pitch, const void *src, size_t src_pitch,
                         size_t width, size_t height, enum cudaMemcpyKind kind)
{
    const struct copy c = {dst, src, dst_pitch, src_pitch, width, height, NULL};
    cudaError_t code = ll_emulated_enter("cudaMemcpy2D");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = queue_copy(c, kind, NULL, true);
    return ll_emulated_leave(code);
}

cudaError_t cudaMemcpy2DAsync(void *dst, size_t dst_pitch, const void *src, size_t src_pitch,
                              size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t stream)
{
    const struct copy c = {dst, src, dst_pitch, src_pitch, width, height, NULL};
    cudaError_t code = ll_emulated_enter("cudaMemcpy2DAsync");
    if (code == cudaSuccess) code = queue_copy(c, kind, stream, false);
    return ll_emulated_leave(code);
}

/* ---- filling --------------------------------------------------------------------------- */

struct fill {
    char *dst;
    size_t pitch, width, height;
    int value;
};

static void run_fill(void *data)
{
    const struct fill *const f = data;
    for (size_t y = 0; y < f->height; y++)
        memset(f->dst + y * f->pitch, f->value, f->width);
}

/* Not waited for: cudaMemset returns before it is done. */
static cudaError_t queue_fill(struct fill f, cudaStream_t stream)
{
    if (f.width == 0 || f.height == 0) return cudaSuccess;
    if (f.width > f.pitch || !ll_emulated_on_card(f.dst, span(f.pitch, f.width, f.height)))
        return ll_emulated_misuse("memory filled that is not the card's, or beyond its end");
    ll_emulated_work work = ll_emulated_work_of(run_fill, &f, sizeof f, 0.0);
    return ll_emulated_queue(stream, &work);
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    cudaError_t code = ll_emulated_enter("cudaMemset");
    if (code == cudaSuccess) code = ll_emulated_outside_capture();
    if (code == cudaSuccess) code = queue_fill((struct fill){memory, bytes, bytes, 1, value}, NULL);
    return ll_emulated_leave(code);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaMemsetAsync");
    if (code == cudaSuccess)
        code = queue_fill((struct fill){memory, bytes, bytes, 1, value}, stream);
    return ll_emulated_leave(code);
}

cudaError_t cudaMemset2DAsync(void *memory, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream)
{
    cudaError_t code = ll_emulated_enter("cudaMemset2DAsync");
    if (code == cudaSuccess)
        code = queue_fill((struct fill){memory, pitch, width, height, value}, stream);
    return ll_emulated_leave(code);
}
