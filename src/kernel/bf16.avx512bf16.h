/* kernel/bf16.avx512bf16.h - floats to bf16, 32 at a time, and squares of 16 x 16 words. */
#pragma once

#include "kernel/bf16.h"
#include "kernel/lanes.avx2.h"

static inline size_t round_up(size_t n_in)
{
    return (n_in + 31) / 32 * 32;
}

/* The first n of 32 floats, zeros behind them. */
LANES_INLINE __m512i round_n(const float *x, size_t n)
{
    lanes low = n >= 16 ? lanes_load(x) : lanes_load_n(x, n);
    lanes high = n <= 16   ? lanes_set(0)
                 : n == 32 ? lanes_load(x + 16)
                           : lanes_load_n(x + 16, n - 16);
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* Word j of in[i] becomes word i of out[j]. */
LANES_INLINE void transpose_words(const __m512i in[16], __m512i out[16])
{
    __m512i quad[16]; /* [4 q + j]: words j, 4 + j, 8 + j, 12 + j of in[4 q] to in[4 q + 3] */
    QN_UNROLL(4)
    for (size_t q = 0; q < 16; q += 4) {
        __m512i low01 = _mm512_unpacklo_epi32(in[q], in[q + 1]);
        __m512i high01 = _mm512_unpackhi_epi32(in[q], in[q + 1]);
        __m512i low23 = _mm512_unpacklo_epi32(in[q + 2], in[q + 3]);
        __m512i high23 = _mm512_unpackhi_epi32(in[q + 2], in[q + 3]);
        quad[q] = _mm512_unpacklo_epi64(low01, low23);
        quad[q + 1] = _mm512_unpackhi_epi64(low01, low23);
        quad[q + 2] = _mm512_unpacklo_epi64(high01, high23);
        quad[q + 3] = _mm512_unpackhi_epi64(high01, high23);
    }
    QN_UNROLL(4)
    for (size_t j = 0; j < 4; j++) {
        __m512i even0 = _mm512_shuffle_i32x4(quad[j], quad[4 + j], 0x88);
        __m512i odd0 = _mm512_shuffle_i32x4(quad[j], quad[4 + j], 0xdd);
        __m512i even1 = _mm512_shuffle_i32x4(quad[8 + j], quad[12 + j], 0x88);
        __m512i odd1 = _mm512_shuffle_i32x4(quad[8 + j], quad[12 + j], 0xdd);
        out[j] = _mm512_shuffle_i32x4(even0, even1, 0x88);
        out[4 + j] = _mm512_shuffle_i32x4(odd0, odd1, 0x88);
        out[8 + j] = _mm512_shuffle_i32x4(even0, even1, 0xdd);
        out[12 + j] = _mm512_shuffle_i32x4(odd0, odd1, 0xdd);
    }
}
