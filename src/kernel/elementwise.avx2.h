/* kernel/elementwise.avx2.h - norm.c, rope.c, hadamard.c, gate.c, logits.c and kv.c on lanes.
 *
 * Each function has the contract and the bits of qn_<name>; the files elementwise.<level>.c give
 * them to the table of kernels. */
#pragma once

#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"
#include "kernel/math.avx2.h"

#include <math.h>
#include <string.h>

/* n values: whole vectors, then a last one of n % 16. */
LANES_INLINE lanes load_some(const float *p, size_t n)
{
    return n < 16 ? lanes_load_n(p, n) : lanes_load(p);
}

LANES_INLINE void store_some(float *p, size_t n, lanes a)
{
    if (n < 16)
        lanes_store_n(p, n, a);
    else
        lanes_store(p, a);
}

LANES_INLINE void rms_norm(size_t n, float *y, const float *x, const float *weight, float eps)
{
    lanes sum = lanes_set(0);
    for (size_t i = 0; i < n; i += 16) {
        lanes v = load_some(x + i, n - i);
        sum = lanes_fma(v, v, sum);
    }
    lanes scale = lanes_set(1.0f / sqrtf(lanes_fold(sum) / (float)n + eps));
    for (size_t i = 0; i < n; i += 16) {
        lanes v = lanes_mul(load_some(x + i, n - i), scale);
        store_some(y + i, n - i, weight ? lanes_mul(v, load_some(weight + i, n - i)) : v);
    }
}

/* 4 values of qn_sincos, still f64 and before the quarter turns are sorted out. */
typedef struct turned {
    __m256d sin_r, cos_r;
    __m256i turn;
} turned;

LANES_INLINE turned reduce_angle(__m256d a)
{
    __m256d inside = _mm256_cmp_pd(_mm256_andnot_pd(_mm256_set1_pd(-0.0), a),
                                   _mm256_set1_pd(0x1p50), _CMP_LE_OQ);
    a = _mm256_blendv_pd(_mm256_set1_pd((double)NAN), a, inside);
    __m256d k = _mm256_fmadd_pd(a, _mm256_set1_pd(QN_2_PI), _mm256_set1_pd(QN_ROUND_F64));
    __m256d n = _mm256_sub_pd(k, _mm256_set1_pd(QN_ROUND_F64));
    __m256d r = _mm256_fnmadd_pd(n, _mm256_set1_pd(QN_PI_2_HIGH), a);
    r = _mm256_fnmadd_pd(n, _mm256_set1_pd(QN_PI_2_LOW), r);
    __m256d z = _mm256_mul_pd(r, r), p = _mm256_set1_pd(QN_SIN_9), q = _mm256_set1_pd(QN_COS_10);
    p = _mm256_fmadd_pd(p, z, _mm256_set1_pd(QN_SIN_7));
    p = _mm256_fmadd_pd(p, z, _mm256_set1_pd(QN_SIN_5));
    p = _mm256_fmadd_pd(p, z, _mm256_set1_pd(QN_SIN_3));
    q = _mm256_fmadd_pd(q, z, _mm256_set1_pd(QN_COS_8));
    q = _mm256_fmadd_pd(q, z, _mm256_set1_pd(QN_COS_6));
    q = _mm256_fmadd_pd(q, z, _mm256_set1_pd(QN_COS_4));
    __m256d c = _mm256_fmadd_pd(z, _mm256_set1_pd(-0.5), _mm256_set1_pd(1.0));
    return (turned){_mm256_fmadd_pd(_mm256_mul_pd(r, z), p, r),
                    _mm256_fmadd_pd(_mm256_mul_pd(z, z), q, c), _mm256_castpd_si256(k)};
}

/* The sign bit of 32-bit lane i where bit 1 of turn + add is set. */
LANES_INLINE __m128 turn_sign(__m128i turn, int add)
{
    __m128i two = _mm_and_si128(_mm_add_epi32(turn, _mm_set1_epi32(add)), _mm_set1_epi32(2));
    return _mm_castsi128_ps(_mm_slli_epi32(two, 30));
}

