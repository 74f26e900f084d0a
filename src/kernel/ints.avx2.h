/* kernel/ints.avx2.h - 16 lanes of 32 bits as integers, beside the floats of lanes.avx2.h.
 *
 * One zmm with AVX-512, two ymm with AVX2; included only by files compiled for one of them. */
#pragma once

#include "kernel/lanes.avx2.h"

#ifdef __AVX512F__

typedef __m512i ints;

LANES_INLINE ints ints_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

LANES_INLINE void ints_store(void *p, ints a)
{
    _mm512_storeu_si512(p, a);
}

/* Each lane 128 bits of its own, from four places. */
LANES_INLINE ints ints_load_quarters(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                     const uint8_t *d)
{
    ints r = _mm512_castsi128_si512(_mm_loadu_si128((const void *)a));
    r = _mm512_inserti32x4(r, _mm_loadu_si128((const void *)b), 1);
    r = _mm512_inserti32x4(r, _mm_loadu_si128((const void *)c), 2);
    return _mm512_inserti32x4(r, _mm_loadu_si128((const void *)d), 3);
}

LANES_INLINE ints ints_of_quarters(__m128i a, __m128i b, __m128i c, __m128i d)
{
    ints r = _mm512_inserti32x4(_mm512_castsi128_si512(a), b, 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(r, c, 2), d, 3);
}

LANES_INLINE ints ints_zero(void)
{
    return _mm512_setzero_si512();
}

LANES_INLINE ints ints_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

LANES_INLINE ints ints_set_bytes(int8_t x)
{
    return _mm512_set1_epi8(x);
}

LANES_INLINE ints ints_and(ints a, ints b)
{
    return _mm512_and_si512(a, b);
}

LANES_INLINE ints ints_xor(ints a, ints b)
{
    return _mm512_xor_si512(a, b);
}

/* (a & mask) | (b & ~mask) */
LANES_INLINE ints ints_choose(ints mask, ints a, ints b)
{
    return _mm512_ternarylogic_epi32(mask, a, b, 0xca);
}

/* a | (b & mask) */
LANES_INLINE ints ints_or_masked(ints a, ints b, ints mask)
{
    return _mm512_ternarylogic_epi32(a, b, mask, 0xf8);
}

LANES_INLINE ints ints_add(ints a, ints b)
{
    return _mm512_add_epi32(a, b);
}

LANES_INLINE ints ints_add_words(ints a, ints b)
{
    return _mm512_add_epi16(a, b);
}

LANES_INLINE ints ints_right(ints a, unsigned n)
{
    return _mm512_srli_epi32(a, n);
}

LANES_INLINE ints ints_left(ints a, unsigned n)
{
    return _mm512_slli_epi32(a, n);
}

LANES_INLINE ints ints_right_signed(ints a, unsigned n)
{
    return _mm512_srai_epi32(a, n);
}

LANES_INLINE lanes ints_to_float(ints a)
{
    return _mm512_cvtepi32_ps(a);
}

LANES_INLINE lanes ints_as_float(ints a)
{
    return _mm512_castsi512_ps(a);
}

/* Within each 128 bits, as the instructions of these names. */
LANES_INLINE ints ints_unpacklo32(ints a, ints b)
{
    return _mm512_unpacklo_epi32(a, b);
}

LANES_INLINE ints ints_unpackhi32(ints a, ints b)
{
    return _mm512_unpackhi_epi32(a, b);
}

LANES_INLINE ints ints_unpacklo64(ints a, ints b)
{
    return _mm512_unpacklo_epi64(a, b);
}

LANES_INLINE ints ints_unpackhi64(ints a, ints b)
{
    return _mm512_unpackhi_epi64(a, b);
}

LANES_INLINE ints ints_maddubs(ints a, ints b)
{
    return _mm512_maddubs_epi16(a, b);
}

