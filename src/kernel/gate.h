/* kernel/gate.h - activations, gates and the other operations that take one value at a time.
 *
 * Definition, act(x): silu x / (1 + exp(-x)); gelu_tanh x / (1 + exp(-2 t)) with t = x * fma(x * x,
 * 0.044715 sqrt(2/pi), sqrt(2/pi)), the same function as with tanh but without its cancellation;
 * gelu_erf fma(x / 2, erf(x * sqrt(1/2)), x / 2). Each operation rounded once. */
#pragma once

#include "base/types.h"

typedef enum qn_gate_kind {
    QN_GATE_SILU,
    QN_GATE_GELU_TANH,
    QN_GATE_GELU_ERF,
} qn_gate_kind;

/* All: y may be the same as an input, else must not overlap it. Cannot fail; any n, also 0. */

/* y[i] = act(g[i]) * u[i]; u may be NULL for act alone. */
void qn_gate(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u);

void qn_vec_add(size_t n, float *y, const float *a, const float *b); /* y = a + b */
void qn_vec_scale(size_t n, float *y, const float *x, float factor); /* y = x * factor */

/* y[i] = fma(x[i], factor, y[i]) */
void qn_vec_add_scaled(size_t n, float *y, const float *x, float factor);

/* y[i] = cap * tanh(x[i] / cap), cap > 0 */
void qn_vec_softcap(size_t n, float *y, const float *x, float cap);
