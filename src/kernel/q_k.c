/* kernel/q_k.c - the references of Q4_K, Q5_K and Q6_K: blocks of 256 values. */
#include "kernel/blocks.h"
#include "kernel/f16.h"
#include "kernel/kernels.h"
#include "kernel/panel.h"

static void put(qn_panel *p, size_t o, size_t k, int q)
{
    p->q[k / 4][o][k % 4] = (uint8_t)q;
}

/* Number g of the eight 6-bit scales, or with minimum = 4 of the eight minima. */
static int six(const uint8_t s[12], size_t g, size_t minimum)
{
    if (g < 4)
        return s[g + minimum] & 63;
    return (s[g + 4] >> minimum & 15) | s[g - 4 + minimum] >> 6 << 4;
}

static void put_scales(qn_panel *p, size_t o, const uint8_t d[2], const uint8_t dmin[2],
                       const uint8_t scales[12])
{
    for (size_t g = 0; g < 8; g++) { /* exact: 11 bits times 6 */
        p->dw[g][o] = qn_f16(qn_load_u16(d)) * (float)six(scales, g, 0);
        p->dm[g][o] = -qn_f16(qn_load_u16(dmin)) * (float)six(scales, g, 4);
    }
}

void qn_q4_k_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)n_k, (void)next; /* 256; a hint */
    for (size_t o = 0; o < 16; o++) {
        const qn_q4_k *b = (const void *)(w + o * stride);
        put_scales(p, o, b->d, b->dmin, b->scales);
        for (size_t k = 0; k < 256; k++)
            put(p, o, k, b->qs[k / 64 * 32 + k % 32] >> k / 32 % 2 * 4 & 15);
    }
}

void qn_q5_k_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)n_k, (void)next;
    for (size_t o = 0; o < 16; o++) {
        const qn_q5_k *b = (const void *)(w + o * stride);
        put_scales(p, o, b->d, b->dmin, b->scales);
        for (size_t k = 0; k < 256; k++)
            put(p, o, k,
                (b->qs[k / 64 * 32 + k % 32] >> k / 32 % 2 * 4 & 15) | (b->qh[k % 32] >> k / 32 & 1)
                                                                           << 4);
    }
}

void qn_q6_k_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)n_k, (void)next;
    for (size_t o = 0; o < 16; o++) {
        const qn_q6_k *b = (const void *)(w + o * stride);
        for (size_t g = 0; g < 16; g++) /* exact: 11 bits times 7 */
            p->dw[g][o] = qn_f16(qn_load_u16(b->d)) * (float)b->scales[g];
        for (size_t k = 0; k < 256; k++)
            put(p, o, k,
                (b->ql[k / 128 * 64 + k % 64] >> k / 64 % 2 * 4 & 15) |
                    (b->qh[k / 128 * 32 + k % 32] >> k / 32 % 4 * 2 & 3) << 4);
    }
}
