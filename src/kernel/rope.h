/* kernel/rope.h - rotary positions: the angles of a position, and the rotation of head vectors.
 *
 * Definition: angle i = (float)position * inv_freq[i], rounded once; cos and sin by qn_sincos, each
 * times magnitude. A pair (a, b) becomes (fma(a, c, -(b * s)), fma(b, c, a * s)). */
#pragma once

#include "base/types.h"

typedef enum qn_rope_pairs {
    QN_ROPE_HALVES,   /* (i, i + n_rot / 2): Hugging Face, "neox" */
    QN_ROPE_ADJACENT, /* (2 i, 2 i + 1): the original */
} qn_rope_pairs;

/* cos_a[i] and sin_a[i] for n_pairs inverse frequencies; magnitude is 1 but for YaRN and longrope.
 */
void qn_rope_angles(size_t n_pairs, float *cos_a, float *sin_a, const float *inv_freq,
                    uint32_t position, float magnitude);

/* Rotates the first n_rot values (even, 0 allowed) of n_heads vectors in place; head h starts at
 * x[h * stride]. The values behind n_rot stay. cos_a and sin_a hold n_rot / 2 values. */
void qn_rope(size_t n_heads, size_t stride, float *x, size_t n_rot, const float *cos_a,
             const float *sin_a, qn_rope_pairs pairs);
