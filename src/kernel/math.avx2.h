/* kernel/math.avx2.h - math.c on 16 lanes: the same operations in the same order. */
#pragma once

#include "kernel/lanes.avx2.h"
#include "kernel/math_constants.h"

/* qn_exp for x <= 0 or NaN. */
LANES_INLINE lanes lanes_exp_below_0(lanes x)
{
    x = lanes_max(lanes_set(QN_EXP_LEAST), x);
    lanes t = lanes_fma(x, lanes_set(QN_LOG2_E), lanes_set(QN_ROUND_F32));
    lanes n = lanes_sub(t, lanes_set(QN_ROUND_F32));
    lanes r = lanes_fnma(n, lanes_set(QN_LN2_HIGH), x);
    r = lanes_fnma(n, lanes_set(QN_LN2_LOW), r);
    lanes p = lanes_set(QN_EXP_6);
    p = lanes_fma(p, r, lanes_set(QN_EXP_5));
    p = lanes_fma(p, r, lanes_set(QN_EXP_4));
    p = lanes_fma(p, r, lanes_set(QN_EXP_3));
    p = lanes_fma(p, r, lanes_set(QN_EXP_2));
    p = lanes_fma(p, r, lanes_set(1.0f));
    p = lanes_fma(p, r, lanes_set(1.0f));
    return lanes_scale(p, n, t);
}

LANES_INLINE lanes lanes_exp(lanes x)
{
    return lanes_exp_below_0(lanes_min(lanes_set(QN_EXP_MOST), x));
}

LANES_INLINE lanes lanes_tanh(lanes x)
{
    lanes a = lanes_abs(x), z = lanes_mul(a, a), p = lanes_set(QN_TANH_11), one = lanes_set(1.0f);
    p = lanes_fma(p, z, lanes_set(QN_TANH_9));
    p = lanes_fma(p, z, lanes_set(QN_TANH_7));
    p = lanes_fma(p, z, lanes_set(QN_TANH_5));
    p = lanes_fma(p, z, lanes_set(QN_TANH_3));
    lanes small = lanes_fma(lanes_mul(a, z), p, a);
    lanes e = lanes_exp(lanes_mul(lanes_set(2.0f), a));
    lanes large = lanes_sub(one, lanes_div(lanes_set(2.0f), lanes_add(e, one)));
    return lanes_sign(lanes_select(lanes_less(a, lanes_set(QN_TANH_SMALL)), small, large), x);
}

LANES_INLINE lanes lanes_erf_small(lanes a)
{
    lanes z = lanes_mul(a, a), p = lanes_set(QN_ERF_13);
    p = lanes_fma(p, z, lanes_set(QN_ERF_11));
    p = lanes_fma(p, z, lanes_set(QN_ERF_9));
    p = lanes_fma(p, z, lanes_set(QN_ERF_7));
    p = lanes_fma(p, z, lanes_set(QN_ERF_5));
    p = lanes_fma(p, z, lanes_set(QN_ERF_3));
    p = lanes_fma(p, z, lanes_set(QN_ERF_1));
    return lanes_fma(a, p, a);
}

LANES_INLINE lanes lanes_erf_large(lanes a)
{
    lanes b = lanes_min(lanes_set(QN_ERF_MOST), a), p = lanes_set(QN_ERFC_7);
    p = lanes_fma(p, b, lanes_set(QN_ERFC_6));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_5));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_4));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_3));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_2));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_1));
    p = lanes_fma(p, b, lanes_set(QN_ERFC_0));
    return lanes_sub(lanes_set(1.0f), lanes_exp_below_0(p));
}

LANES_INLINE lanes lanes_erf(lanes x)
{
    lanes a = lanes_abs(x);
    lanes_mask small = lanes_less(a, lanes_set(QN_ERF_SMALL));
    return lanes_sign(lanes_select(small, lanes_erf_small(a), lanes_erf_large(a)), x);
}