LANES_INLINE ints ints_madd(ints a, ints b)
{
    return _mm512_madd_epi16(a, b);
}

LANES_INLINE ints ints_abs_bytes(ints a)
{
    return _mm512_abs_epi8(a);
}

/* The bytes of x, negated where those of s are negative. */
LANES_INLINE ints ints_sign_bytes(ints x, ints s)
{
    return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(s), _mm512_setzero_si512(), x);
}

/* Bits 4 i to 4 i + 3 of each lane as bit 4 of its four bytes. */
LANES_INLINE ints ints_spread(ints bits, unsigned i)
{
    const ints table =
        _mm512_setr_epi32(0x00000000, 0x00000010, 0x00001000, 0x00001010, 0x00100000, 0x00100010,
                          0x00101000, 0x00101010, 0x10000000, 0x10000010, 0x10001000, 0x10001010,
                          0x10100000, 0x10100010, 0x10101000, 0x10101010);
    return _mm512_permutexvar_epi32(_mm512_srli_epi32(bits, 4 * i), table);
}

/* 16 values of binary16, or the low 16 bits of each lane as such. */
LANES_INLINE lanes lanes_of_words(__m128i low, __m128i high)
{
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
}

LANES_INLINE lanes ints_low_f16(ints a)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a));
}

/* 16 words as lanes of 32 bits, without sign. */
LANES_INLINE ints ints_of_words(const uint8_t *p)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p));
}

/* 32 signed bytes as words. */
LANES_INLINE ints ints_of_signed_bytes(const uint8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)p));
}

/* 2 n - 15 for the low or the high nibbles n of 32 bytes, as words. */
LANES_INLINE ints ints_of_odd_nibbles(const uint8_t *p, bool high)
{
    __m256i n = _mm256_loadu_si256((const void *)p);
    n = high ? _mm256_srli_epi16(n, 3) : _mm256_slli_epi16(n, 1);
    n = _mm256_sub_epi8(_mm256_and_si256(n, _mm256_set1_epi8(0x1e)), _mm256_set1_epi8(15));
    return _mm512_cvtepi8_epi16(n);
}

/* To the nearest integers of 16 bits, in which they fit. */
LANES_INLINE void lanes_to_words(int16_t *p, lanes a)
{
    _mm256_storeu_si256((void *)p, _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(a)));
}

/* To integers, rounded to nearest or down from a positive value. */
LANES_INLINE ints lanes_to_ints(lanes a)
{
    return _mm512_cvtps_epi32(a);
}

LANES_INLINE ints lanes_cut_to_ints(lanes a)
{
    return _mm512_cvttps_epi32(a);
}

/* Lanes of -128..127 as 16 bytes. */
LANES_INLINE void ints_to_bytes(uint8_t *p, ints a)
{
    _mm_storeu_si128((void *)p, _mm512_cvtepi32_epi8(a));
}

/* The largest of 64 values >= 0 by their bits: NaN when one is. */
LANES_INLINE float lanes_fold_bits(const lanes a[4])
{
    __m512i x = _mm512_max_epu32(_mm512_castps_si512(a[0]), _mm512_castps_si512(a[1]));
    __m512i y = _mm512_max_epu32(_mm512_castps_si512(a[2]), _mm512_castps_si512(a[3]));
    x = _mm512_max_epu32(x, y);
    __m256i h = _mm256_max_epu32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    __m128i q = _mm_max_epu32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0x4e));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(q));
}

#else

typedef struct ints {
    __m256i low, high;
} ints;

LANES_INLINE ints ints_load(const void *p)
{
    const __m256i *h = p;
    return (ints){_mm256_loadu_si256(h), _mm256_loadu_si256(h + 1)};
}

LANES_INLINE void ints_store(void *p, ints a)
{
    __m256i *h = p;
    _mm256_storeu_si256(h, a.low);
    _mm256_storeu_si256(h + 1, a.high);
}

