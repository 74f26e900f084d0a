/* kernel/bf16.avx512bf16.c - BF16 weights times bf16 activations with VDPBF16PS.
 *
 * Lane l of 16 sums the pairs of values 2 l and 2 l + 1 of each 32, then the lanes are folded. */
#include "kernel/bf16.avx512bf16.h"
#include "kernel/float.avx2.h"

void qn_bf16_take_avx512bf16(size_t n_in, size_t n_rows, const float *x, size_t x_stride,
                             void *rows)
{
    uint16_t *to = rows;
    for (size_t r = 0; r < n_rows; r++, x += x_stride, to += round_up(n_in))
        for (size_t k = 0; k < n_in; k += 32)
            _mm512_storeu_si512(to + k, round_n(x + k, QN_MIN(n_in - k, (size_t)32)));
}

void qn_bf16_mul_avx512bf16(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                            size_t n_rows, const void *rows, float *y, size_t y_stride, void *sums)
{
    float_mul(BF16_PAIRS, n_outputs, n_rows,
              (operands){n_in, w, w_stride, rows, 2 * round_up(n_in), y, y_stride, sums});
}
