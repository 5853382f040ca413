/* tests/cuda_on_cpu/fibers.cpp - the scheduler behind fibers.h. */
#include "tests/cuda_on_cpu/fiber_switch.h"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

/* The section of all static shared memory, bounded by the linker; not there under ASan. */
extern "C" char __start_ll_fibers_shared[] __attribute__((weak));
extern "C" char __stop_ll_fibers_shared[] __attribute__((weak));

namespace ll_fibers
{
dim3 block_index, block_size, grid_size;

namespace
{
enum { STACK_BYTES = 64 * 1024, MAX_SHARED_BYTES = 48 * 1024, GARBAGE = 0xA5 };
/* Values of warp operations: two sets, used in turn, so that one meeting is enough: nobody writes
 * the first set again before everybody has been to the second meeting, having read the first. */
enum { SETS = 2 };

struct fiber {
    fiber_context context;
    char *stack;
    void *fake_stack; /* AddressSanitizer's */
    dim3 thread;
    unsigned number;
    meeting at;
    int line;
    bool done;
    unsigned set;
};
struct {
    fiber fibers[MAX_THREADS];
    unsigned turn[MAX_THREADS]; /* who runs first */
    fiber *now;
    fiber_context scheduler;
    void *scheduler_fake_stack;
    const void *scheduler_stack;
    size_t scheduler_stack_bytes;
    void (*kernel)(const void *);
    const void *argument;
    char *shared;
    uint64_t values[SETS][MAX_THREADS];
    uint64_t order, random;
} state;

uint64_t draw()
{
    state.random ^= state.random << 13, state.random ^= state.random >> 7;
    return state.random ^= state.random << 17;
}

/* AddressSanitizer keeps books on stacks and must hear of every change of them. */
void leave_for(void **fake_stack, const void *stack, size_t stack_bytes)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake_stack, stack, stack_bytes);
#else
    (void)fake_stack, (void)stack, (void)stack_bytes;
#endif
}

void arrive(void *fake_stack, const void **stack, size_t *stack_bytes)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake_stack, stack, stack_bytes);
#else
    (void)fake_stack, (void)stack, (void)stack_bytes;
#endif
}

void to_scheduler(fiber *self)
{
    leave_for(self->done ? nullptr : &self->fake_stack, state.scheduler_stack,
              state.scheduler_stack_bytes);
    fiber_switch(&self->context, &state.scheduler);
    arrive(self->fake_stack, &state.scheduler_stack, &state.scheduler_stack_bytes);
}

void to_fiber(fiber *next)
{
    state.now = next;
    leave_for(&state.scheduler_fake_stack, next->stack, STACK_BYTES);
    fiber_switch(&state.scheduler, &next->context);
    arrive(state.scheduler_fake_stack, nullptr, nullptr);
}

void enter()
{
    arrive(nullptr, &state.scheduler_stack, &state.scheduler_stack_bytes);
    state.kernel(state.argument);
    state.now->done = true;
    to_scheduler(state.now);
}

/* A thread that has ended votes no, and what a shuffle takes from it is garbage. */
void silence_the_dead(unsigned first, unsigned last, meeting where)
{
    unsigned set = 0;
    for (unsigned i = first; i < last; i++)
        if (!state.fibers[i].done) set = (state.fibers[i].set + SETS - 1) % SETS;
    for (unsigned i = first; i < last; i++)
        if (state.fibers[i].done)
            memset(&state.values[set][i], where == AT_VOTE ? 0 : GARBAGE, sizeof(uint64_t));
}

/* Let go all of [first, last) if those who live have come to one meeting of this kind. */
bool release(unsigned first, unsigned last, bool block_wide)
{
    meeting where = NOWHERE;
    int line = 0;
    for (unsigned i = first; i < last; i++) {
        const fiber &f = state.fibers[i];
        if (f.done) continue;
        if (f.at == NOWHERE || (f.at == AT_SYNCTHREADS) != block_wide) return false;
        if (where != NOWHERE && (f.at != where || f.line != line)) return false;
        where = f.at, line = f.line;
    }
    for (unsigned i = first; i < last; i++)
        state.fibers[i].at = NOWHERE;
    if (!block_wide && where != NOWHERE) silence_the_dead(first, last, where);
    return where != NOWHERE;
}

void run_block(unsigned threads)
{
    for (;;) {
        bool ran = false, alive = false, moved = false;
        for (unsigned i = 0; i < threads; i++) {
            fiber &f = state.fibers[state.turn[i]];
            if (f.done) continue;
            alive = true;
            if (f.at != NOWHERE) continue;
            ran = true;
            to_fiber(&f);
        }
        if (!alive) return;
        if (ran) continue;
        for (unsigned w = 0; w < threads; w += WARP_LANES)
            moved |= release(w, w + WARP_LANES < threads ? w + WARP_LANES : threads, false);
        if (!moved && !release(0, threads, true)) {
            fprintf(stderr, "deadlock: threads of block (%u, %u, %u) wait at different barriers\n",
                    block_index.x, block_index.y, block_index.z);
            abort();
        }
    }
}

