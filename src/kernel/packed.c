/* kernel/packed.c - packs weights, and the reference of what packed bytes mean. */
#include "kernel/packed.h"
#include "kernel/blocks.h"
#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <string.h>

typedef uint8_t line[QN_PACKED_LINE];

static qn_packed_at at_of(qn_encoding e, size_t n_k)
{
    return qn_packed_at_of(*qn_encoding_shape(e), qn_encoding_block(e), n_k);
}

/* --- packing --- */

/* Bits 4 and above of a group's values. */
static void pack_high(unsigned n_bits, line q[8], line *out)
{
    const size_t n_lines = n_bits - 4, n_steps = 8 / n_lines;
    memset(out, 0, n_lines * sizeof *out);
    for (size_t s = 0; s < 8; s++)
        for (size_t i = 0; i < sizeof *q; i++)
            out[s / n_steps][i] |= (uint8_t)(q[s][i] >> 4 << s % n_steps * n_lines);
}

static void pack_group(unsigned n_bits, line q[8], line *out)
{
    if (n_bits == 8) {
        memcpy(out, q, 8 * sizeof *q);
        return;
    }
    for (size_t s = 0; s < 4; s++)
        for (size_t i = 0; i < sizeof *q; i++)
            out[s][i] = (uint8_t)((q[s][i] & 15) | q[s + 4][i] << 4);
    if (n_bits > 4)
        pack_high(n_bits, q, out + 4);
}

/* Scales and minima of output o; g < 4 have all six bits together, the others two of them there. */
static void pack_six(const uint8_t s[12], size_t o, qn_packed_six *six)
{
    for (size_t g = 0; g < 8; g++) {
        unsigned scale = g < 4 ? s[g] & 63u : (s[g + 4] & 15u) | (s[g - 4] & 192u) >> 2;
        unsigned min = g < 4 ? s[g + 4] & 63u : s[g + 4] >> 4 | (s[g] & 192u) >> 2;
        six->low[g][o] = (uint8_t)((scale & 15) | (min & 15) << 4);
        six->high[g / 4][g % 2][o] |= (uint8_t)((scale >> 4 | min >> 4 << 2) << g % 4 / 2 * 4);
    }
}

static void pack_head_32(qn_shape shape, size_t n_block_bytes, size_t n_groups, const uint8_t *w,
                         size_t o, qn_packed_at at, uint8_t *head)
{
    for (size_t g = 0; g < n_groups; g++, w += n_block_bytes) {
        memcpy(head + 32 * g + 2 * o, w, 2);
        if (shape.has_min)
            memcpy(head + at.min + 32 * g + 2 * o, w + offsetof(qn_q4_1, m), 2);
    }
}

static void pack_head_4_k(const qn_q4_k *w, size_t o, qn_packed_at at, uint8_t *head)
{
    memcpy(head + 2 * o, w->d, 2);
    memcpy(head + at.min + 2 * o, w->dmin, 2);
    pack_six(w->scales, o, (qn_packed_six *)(head + at.scales));
}

static void pack_head_6_k(const qn_q6_k *w, size_t o, qn_packed_at at, uint8_t *head)
{
    memcpy(head + 2 * o, w->d, 2);
    for (size_t i = 0; i < sizeof w->scales; i++)
        head[at.scales + 16 * i + o] = (uint8_t)w->scales[i];
}

/* That of output o, whose blocks are at w. */
static void pack_head(qn_encoding e, size_t n_k, const uint8_t *w, size_t o, uint8_t *head)
{
    const qn_shape shape = *qn_encoding_shape(e);
    if (qn_encoding_block(e) == 32)
        pack_head_32(shape, qn_encoding_block_bytes(e), n_k / 32, w, o, at_of(e, n_k), head);
    else if (shape.has_min) /* Q4_K and Q5_K begin alike */
        pack_head_4_k((const void *)w, o, at_of(e, n_k), head);
    else
        pack_head_6_k((const void *)w, o, at_of(e, n_k), head);
}

