/* kernel/packed.avx512.c - products with packed weights with AVX-512. */
#include "kernel/packed.avx2.h"

void qn_packed_expand_avx512(qn_encoding e, qn_panel *p, size_t n_k, const uint8_t *w,
                             const uint8_t *next)
{
    packed_expand(e, p, n_k, w, next);
}

void qn_packed_mul_avx512(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                          const void *act, void *memory, float *y, size_t y_stride)
{
    packed_mul(e, n_in, n_out, w, n_rows, act, memory, y, y_stride);
}