LANES_INLINE void sincos_4(__m128 x, __m128 *sin_x, __m128 *cos_x)
{
    turned t = reduce_angle(_mm256_cvtps_pd(x));
    __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    __m128i turn = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(t.turn, even));
    __m128 odd = _mm_castsi128_ps(_mm_slli_epi32(turn, 31));
    __m128 s = _mm256_cvtpd_ps(t.sin_r), c = _mm256_cvtpd_ps(t.cos_r);
    *sin_x = _mm_xor_ps(_mm_blendv_ps(s, c, odd), turn_sign(turn, 0));
    *cos_x = _mm_xor_ps(_mm_blendv_ps(c, s, odd), turn_sign(turn, 1));
}

LANES_INLINE void rope_angles(size_t n_pairs, float *cos_a, float *sin_a, const float *inv_freq,
                              uint32_t position, float magnitude)
{
    for (size_t i = 0; i < n_pairs; i += 4) {
        size_t n = QN_MIN(n_pairs - i, 4u);
        float x[4] = {0}, s[4], c[4];
        for (size_t j = 0; j < n; j++)
            x[j] = (float)position * inv_freq[i + j];
        __m128 sine, cosine;
        sincos_4(_mm_loadu_ps(x), &sine, &cosine);
        _mm_storeu_ps(s, _mm_mul_ps(sine, _mm_set1_ps(magnitude)));
        _mm_storeu_ps(c, _mm_mul_ps(cosine, _mm_set1_ps(magnitude)));
        for (size_t j = 0; j < n; j++) {
            sin_a[i + j] = s[j];
            cos_a[i + j] = c[j];
        }
    }
}

LANES_INLINE void rope_halves(float *x, size_t half, const float *cos_a, const float *sin_a)
{
    for (size_t i = 0; i < half; i += 16) {
        size_t n = half - i;
        lanes a = load_some(x + i, n), b = load_some(x + half + i, n);
        lanes c = load_some(cos_a + i, n), s = load_some(sin_a + i, n);
        lanes minus_bs = lanes_sub(lanes_set(-0.0f), lanes_mul(b, s));
        store_some(x + i, n, lanes_fma(a, c, minus_bs));
        store_some(x + half + i, n, lanes_fma(b, c, lanes_mul(a, s)));
    }
}

/* Each of 4 values twice. */
LANES_INLINE __m256 twice(const float *p)
{
    __m256i index = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), index);
}

LANES_INLINE void rope_adjacent(float *x, size_t half, const float *cos_a, const float *sin_a)
{
    size_t i = 0;
    for (; i + 4 <= half; i += 4) {
        __m256 v = _mm256_loadu_ps(x + 2 * i), swapped = _mm256_permute_ps(v, 0xb1);
        v = _mm256_fmaddsub_ps(v, twice(cos_a + i), _mm256_mul_ps(swapped, twice(sin_a + i)));
        _mm256_storeu_ps(x + 2 * i, v);
    }
    for (; i < half; i++) {
        float a = x[2 * i], b = x[2 * i + 1];
        x[2 * i] = fmaf(a, cos_a[i], -(b * sin_a[i]));
        x[2 * i + 1] = fmaf(b, cos_a[i], a * sin_a[i]);
    }
}

LANES_INLINE void rope(size_t n_heads, size_t stride, float *x, size_t n_rot, const float *cos_a,
                       const float *sin_a, qn_rope_pairs pairs)
{
    for (size_t h = 0; h < n_heads; h++, x += stride)
        if (pairs == QN_ROPE_ADJACENT)
            rope_adjacent(x, n_rot / 2, cos_a, sin_a);
        else
            rope_halves(x, n_rot / 2, cos_a, sin_a);
}

/* Values i and i + h of 16, for h below 16. */
LANES_INLINE lanes hadamard_step(lanes x, size_t h)
{
    uint32_t high = h == 1 ? 0xaaaa : h == 2 ? 0xcccc : h == 4 ? 0xf0f0 : 0xff00;
    lanes other = lanes_swap(x, h);
    return lanes_select(lanes_mask_of(high), lanes_sub(other, x), lanes_add(x, other));
}

