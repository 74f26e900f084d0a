/* kernel/bf16.avx512bf16.h - floats to bf16, 32 at a time. */
#pragma once

#include "kernel/bf16.h"
#include "kernel/lanes.avx2.h"

static inline size_t round_up(size_t n_in)
{
    return (n_in + 31) / 32 * 32;
}

/* The first n of 32 floats, zeros behind them. */
LANES_INLINE __m512i round_n(const float *x, size_t n)
{
    lanes low = n >= 16 ? lanes_load(x) : lanes_load_n(x, n);
    lanes high = n <= 16   ? lanes_set(0)
                 : n == 32 ? lanes_load(x + 16)
                           : lanes_load_n(x + 16, n - 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}
