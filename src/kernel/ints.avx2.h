/* kernel/ints.avx2.h - 16 lanes of 32 bits as integers, beside the floats of lanes.avx2.h.
 *
 * One zmm with AVX-512, two ymm with AVX2; included only by files compiled for one of them. */
#pragma once

#include "kernel/lanes.avx2.h"

#ifdef __AVX512F__

typedef ireg ints;

LANES_INLINE ints ints_load(const void *p)
{
    return ireg_load(p);
}

LANES_INLINE void ints_store(void *p, ints a)
{
    ireg_store(p, a);
}

LANES_INLINE ints ints_zero(void)
{
    return ireg_zero();
}

LANES_INLINE ints ints_set_dwords(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return ireg_set_dwords(a, b, c, d);
}

LANES_INLINE lanes ints_to_float(ints a)
{
    return ireg_to_float(a);
}

LANES_INLINE void ints_transpose4(const ints r[4], ints out[4])
{
    ireg_transpose4(r, out);
}

#else

typedef struct ints {
    ireg low, high;
} ints;

LANES_INLINE ints ints_load(const void *p)
{
    const ireg *h = p;
    return (ints){ireg_load(h), ireg_load(h + 1)};
}

LANES_INLINE void ints_store(void *p, ints a)
{
    ireg *h = p;
    ireg_store(h, a.low);
    ireg_store(h + 1, a.high);
}

LANES_INLINE ints ints_zero(void)
{
    return (ints){ireg_zero(), ireg_zero()};
}

LANES_INLINE ints ints_set_dwords(int32_t a, int32_t b, int32_t c, int32_t d)
{
    return (ints){ireg_set_dwords(a, b, c, d), ireg_set_dwords(a, b, c, d)};
}

LANES_INLINE lanes ints_to_float(ints a)
{
    return (lanes){ireg_to_float(a.low), ireg_to_float(a.high)};
}

LANES_INLINE void ints_transpose4(const ints r[4], ints out[4])
{
    const ireg low[4] = {r[0].low, r[1].low, r[2].low, r[3].low};
    const ireg high[4] = {r[0].high, r[1].high, r[2].high, r[3].high};
    ireg out_low[4], out_high[4];
    ireg_transpose4(low, out_low);
    ireg_transpose4(high, out_high);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        out[i] = (ints){out_low[i], out_high[i]};
}

#endif

/* Each as registers.avx2.h says of one register. */
// clang-format off
EACH_OF(ints, ireg, set, int32_t)
EACH_OF(ints, ireg, set_bytes, int8_t)
EACH_2(ints, ireg, and)
EACH_2(ints, ireg, xor)
EACH_3(ints, ireg, or_masked)
EACH_2(ints, ireg, add)
EACH_2(ints, ireg, add_words)
EACH_2(ints, ireg, maddubs)
EACH_2(ints, ireg, madd)
EACH_1(ints, ireg, abs_bytes)
EACH_2(ints, ireg, sign_bytes)
EACH_1(ints, ireg, here)
EACH_BY(ints, ireg, right, unsigned)
EACH_BY(ints, ireg, left, unsigned)
EACH_BY(ints, ireg, right_signed, unsigned)
EACH_2(ints, ireg, right_each)
EACH_2(ints, ireg, unpacklo16)
EACH_2(ints, ireg, unpackhi16)
EACH_2(ints, ireg, unpacklo32)
EACH_2(ints, ireg, unpacklo64)
EACH_2(ints, ireg, unpackhi64)
EACH_2(ints, ireg, pack_dwords)
EACH_2(ints, ireg, even_dwords)
EACH_2(ints, ireg, odd_dwords)
EACH_2(ints, ireg, shuffle_bytes)
EACH_BY(ints, ireg, spread, unsigned)
EACH_2_BY(ints, ireg, join, int8_t)
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
EACH_3(ints, ireg, add_dot)
#endif
// clang-format on

#ifdef __AVX512F__

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

