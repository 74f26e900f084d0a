/* kernel/expand512.h - what the 512-bit decoders of weights share: 16 outputs in the lanes. */
#pragma once

#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <immintrin.h>

#define QN_INLINE static inline __attribute__((always_inline))

/* 16 bytes of each of 16 rows: dword i of row o becomes lane o of out[i]. */
QN_INLINE void qn_load_columns(const uint8_t *const row[16], size_t at, __m512i out[4])
{
    __m512i r[4], t[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) { /* lane l of r[i] is row 4 l + i */
        r[i] = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(row[i] + at)));
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(row[4 + i] + at)), 1);
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(row[8 + i] + at)), 2);
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(row[12 + i] + at)), 3);
    }
    t[0] = _mm512_unpacklo_epi32(r[0], r[1]);
    t[1] = _mm512_unpackhi_epi32(r[0], r[1]);
    t[2] = _mm512_unpacklo_epi32(r[2], r[3]);
    t[3] = _mm512_unpackhi_epi32(r[2], r[3]);
    out[0] = _mm512_unpacklo_epi64(t[0], t[2]);
    out[1] = _mm512_unpackhi_epi64(t[0], t[2]);
    out[2] = _mm512_unpacklo_epi64(t[1], t[3]);
    out[3] = _mm512_unpackhi_epi64(t[1], t[3]);
}

/* The 4 bytes at `at` of each of 16 rows. */
QN_INLINE __m512i qn_load_dwords(const uint8_t *const row[16], size_t at)
{
    __m128i d[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        d[i] = _mm_loadu_si32(row[4 * i] + at);
        d[i] = _mm_insert_epi32(d[i], (int)qn_load_u32(row[4 * i + 1] + at), 1);
        d[i] = _mm_insert_epi32(d[i], (int)qn_load_u32(row[4 * i + 2] + at), 2);
        d[i] = _mm_insert_epi32(d[i], (int)qn_load_u32(row[4 * i + 3] + at), 3);
    }
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(d[0]), d[1], 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(d[2]), d[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* The low or high 16 bits of each lane as floats. */
QN_INLINE __m512 qn_low_f16(__m512i dwords)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(dwords));
}

QN_INLINE __m512 qn_high_f16(__m512i dwords)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(dwords, 16)));
}

/* The binary16 at `at` of each of 16 rows. */
QN_INLINE __m512 qn_load_f16s(const uint8_t *const row[16], size_t at)
{
    __m128i h[2];
    QN_UNROLL(2)
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *const *r = row + 8 * i;
        h[i] = _mm_cvtsi32_si128(qn_load_u16(r[0] + at));
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[1] + at), 1);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[2] + at), 2);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[3] + at), 3);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[4] + at), 4);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[5] + at), 5);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[6] + at), 6);
        h[i] = _mm_insert_epi16(h[i], qn_load_u16(r[7] + at), 7);
    }
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(h[0]), h[1], 1));
}

QN_INLINE __m512i qn_bytes_of(char byte)
{
    return _mm512_set1_epi8(byte);
}

QN_INLINE __m512i qn_low_nibbles(__m512i bytes)
{
    return _mm512_and_si512(bytes, qn_bytes_of(15));
}

QN_INLINE __m512i qn_high_nibbles(__m512i bytes)
{
    return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), qn_bytes_of(15));
}

/* (low & 15) | (high & mask) */
QN_INLINE __m512i qn_join(__m512i low, __m512i high, char mask)
{
    return _mm512_ternarylogic_epi32(_mm512_and_si512(high, qn_bytes_of(mask)), low,
                                     qn_bytes_of(15), 0xf8);
}
