/* kernel/act.h - activations as 8-bit integers, the left side of every quantized product.
 *
 * Invariant: value i of a group of 32 is d * q[i], |q[i]| <= 127; sum is the sum of q over the 32,
 * sum16 over each 16. A row is whole blocks of 256, the last filled with zeros. The numbers are
 * defined by docs/adr/001-numbers.md. */
#pragma once

#include "base/types.h"

/* A group whose magnitudes are all below this is all zeros: its scale would be no normal float. */
#define QN_ACT_LEAST 0x1p-100f

typedef struct qn_act {
    int8_t q[256];
    float d[8], sum[8];
    int16_t sum16[16];
} qn_act;

/* Bytes of one row of n_in values: a multiple of 64. */
static inline size_t qn_act_bytes(size_t n_in)
{
    return ((n_in + 255) / 256 * sizeof(qn_act) + 63) / 64 * 64;
}

/* Groups of a span of n_in values: their terms are added up before they meet those of others. */
static inline size_t qn_act_span(size_t n_in)
{
    return n_in % 128 == 0 ? 4 : n_in % 64 == 0 ? 2 : 1;
}
