/* kernel/act.avx2.c - quantizes 32 activations in four registers. */
#include "kernel/f16.h"
#include "kernel/kernels.h"

#include <immintrin.h>
#include <math.h>

/* The largest magnitude as bits, which order as the magnitudes do. */
static inline uint32_t largest_bits(const __m256 v[4])
{
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i m = _mm256_setzero_si256();
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        m = _mm256_max_epi32(m, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
    __m128i h = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0x4e));
    h = _mm_max_epi32(h, _mm_shuffle_epi32(h, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(h);
}

/* The 32 values times scale, rounded to the nearest even, as bytes in order. */
static inline __m256i round_all(const __m256 v[4], __m256 scale)
{
    __m256i q[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], scale));
    __m256i low = _mm256_packs_epi32(q[0], q[1]), high = _mm256_packs_epi32(q[2], q[3]);
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                       _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline int32_t sum_of(__m128i sums)
{
    return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_unpackhi_epi64(sums, sums))) - 16 * 128;
}

static inline void quantize_group(const float *x, qn_act *b, size_t g)
{
    __m256 v[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        v[i] = _mm256_loadu_ps(x + 8 * i);
    float m = qn_float_of_bits(largest_bits(v));
    if (!(m < INFINITY) || m < QN_ACT_LEAST) {
        _mm256_storeu_si256((void *)(b->q + 32 * g), _mm256_setzero_si256());
        b->d[g] = m < INFINITY ? 0 : NAN;
        b->sum[g] = 0;
        b->sum16[2 * g] = b->sum16[2 * g + 1] = 0;
        return;
    }
    __m256i q = round_all(v, _mm256_set1_ps(127.0f / m));
    _mm256_storeu_si256((void *)(b->q + 32 * g), q);
    __m256i sums = _mm256_sad_epu8(_mm256_xor_si256(q, _mm256_set1_epi8(-128)),
                                   _mm256_setzero_si256()); /* of q + 128 */
    int32_t sum0 = sum_of(_mm256_castsi256_si128(sums));
    int32_t sum1 = sum_of(_mm256_extracti128_si256(sums, 1));
    b->d[g] = m / 127.0f;
    b->sum[g] = (float)(sum0 + sum1);
    b->sum16[2 * g] = (int16_t)sum0;
    b->sum16[2 * g + 1] = (int16_t)sum1;
}

void qn_quantize_avx2(size_t n_in, const float *x, void *act)
{
    qn_act *b = act;
    size_t n_whole = n_in / 256 * sizeof *b; /* bytes that are surely written below */
    memset((uint8_t *)act + n_whole, 0, qn_act_bytes(n_in) - n_whole);
    for (size_t g = 0; g < n_in / 32; g++)
        quantize_group(x + 32 * g, &b[g / 8], g % 8);
}