LANES_INLINE lanes ints_as_float(ints a)
{
    return _mm512_castsi512_ps(a);
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

/* The even, the odd 128 bits of a, then of b. */
LANES_INLINE ints ints_even_quarters(ints a, ints b)
{
    return _mm512_shuffle_i32x4(a, b, 0x88);
}

LANES_INLINE ints ints_odd_quarters(ints a, ints b)
{
    return _mm512_shuffle_i32x4(a, b, 0xdd);
}

/* 128 bits 1 and 2 change places. */
LANES_INLINE lanes lanes_swap_middle(lanes a)
{
    return _mm512_shuffle_f32x4(a, a, 0xd8);
}

LANES_INLINE __m128i ints_quarter(ints a, size_t i)
{
    return i == 0   ? _mm512_castsi512_si128(a)
           : i == 1 ? _mm512_extracti32x4_epi32(a, 1)
           : i == 2 ? _mm512_extracti32x4_epi32(a, 2)
                    : _mm512_extracti32x4_epi32(a, 3);
}

LANES_INLINE __m256i ints_low_half(ints a)
{
    return _mm512_castsi512_si256(a);
}

LANES_INLINE __m256i ints_high_half(ints a)
{
    return _mm512_extracti64x4_epi64(a, 1);
}

/* Dword j of quarter i becomes dword i of quarter j. */
LANES_INLINE ints ints_transpose_dwords(ints a)
{
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), a);
}

LANES_INLINE ints ints_load_halves(const uint8_t *low, const uint8_t *high)
{
    __m256i a = _mm256_loadu_si256((const void *)low), b = _mm256_loadu_si256((const void *)high);
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Dword i of each quarter is its dword (order >> 2 i) % 4, of a constant. */
#define ints_shuffle_dwords(a, order) _mm512_shuffle_epi32(a, (_MM_PERM_ENUM)(order))

/* Each 128 bits filled with a value of its own. */
LANES_INLINE ints ints_fill_quarters(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const ints order = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    __m128i four = _mm_setr_epi32((int)a, (int)b, (int)c, (int)d);
    return _mm512_permutexvar_epi32(order, _mm512_castsi128_si512(four));
}

/* Byte i of each 128 bits plus 16 where bit i of the 16 bits at byte `first` of these 128 is set.
 */
LANES_INLINE ints ints_add_fifth(ints a, ints bits, unsigned first)
{
    const __m128i byte = _mm_set_epi64x(0x0101010101010101 * (int64_t)(first + 1),
                                        0x0101010101010101 * (int64_t)first);
    ints spread = _mm512_shuffle_epi8(bits, _mm512_broadcast_i32x4(byte));
    __mmask64 set = _mm512_test_epi8_mask(spread, _mm512_set1_epi64((int64_t)0x8040201008040201));
    return _mm512_mask_add_epi8(a, set, a, _mm512_set1_epi8(16));
}

/* The four pairs of lanes that come first in a quarter, then the others. */
LANES_INLINE ints ints_transpose_pairs(ints a)
{
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), a);
}

/* Quarter i shifted right by 2 i bits; lanes 8 to 15 shifted right by two bits. */
LANES_INLINE ints ints_right_quarters(ints a)
{
    return _mm512_srlv_epi32(a, _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6));
}

LANES_INLINE ints ints_right2_high(ints a)
{
    return _mm512_srlv_epi32(a, _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2));
}

/* The even, the odd quarters of a and b, each two of them lane by lane: 0, 4, 1, 5 ... */
LANES_INLINE ints ints_mix_even(ints a, ints b)
{
    const ints order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 16, 24, 17, 25, 18, 26, 19, 27);
    return _mm512_permutex2var_epi32(a, order, b);
}

LANES_INLINE ints ints_mix_odd(ints a, ints b)
{
    const ints order =
        _mm512_setr_epi32(4, 12, 5, 13, 6, 14, 7, 15, 20, 28, 21, 29, 22, 30, 23, 31);
    return _mm512_permutex2var_epi32(a, order, b);
}

/* 16 values of binary16; 16 bytes without sign; with. */
LANES_INLINE lanes lanes_of_words_256(__m256i words)
{
    return _mm512_cvtph_ps(words);
}

