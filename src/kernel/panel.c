/* kernel/panel.c - the reference: these lines define the bits of every quantized product. */
#include "kernel/panel.h"
#include "kernel/kernels.h"

#include <math.h>

/* One scale's worth of K: the exact integer sum, then one rounding of dw * d and one of the sum. */
static float add_group(float acc, qn_shape shape, const qn_panel *p, size_t g, size_t o,
                       const qn_act *x, size_t x_begin)
{
    int32_t isum = 0;
    for (size_t k = g * shape.n_group; k < (g + 1) * shape.n_group; k++)
        isum += (p->q[k / 4][o][k % 4] - shape.offset) * x->q[x_begin + k];
    size_t x_group = (x_begin + g * shape.n_group) / 32;
    acc = fmaf((float)isum, p->dw[g][o] * x->d[x_group], acc);
    return shape.has_min ? fmaf(p->dm[g][o], x->s[x_group], acc) : acc;
}

void qn_panel_mul(qn_shape shape, size_t n_k, size_t n_panels, const qn_panel *p, size_t n_rows,
                  const qn_act *x, size_t x_stride, size_t x_begin, float *acc)
{
    for (size_t i = 0; i < n_rows * n_panels * 16; i++) {
        size_t r = i / (n_panels * 16), panel = i / 16 % n_panels;
        const qn_act *row = (const void *)((const uint8_t *)x + r * x_stride);
        for (size_t g = 0; g < n_k / shape.n_group; g++)
            acc[i] = add_group(acc[i], shape, &p[panel], g, i % 16, row, x_begin);
    }
}

/* One product, exact, and where there is a minimum one rounding of the sum. */
void qn_panel_decode(qn_shape shape, size_t n_k, const qn_panel *p, size_t n, float *out,
                     size_t stride)
{
    for (size_t o = 0; o < n; o++)
        for (size_t k = 0; k < n_k; k++) {
            int q = p->q[k / 4][o][k % 4] - shape.offset;
            float dw = p->dw[k / shape.n_group][o];
            out[o * stride + k] =
                shape.has_min ? fmaf(dw, (float)q, p->dm[k / 32][o]) : dw * (float)q;
        }
}
