/* kernel/panel.avx2.c - the product of panels with multiply-add of bytes. */
#include "kernel/panel.avx2.h"

void qn_panel_mul_avx2(qn_shape shape, size_t span, size_t n_k, size_t n_panels, const qn_panel *p,
                       size_t n_rows, const qn_act *x, size_t x_stride, size_t x_begin,
                       qn_panel_sums sums)
{
    panel_mul(shape, n_k, n_panels, n_rows,
              (tile){p, (const uint8_t *)x, span, x_stride, x_begin, sums});
}