LANES_INLINE __m256i ints_pair(__m128i low, __m128i high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

LANES_INLINE ints ints_of_quarters(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (ints){ints_pair(a, b), ints_pair(c, d)};
}

LANES_INLINE ints ints_load_quarters(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                     const uint8_t *d)
{
    return ints_of_quarters(_mm_loadu_si128((const void *)a), _mm_loadu_si128((const void *)b),
                            _mm_loadu_si128((const void *)c), _mm_loadu_si128((const void *)d));
}

LANES_INLINE ints ints_zero(void)
{
    return (ints){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

LANES_INLINE ints ints_set(int32_t x)
{
    return (ints){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}

LANES_INLINE ints ints_set_bytes(int8_t x)
{
    return (ints){_mm256_set1_epi8(x), _mm256_set1_epi8(x)};
}

LANES_INLINE ints ints_and(ints a, ints b)
{
    return (ints){_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}

LANES_INLINE ints ints_or(ints a, ints b)
{
    return (ints){_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}

LANES_INLINE ints ints_xor(ints a, ints b)
{
    return (ints){_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
}

LANES_INLINE ints ints_choose(ints mask, ints a, ints b)
{
    ints c = {_mm256_andnot_si256(mask.low, b.low), _mm256_andnot_si256(mask.high, b.high)};
    return ints_or(ints_and(mask, a), c);
}

LANES_INLINE ints ints_or_masked(ints a, ints b, ints mask)
{
    return ints_or(a, ints_and(b, mask));
}

LANES_INLINE ints ints_add(ints a, ints b)
{
    return (ints){_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}

LANES_INLINE ints ints_add_words(ints a, ints b)
{
    return (ints){_mm256_add_epi16(a.low, b.low), _mm256_add_epi16(a.high, b.high)};
}

LANES_INLINE ints ints_right(ints a, unsigned n)
{
    return (ints){_mm256_srli_epi32(a.low, (int)n), _mm256_srli_epi32(a.high, (int)n)};
}

LANES_INLINE ints ints_left(ints a, unsigned n)
{
    return (ints){_mm256_slli_epi32(a.low, (int)n), _mm256_slli_epi32(a.high, (int)n)};
}

LANES_INLINE ints ints_right_signed(ints a, unsigned n)
{
    return (ints){_mm256_srai_epi32(a.low, (int)n), _mm256_srai_epi32(a.high, (int)n)};
}

LANES_INLINE lanes ints_to_float(ints a)
{
    return (lanes){_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}

LANES_INLINE lanes ints_as_float(ints a)
{
    return (lanes){_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)};
}

LANES_INLINE ints ints_unpacklo32(ints a, ints b)
{
    return (ints){_mm256_unpacklo_epi32(a.low, b.low), _mm256_unpacklo_epi32(a.high, b.high)};
}

LANES_INLINE ints ints_unpackhi32(ints a, ints b)
{
    return (ints){_mm256_unpackhi_epi32(a.low, b.low), _mm256_unpackhi_epi32(a.high, b.high)};
}

LANES_INLINE ints ints_unpacklo64(ints a, ints b)
{
    return (ints){_mm256_unpacklo_epi64(a.low, b.low), _mm256_unpacklo_epi64(a.high, b.high)};
}

LANES_INLINE ints ints_unpackhi64(ints a, ints b)
{
    return (ints){_mm256_unpackhi_epi64(a.low, b.low), _mm256_unpackhi_epi64(a.high, b.high)};
}

LANES_INLINE ints ints_maddubs(ints a, ints b)
{
    return (ints){_mm256_maddubs_epi16(a.low, b.low), _mm256_maddubs_epi16(a.high, b.high)};
}

LANES_INLINE ints ints_madd(ints a, ints b)
{
    return (ints){_mm256_madd_epi16(a.low, b.low), _mm256_madd_epi16(a.high, b.high)};
}

LANES_INLINE ints ints_abs_bytes(ints a)
{
    return (ints){_mm256_abs_epi8(a.low), _mm256_abs_epi8(a.high)};
}

LANES_INLINE ints ints_sign_bytes(ints x, ints s)
{
    return (ints){_mm256_sign_epi8(x.low, s.low), _mm256_sign_epi8(x.high, s.high)};
}

LANES_INLINE __m256i ints_spread_half(__m256i bits, unsigned i)
{
    __m256i four = _mm256_and_si256(_mm256_srli_epi32(bits, (int)(4 * i)), _mm256_set1_epi32(15));
    four = _mm256_mullo_epi32(four, _mm256_set1_epi32(0x02040810)); /* bit j to 4 + 8 j, and more */
    return _mm256_and_si256(four, _mm256_set1_epi32(0x10101010));
}

LANES_INLINE ints ints_spread(ints bits, unsigned i)
{
    return (ints){ints_spread_half(bits.low, i), ints_spread_half(bits.high, i)};
}

LANES_INLINE lanes lanes_of_words(__m128i low, __m128i high)
{
    return (lanes){_mm256_cvtph_ps(low), _mm256_cvtph_ps(high)};
}

LANES_INLINE lanes ints_low_f16(ints a)
{
    a = ints_and(a, ints_set(0xffff));
    __m256i words = _mm256_packus_epi32(a.low, a.high); /* 0-3, 8-11, 4-7, 12-15 */
    words = _mm256_permute4x64_epi64(words, 0xd8);
    return lanes_of_words(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

LANES_INLINE ints ints_of_words(const uint8_t *p)
{
    return (ints){_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)),
                  _mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(p + 16)))};
}

LANES_INLINE ints ints_of_signed_bytes(const uint8_t *p)
{
    return (ints){_mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p)),
                  _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)(p + 16)))};
}

LANES_INLINE ints ints_of_odd_nibbles(const uint8_t *p, bool high)
{
    __m256i n = _mm256_loadu_si256((const void *)p);
    n = high ? _mm256_srli_epi16(n, 3) : _mm256_slli_epi16(n, 1);
    n = _mm256_sub_epi8(_mm256_and_si256(n, _mm256_set1_epi8(0x1e)), _mm256_set1_epi8(15));
    return (ints){_mm256_cvtepi8_epi16(_mm256_castsi256_si128(n)),
                  _mm256_cvtepi8_epi16(_mm256_extracti128_si256(n, 1))};
}

LANES_INLINE void lanes_to_words(int16_t *p, lanes a)
{
    __m256i n = _mm256_packs_epi32(_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high));
    _mm256_storeu_si256((void *)p, _mm256_permute4x64_epi64(n, 0xd8));
}

LANES_INLINE ints lanes_to_ints(lanes a)
{
    return (ints){_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)};
}

LANES_INLINE ints lanes_cut_to_ints(lanes a)
{
    return (ints){_mm256_cvttps_epi32(a.low), _mm256_cvttps_epi32(a.high)};
}

LANES_INLINE void ints_to_bytes(uint8_t *p, ints a)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.low, a.high), 0xd8);
    _mm_storeu_si128((void *)p, _mm_packs_epi16(_mm256_castsi256_si128(words),
                                                _mm256_extracti128_si256(words, 1)));
}

LANES_INLINE float lanes_fold_bits(const lanes a[4])
{
    __m256i x = _mm256_castps_si256(a[0].low);
    x = _mm256_max_epu32(x, _mm256_castps_si256(a[0].high));
    for (size_t i = 1; i < 4; i++) {
        x = _mm256_max_epu32(x, _mm256_castps_si256(a[i].low));
        x = _mm256_max_epu32(x, _mm256_castps_si256(a[i].high));
    }
    __m128i q = _mm_max_epu32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0x4e));
    q = _mm_max_epu32(q, _mm_shuffle_epi32(q, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(q));
}

#endif
