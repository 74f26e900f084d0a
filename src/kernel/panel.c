/* kernel/panel.c - the reference: these lines define the bits of every quantized product. */
#include "kernel/panel.h"
#include "kernel/kernels.h"

#include <math.h>

const float qn_panel_zeros[2 * QN_PANEL_OUTPUTS];

/* The exact sum of n products from k on, as a float. */
static float sum_of(qn_shape shape, const qn_panel *p, size_t k, size_t n, size_t o,
                    const qn_act *x, size_t x_begin)
{
    int32_t sum = 0;
    for (size_t end = k + n; k < end; k++)
        sum += (p->q[k / 4][o][k % 4] - shape.offset) * x->q[x_begin + k];
    return (float)sum;
}

/* The term of a group of 32 without the activations' scale. */
static float term_of(qn_shape shape, const qn_panel *p, size_t g, size_t o, const qn_act *x,
                     size_t x_begin)
{
    size_t n = shape.n_group, scale = 32 / n * g;
    float t = sum_of(shape, p, 32 * g, n, o, x, x_begin) * p->dw[scale][o];
    if (n == 16)
        t = fmaf(sum_of(shape, p, 32 * g + 16, n, o, x, x_begin), p->dw[scale + 1][o], t);
    return shape.has_min ? fmaf(p->dm[g][o], x->sum[x_begin / 32 + g], t) : t;
}

/* The sum of span s of the panel's. */
static float sum_span(qn_shape shape, size_t span, const qn_panel *p, size_t s, size_t o,
                      const qn_act *x, size_t x_begin)
{
    float sum = 0;
    for (size_t g = s * span; g < (s + 1) * span; g++)
        sum = fmaf(term_of(shape, p, g, o, x, x_begin), x->d[x_begin / 32 + g], sum);
    return sum;
}

void qn_panel_mul(qn_shape shape, size_t span, size_t n_k, size_t n_panels, const qn_panel *p,
                  size_t n_rows, const qn_act *x, size_t x_stride, size_t x_begin,
                  qn_panel_sums sums)
{
    for (size_t i = 0; i < n_rows * n_panels * 16; i++) {
        size_t r = i / (n_panels * 16), o = i % (n_panels * 16);
        const qn_act *row = (const void *)((const uint8_t *)x + r * x_stride);
        float sum = sums.from[r * sums.from_stride + o];
        for (size_t s = 0; s < n_k / 32 / span; s++)
            sum += sum_span(shape, span, &p[o / 16], s, o % 16, row, x_begin);
        sums.to[r * sums.to_stride + o] = sum;
    }
}

/* One product, exact, and where there is a minimum one rounding of the sum. */
void qn_panel_decode(qn_shape shape, size_t n_k, const qn_panel *p, size_t o, size_t n, float *out,
                     size_t stride)
{
    for (size_t end = o + n; o < end; o++, out += stride)
        for (size_t k = 0; k < n_k; k++) {
            int q = p->q[k / 4][o][k % 4] - shape.offset;
            float dw = p->dw[k / shape.n_group][o];
            out[k] = shape.has_min ? fmaf(dw, (float)q, p->dm[k / 32][o]) : dw * (float)q;
        }
}
