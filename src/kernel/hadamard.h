/* kernel/hadamard.h - the normalised Hadamard transform, which spreads each value over a block.
 *
 * Definition: for h = 1, 2, 4 .. n_block / 2 each pair (a, b) of values i and i + h, i without the
 * bit h, becomes (a + b, a - b), each rounded once; then each value is multiplied by
 * 1 / sqrt(n_block), rounded as f32. It is its own inverse and keeps products of two vectors, both
 * but for rounding; outliers are shared out, so that few bits hold a vector better. */
#pragma once

#include "base/types.h"

/* The largest power of two that divides dim, at most 256: the block of a head. */
static inline size_t qn_hadamard_block(size_t dim)
{
    return dim % 256 == 0 ? 256 : dim & -dim;
}

/* Transforms each n_block (a power of two) of n values in place. */
void qn_hadamard(size_t n, size_t n_block, float *x);
