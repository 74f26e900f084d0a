/* kernel/math.h - exp, sin, cos, tanh and erf of one f32, log of one f64: the definition.
 *
 * Invariant: math.c spells out each operation (fmaf where it is written, nothing contracted), so
 * lanes of any width that do the same give the same bits on every machine; libm's would not.
 * The polynomials are minimax fits (Remez) made for this file, their bounds are held by
 * tests/kernel/math.c: exp 1 ulp over all floats, tanh 2, erf 2, sin and cos 0.501. */
#pragma once

#include "base/types.h"

/* 0 below -103.97, infinity above 88.72, subnormal results rounded once; NaN for NaN. */
float qn_exp(float x);

/* Both to half an ulp for |x| <= 2^50, by reduction in f64; NaN beyond, and for NaN. */
void qn_sincos(float x, float *sin_x, float *cos_x);

float qn_tanh(float x);
float qn_erf(float x);

/* Natural logarithm; -infinity for 0, NaN below. Within 2 ulp of f64. */
double qn_log(double x);
