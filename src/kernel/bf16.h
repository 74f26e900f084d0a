/* kernel/bf16.h - products of BF16 weights with activations rounded to bf16: class T.
 *
 * Used instead of float_mul[QN_BF16] where the CPU multiplies pairs of bf16, for any number of
 * rows, so that a result depends on nothing but the level. The numbers are defined by
 * docs/adr/009-bf16-products.md. */
#pragma once

#include "base/types.h"

enum {
    QN_BF16_MOST_ROWS = 512,    /* at once */
    QN_BF16_PANEL_OUTPUTS = 32, /* of avx512bf16 */
};

/* Bytes of one lane of a panel: its pairs of each 32 values, and a line, so that lanes do not lie
 * whole pages apart. */
static inline size_t qn_bf16_lane_bytes(size_t n_in)
{
    return ((n_in + 31) / 32 + 1) * QN_BF16_PANEL_OUTPUTS * sizeof(uint32_t);
}

/* Bytes of n_rows rows of n_in activations, whichever order a level keeps them in: whole groups of
 * 16 rows and 512 values, filled with zeros, a line for each of 16 lanes, and room for a panel of
 * weights. */
static inline size_t qn_bf16_rows_bytes(size_t n_in, size_t n_rows)
{
    return (n_rows + 15) / 16 * 16 * ((n_in + 511) / 512 * 512) * sizeof(uint16_t) + 16 * 64 +
           16 * qn_bf16_lane_bytes(n_in);
}
