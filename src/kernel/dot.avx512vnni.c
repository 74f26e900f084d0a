/* kernel/dot.avx512vnni.c - products of one row with VNNI on 512 bits. */
#include "kernel/dot.avx2.h"

void qn_dot_avx512vnni(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w,
                       const qn_act *act, qn_dot_scratch scratch, float *y)
{
    dot(e, n_in, n_out, w, act, scratch, y);
}
