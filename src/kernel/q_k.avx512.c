/* kernel/q_k.avx512.c - decodes blocks of 256 values, a column of 16 outputs at a time. */
#include "kernel/blocks.h"
#include "kernel/expand512.h"

/* Four groups' scales from the four bytes of each lane. */
QN_INLINE void put_four(float to[4][16], __m512 d, __m512i bytes)
{
    QN_UNROLL(4)
    for (unsigned g = 0; g < 4; g++) {
        __m512i scale = _mm512_and_si512(_mm512_srli_epi32(bytes, 8 * g), _mm512_set1_epi32(255));
        _mm512_store_ps(to[g], _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    }
}

/* The 16 bytes before the values: d, dmin and the table of eight 6-bit scales and minima. */
QN_INLINE void put_header(qn_panel *p, const uint8_t *const row[16], size_t at)
{
    __m512i h[4];
    qn_load_columns(row, at, h);
    const __m512i low6 = qn_bytes_of(63);
    __m512 d = qn_low_f16(h[0]), dmin = qn_high_f16(h[0]);
    dmin = _mm512_xor_ps(dmin, _mm512_set1_ps(-0.0f));
    put_four(p->dw, d, _mm512_and_si512(h[1], low6));
    put_four(p->dm, dmin, _mm512_and_si512(h[2], low6));
    put_four(p->dw + 4, d, qn_join(h[3], _mm512_srli_epi32(h[1], 2), 48));
    put_four(p->dm + 4, dmin, qn_join(_mm512_srli_epi32(h[3], 4), _mm512_srli_epi32(h[2], 2), 48));
}

void qn_q4_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *const row[16], size_t at)
{
    (void)n_k;
    put_header(p, row, at);
    for (size_t c = 0; c < 8; c++) { /* bytes 16 c on: values 64 (c / 2) + 16 (c % 2), and 32 on */
        __m512i q[4];
        qn_load_columns(row, at + offsetof(qn_q4_k, qs) + 16 * c, q);
        size_t to = c / 2 * 16 + c % 2 * 4;
        QN_UNROLL(4)
        for (size_t i = 0; i < 4; i++) {
            _mm512_store_si512(p->q[to + i], qn_low_nibbles(q[i]));
            _mm512_store_si512(p->q[to + 8 + i], qn_high_nibbles(q[i]));
        }
    }
}

void qn_q5_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *const row[16], size_t at)
{
    (void)n_k;
    put_header(p, row, at);
    for (size_t half = 0; half < 2; half++) { /* values 16 half on of each 32: 4 times 2 groups */
        __m512i high[4], q[4];
        qn_load_columns(row, at + offsetof(qn_q5_k, qh) + 16 * half, high);
        for (size_t i = 0; i < 4; i++) /* so that group 0's bit is bit 4; then one right a group */
            high[i] = _mm512_rol_epi32(high[i], 4);
        for (size_t pair = 0; pair < 4; pair++) {
            qn_load_columns(row, at + offsetof(qn_q5_k, qs) + 32 * pair + 16 * half, q);
            size_t to = 16 * pair + 4 * half;
            QN_UNROLL(4)
            for (size_t i = 0; i < 4; i++) {
                _mm512_store_si512(p->q[to + i], qn_join(q[i], high[i], 16));
                high[i] = _mm512_ror_epi32(high[i], 1);
                _mm512_store_si512(p->q[to + 8 + i],
                                   qn_join(_mm512_srli_epi16(q[i], 4), high[i], 16));
                high[i] = _mm512_ror_epi32(high[i], 1);
            }
        }
    }
}

QN_INLINE void put_scales6(qn_panel *p, const uint8_t *const row[16], size_t at)
{
    __m512 d = qn_load_f16s(row, at + offsetof(qn_q6_k, d));
    __m512i s[4];
    qn_load_columns(row, at + offsetof(qn_q6_k, scales), s);
    QN_UNROLL(16)
    for (unsigned g = 0; g < 16; g++) {
        __m512i scale = _mm512_srai_epi32(_mm512_slli_epi32(s[g / 4], 24 - 8 * (g % 4)), 24);
        _mm512_store_ps(p->dw[g], _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    }
}

void qn_q6_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *const row[16], size_t at)
{
    (void)n_k;
    put_scales6(p, row, at);
    for (size_t c = 0; c < 4; c++) { /* 16 of each 32 values of each 128: four groups of 32 */
        __m512i low[4], low2[4], high[4];
        size_t half = c / 2, to = half * 32 + c % 2 * 4;
        qn_load_columns(row, at + offsetof(qn_q6_k, qh) + 16 * c, high);
        qn_load_columns(row, at + half * 64 + c % 2 * 16, low);
        qn_load_columns(row, at + half * 64 + c % 2 * 16 + 32, low2);
        QN_UNROLL(4)
        for (size_t i = 0; i < 4; i++) {
            _mm512_store_si512(p->q[to + i], qn_join(low[i], _mm512_slli_epi16(high[i], 4), 48));
            _mm512_store_si512(p->q[to + 8 + i],
                               qn_join(low2[i], _mm512_slli_epi16(high[i], 2), 48));
            _mm512_store_si512(p->q[to + 16 + i],
                               qn_join(_mm512_srli_epi16(low[i], 4), high[i], 48));
            _mm512_store_si512(p->q[to + 24 + i], qn_join(_mm512_srli_epi16(low2[i], 4),
                                                          _mm512_srli_epi16(high[i], 2), 48));
        }
    }
}
