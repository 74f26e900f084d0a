/* kernel/q_32.avx2.h - decodes blocks of 32 values, 16 outputs at a time. */
#pragma once

#include "kernel/blocks.h"
#include "kernel/expand.avx2.h"

/* Nibbles: bytes 0 to 15 hold values 0 to 15 and, in the high halves, 16 to 31. */
LANES_INLINE void put_nibbles(qn_panel *p, size_t g, rows16 r)
{
    ints c[4];
    load_16(r, g, c);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        put_low_nibbles(p->q[8 * g + i], c[i]);
        put_low_nibbles(p->q[8 * g + 4 + i], ints_right(c[i], 4));
    }
}

/* The same, with bit k of the lane's high bits as bit 4 of value k. */
LANES_INLINE void put_fives(qn_panel *p, size_t g, rows16 r, ints high)
{
    ints c[4];
    load_16(r, g, c);
    QN_UNROLL(4)
    for (unsigned i = 0; i < 4; i++) {
        ints_store(p->q[8 * g + i], ints_join(c[i], ints_spread(high, i), 16));
        ints_store(p->q[8 * g + 4 + i],
                   ints_join(ints_right(c[i], 4), ints_spread(high, 4 + i), 16));
    }
}

LANES_INLINE void put_scale_and_min(qn_panel *p, size_t g, rows16 r)
{
    ints dm = load_dwords(r);
    lanes_store(p->dw[g], ints_low_f16(dm));
    lanes_store(p->dm[g], ints_low_f16(ints_right(dm, 16)));
}

LANES_INLINE void expand_q4_0(qn_panel *p, size_t n_k, rows16 r)
{
    for (size_t g = 0; g < n_k / 32; g++, r = rows_at(r, sizeof(qn_q4_0))) {
        lanes_store(p->dw[g], load_f16s(r));
        put_nibbles(p, g, rows_at(r, offsetof(qn_q4_0, qs)));
    }
}

LANES_INLINE void expand_q4_1(qn_panel *p, size_t n_k, rows16 r)
{
    for (size_t g = 0; g < n_k / 32; g++, r = rows_at(r, sizeof(qn_q4_1))) {
        put_scale_and_min(p, g, r);
        put_nibbles(p, g, rows_at(r, offsetof(qn_q4_1, qs)));
    }
}

LANES_INLINE void expand_q5_0(qn_panel *p, size_t n_k, rows16 r)
{
    for (size_t g = 0; g < n_k / 32; g++, r = rows_at(r, sizeof(qn_q5_0))) {
        lanes_store(p->dw[g], load_f16s(r));
        ints high = load_dwords(rows_at(r, offsetof(qn_q5_0, qh)));
        put_fives(p, g, rows_at(r, offsetof(qn_q5_0, qs)), high);
    }
}

LANES_INLINE void expand_q5_1(qn_panel *p, size_t n_k, rows16 r)
{
    for (size_t g = 0; g < n_k / 32; g++, r = rows_at(r, sizeof(qn_q5_1))) {
        put_scale_and_min(p, g, r);
        ints high = load_dwords(rows_at(r, offsetof(qn_q5_1, qh)));
        put_fives(p, g, rows_at(r, offsetof(qn_q5_1, qs)), high);
    }
}

LANES_INLINE void expand_q8_0(qn_panel *p, size_t n_k, rows16 r)
{
    for (size_t g = 0; g < n_k / 32; g++, r = rows_at(r, sizeof(qn_q8_0))) {
        ints c[8];
        load_32(rows_at(r, offsetof(qn_q8_0, q)), g, c);
        lanes_store(p->dw[g], load_f16s(r));
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) /* plus 128 */
            ints_store(p->q[8 * g + i], ints_xor(c[i], ints_set_bytes(-128)));
    }
}
