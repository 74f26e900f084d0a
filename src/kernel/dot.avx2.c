/* kernel/dot.avx2.c - products of one row with AVX2. */
#include "kernel/dot.avx2.h"

void qn_dot_avx2(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, const qn_act *act,
                 qn_dot_scratch scratch, float *y)
{
    dot(e, n_in, n_out, w, act, scratch, y);
}
