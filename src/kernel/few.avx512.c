/* kernel/few.avx512.c - products of three or four rows with AVX-512. */
#include "kernel/few.avx2.h"

void qn_few_avx512(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                   const void *act, void *memory, float *y, size_t y_stride)
{
    few(e, n_in, n_out, w, n_rows, act, memory, y, y_stride);
}
