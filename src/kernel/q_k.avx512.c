/* kernel/q_k.avx512.c - decodes blocks of 256 values, 16 outputs at a time. */
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
QN_INLINE void put_header(qn_panel *p, qn_rows rows)
{
    __m512i h[4];
    qn_load_16(rows, h);
    const __m512i low6 = qn_bytes_of(63);
    __m512 d = qn_low_f16(h[0]), dmin = qn_high_f16(h[0]);
    dmin = _mm512_xor_ps(dmin, _mm512_set1_ps(-0.0f));
    put_four(p->dw, d, _mm512_and_si512(h[1], low6));
    put_four(p->dm, dmin, _mm512_and_si512(h[2], low6));
    put_four(p->dw + 4, d, qn_join(h[3], _mm512_srli_epi32(h[1], 2), 48));
    put_four(p->dm + 4, dmin, qn_join(_mm512_srli_epi32(h[3], 4), _mm512_srli_epi32(h[2], 2), 48));
}

void qn_q4_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k;
    qn_rows r = {w, next, stride};
    put_header(p, r);
    for (size_t pair = 0; pair < 4; pair++) {
        __m512i q[8];
        qn_load_32(qn_rows_at(r, offsetof(qn_q4_k, qs) + 32 * pair), q);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            _mm512_store_si512(p->q[16 * pair + i], qn_low_nibbles(q[i]));
            _mm512_store_si512(p->q[16 * pair + 8 + i], qn_high_nibbles(q[i]));
        }
    }
}

void qn_q5_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k;
    qn_rows r = {w, next, stride};
    put_header(p, r);
    __m512i q[8], high[8];
    qn_load_32(qn_rows_at(r, offsetof(qn_q5_k, qh)), high);
    QN_UNROLL(8)
    for (size_t i = 0; i < 8;
         i++) /* so that group 0's bit is bit 4; then one to the right a group */
        high[i] = _mm512_rol_epi32(high[i], 4);
    for (size_t pair = 0; pair < 4; pair++) {
        qn_load_32(qn_rows_at(r, offsetof(qn_q5_k, qs) + 32 * pair), q);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            __m512i up = _mm512_ror_epi32(high[i], 1);
            _mm512_store_si512(p->q[16 * pair + i], qn_join(q[i], high[i], 16));
            _mm512_store_si512(p->q[16 * pair + 8 + i],
                               qn_join(_mm512_srli_epi16(q[i], 4), up, 16));
            high[i] = _mm512_ror_epi32(high[i], 2);
        }
    }
}

QN_INLINE void put_scales6(qn_panel *p, qn_rows r)
{
    __m512 d = qn_load_f16s(qn_rows_at(r, offsetof(qn_q6_k, d)));
    __m512i s[4];
    qn_load_16(qn_rows_at(r, offsetof(qn_q6_k, scales)), s);
    QN_UNROLL(16)
    for (unsigned g = 0; g < 16; g++) {
        __m512i scale = _mm512_srai_epi32(_mm512_slli_epi32(s[g / 4], 24 - 8 * (g % 4)), 24);
        _mm512_store_ps(p->dw[g], _mm512_mul_ps(d, _mm512_cvtepi32_ps(scale)));
    }
}

void qn_q6_k_expand_avx512(qn_panel *p, size_t n_k, const uint8_t *w, size_t stride,
                           const uint8_t *next)
{
    (void)n_k;
    qn_rows r = {w, next, stride};
    put_scales6(p, r);
    for (size_t half = 0; half < 2; half++) { /* 128 values: four times 32 */
        __m512i low[8], low2[8], high[8];
        uint8_t(*to)[16][4] = p->q + 32 * half;
        qn_load_32(qn_rows_at(r, 64 * half), low);
        qn_load_32(qn_rows_at(r, 64 * half + 32), low2);
        qn_load_32(qn_rows_at(r, offsetof(qn_q6_k, qh) + 32 * half), high);
        QN_UNROLL(8)
        for (size_t i = 0; i < 8; i++) {
            __m512i high3 = _mm512_srli_epi16(high[i], 2);
            _mm512_store_si512(to[i], qn_join(low[i], _mm512_slli_epi16(high[i], 4), 48));
            _mm512_store_si512(to[8 + i], qn_join(low2[i], _mm512_slli_epi16(high[i], 2), 48));
            _mm512_store_si512(to[16 + i], qn_join(_mm512_srli_epi16(low[i], 4), high[i], 48));
            _mm512_store_si512(to[24 + i], qn_join(_mm512_srli_epi16(low2[i], 4), high3, 48));
        }
    }
}
