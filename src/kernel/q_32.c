/* kernel/q_32.c - the references of Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: blocks of 32 values. */
#include "kernel/blocks.h"
#include "kernel/f16.h"
#include "kernel/kernels.h"
#include "kernel/panel.h"

typedef void expand_block(qn_panel *p, size_t o, size_t g, const uint8_t *bytes);

static inline void expand_blocks(qn_panel *p, size_t n_k, size_t n_block_bytes, const uint8_t *w,
                                 size_t stride, expand_block *expand)
{
    for (size_t o = 0; o < 16; o++)
        for (size_t g = 0; g < n_k / 32; g++)
            expand(p, o, g, w + o * stride + g * n_block_bytes);
}

static void put(qn_panel *p, size_t o, size_t k, unsigned q)
{
    p->q[k / 4][o][k % 4] = (uint8_t)q;
}

static void put_nibbles(qn_panel *p, size_t o, size_t g, const uint8_t qs[16], uint32_t high)
{
    for (size_t i = 0; i < 16; i++) {
        put(p, o, 32 * g + i, (qs[i] & 15u) | (high >> i & 1) << 4);
        put(p, o, 32 * g + 16 + i, qs[i] >> 4 | (high >> (16 + i) & 1) << 4);
    }
}

static void q4_0(qn_panel *p, size_t o, size_t g, const uint8_t *bytes)
{
    const qn_q4_0 *b = (const void *)bytes;
    p->dw[g][o] = qn_f16(qn_load_u16(b->d));
    put_nibbles(p, o, g, b->qs, 0);
}

static void q4_1(qn_panel *p, size_t o, size_t g, const uint8_t *bytes)
{
    const qn_q4_1 *b = (const void *)bytes;
    p->dw[g][o] = qn_f16(qn_load_u16(b->d));
    p->dm[g][o] = qn_f16(qn_load_u16(b->m));
    put_nibbles(p, o, g, b->qs, 0);
}

static void q5_0(qn_panel *p, size_t o, size_t g, const uint8_t *bytes)
{
    const qn_q5_0 *b = (const void *)bytes;
    p->dw[g][o] = qn_f16(qn_load_u16(b->d));
    put_nibbles(p, o, g, b->qs, qn_load_u32(b->qh));
}

static void q5_1(qn_panel *p, size_t o, size_t g, const uint8_t *bytes)
{
    const qn_q5_1 *b = (const void *)bytes;
    p->dw[g][o] = qn_f16(qn_load_u16(b->d));
    p->dm[g][o] = qn_f16(qn_load_u16(b->m));
    put_nibbles(p, o, g, b->qs, qn_load_u32(b->qh));
}

static void q8_0(qn_panel *p, size_t o, size_t g, const uint8_t *bytes)
{
    const qn_q8_0 *b = (const void *)bytes;
    p->dw[g][o] = qn_f16(qn_load_u16(b->d));
    for (size_t i = 0; i < 32; i++)
        put(p, o, 32 * g + i, (unsigned)(b->q[i] + 128));
}

void qn_q4_0_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)next;
    expand_blocks(p, n_k, sizeof(qn_q4_0), w, stride, q4_0);
}

void qn_q4_1_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)next;
    expand_blocks(p, n_k, sizeof(qn_q4_1), w, stride, q4_1);
}

void qn_q5_0_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)next;
    expand_blocks(p, n_k, sizeof(qn_q5_0), w, stride, q5_0);
}

void qn_q5_1_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)next;
    expand_blocks(p, n_k, sizeof(qn_q5_1), w, stride, q5_1);
}

void qn_q8_0_expand(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride, const uint8_t *next)
{
    (void)next;
    expand_blocks(p, n_k, sizeof(qn_q8_0), w, stride, q8_0);
}
