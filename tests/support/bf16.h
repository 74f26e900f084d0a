/* tests/support/bf16.h - the arithmetic of VDPBF16PS and TDPBF16PS in plain C (ADR 009). */
#pragma once

#include "kernel/f16.h"

#include <math.h>

static inline float qn_test_flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

/* To bf16, ties to even; subnormals are zeros, a NaN becomes quiet. */
static inline float qn_test_to_bf16(float x)
{
    uint32_t bits = qn_bits_of_float(qn_test_flush(x));
    if (isnan(x))
        return qn_float_of_bits((bits & 0xffff0000) | 0x400000);
    return qn_float_of_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

/* sum + a * b, b rounded to bf16; a is one. */
static inline float qn_test_add_product(float sum, float a, float b)
{
    return qn_test_flush(fmaf(qn_test_flush(a), qn_test_to_bf16(b), sum));
}
