/* kernel/float.avx2.c - products with float weights, two ymm for the 16 lanes. */
#include "kernel/float.avx2.h"

void qn_f32_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                     void *sums)
{
    float_mul(
        F32, n_outputs, n_rows,
        (operands){n_in, w, w_stride, (const void *)x, x_stride * sizeof *x, y, y_stride, sums});
}

void qn_f16_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                     void *sums)
{
    float_mul(
        F16, n_outputs, n_rows,
        (operands){n_in, w, w_stride, (const void *)x, x_stride * sizeof *x, y, y_stride, sums});
}

void qn_bf16_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                      size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                      void *sums)
{
    float_mul(
        BF16, n_outputs, n_rows,
        (operands){n_in, w, w_stride, (const void *)x, x_stride * sizeof *x, y, y_stride, sums});
}

void qn_f32_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(F32, n, bytes, out);
}

void qn_f16_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(F16, n, bytes, out);
}

void qn_bf16_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(BF16, n, bytes, out);
}
