/* base/checked.h - arithmetic on sizes from outside: false when the result does not fit. */
#pragma once

#include "base/types.h"

static inline bool qn_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool qn_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool qn_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool qn_mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* n rounded up to a multiple of unit, a power of two. */
static inline bool qn_round_up(size_t n, size_t unit, size_t *rounded)
{
    return qn_add(n, unit - 1, rounded) && ((*rounded &= ~(unit - 1)), true);
}
