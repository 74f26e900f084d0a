/* kernel/gate.c - the reference: these lines define the bits of an activation. */
#include "kernel/gate.h"

#include "kernel/math.h"
#include "kernel/math_constants.h"

#include <math.h>

static float silu(float x)
{
    return x / (1.0f + qn_exp(-x));
}

static float gelu_tanh(float x)
{
    float t = x * fmaf(x * x, QN_GELU_3, QN_GELU_1);
    return x / (1.0f + qn_exp(-2.0f * t));
}

static float gelu_erf(float x)
{
    float half = 0.5f * x;
    return fmaf(half, qn_erf(x * QN_SQRT_1_2), half);
}

static float act(qn_gate_kind kind, float x)
{
    switch (kind) {
    case QN_GATE_SILU: return silu(x);
    case QN_GATE_GELU_TANH: return gelu_tanh(x);
    case QN_GATE_GELU_ERF: return gelu_erf(x);
    }
    return x;
}

void qn_gate(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u)
{
    for (size_t i = 0; i < n; i++)
        y[i] = u ? act(kind, g[i]) * u[i] : act(kind, g[i]);
}

void qn_vec_add(size_t n, float *y, const float *a, const float *b)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

void qn_vec_scale(size_t n, float *y, const float *x, float factor)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

void qn_vec_add_scaled(size_t n, float *y, const float *x, float factor)
{
    for (size_t i = 0; i < n; i++)
        y[i] = fmaf(x[i], factor, y[i]);
}

void qn_vec_softcap(size_t n, float *y, const float *x, float cap)
{
    for (size_t i = 0; i < n; i++)
        y[i] = cap * qn_tanh(x[i] / cap);
}
