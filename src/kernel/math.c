/* kernel/math.c - the reference: these lines define the bits of every transcendental. */
#include "kernel/math.h"

#include "kernel/f16.h"
#include "kernel/math_constants.h"

#include <math.h>

/* 2^n for -126 <= n <= 127. */
static float power_of_2(int32_t n)
{
    return qn_float_of_bits((uint32_t)(n + 127) << 23);
}

float qn_exp(float x)
{
    x = QN_EXP_LEAST > x ? QN_EXP_LEAST : x; /* NaN passes both */
    x = QN_EXP_MOST < x ? QN_EXP_MOST : x;
    float t = fmaf(x, QN_LOG2_E, QN_ROUND_F32), n = t - QN_ROUND_F32;
    float r = fmaf(n, -QN_LN2_HIGH, x);
    r = fmaf(n, -QN_LN2_LOW, r);
    float p = QN_EXP_6;
    p = fmaf(p, r, QN_EXP_5);
    p = fmaf(p, r, QN_EXP_4);
    p = fmaf(p, r, QN_EXP_3);
    p = fmaf(p, r, QN_EXP_2);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    if (p != p)
        return p;
    int32_t k = (int32_t)(qn_bits_of_float(t) - qn_bits_of_float(QN_ROUND_F32)), half = k >> 1;
    return p * power_of_2(half) * power_of_2(k - half); /* the first is exact */
}

void qn_sincos(float x, float *sin_x, float *cos_x)
{
    double a = fabsf(x) <= 0x1p50f ? x : (double)NAN;
    double k = fma(a, QN_2_PI, QN_ROUND_F64), n = k - QN_ROUND_F64;
    double r = fma(n, -QN_PI_2_HIGH, a);
    r = fma(n, -QN_PI_2_LOW, r);
    double z = r * r, p = QN_SIN_9, q = QN_COS_10;
    p = fma(p, z, QN_SIN_7);
    p = fma(p, z, QN_SIN_5);
    p = fma(p, z, QN_SIN_3);
    q = fma(q, z, QN_COS_8);
    q = fma(q, z, QN_COS_6);
    q = fma(q, z, QN_COS_4);
    float s = (float)fma(r * z, p, r), c = (float)fma(z * z, q, fma(z, -0.5, 1.0));
    uint64_t turn; /* quarter turns, in the low bits */
    memcpy(&turn, &k, sizeof turn);
    float sine = turn & 1 ? c : s, cosine = turn & 1 ? s : c;
    *sin_x = turn & 2 ? -sine : sine;
    *cos_x = (turn + 1) & 2 ? -cosine : cosine;
}

float qn_tanh(float x)
{
    float a = fabsf(x), z = a * a, p = QN_TANH_11;
    p = fmaf(p, z, QN_TANH_9);
    p = fmaf(p, z, QN_TANH_7);
    p = fmaf(p, z, QN_TANH_5);
    p = fmaf(p, z, QN_TANH_3);
    float small = fmaf(a * z, p, a), large = 1.0f - 2.0f / (qn_exp(2.0f * a) + 1.0f);
    return copysignf(a < QN_TANH_SMALL ? small : large, x);
}

static float erf_small(float a)
{
    float z = a * a, p = QN_ERF_13;
    p = fmaf(p, z, QN_ERF_11);
    p = fmaf(p, z, QN_ERF_9);
    p = fmaf(p, z, QN_ERF_7);
    p = fmaf(p, z, QN_ERF_5);
    p = fmaf(p, z, QN_ERF_3);
    p = fmaf(p, z, QN_ERF_1);
    return fmaf(a, p, a);
}

/* 1 - exp(log(erfc(a))), the logarithm as a polynomial; at 4 and above it rounds to 1. */
static float erf_large(float a)
{
    float b = QN_ERF_MOST < a ? QN_ERF_MOST : a, p = QN_ERFC_7;
    p = fmaf(p, b, QN_ERFC_6);
    p = fmaf(p, b, QN_ERFC_5);
    p = fmaf(p, b, QN_ERFC_4);
    p = fmaf(p, b, QN_ERFC_3);
    p = fmaf(p, b, QN_ERFC_2);
    p = fmaf(p, b, QN_ERFC_1);
    p = fmaf(p, b, QN_ERFC_0);
    return 1.0f - qn_exp(p);
}

float qn_erf(float x)
{
    float a = fabsf(x);
    return copysignf(a < QN_ERF_SMALL ? erf_small(a) : erf_large(a), x);
}

/* log(x) for a positive normal x: x = 2^e * m, m around 1; log(m) = 2 atanh((m - 1) / (m + 1)). */
static double log_normal(double x, int64_t e)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t up = (bits & QN_LOG_MANTISSA) > QN_LOG_SQRT_2; /* m in (sqrt(1/2), sqrt(2)] */
    e += (int64_t)(bits >> 52) - 1023 + up;
    bits = (bits & QN_LOG_MANTISSA) | (uint64_t)(1023 - up) << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    double s = (m - 1.0) / (m + 1.0), z = s * s, p = QN_LOG_17;
    p = fma(p, z, QN_LOG_15);
    p = fma(p, z, QN_LOG_13);
    p = fma(p, z, QN_LOG_11);
    p = fma(p, z, QN_LOG_9);
    p = fma(p, z, QN_LOG_7);
    p = fma(p, z, QN_LOG_5);
    p = fma(p, z, QN_LOG_3);
    double tail = fma((double)e, QN_LN2_LOW_F64, s * z * p);
    return fma((double)e, QN_LN2_HIGH_F64, fma(2.0, s, tail));
}

double qn_log(double x)
{
    if (x == 0)
        return (double)-INFINITY;
    if (!(x > 0))
        return (double)NAN;
    if (x > DBL_MAX)
        return x;
    return x < DBL_MIN ? log_normal(x * 0x1p54, -54) : log_normal(x, 0);
}
