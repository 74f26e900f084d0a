/* kernel/math_constants.h - the numbers in math.c, shared with the variants that must repeat it.
 *
 * QN_<F>_<k> multiplies x^k in the polynomial of F. Fitted by Remez exchange in 40 digits, then
 * rounded; the comment gives the largest relative error of the fit before rounding. */
#pragma once

#include <float.h>

/* x + 1.5 * 2^23 (or 2^52) rounds x to an integer that then stands in the low bits. */
#define QN_ROUND_F32 0x1.8p23f
#define QN_ROUND_F64 0x1.8p52

/* exp(r) = 1 + r + r^2 (2..6), |r| <= ln(2) / 2: 2^-28.3 */
#define QN_EXP_LEAST -104.0f
#define QN_EXP_MOST 89.0f
#define QN_LOG2_E 0x1.715476p+0f
#define QN_LN2_HIGH 0x1.62e43p-1f
#define QN_LN2_LOW -0x1.05c61p-29f
#define QN_EXP_2 0x1.fffffcp-2f
#define QN_EXP_3 0x1.555492p-3f
#define QN_EXP_4 0x1.5558f2p-5f
#define QN_EXP_5 0x1.123a2p-7f
#define QN_EXP_6 0x1.6a23dp-10f

/* sin(r) = r + r^3 (3..9), cos(r) = 1 - r^2 / 2 + r^4 (4..10), |r| <= pi / 4: 2^-37.5, 2^-43 */
#define QN_2_PI 0x1.45f306dc9c883p-1
#define QN_PI_2_HIGH 0x1.921fb54442d18p+0
#define QN_PI_2_LOW 0x1.1a62633145c07p-54
#define QN_SIN_3 -0x1.5555554ca931cp-3
#define QN_SIN_5 0x1.11110889f67d3p-7
#define QN_SIN_7 -0x1.a00f9398d57dap-13
#define QN_SIN_9 0x1.6cd5ec3b6a6f3p-19
#define QN_COS_4 0x1.5555554f428fcp-5
#define QN_COS_6 -0x1.6c16b88bf43bep-10
#define QN_COS_8 0x1.a011178e35534p-16
#define QN_COS_10 -0x1.2429097421ad8p-22

/* tanh(a) = a + a^3 (3..11), a < 0.6: 2^-28.5 */
#define QN_TANH_SMALL 0.6f
#define QN_TANH_3 -0x1.55553ep-2f
#define QN_TANH_5 0x1.1109dcp-3f
#define QN_TANH_7 -0x1.b89edap-5f
#define QN_TANH_9 0x1.54e01cp-6f
#define QN_TANH_11 -0x1.830c08p-8f

/* erf(a) = a + a (1..13), a < 0.9: 2^-31.7; log(erfc(a)) = (0..7), 0.9 <= a <= 4: 2^-34 of erf */
#define QN_ERF_SMALL 0.9f
#define QN_ERF_MOST 4.0f
#define QN_ERF_1 0x1.06eba8p-3f /* less 1 */
#define QN_ERF_3 -0x1.812744p-2f
#define QN_ERF_5 0x1.ce2e54p-4f
#define QN_ERF_7 -0x1.b81524p-6f
#define QN_ERF_9 0x1.550a44p-8f
#define QN_ERF_11 -0x1.aca394p-11f
#define QN_ERF_13 0x1.6510c4p-14f
#define QN_ERFC_0 0x1.62d9dep-13f
#define QN_ERFC_1 -0x1.212628p+0f
#define QN_ERFC_2 -0x1.444d1ep-1f
#define QN_ERFC_3 -0x1.bb455p-4f
#define QN_ERFC_4 0x1.9aebc4p-6f
#define QN_ERFC_5 -0x1.106272p-8f
#define QN_ERFC_6 0x1.c45986p-12f
#define QN_ERFC_7 -0x1.5d7284p-16f

/* log(m) = 2 s + s^3 (3..17), s = (m - 1) / (m + 1), sqrt(1/2) < m <= sqrt(2): 2^-65.7 */
#define QN_LOG_MANTISSA UINT64_C(0x000fffffffffffff)
#define QN_LOG_SQRT_2 UINT64_C(0x0006a09e667f3bcd)
#define QN_LN2_HIGH_F64 0x1.62e42fefa39efp-1
#define QN_LN2_LOW_F64 0x1.abc9e3b39803fp-56
#define QN_LOG_3 0x1.5555555555555p-1
#define QN_LOG_5 0x1.9999999999e0ep-2
#define QN_LOG_7 0x1.249249242a0c8p-2
#define QN_LOG_9 0x1.c71c725a6acdap-3
#define QN_LOG_11 0x1.745cddc2ef3a0p-3
#define QN_LOG_13 0x1.3b20bf3de6633p-3
#define QN_LOG_15 0x1.0f5b0b31b7d04p-3
#define QN_LOG_17 0x1.0f72fa357e8a1p-3

/* gelu(x) = x / (1 + exp(-2 x (C1 + C3 x^2))): C1 = sqrt(2 / pi), C3 = 0.044715 C1 */
#define QN_GELU_1 0x1.988454p-1f
#define QN_GELU_3 0x1.2444f2p-5f
#define QN_SQRT_1_2 0x1.6a09e6p-1f
