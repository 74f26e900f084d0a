/* kernel/lanes.avx2.h - 16 lanes of f32, whatever the width of the registers.
 *
 * Invariant: each operation rounds as its scalar twin does, lane by lane, so code written on lanes
 * gives the bits of the reference. One zmm with AVX-512, two ymm with AVX2; included only by files
 * compiled for one of them. */
#pragma once

#include "kernel/registers.avx2.h"

#ifdef __AVX512F__

typedef freg lanes;

LANES_INLINE lanes lanes_load(const float *p)
{
    return freg_load(p);
}

LANES_INLINE void lanes_store(float *p, lanes a)
{
    freg_store(p, a);
}

#else

typedef struct lanes {
    freg low, high;
} lanes;

LANES_INLINE lanes lanes_load(const float *p)
{
    return (lanes){freg_load(p), freg_load(p + 8)};
}

LANES_INLINE void lanes_store(float *p, lanes a)
{
    freg_store(p, a.low);
    freg_store(p + 8, a.high);
}

#endif

/* Each as registers.avx2.h says of one register. */
// clang-format off
EACH_OF(lanes, freg, set, float)
EACH_2(lanes, freg, add)
EACH_2(lanes, freg, sub)
EACH_2(lanes, freg, mul)
EACH_2(lanes, freg, div)
EACH_3(lanes, freg, fma)
EACH_3(lanes, freg, fnma)
EACH_2(lanes, freg, max)
EACH_2(lanes, freg, min)
// clang-format on

#ifdef __AVX512F__

typedef __mmask16 lanes_mask;

/* The lowest bits of `bits` choose lanes. */
LANES_INLINE lanes_mask lanes_mask_of(uint32_t bits)
{
    return (lanes_mask)bits;
}

LANES_INLINE uint32_t lanes_bits_of(lanes_mask m)
{
    return m;
}

/* The first n < 16 values, zeros behind them; touches no more memory. */
LANES_INLINE lanes lanes_load_n(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps((lanes_mask)((1u << n) - 1), p);
}

LANES_INLINE void lanes_store_n(float *p, size_t n, lanes a)
{
    _mm512_mask_storeu_ps(p, (lanes_mask)((1u << n) - 1), a);
}

LANES_INLINE lanes_mask lanes_less(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

LANES_INLINE lanes_mask lanes_equal(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

LANES_INLINE lanes lanes_select(lanes_mask m, lanes yes, lanes no)
{
    return _mm512_mask_blend_ps(m, no, yes);
}

LANES_INLINE lanes lanes_abs(lanes a)
{
    return _mm512_abs_ps(a);
}

/* a >= 0 with the sign of b. */
LANES_INLINE lanes lanes_sign(lanes a, lanes b)
{
    return _mm512_or_ps(a, _mm512_and_ps(b, _mm512_set1_ps(-0.0f)));
}

/* a * 2^n rounded once; t is n + 1.5 * 2^23, -151 <= n <= 130. */
LANES_INLINE lanes lanes_scale(lanes a, lanes n, lanes t)
{
    (void)t;
    return _mm512_scalef_ps(a, n);
}

/* Lane i ^ h in lane i, h a power of two below 16. */
LANES_INLINE lanes lanes_swap(lanes a, size_t h)
{
    return h == 8   ? _mm512_shuffle_f32x4(a, a, 0x4e)
           : h == 4 ? _mm512_shuffle_f32x4(a, a, 0xb1)
           : h == 2 ? _mm512_permute_ps(a, 0x4e)
                    : _mm512_permute_ps(a, 0xb1);
}

LANES_INLINE __m256 lanes_low(lanes a)
{
    return _mm512_castps512_ps256(a);
}

LANES_INLINE __m256 lanes_high(lanes a)
{
    return _mm512_extractf32x8_ps(a, 1);
}

LANES_INLINE lanes lanes_of_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

LANES_INLINE void lanes_to_f16(uint16_t *p, lanes a)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

#else

typedef lanes lanes_mask;

LANES_INLINE lanes_mask lanes_mask_of(uint32_t bits)
{
    __m256i low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), high = _mm256_slli_epi32(low, 8);
    __m256i all = _mm256_set1_epi32((int)bits);
    low = _mm256_cmpeq_epi32(_mm256_and_si256(all, low), low);
    high = _mm256_cmpeq_epi32(_mm256_and_si256(all, high), high);
    return (lanes){_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)};
}

LANES_INLINE uint32_t lanes_bits_of(lanes_mask m)
{
    return (uint32_t)_mm256_movemask_ps(m.low) | (uint32_t)_mm256_movemask_ps(m.high) << 8;
}

