/* kernel/float.avx2.c - products with float weights, two ymm for the 16 lanes. */
#include "kernel/float.avx2.h"

void qn_f32_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride)
{
    float_mul(n_outputs, n_rows, (operands){n_in, w, w_stride, x, x_stride, y, y_stride, 0}, 4,
              weights_f32);
}

void qn_f16_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride)
{
    float_mul(n_outputs, n_rows, (operands){n_in, w, w_stride, x, x_stride, y, y_stride, 0}, 2,
              weights_f16);
}

void qn_bf16_mul_avx2(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                      size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride)
{
    float_mul(n_outputs, n_rows, (operands){n_in, w, w_stride, x, x_stride, y, y_stride, 0}, 2,
              weights_bf16);
}

void qn_f32_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(n, bytes, out, 4, weights_f32);
}

void qn_f16_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(n, bytes, out, 2, weights_f16);
}

void qn_bf16_decode_avx2(size_t n, const uint8_t *bytes, float *out)
{
    float_decode(n, bytes, out, 2, weights_bf16);
}
