/* datasets/dice.h - random numbers that depend on (seed, what for, which one) and nothing else.
 *
 * Every picture rolls its own dice, so item i is the same in a run of 400 and of 100 000, on any
 * number of threads. */
#ifndef LL_DATASETS_DICE_H
#define LL_DATASETS_DICE_H

#include "host/base/random.h"

#include <stdint.h>

typedef struct ll_dice {
    uint64_t state;
} ll_dice;

/** Dice for number `number` of purpose `purpose`; two purposes never share a throw. */
static inline ll_dice ll_dice_for(uint64_t seed, uint64_t purpose, uint64_t number)
{
    const uint64_t mixed = ll_random_word(seed, purpose);
    return (ll_dice){ll_random_mix(mixed ^ (number * 0xD1342543DE82EF95u + 1))};
}

static inline uint64_t ll_dice_bits(ll_dice *dice)
{
    return ll_random_next(&dice->state);
}

/** Uniform in [low, high). */
static inline double ll_dice_real(ll_dice *dice, double low, double high)
{
    return low + (high - low) * (double)(ll_dice_bits(dice) >> 11) * 0x1p-53;
}

/** One of 0 .. sides - 1; the bias of the remainder is below 2^-50 for any `sides` used here. */
static inline int ll_dice_int(ll_dice *dice, int sides)
{
    return (int)(ll_dice_bits(dice) % (uint64_t)sides);
}

#endif
