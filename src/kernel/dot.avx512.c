/* kernel/dot.avx512.c - products of one or two rows with AVX-512. */
#include "kernel/dot.avx2.h"

void qn_dot_avx512(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                   qn_dot_scratch s, float *y, size_t y_stride)
{
    dot(e, n_in, n_out, w, n_rows, s, y, y_stride);
}