LANES_INLINE void hadamard(size_t n, size_t n_block, float *x)
{
    lanes factor = lanes_set(1.0f / sqrtf((float)n_block));
    if (n_block < 16) {
        qn_hadamard(n, n_block, x);
        return;
    }
    for (size_t i = 0; i < n; i += 16) {
        lanes v = lanes_load(x + i);
        QN_UNROLL(4)
        for (size_t h = 1; h < 16; h *= 2)
            v = hadamard_step(v, h);
        lanes_store(x + i, n_block > 16 ? v : lanes_mul(v, factor));
    }
    for (size_t h = 16; h < n_block; h *= 2)
        for (size_t i = 0; i < n; i += 16) {
            lanes a = lanes_load(x + i), b = lanes_load(x + (i | h));
            lanes f = 2 * h == n_block ? factor : lanes_set(1);
            if (i & h)
                continue;
            lanes_store(x + i, lanes_mul(lanes_add(a, b), f));
            lanes_store(x + i + h, lanes_mul(lanes_sub(a, b), f));
        }
}

LANES_INLINE lanes act(qn_gate_kind kind, lanes x)
{
    lanes one = lanes_set(1.0f);
    if (kind == QN_GATE_GELU_ERF) {
        lanes half = lanes_mul(lanes_set(0.5f), x);
        return lanes_fma(half, lanes_erf(lanes_mul(x, lanes_set(QN_SQRT_1_2))), half);
    }
    lanes t = lanes_sub(lanes_set(-0.0f), x);
    if (kind == QN_GATE_GELU_TANH) {
        lanes z = lanes_fma(lanes_mul(x, x), lanes_set(QN_GELU_3), lanes_set(QN_GELU_1));
        t = lanes_mul(lanes_set(-2.0f), lanes_mul(x, z));
    }
    return lanes_div(x, lanes_add(one, lanes_exp(t)));
}

LANES_INLINE void gate_kind(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u)
{
    for (size_t i = 0; i < n; i += 16) {
        lanes a = act(kind, load_some(g + i, n - i));
        store_some(y + i, n - i, u ? lanes_mul(a, load_some(u + i, n - i)) : a);
    }
}

LANES_INLINE void gate(qn_gate_kind kind, size_t n, float *y, const float *g, const float *u)
{
    switch (kind) {
    case QN_GATE_SILU: gate_kind(QN_GATE_SILU, n, y, g, u); break;
    case QN_GATE_GELU_TANH: gate_kind(QN_GATE_GELU_TANH, n, y, g, u); break;
    case QN_GATE_GELU_ERF: gate_kind(QN_GATE_GELU_ERF, n, y, g, u); break;
    }
}

LANES_INLINE void vec_add(size_t n, float *y, const float *a, const float *b)
{
    for (size_t i = 0; i < n; i += 16)
        store_some(y + i, n - i, lanes_add(load_some(a + i, n - i), load_some(b + i, n - i)));
}

LANES_INLINE void vec_scale(size_t n, float *y, const float *x, float factor)
{
    for (size_t i = 0; i < n; i += 16)
        store_some(y + i, n - i, lanes_mul(load_some(x + i, n - i), lanes_set(factor)));
}

LANES_INLINE void vec_add_scaled(size_t n, float *y, const float *x, float factor)
{
    for (size_t i = 0; i < n; i += 16)
        store_some(y + i, n - i,
                   lanes_fma(load_some(x + i, n - i), lanes_set(factor), load_some(y + i, n - i)));
}

LANES_INLINE void vec_softcap(size_t n, float *y, const float *x, float cap)
{
    lanes c = lanes_set(cap);
    for (size_t i = 0; i < n; i += 16)
        store_some(y + i, n - i, lanes_mul(c, lanes_tanh(lanes_div(load_some(x + i, n - i), c))));
}

