/* tests/cuda_on_cpu/fiber_switch.h - leave one stack for another.
 *
 * swapcontext asks the kernel for the signal mask each time, which was nine tenths of the run time
 * of the tests; so on x86-64 a dozen instructions do it, and swapcontext everywhere else. */
#ifndef LL_FIBER_SWITCH_H
#define LL_FIBER_SWITCH_H

#include <cstddef>

#ifdef __x86_64__
typedef struct {
    void *top; /* of the stack left: six registers, then where to go on */
} fiber_context;

extern "C" void ll_fiber_switch(void **save, void *to);
asm(".text\n"
    ".local ll_fiber_switch\n"
    ".type ll_fiber_switch, @function\n"
    "ll_fiber_switch:\n"
    "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
    "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
    "    movq %rsp, (%rdi)\n"
    "    movq %rsi, %rsp\n"
    "    popq %r15\n    popq %r14\n    popq %r13\n"
    "    popq %r12\n    popq %rbx\n    popq %rbp\n"
    "    ret\n"
    ".size ll_fiber_switch, . - ll_fiber_switch\n");

/* `enter` begins as if it had been called; it must not return. `stack` lies on 16 bytes. */
static inline void fiber_prepare(fiber_context *context, char *stack, size_t bytes, void (*enter)())
{
    enum { REGISTERS = 6, WORDS = 8 };
    void **const top = reinterpret_cast<void **>(stack + bytes) - WORDS;
    for (int i = 0; i < WORDS; i++)
        top[i] = nullptr;
    top[REGISTERS] = reinterpret_cast<void *>(enter);
    context->top = top;
}

static inline void fiber_switch(fiber_context *from, fiber_context *to)
{
    ll_fiber_switch(&from->top, to->top);
}
#else
#include <ucontext.h>
typedef ucontext_t fiber_context;

static inline void fiber_prepare(fiber_context *context, char *stack, size_t bytes, void (*enter)())
{
    getcontext(context);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = bytes;
    makecontext(context, enter, 0);
}

static inline void fiber_switch(fiber_context *from, fiber_context *to)
{
    swapcontext(from, to);
}
#endif
#endif
