/* kernel/bf16.h - products of BF16 weights with activations rounded to bf16: class T.
 *
 * Used instead of float_mul[QN_BF16] where the CPU multiplies pairs of bf16, for any number of
 * rows, so that a result depends on nothing but the level. The numbers are defined by
 * docs/adr/009-bf16-products.md. */
#pragma once

#include "base/types.h"

/* Bytes of n_rows rows of n_in activations, whichever order a level keeps them in: whole groups of
 * 16 rows and 32 values, filled with zeros. */
static inline size_t qn_bf16_rows_bytes(size_t n_in, size_t n_rows)
{
    return (n_rows + 15) / 16 * 16 * ((n_in + 31) / 32 * 32) * sizeof(uint16_t);
}
