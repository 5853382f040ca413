/* tests/cuda_on_cpu/fibers.h - the device language for C++: every CUDA thread is a fiber.
 *
 * Blocks run one after another. A fiber runs until it meets a barrier (__syncthreads, or anything
 * a warp does together) and goes on when its block or warp has arrived; which fiber runs next is
 * ll_fibers_order's choice. So indexing, tails, shared memory, barriers whose absence changes
 * results, and diverged barriers (reported as a deadlock) are found without a card, also under ASan
 * and UBSan. Shared memory starts as garbage in every block. Not found: races between blocks that
 * atomics do not order, memory order, anything about speed.
 *
 * Each name means what the CUDA C++ Programming Guide says; the few not needed are left out, and
 * warp operations are for whole warps (mask 0xffffffff), which is all our kernels use. */
#ifndef LL_FIBERS_H
#define LL_FIBERS_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__ static
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
/* One block at a time, so one copy is enough. Under AddressSanitizer it is an ordinary variable
 * with its guards; without, it lies where the scheduler can spoil it before each block. */
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
#else
#define __shared__ __attribute__((section("ll_fibers_shared"))) static
#endif
#define LL_DYNAMIC_SHARED(type, name)                                                              \
    type *const name = static_cast<type *>(ll_fibers::dynamic_shared())

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c)
    {
    }
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

namespace ll_fibers
{
enum { WARP_LANES = 32, MAX_THREADS = 1024 };
enum meeting { NOWHERE, AT_SYNCTHREADS, AT_SYNCWARP, AT_SHUFFLE, AT_VOTE };

extern dim3 block_index, block_size, grid_size;
const dim3 &thread_index();
unsigned lane();

/* What CUDA would say to a launch of this shape. */
cudaError_t check(dim3 grid, dim3 block, size_t shared_bytes);
/* Run kernel(argument) for every thread. */
void launch(dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(const void *),
            const void *argument);
void *dynamic_shared();

/* Go on when everybody has come to the same meeting, on the same line of the kernel. */
void wait(meeting where, int line);
/* Let others run first, in orders that are drawn. */
void pause();
/* All lanes give a value and one takes that of lane `from`. */
uint64_t exchange(unsigned mask, uint64_t value, unsigned from);
/* Bit l is set if lane l said yes. */
unsigned vote(unsigned mask, bool yes);

/* A launch with its arguments by value, until the runtime behind ll_fibers_submit runs it. */
template <class Body> struct pending {
    dim3 grid, block;
    size_t shared_bytes;
    Body body;
    static void run(void *data)
    {
        const pending *const p = static_cast<const pending *>(data);
        launch(
            p->grid, p->block, p->shared_bytes,
            [](const void *body) { (*static_cast<const Body *>(body))(); }, &p->body);
    }
    static void drop(void *data)
    {
        delete static_cast<pending *>(data);
    }
};

template <class Body>
void submit(const char *kernel, dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            const Body &body)
{
    typedef pending<Body> launched;
    const cudaError_t error = check(grid, block, shared_bytes);
    launched *const kept =
        error == cudaSuccess ? new launched{grid, block, shared_bytes, body} : nullptr;
    ll_fibers_submit(stream, kernel, error, launched::run, launched::drop, kept);
}

template <class T> T exchange_as(unsigned mask, T value, unsigned from)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move 1 to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, from);
    memcpy(&value, &bits, sizeof value);
    return value;
}
} // namespace ll_fibers

#define LL_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                  \
    ll_fibers::submit(#kernel, grid, block, shared_bytes, stream, [=] { kernel(__VA_ARGS__); })

#define threadIdx       (ll_fibers::thread_index())
#define blockIdx        (ll_fibers::block_index)
#define blockDim        (ll_fibers::block_size)
#define gridDim         (ll_fibers::grid_size)
#define __syncthreads() ll_fibers::wait(ll_fibers::AT_SYNCTHREADS, __LINE__)

static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    (void)mask;
    ll_fibers::wait(ll_fibers::AT_SYNCWARP, 0);
}

/* ---- what a warp does together --------------------------------------------------------- */

template <class T> T __shfl_sync(unsigned mask, T value, int from)
{
    return ll_fibers::exchange_as(mask, value, (unsigned)from % 32);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int with)
{
    return ll_fibers::exchange_as(mask, value, ll_fibers::lane() ^ (unsigned)with);
}
/* From a higher lane; lanes without one keep their own value. */
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned by)
{
    const unsigned lane = ll_fibers::lane();
    return ll_fibers::exchange_as(mask, value, lane + by < 32 ? lane + by : lane);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned by)
{
    const unsigned lane = ll_fibers::lane();
    return ll_fibers::exchange_as(mask, value, lane >= by ? lane - by : lane);
}
static inline unsigned __ballot_sync(unsigned mask, int yes)
{
    return ll_fibers::vote(mask, yes != 0);
}
static inline int __any_sync(unsigned mask, int yes)
{
    return ll_fibers::vote(mask, yes != 0) != 0;
}
static inline int __all_sync(unsigned mask, int yes)
{
    return ll_fibers::vote(mask, yes == 0) == 0;
}

/* ---- atomics: nothing else runs in between, but others may have come first ------------- */

template <class T> T atomicAdd(T *address, T more)
{
    ll_fibers::pause();
    const T old = *address;
    *address = old + more;
    return old;
}
template <class T> T atomicMax(T *address, T value)
{
    ll_fibers::pause();
    const T old = *address;
    if (value > old) *address = value;
    return old;
}
template <class T> T atomicCAS(T *address, T expected, T value)
{
    ll_fibers::pause();
    const T old = *address;
    if (old == expected) *address = value;
    return old;
}

/* ---- integers and numbers -------------------------------------------------------------- */

static inline int __popc(unsigned bits)
{
    return __builtin_popcount(bits);
}
static inline int __ffs(int bits)
{
    return __builtin_ffs(bits);
}
static inline int __clz(int bits)
{
    return bits == 0 ? 32 : __builtin_clz((unsigned)bits);
}
static inline unsigned __float_as_uint(float value)
{
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline float __uint_as_float(unsigned bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
/* Clamped to [+0, 1]; NaN becomes +0. */
static inline float __saturatef(float value)
{
    return value > 0.0f ? (value < 1.0f ? value : 1.0f) : 0.0f;
}
static inline float __fadd_rn(float a, float b)
{
    return a + b;
}
static inline float __fmaf_rn(float a, float b, float c)
{
    return std::fmaf(a, b, c);
}
static inline float __fsub_rn(float a, float b)
{
    return a - b;
}
static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}
static inline double __dadd_rn(double a, double b)
{
    return a + b;
}
static inline double __dmul_rn(double a, double b)
{
    return a * b;
}
static inline double __ddiv_rn(double a, double b)
{
    return a / b;
}
static inline double __dsqrt_rn(double a)
{
    return sqrt(a);
}
static inline double __fma_rn(double a, double b, double c)
{
    return fma(a, b, c);
}
static inline float __double2float_rn(double value)
{
    return (float)value;
}
static inline float __double2float_ru(double value)
{
    const float nearest = (float)value;
    return (double)nearest < value ? nextafterf(nearest, INFINITY) : nearest;
}
template <class T> T __ldg(const T *address)
{
    return *address;
}
#endif