LANES_INLINE lanes lanes_load_n(const float *p, size_t n)
{
    lanes_mask m = lanes_mask_of((1u << n) - 1);
    return (lanes){_mm256_maskload_ps(p, _mm256_castps_si256(m.low)),
                   _mm256_maskload_ps(p + 8, _mm256_castps_si256(m.high))};
}

LANES_INLINE void lanes_store_n(float *p, size_t n, lanes a)
{
    lanes_mask m = lanes_mask_of((1u << n) - 1);
    _mm256_maskstore_ps(p, _mm256_castps_si256(m.low), a.low);
    _mm256_maskstore_ps(p + 8, _mm256_castps_si256(m.high), a.high);
}

LANES_INLINE lanes_mask lanes_less(lanes a, lanes b)
{
    return (lanes){_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ),
                   _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
}

LANES_INLINE lanes_mask lanes_equal(lanes a, lanes b)
{
    return (lanes){_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ),
                   _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
}

LANES_INLINE lanes lanes_select(lanes_mask m, lanes yes, lanes no)
{
    return (lanes){_mm256_blendv_ps(no.low, yes.low, m.low),
                   _mm256_blendv_ps(no.high, yes.high, m.high)};
}

LANES_INLINE lanes lanes_abs(lanes a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (lanes){_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}

LANES_INLINE lanes lanes_sign(lanes a, lanes b)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (lanes){_mm256_or_ps(a.low, _mm256_and_ps(b.low, sign)),
                   _mm256_or_ps(a.high, _mm256_and_ps(b.high, sign))};
}

/* In two steps: the first is exact, the second may round to a subnormal. */
LANES_INLINE __m256 lanes_scale_half(__m256 a, __m256 t)
{
    __m256i bias = _mm256_set1_epi32(127);
    __m256i n = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_set1_epi32(0x4b400000));
    __m256i half = _mm256_srai_epi32(n, 1), rest = _mm256_sub_epi32(n, half);
    __m256i x = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    __m256i y = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(x)), _mm256_castsi256_ps(y));
}

LANES_INLINE lanes lanes_scale(lanes a, lanes n, lanes t)
{
    (void)n;
    return (lanes){lanes_scale_half(a.low, t.low), lanes_scale_half(a.high, t.high)};
}

LANES_INLINE lanes lanes_swap(lanes a, size_t h)
{
    if (h == 8)
        return (lanes){a.high, a.low};
    if (h == 4)
        return (lanes){_mm256_permute2f128_ps(a.low, a.low, 1),
                       _mm256_permute2f128_ps(a.high, a.high, 1)};
    if (h == 2)
        return (lanes){_mm256_permute_ps(a.low, 0x4e), _mm256_permute_ps(a.high, 0x4e)};
    return (lanes){_mm256_permute_ps(a.low, 0xb1), _mm256_permute_ps(a.high, 0xb1)};
}

LANES_INLINE __m256 lanes_low(lanes a)
{
    return a.low;
}

LANES_INLINE __m256 lanes_high(lanes a)
{
    return a.high;
}

LANES_INLINE lanes lanes_of_f16(const uint16_t *p)
{
    return (lanes){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                   _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}

LANES_INLINE void lanes_to_f16(uint16_t *p, lanes a)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(a.low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(a.high, _MM_FROUND_TO_NEAREST_INT));
}

#endif

/* fold.h's trees. */
LANES_INLINE float lanes_fold(lanes a)
{
    __m256 w = _mm256_add_ps(lanes_low(a), lanes_high(a));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

LANES_INLINE float lanes_fold_max(lanes a)
{
    __m256 w = _mm256_max_ps(lanes_low(a), lanes_high(a));
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

#ifdef __AVX512F__

/* lanes_fold of four. */
LANES_INLINE __m128 lanes_fold_4(lanes a, lanes b, lanes c, lanes d)
{
    lanes ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    lanes cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    lanes s = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    s = _mm512_add_ps(s, _mm512_permute_ps(s, 0x4e));
    s = _mm512_add_ps(s, _mm512_permute_ps(s, 0xb1));
    const __m512i first_of_each = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first_of_each, s));
}

/* lanes_fold_max of four; what comes first in lanes_max matters to NaN. */
LANES_INLINE __m128 lanes_fold_max_4(lanes a, lanes b, lanes c, lanes d)
{
    lanes ab = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    lanes cd = _mm512_max_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xee));
    lanes s = _mm512_max_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    s = _mm512_max_ps(s, _mm512_permute_ps(s, 0x4e));
    s = _mm512_max_ps(s, _mm512_permute_ps(s, 0xb1));
    const __m512i first_of_each = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first_of_each, s));
}

#endif