/* The greatest value, then the first id that has it; -infinity (or nothing but NaN) is id 0. */
LANES_INLINE uint32_t argmax(size_t n, const float *x)
{
    lanes best = lanes_set(-INFINITY);
    size_t whole = n / 16 * 16;
    for (size_t i = 0; i < whole; i += 16)
        best = lanes_max(lanes_load(x + i), best);
    float max = lanes_fold_max(best);
    for (size_t i = whole; i < n; i++)
        max = x[i] > max ? x[i] : max;
    if (max == -INFINITY)
        return 0;
    for (size_t i = 0; i < whole; i += 16) {
        uint32_t hits = lanes_bits_of(lanes_equal(lanes_load(x + i), lanes_set(max)));
        if (hits)
            return (uint32_t)i + (uint32_t)__builtin_ctz(hits);
    }
    while (whole < n && x[whole] != max)
        whole++;
    return (uint32_t)whole;
}

typedef struct sum_f64 { /* lanes 4 i .. 4 i + 3 in [i] */
    __m256d quarter[4];
} sum_f64;

LANES_INLINE void add_f64(sum_f64 *sum, lanes p)
{
    __m256 low = lanes_low(p), high = lanes_high(p);
    __m256d *s = sum->quarter;
    s[0] = _mm256_add_pd(s[0], _mm256_cvtps_pd(_mm256_castps256_ps128(low)));
    s[1] = _mm256_add_pd(s[1], _mm256_cvtps_pd(_mm256_extractf128_ps(low, 1)));
    s[2] = _mm256_add_pd(s[2], _mm256_cvtps_pd(_mm256_castps256_ps128(high)));
    s[3] = _mm256_add_pd(s[3], _mm256_cvtps_pd(_mm256_extractf128_ps(high, 1)));
}