void prepare_fiber(fiber *f, unsigned number)
{
    f->number = number;
    f->thread = dim3(number % block_size.x, number / block_size.x % block_size.y,
                     number / block_size.x / block_size.y);
    f->at = NOWHERE, f->done = false, f->set = 0, f->fake_stack = nullptr;
    if (f->stack == nullptr) f->stack = static_cast<char *>(malloc(STACK_BYTES));
    if (f->stack == nullptr) abort();
    fiber_prepare(&f->context, f->stack, STACK_BYTES, enter);
}

void prepare_block(unsigned threads, size_t shared_bytes)
{
    memset(state.shared, GARBAGE, shared_bytes);
    memset(state.values, 0, sizeof state.values); /* lanes a short warp lacks vote no */
    if (__start_ll_fibers_shared != nullptr)
        memset(__start_ll_fibers_shared, GARBAGE,
               (size_t)(__stop_ll_fibers_shared - __start_ll_fibers_shared));
    for (unsigned i = 0; i < threads; i++)
        state.turn[i] = state.order == 1 ? threads - 1 - i : i;
    for (unsigned i = threads; state.order > 1 && i > 1; i--) {
        const unsigned other = (unsigned)(draw() % i), mine = state.turn[i - 1];
        state.turn[i - 1] = state.turn[other], state.turn[other] = mine;
    }
    for (unsigned i = 0; i < threads; i++)
        prepare_fiber(&state.fibers[i], i);
}

void demand_whole_warp(unsigned mask)
{
    if (mask == 0xffffffffu) return;
    fprintf(stderr, "a warp operation for part of a warp: mask %#x\n", mask);
    abort();
}

/* This thread's value joins its warp's; the set it lies in once everybody has come. */
const uint64_t *meet(meeting where, uint64_t value)
{
    fiber *const self = state.now;
    uint64_t *const values = state.values[self->set];
    values[self->number] = value;
    self->set = (self->set + 1) % SETS;
    wait(where, 0);
    return values + self->number / WARP_LANES * WARP_LANES;
}
} // namespace

const dim3 &thread_index()
{
    return state.now->thread;
}

unsigned lane()
{
    return state.now->number % WARP_LANES;
}

void *dynamic_shared()
{
    return state.shared;
}

void wait(meeting where, int line)
{
    state.now->at = where, state.now->line = line;
    to_scheduler(state.now);
}

void pause()
{
    if (state.order > 1 && draw() % 2 == 0) to_scheduler(state.now);
}

uint64_t exchange(unsigned mask, uint64_t value, unsigned from)
{
    demand_whole_warp(mask);
    return meet(AT_SHUFFLE, value)[from];
}

unsigned vote(unsigned mask, bool yes)
{
    demand_whole_warp(mask);
    const uint64_t *const said = meet(AT_VOTE, yes);
    unsigned bits = 0;
    for (unsigned l = 0; l < WARP_LANES; l++)
        bits |= said[l] != 0 ? 1u << l : 0;
    return bits;
}

cudaError_t check(dim3 grid, dim3 block, size_t shared_bytes)
{
    const uint64_t threads = (uint64_t)block.x * block.y * block.z;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;
    const bool fits = threads > 0 && threads <= MAX_THREADS && blocks > 0 &&
                      grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535 &&
                      shared_bytes <= MAX_SHARED_BYTES;
    return fits ? cudaSuccess : cudaErrorInvalidConfiguration;
}

void launch(dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(const void *),
            const void *argument)
{
    const uint64_t threads = (uint64_t)block.x * block.y * block.z;
    const uint64_t blocks = (uint64_t)grid.x * grid.y * grid.z;

    grid_size = grid, block_size = block;
    state.kernel = kernel, state.argument = argument;
    state.random = state.order | 1;
    state.shared = static_cast<char *>(malloc(shared_bytes > 0 ? shared_bytes : 1));
    if (state.shared == nullptr) abort();
    for (uint64_t i = 0; i < blocks; i++) {
        const uint64_t b = state.order % 2 == 1 ? blocks - 1 - i : i;
        block_index = dim3((unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y),
                           (unsigned)(b / grid.x / grid.y));
        prepare_block((unsigned)threads, shared_bytes);
        run_block((unsigned)threads);
    }
    free(state.shared);
    state.shared = nullptr;
}
} // namespace ll_fibers

void ll_fibers_order(uint64_t order)
{
    ll_fibers::state.order = order;
}

/* Nobody can tell a stack from a leak once the library it belonged to is gone. */
__attribute__((destructor)) static void free_stacks()
{
    for (ll_fibers::fiber &f : ll_fibers::state.fibers)
        free(f.stack);
}
