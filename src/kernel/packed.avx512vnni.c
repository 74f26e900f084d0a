/* kernel/packed.avx512vnni.c - products with packed weights with AVX-512 VNNI. */
#include "kernel/packed.avx2.h"

void qn_packed_mul_avx512vnni(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w,
                              size_t n_rows, const void *act, void *memory, float *y,
                              size_t y_stride)
{
    packed_mul(e, n_in, n_out, w, n_rows, act, memory, y, y_stride);
}
