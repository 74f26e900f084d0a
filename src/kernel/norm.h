/* kernel/norm.h - root mean square norm of one row.
 *
 * Definition: s = sum of x[i]^2 in 16 lanes (lane i % 16, ascending, fma), folded 8+8, 4+4, 2+2,
 * 1+1; scale = 1 / sqrt(s / n + eps), each operation rounded once; y[i] = (x[i] * scale) *
 * weight[i]. */
#pragma once

#include "base/types.h"

/* weight may be NULL (all ones), y may be x. Cannot fail; safe from many threads. */
void qn_rms_norm(size_t n, float *y, const float *x, const float *weight, float eps);
