/* kernel/float.c - the reference: these lines define the bits of products with float weights.
 *
 * Sixteen sums, lane l taking the values k = l (mod 16) in ascending order, each by one fma; then
 * the sums are added 8 apart, 4 apart, 2 apart, 1 apart. Lanes beyond n_in add zero. */
#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <math.h>

typedef float load_weight(const uint8_t *bytes, size_t k);

static float load_f32(const uint8_t *bytes, size_t k)
{
    return qn_float_of_bits(qn_load_u32(bytes + 4 * k));
}

static float load_f16(const uint8_t *bytes, size_t k)
{
    return qn_f16(qn_load_u16(bytes + 2 * k));
}

static float load_bf16(const uint8_t *bytes, size_t k)
{
    return qn_bf16(qn_load_u16(bytes + 2 * k));
}

static inline float dot(size_t n_in, const uint8_t *w, const float *x, load_weight *load)
{
    float sum[16] = {0};
    for (size_t k = 0; k < (n_in + 15) / 16 * 16; k++)
        sum[k % 16] = k < n_in ? fmaf(load(w, k), x[k], sum[k % 16]) : fmaf(0, 0, sum[k % 16]);
    for (size_t apart = 8; apart > 0; apart /= 2)
        for (size_t l = 0; l < apart; l++)
            sum[l] += sum[l + apart];
    return sum[0];
}

static inline void mul(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                       size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                       load_weight *load)
{
    for (size_t r = 0; r < n_rows; r++)
        for (size_t o = 0; o < n_outputs; o++)
            y[r * y_stride + o] = dot(n_in, w + o * w_stride, x + r * x_stride, load);
}

void qn_f32_mul(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride, size_t n_rows,
                const float *x, size_t x_stride, float *y, size_t y_stride, void *sums)
{
    (void)sums;
    mul(n_in, n_outputs, w, w_stride, n_rows, x, x_stride, y, y_stride, load_f32);
}

void qn_f16_mul(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride, size_t n_rows,
                const float *x, size_t x_stride, float *y, size_t y_stride, void *sums)
{
    (void)sums;
    mul(n_in, n_outputs, w, w_stride, n_rows, x, x_stride, y, y_stride, load_f16);
}

void qn_bf16_mul(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride, size_t n_rows,
                 const float *x, size_t x_stride, float *y, size_t y_stride, void *sums)
{
    (void)sums;
    mul(n_in, n_outputs, w, w_stride, n_rows, x, x_stride, y, y_stride, load_bf16);
}

void qn_f32_decode(size_t n, const uint8_t *bytes, float *out)
{
    memcpy(out, bytes, n * sizeof *out);
}

void qn_f16_decode(size_t n, const uint8_t *bytes, float *out)
{
    for (size_t k = 0; k < n; k++)
        out[k] = load_f16(bytes, k);
}

void qn_bf16_decode(size_t n, const uint8_t *bytes, float *out)
{
    for (size_t k = 0; k < n; k++)
        out[k] = load_bf16(bytes, k);
}
