/* kernels/warp_reduce.cuh - the fixed sum of 64, by a warp. Device code only.
 *
 * normalize.h, rescore.h and halve.h define sums as 64 partial sums and a tree. A lane holds
 * partial sums `lane` and `lane + 32`: step 32 of the tree is its own, the others are shuffles. An
 * addition gives the same bits either way round, so every lane ends with the sum. */
#pragma once
#include "kernels/launch.cuh"

static __device__ __forceinline__ double ll_warp_tree(double low, double high)
{
    double sum = low + high;
#pragma unroll
    for (int step = 16; step > 0; step /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    return sum;
}
