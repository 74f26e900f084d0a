/* kernel/dot.avxvnni.c - products of one or two rows with VNNI on 256 bits. */
#include "kernel/dot.avx2.h"

void qn_dot_avxvnni(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                    qn_dot_scratch s, float *y, size_t y_stride)
{
    dot(e, n_in, n_out, w, n_rows, s, y, y_stride);
}