LANES_INLINE double fold_f64(const sum_f64 *sum)
{
    const __m256d *s = sum->quarter;
    __m256d four = _mm256_add_pd(_mm256_add_pd(s[0], s[2]), _mm256_add_pd(s[1], s[3]));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

LANES_INLINE void sum_logits(size_t n, const float *x, qn_logit_stats *stats)
{
    sum_f64 sum = {0};
    stats->argmax = argmax(n, x);
    stats->max = x[stats->argmax];
    lanes max = lanes_set(stats->max);
    for (size_t i = 0; i < n; i += 16) {
        lanes p = lanes_exp_below_0(lanes_sub(load_some(x + i, n - i), max));
        if (n - i < 16)
            p = lanes_select(lanes_mask_of((1u << (n - i)) - 1), p, lanes_set(0));
        add_f64(&sum, p);
    }
    stats->sum = fold_f64(&sum);
}

/* 1 <= n <= 16 values to f16. */
LANES_INLINE void some_to_f16(uint16_t h[16], size_t n, const float *x)
{
    lanes_to_f16(h, load_some(x, n));
}

/* The unsigned codes of 16 or 32 values, and their scale. */
LANES_INLINE uint16_t kv_quantize(qn_kv_type type, size_t n, const float *x,
                                  uint8_t code[QN_KV_GROUP])
{
    lanes v[2] = {lanes_load(x), n > 16 ? lanes_load(x + 16) : lanes_set(0)};
    lanes a[4] = {lanes_abs(v[0]), lanes_abs(v[1]), lanes_set(0), lanes_set(0)};
    float factor;
    uint16_t scale = qn_kv_scale_of(type, lanes_fold_bits(a), &factor);
    if (factor == 0) {
        memset(code, type == QN_KV_Q8_0 ? 128 : 8, QN_KV_GROUP);
        return scale;
    }
    for (size_t i = 0; i < 2; i++) {
        lanes f = lanes_set(factor);
        if (type == QN_KV_Q8_0)
            ints_to_bytes(code + 16 * i, lanes_to_ints(lanes_mul(v[i], f)));
        else
            ints_to_bytes(code + 16 * i, lanes_cut_to_ints(lanes_fma(v[i], f, lanes_set(8))));
    }
    for (size_t i = 0; type == QN_KV_Q8_0 && i < QN_KV_GROUP; i++)
        code[i] ^= 128;
    return scale;
}

/* n codes from dim `from` on, into kv.h's places. */
LANES_INLINE void put_key_codes(qn_kv_type type, uint8_t *to, size_t slot, size_t from, size_t n,
                                const uint8_t *code)
{
    if (type == QN_KV_Q8_0)
        for (size_t i = 0; i < n; i += 4)
            memcpy(to + ((from + i) / 4 * QN_PAGE_TOKENS + slot) * 4, code + i, 4);
    else
        for (size_t i = 0; i < n; i += 8)
            for (size_t j = 0; j < 4; j++)
                to[((from + i) / 8 * QN_PAGE_TOKENS + slot) * 4 + j] =
                    (uint8_t)(code[i + j] | code[i + 4 + j] << 4);
}

LANES_INLINE void put_value_codes(qn_kv_type type, uint8_t *to, size_t slot, size_t from, size_t n,
                                  const uint8_t *code)
{
    if (type == QN_KV_Q8_0)
        for (size_t i = 0; i < n; i++)
            to[2 * (from + i) + slot % 2] = code[i] ^ 128;
    else
        for (size_t i = 0; i < 16; i++)
            to[from + 2 * i + slot % 2] = (uint8_t)(code[i] | code[16 + i] << 4);
}

LANES_INLINE void kv_append_groups(qn_kv_type type, bool is_key, uint8_t *page, size_t slot,
                                   size_t dim, const float *x)
{
    uint8_t code[QN_KV_GROUP], *to = page + qn_kv_codes_at(dim);
    for (size_t g = 0; g < qn_kv_groups(dim); g++) {
        size_t from = QN_KV_GROUP * g, n = QN_MIN(dim - from, (size_t)QN_KV_GROUP);
        ((uint16_t *)(void *)page)[g * QN_PAGE_TOKENS + slot] =
            kv_quantize(type, n, x + from, code);
        if (is_key)
            put_key_codes(type, to, slot, from, n, code);
        else
            put_value_codes(type, to + slot / 2 * qn_kv_pair_bytes(type, dim), slot, from, n, code);
    }
}

LANES_INLINE void kv_append(qn_kv_type type, bool is_key, void *page, size_t slot, size_t n_rows,
                            size_t dim, const float *x, size_t stride)
{
    for (size_t r = 0; r < n_rows; r++)
        kv_append_groups(type, is_key, page, slot + r, dim, x + r * stride);
}

LANES_INLINE void kv_append_k(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                              const float *x, size_t stride)
{
    if (qn_kv_is_quantized(type)) {
        kv_append(type, true, page, slot, n_rows, dim, x, stride);
        return;
    }
    if (type != QN_KV_F16) {
        qn_kv_append_k(type, page, slot, n_rows, dim, x, stride);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t d = 0; d < dim; d += 16) {
            uint16_t h[16], *to = (uint16_t *)page + d * QN_PAGE_TOKENS + slot + r;
            some_to_f16(h, dim - d, x + r * stride + d);
            for (size_t i = 0; i < QN_MIN(dim - d, 16u); i++)
                to[i * QN_PAGE_TOKENS] = h[i];
        }
    }
}

LANES_INLINE void kv_append_v(qn_kv_type type, void *page, size_t slot, size_t n_rows, size_t dim,
                              const float *x, size_t stride)
{
    if (qn_kv_is_quantized(type)) {
        kv_append(type, false, page, slot, n_rows, dim, x, stride);
        return;
    }
    if (type != QN_KV_F16) {
        qn_kv_append_v(type, page, slot, n_rows, dim, x, stride);
        return;
    }
    for (size_t r = 0; r < n_rows; r++) {
        uint16_t *to = (uint16_t *)page + (slot + r) * dim;
        size_t d = 0;
        for (; d + 16 <= dim; d += 16)
            lanes_to_f16(to + d, lanes_load(x + r * stride + d));
        if (d < dim) {
            uint16_t h[16];
            some_to_f16(h, dim - d, x + r * stride + d);
            memcpy(to + d, h, (dim - d) * sizeof h[0]);
        }
    }
}
