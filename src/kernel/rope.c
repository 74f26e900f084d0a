/* kernel/rope.c - the reference: these lines define the bits of a rotation. */
#include "kernel/rope.h"

#include "kernel/math.h"

#include <assert.h>
#include <math.h>

void qn_rope_angles(size_t n_pairs, float *cos_a, float *sin_a, const float *inv_freq,
                    uint32_t position, float magnitude)
{
    for (size_t i = 0; i < n_pairs; i++) {
        qn_sincos((float)position * inv_freq[i], &sin_a[i], &cos_a[i]);
        cos_a[i] *= magnitude;
        sin_a[i] *= magnitude;
    }
}

void qn_rope(size_t n_heads, size_t stride, float *x, size_t n_rot, const float *cos_a,
             const float *sin_a, qn_rope_pairs pairs)
{
    assert(n_rot % 2 == 0);
    size_t step = pairs == QN_ROPE_ADJACENT ? 2 : 1;
    size_t apart = pairs == QN_ROPE_ADJACENT ? 1 : n_rot / 2;
    for (size_t h = 0; h < n_heads; h++, x += stride) {
        for (size_t i = 0; i < n_rot / 2; i++) {
            float *a = &x[i * step], *b = a + apart, old = *a;
            *a = fmaf(old, cos_a[i], -(*b * sin_a[i]));
            *b = fmaf(*b, cos_a[i], old * sin_a[i]);
        }
    }
}
