/* kernel/q_k.avx2.h - decodes blocks of 256 values, 16 outputs at a time. */
#pragma once

#include "kernel/blocks.h"
#include "kernel/expand.avx2.h"

/* Four groups' scales from the four bytes of each lane. */
LANES_INLINE void put_four(float to[4][16], lanes d, ints bytes)
{
    QN_UNROLL(4)
    for (unsigned g = 0; g < 4; g++) {
        ints scale = ints_and(ints_right(bytes, 8 * g), ints_set(255));
        lanes_store(to[g], lanes_mul(d, ints_to_float(scale)));
    }
}

/* The 16 bytes before the values: d, dmin and the table of eight 6-bit scales and minima. */
LANES_INLINE void put_header(qn_panel *p, rows16 r)
{
    ints h[4], low6 = ints_set_bytes(63);
    load_16(r, 0, h);
    lanes d = ints_low_f16(h[0]);
    lanes minus_dmin = ints_low_f16(ints_xor(ints_right(h[0], 16), ints_set(0x8000)));
    put_four(p->dw, d, ints_and(h[1], low6));
    put_four(p->dm, minus_dmin, ints_and(h[2], low6));
    put_four(p->dw + 4, d, ints_join(h[3], ints_right(h[1], 2), 48));
    put_four(p->dm + 4, minus_dmin, ints_join(ints_right(h[3], 4), ints_right(h[2], 2), 48));
}

LANES_INLINE void expand_q4_k(qn_panel *p, rows16 r)
{
    put_header(p, r);
    for (size_t pair = 0; pair < 4; pair++) {
        ints q[8];
        load_32(rows_at(r, offsetof(qn_q4_k, qs) + 32 * pair), pair, q);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            put_low_nibbles(p->q[16 * pair + i], q[i]);
            put_low_nibbles(p->q[16 * pair + 8 + i], ints_right(q[i], 4));
        }
    }
}

/* Two pairs of groups, whose fifth bits are bits 4 to 7 of the bytes of high. */
LANES_INLINE void put_fives_k(uint8_t q[32][16][4], rows16 r, const ints high[8])
{
    QN_UNROLL(2)
    for (unsigned pair = 0; pair < 2; pair++) {
        ints c[8];
        load_32(rows_at(r, 32 * pair), pair, c);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            ints_store(q[16 * pair + i], ints_join(c[i], ints_right(high[i], 2 * pair), 16));
            ints_store(q[16 * pair + 8 + i],
                       ints_join(ints_right(c[i], 4), ints_right(high[i], 2 * pair + 1), 16));
        }
    }
}

LANES_INLINE void expand_q5_k(qn_panel *p, rows16 r)
{
    ints high[8], low[8];
    put_header(p, r);
    ask_rows(r, 4, 4); /* with the header's turn: rows 0 to 7 */
    load_32(rows_at(r, offsetof(qn_q5_k, qh)), 1, high);
    QN_UNROLL(8)
    for (size_t i = 0; i < 8; i++)
        low[i] = ints_left(high[i], 4);
    put_fives_k(p->q, rows_at(r, offsetof(qn_q5_k, qs)), low);
    put_fives_k(p->q + 32, rows_at(r, offsetof(qn_q5_k, qs) + 64), high);
}

LANES_INLINE void put_scales6(qn_panel *p, rows16 r)
{
    lanes d = load_f16s(rows_at(r, offsetof(qn_q6_k, d)));
    ints s[4];
    load_16(rows_at(r, offsetof(qn_q6_k, scales)), 0, s);
    QN_UNROLL(16)
    for (unsigned g = 0; g < 16; g++) {
        ints scale = ints_right_signed(ints_left(s[g / 4], 24 - 8 * (g % 4)), 24);
        lanes_store(p->dw[g], lanes_mul(d, ints_to_float(scale)));
    }
}

LANES_INLINE void expand_q6_k(qn_panel *p, rows16 r)
{
    put_scales6(p, r);
    for (size_t half = 0; half < 2; half++) { /* 128 values: four times 32 */
        ints low[8], low2[8], high[8];
        uint8_t(*to)[16][4] = p->q + 32 * half;
        load_32(rows_at(r, 64 * half), 0, low);
        load_32(rows_at(r, 64 * half + 32), 1, low2);
        load_32(rows_at(r, offsetof(qn_q6_k, qh) + 32 * half), half, high);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            ints high3 = ints_right(high[i], 2);
            ints_store(to[i], ints_join(low[i], ints_left(high[i], 4), 48));
            ints_store(to[8 + i], ints_join(low2[i], ints_left(high[i], 2), 48));
            ints_store(to[16 + i], ints_join(ints_right(low[i], 4), high[i], 48));
            ints_store(to[24 + i], ints_join(ints_right(low2[i], 4), high3, 48));
        }
    }
}
