/* kernel/q_32.avx512.c - decodes blocks of 32 values, 16 outputs at a time. */
#include "kernel/blocks.h"
#include "kernel/expand512.h"

/* Nibbles: bytes 0 to 15 hold values 0 to 15 and, in the high halves, 16 to 31. */
QN_INLINE void put_nibbles(qn_panel *p, size_t g, qn_rows rows)
{
    __m512i c[4];
    qn_load_16(rows, c);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        _mm512_store_si512(p->q[8 * g + i], qn_low_nibbles(c[i]));
        _mm512_store_si512(p->q[8 * g + 4 + i], qn_high_nibbles(c[i]));
    }
}

/* The same, with bit k of the lane's high bits as bit 4 of value k: a table spreads four bits. */
QN_INLINE void put_fives(qn_panel *p, size_t g, qn_rows rows, __m512i high)
{
    const __m512i spread =
        _mm512_setr_epi32(0x00000000, 0x00000010, 0x00001000, 0x00001010, 0x00100000, 0x00100010,
                          0x00101000, 0x00101010, 0x10000000, 0x10000010, 0x10001000, 0x10001010,
                          0x10100000, 0x10100010, 0x10101000, 0x10101010);
    __m512i c[4];
    qn_load_16(rows, c);
    QN_UNROLL(4)
    for (unsigned i = 0; i < 4; i++) {
        __m512i low = _mm512_permutexvar_epi32(_mm512_srli_epi32(high, 4 * i), spread);
        __m512i up = _mm512_permutexvar_epi32(_mm512_srli_epi32(high, 16 + 4 * i), spread);
        _mm512_store_si512(p->q[8 * g + i], qn_join(c[i], low, 16));
        _mm512_store_si512(p->q[8 * g + 4 + i], qn_join(_mm512_srli_epi16(c[i], 4), up, 16));
    }
}

void qn_q4_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    qn_rows r = {w, next, stride};
    for (size_t g = 0; g < n_k / 32; g++, r = qn_rows_at(r, sizeof(qn_q4_0))) {
        _mm512_store_ps(p->dw[g], qn_load_f16s(r));
        put_nibbles(p, g, qn_rows_at(r, offsetof(qn_q4_0, qs)));
    }
}

void qn_q4_1_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    qn_rows r = {w, next, stride};
    for (size_t g = 0; g < n_k / 32; g++, r = qn_rows_at(r, sizeof(qn_q4_1))) {
        __m512i dm = qn_load_dwords(r);
        _mm512_store_ps(p->dw[g], qn_low_f16(dm));
        _mm512_store_ps(p->dm[g], qn_high_f16(dm));
        put_nibbles(p, g, qn_rows_at(r, offsetof(qn_q4_1, qs)));
    }
}

void qn_q5_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    qn_rows r = {w, next, stride};
    for (size_t g = 0; g < n_k / 32; g++, r = qn_rows_at(r, sizeof(qn_q5_0))) {
        __m512i high = qn_load_dwords(qn_rows_at(r, offsetof(qn_q5_0, qh)));
        _mm512_store_ps(p->dw[g], qn_load_f16s(r));
        put_fives(p, g, qn_rows_at(r, offsetof(qn_q5_0, qs)), high);
    }
}

void qn_q5_1_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    qn_rows r = {w, next, stride};
    for (size_t g = 0; g < n_k / 32; g++, r = qn_rows_at(r, sizeof(qn_q5_1))) {
        __m512i dm = qn_load_dwords(r);
        __m512i high = qn_load_dwords(qn_rows_at(r, offsetof(qn_q5_1, qh)));
        _mm512_store_ps(p->dw[g], qn_low_f16(dm));
        _mm512_store_ps(p->dm[g], qn_high_f16(dm));
        put_fives(p, g, qn_rows_at(r, offsetof(qn_q5_1, qs)), high);
    }
}

void qn_q8_0_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    qn_rows r = {w, next, stride};
    for (size_t g = 0; g < n_k / 32; g++, r = qn_rows_at(r, sizeof(qn_q8_0))) {
        __m512i c[8];
        qn_load_32(qn_rows_at(r, offsetof(qn_q8_0, q)), c);
        _mm512_store_ps(p->dw[g], qn_load_f16s(r));
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) /* plus 128 */
            _mm512_store_si512(p->q[8 * g + i], _mm512_xor_si512(c[i], qn_bytes_of(-128)));
    }
}
