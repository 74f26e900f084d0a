/* kernel/panel.avx512vnni.c - what is left for each row, 16 outputs and 32 of K is 8 vpdpbusd, a
 * conversion, a multiplication and one or two fma. */
#include "kernel/panel512.h"

QN_INLINE void add_products(size_t n_rows, size_t n_panels, qn_tile t, size_t n_bits, size_t step,
                            size_t n_steps, __m512i sum[6][2])
{
    (void)n_bits;
    QN_UNROLL(8)
    for (size_t q = step; q < step + n_steps; q++) {
        __m512i w[2];
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            w[i] = _mm512_load_si512(t.p[i].q[q]);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            sum[r][i] = _mm512_dpbusd_epi32(sum[r][i], w[i], qn_tile_x4(t, r, q));
    }
}

QN_INLINE void mul(qn_shape shape, size_t n_k, size_t n_panels, qn_tile t, size_t n_rows, float *y)
{
    if (n_panels == 2)
        qn_tile_rows(2, shape, t, n_k, n_rows, y, add_products);
    else
        qn_tile_rows(1, shape, t, n_k, n_rows, y, add_products);
}

void qn_panel_mul_avx512vnni(qn_shape shape, size_t n_k, size_t n_panels, const qn_panel *p,
                             size_t n_rows, const qn_act *x, size_t x_stride, float *acc)
{
    qn_tile t = {p, (const void *)x, x_stride};
    if (shape.has_min)
        mul((qn_shape){.n_group = 32, .has_min = true}, n_k, n_panels, t, n_rows, acc);
    else if (shape.n_group == 32)
        mul((qn_shape){.n_group = 32, .offset = shape.offset}, n_k, n_panels, t, n_rows, acc);
    else
        mul((qn_shape){.n_group = 16, .offset = shape.offset}, n_k, n_panels, t, n_rows, acc);
}
