/* kernel/expand512.h - what the 512-bit decoders of weights share: 16 outputs in the lanes. */
#pragma once

#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <immintrin.h>

#define QN_INLINE static inline __attribute__((always_inline))

/* The weights of 16 outputs: row o at w + o * stride. What comes after them lies at next in one
 * piece. A load of n bytes of each row asks for the next 16 n bytes of that, which memory likes
 * best, and once more for what each row needs soon: a CPU may drop the first when it is busy. */
typedef struct qn_rows {
    const uint8_t *w, *next;
    size_t stride;
} qn_rows;

QN_INLINE qn_rows qn_rows_at(qn_rows rows, size_t n_bytes)
{
    return (qn_rows){rows.w + n_bytes, rows.next + 16 * n_bytes, rows.stride};
}

QN_INLINE void qn_ask(qn_rows rows, size_t n_bytes)
{
    QN_UNROLL(8)
    for (size_t i = 0; i < 16 * n_bytes; i += 64)
        __builtin_prefetch(rows.next + i, 0, 2);
    QN_UNROLL(16)
    for (size_t o = 0; o < 16; o++)
        __builtin_prefetch(rows.w + o * rows.stride + 256, 0, 3);
}

/* In each 128-bit lane: dword i of r[j] becomes dword j of out[i]. */
QN_INLINE void qn_transpose4(const __m512i r[4], __m512i out[4])
{
    __m512i low01 = _mm512_unpacklo_epi32(r[0], r[1]), high01 = _mm512_unpackhi_epi32(r[0], r[1]);
    __m512i low23 = _mm512_unpacklo_epi32(r[2], r[3]), high23 = _mm512_unpackhi_epi32(r[2], r[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* 16 bytes of each row: dword i of row o becomes lane o of out[i]. */
QN_INLINE void qn_load_16(qn_rows rows, __m512i out[4])
{
    const uint8_t *w = rows.w;
    size_t s = rows.stride;
    __m512i r[4];
    qn_ask(rows, 16);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) { /* lane l of r[i] is row 4 l + i */
        r[i] = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(w + i * s)));
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(w + (4 + i) * s)), 1);
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(w + (8 + i) * s)), 2);
        r[i] = _mm512_inserti32x4(r[i], _mm_loadu_si128((const void *)(w + (12 + i) * s)), 3);
    }
    qn_transpose4(r, out);
}

QN_INLINE __m512i qn_load_halves(const uint8_t *low, const uint8_t *high)
{
    __m256i a = _mm256_loadu_si256((const void *)low), b = _mm256_loadu_si256((const void *)high);
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* 32 bytes of each row: dword i of row o becomes lane o of out[i]. */
QN_INLINE void qn_load_32(qn_rows rows, __m512i out[8])
{
    const uint8_t *w = rows.w;
    size_t s = rows.stride;
    __m512i r[8], low[4], high[4];
    qn_ask(rows, 32);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        r[i] = qn_load_halves(w + i * s, w + (4 + i) * s);
        r[4 + i] = qn_load_halves(w + (8 + i) * s, w + (12 + i) * s);
    }
    qn_transpose4(r, low);      /* lanes: dwords i and 4 + i of rows 0 to 3, the same of 4 to 7 */
    qn_transpose4(r + 4, high); /* of rows 8 to 15 */
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        out[i] = _mm512_shuffle_i32x4(low[i], high[i], 0x88);
        out[4 + i] = _mm512_shuffle_i32x4(low[i], high[i], 0xdd);
    }
}

QN_INLINE __m128i qn_load_4_dwords(const uint8_t *w, size_t s)
{
    __m128i d = _mm_loadu_si32(w);
    d = _mm_insert_epi32(d, (int)qn_load_u32(w + s), 1);
    d = _mm_insert_epi32(d, (int)qn_load_u32(w + 2 * s), 2);
    return _mm_insert_epi32(d, (int)qn_load_u32(w + 3 * s), 3);
}

/* 4 bytes of each row. */
QN_INLINE __m512i qn_load_dwords(qn_rows rows)
{
    __m512i d = _mm512_castsi128_si512(qn_load_4_dwords(rows.w, rows.stride));
    d = _mm512_inserti32x4(d, qn_load_4_dwords(rows.w + 4 * rows.stride, rows.stride), 1);
    d = _mm512_inserti32x4(d, qn_load_4_dwords(rows.w + 8 * rows.stride, rows.stride), 2);
    return _mm512_inserti32x4(d, qn_load_4_dwords(rows.w + 12 * rows.stride, rows.stride), 3);
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

QN_INLINE __m128i qn_load_8_words(const uint8_t *w, size_t s)
{
    __m128i h = _mm_cvtsi32_si128(qn_load_u16(w));
    h = _mm_insert_epi16(h, qn_load_u16(w + s), 1);
    h = _mm_insert_epi16(h, qn_load_u16(w + 2 * s), 2);
    h = _mm_insert_epi16(h, qn_load_u16(w + 3 * s), 3);
    h = _mm_insert_epi16(h, qn_load_u16(w + 4 * s), 4);
    h = _mm_insert_epi16(h, qn_load_u16(w + 5 * s), 5);
    h = _mm_insert_epi16(h, qn_load_u16(w + 6 * s), 6);
    return _mm_insert_epi16(h, qn_load_u16(w + 7 * s), 7);
}

/* One binary16 of each row. */
QN_INLINE __m512 qn_load_f16s(qn_rows rows)
{
    __m128i low = qn_load_8_words(rows.w, rows.stride);
    __m128i high = qn_load_8_words(rows.w + 8 * rows.stride, rows.stride);
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
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