static void pack_unit(qn_encoding e, size_t n_k, const uint8_t *w, size_t stride, uint8_t *out)
{
    static const qn_cpu_level best = QN_CPU_N_LEVELS - 1;
    const qn_packed_at at = at_of(e, n_k);
    qn_panel p;
    memset(out, 0, at.groups);
    for (size_t o = 0; o < QN_PACKED_OUTPUTS; o++)
        pack_head(e, n_k, w + o * stride, o, out);
    qn_kernels_at(best)->expand[e](&p, n_k, w, stride, NULL);
    for (size_t g = 0; g < n_k / 32; g++)
        pack_group(qn_encoding_shape(e)->n_bits, (line *)p.q[8 * g],
                   (line *)(out + at.groups + g * at.n_group));
}

void qn_pack(qn_encoding e, size_t n_in, size_t n_rows, const uint8_t *w, uint8_t *out)
{
    size_t n_block = qn_encoding_block(e), n_block_bytes = qn_encoding_block_bytes(e);
    size_t stride = n_in / n_block * n_block_bytes;
    if (n_rows < QN_PACKED_OUTPUTS)
        memcpy(out, w, n_rows * stride);
    for (size_t k = 0, n_k; n_rows == QN_PACKED_OUTPUTS && k < n_in; k += n_k) {
        n_k = QN_MIN(n_in - k, (size_t)QN_PACKED_K);
        size_t begin = k / n_block * n_block_bytes;
        pack_unit(e, n_k, w + begin, stride, out + QN_PACKED_OUTPUTS * begin);
    }
}

/* --- the reference --- */

/* Bits 4 and above of byte i of step s. */
static unsigned high_of(unsigned n_bits, const line *group, size_t s, size_t i)
{
    const size_t n = n_bits - 4, n_steps = n == 0 ? 8 : 8 / n;
    const unsigned bits = n == 0 ? 0 : group[4 + s / n_steps][i];
    return bits >> s % n_steps * n & ((1u << n) - 1);
}

/* Byte i of step s of a group. */
static uint8_t value_of(unsigned n_bits, const line *group, size_t s, size_t i)
{
    if (n_bits == 8)
        return group[s][i];
    const unsigned nibbles = group[s % 4][i];
    return (uint8_t)((nibbles >> s / 4 * 4 & 15) | high_of(n_bits, group, s, i) << 4);
}

static float f16_at(const uint8_t *f16s, size_t o)
{
    return qn_f16(qn_load_u16(f16s + 2 * o));
}

static void expand_head_k(qn_shape shape, const uint8_t *unit, qn_packed_at at, size_t o,
                          qn_panel *p)
{
    const qn_packed_six *six = (const void *)(unit + at.scales);
    const int8_t *scales = (const void *)(unit + at.scales);
    float d = f16_at(unit, o);
    for (size_t i = 0; !shape.has_min && i < 16; i++)
        p->dw[i][o] = d * (float)scales[16 * i + o];
    for (size_t g = 0; shape.has_min && g < 8; g++) {
        unsigned low = six->low[g][o], high = six->high[g / 4][g % 2][o];
        high >>= g % 4 / 2 * 4;
        p->dw[g][o] = d * (float)((low & 15) | (high & 3) << 4);
        p->dm[g][o] = -f16_at(unit + at.min, o) * (float)(low >> 4 | (high >> 2 & 3) << 4);
    }
}

void qn_packed_expand(qn_encoding e, qn_panel *p, size_t n_k, const uint8_t *unit,
                      const uint8_t *next)
{
    (void)next;
    const qn_shape shape = *qn_encoding_shape(e);
    const qn_packed_at at = at_of(e, n_k);
    for (size_t g = 0; g < n_k / 32; g++)
        for (size_t i = 0; i < (size_t)8 * QN_PACKED_LINE; i++)
            p->q[8 * g + i / 64][i % 64 / 4][i % 4] = value_of(
                shape.n_bits, (const line *)(unit + at.groups + g * at.n_group), i / 64, i % 64);
    for (size_t o = 0; o < QN_PACKED_OUTPUTS; o++)
        if (qn_encoding_block(e) == 256)
            expand_head_k(shape, unit, at, o, p);
        else
            for (size_t g = 0; g < n_k / 32; g++) {
                p->dw[g][o] = f16_at(unit + 32 * g, o);
                if (shape.has_min)
                    p->dm[g][o] = f16_at(unit + at.min + 32 * g, o);
            }
}
