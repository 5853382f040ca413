/* kernels/target_clones.h - one C function compiled for several vector widths; the loader picks.
 *
 * For loops whose result does not depend on the width, written so that the compiler vectorises
 * them. Not under ThreadSanitizer: it instruments the loader's choice too, which then crashes.
 * Floor 1. */
#ifndef LL_KERNELS_TARGET_CLONES_H
#define LL_KERNELS_TARGET_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define LL_TARGET_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define LL_TARGET_CLONES
#endif

#endif