LANES_INLINE lanes lanes_of_bytes(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

LANES_INLINE lanes lanes_of_signed_bytes(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

#else

LANES_INLINE ints ints_of_quarters(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (ints){ireg_of_quarters(a, b), ireg_of_quarters(c, d)};
}

LANES_INLINE ints ints_load_quarters(const uint8_t *a, const uint8_t *b, const uint8_t *c,
                                     const uint8_t *d)
{
    return ints_of_quarters(_mm_loadu_si128((const void *)a), _mm_loadu_si128((const void *)b),
                            _mm_loadu_si128((const void *)c), _mm_loadu_si128((const void *)d));
}

LANES_INLINE lanes ints_as_float(ints a)
{
    return (lanes){_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)};
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

LANES_INLINE ints ints_even_quarters(ints a, ints b)
{
    return (ints){_mm256_permute2x128_si256(a.low, a.high, 0x20),
                  _mm256_permute2x128_si256(b.low, b.high, 0x20)};
}

LANES_INLINE ints ints_odd_quarters(ints a, ints b)
{
    return (ints){_mm256_permute2x128_si256(a.low, a.high, 0x31),
                  _mm256_permute2x128_si256(b.low, b.high, 0x31)};
}

LANES_INLINE lanes lanes_swap_middle(lanes a)
{
    return (lanes){_mm256_permute2f128_ps(a.low, a.high, 0x20),
                   _mm256_permute2f128_ps(a.low, a.high, 0x31)};
}

LANES_INLINE ints ints_fill_quarters(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return ints_of_quarters(_mm_set1_epi32((int)a), _mm_set1_epi32((int)b), _mm_set1_epi32((int)c),
                            _mm_set1_epi32((int)d));
}

LANES_INLINE __m256i ints_add_fifth_half(__m256i a, __m256i bits, unsigned first)
{
    const __m256i byte = _mm256_broadcastsi128_si256(_mm_set_epi64x(
        0x0101010101010101 * (int64_t)(first + 1), 0x0101010101010101 * (int64_t)first));
    const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    __m256i set = _mm256_and_si256(_mm256_shuffle_epi8(bits, byte), bit);
    set = _mm256_and_si256(_mm256_cmpeq_epi8(set, bit), _mm256_set1_epi8(16));
    return _mm256_or_si256(a, set);
}

LANES_INLINE ints ints_add_fifth(ints a, ints bits, unsigned first)
{
    return (ints){ints_add_fifth_half(a.low, bits.low, first),
                  ints_add_fifth_half(a.high, bits.high, first)};
}

LANES_INLINE __m128i ints_quarter(ints a, size_t i)
{
    __m256i half = i < 2 ? a.low : a.high;
    return i % 2 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half);
}

LANES_INLINE __m256i ints_low_half(ints a)
{
    return a.low;
}

LANES_INLINE __m256i ints_high_half(ints a)
{
    return a.high;
}

LANES_INLINE ints ints_transpose_dwords(ints a)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i low = _mm256_permutevar8x32_epi32(a.low, order);
    __m256i high = _mm256_permutevar8x32_epi32(a.high, order);
    __m256i even = _mm256_unpacklo_epi64(low, high), odd = _mm256_unpackhi_epi64(low, high);
    return (ints){_mm256_permute2x128_si256(even, odd, 0x20),
                  _mm256_permute2x128_si256(even, odd, 0x31)};
}

LANES_INLINE ints ints_load_halves(const uint8_t *low, const uint8_t *high)
{
    return (ints){_mm256_loadu_si256((const void *)low), _mm256_loadu_si256((const void *)high)};
}

#define ints_shuffle_dwords(a, order)                                                              \
    ((ints){_mm256_shuffle_epi32((a).low, order), _mm256_shuffle_epi32((a).high, order)})

LANES_INLINE ints ints_transpose_pairs(ints a)
{
    __m256i low = _mm256_permute4x64_epi64(a.low, 0xd8);
    __m256i high = _mm256_permute4x64_epi64(a.high, 0xd8);
    return (ints){_mm256_permute2x128_si256(low, high, 0x20),
                  _mm256_permute2x128_si256(low, high, 0x31)};
}

LANES_INLINE ints ints_right_quarters(ints a)
{
    return (ints){_mm256_srlv_epi32(a.low, _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2)),
                  _mm256_srlv_epi32(a.high, _mm256_setr_epi32(4, 4, 4, 4, 6, 6, 6, 6))};
}

LANES_INLINE ints ints_right2_high(ints a)
{
    return (ints){a.low, _mm256_srli_epi32(a.high, 2)};
}

LANES_INLINE ints ints_mix_halves(ints a)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return (ints){_mm256_permutevar8x32_epi32(a.low, order),
                  _mm256_permutevar8x32_epi32(a.high, order)};
}

LANES_INLINE ints ints_mix_even(ints a, ints b)
{
    return ints_mix_halves(ints_even_quarters(a, b));
}

LANES_INLINE ints ints_mix_odd(ints a, ints b)
{
    return ints_mix_halves(ints_odd_quarters(a, b));
}

LANES_INLINE lanes lanes_of_words_256(__m256i words)
{
    return lanes_of_words(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

LANES_INLINE lanes lanes_of_bytes(__m128i bytes)
{
    return (lanes){_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
                   _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
}

LANES_INLINE lanes lanes_of_signed_bytes(__m128i bytes)
{
    return (lanes){_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
                   _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}

#endif
