/* kernel/dot.avx2.h - kernels.h's dot: a unit's 16 sums by folding, 16 outputs by transposing. */
#pragma once

#include "kernel/ask.h"
#include "kernel/blocks.h"
#include "kernel/expand.avx2.h"

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

LANES_INLINE bool needs_bias(qn_shape shape)
{
    return shape.offset > 0;
}

LANES_INLINE ints add_small(ints sum, ints w, ints x)
{
    return ints_add_dot(sum, w, x);
}

/* Signed weights of 8 bits: 128 more. */
LANES_INLINE ints add_bytes(ints sum, ints w, ints x)
{
    return ints_add_dot(sum, ints_xor(w, ints_set_bytes(-128)), x);
}

#else

LANES_INLINE bool needs_bias(qn_shape shape)
{
    return shape.offset > 0 && shape.n_bits < 8;
}

/* Weights of at most 6 bits without sign: pairs of products need no more than 16 bits. */
LANES_INLINE ints add_small(ints sum, ints w, ints x)
{
    return ints_add(sum, ints_madd(ints_maddubs(w, x), ints_set(0x10001)));
}

/* Signed weights of 8 bits: magnitude times activation with the weight's sign. */
LANES_INLINE ints add_bytes(ints sum, ints w, ints x)
{
    return add_small(sum, ints_abs_bytes(w), ints_sign_bytes(x, w));
}

#endif

/* What a unit of an encoding decodes to; of 16-wide groups scale[1] is the second halves'. */
typedef struct unit {
    ints q[8];
    lanes scale[2], min;
} unit;

LANES_INLINE ints load_pair(const uint8_t *a, const uint8_t *b)
{
#ifdef __AVX512F__
    return load_halves(a, b);
#else
    return (ints){_mm256_loadu_si256((const void *)a), _mm256_loadu_si256((const void *)b)};
#endif
}

#ifdef __AVX512F__

/* 128 bytes from byte `at` of a unit of 16 blocks on, as far as it goes. */
LANES_INLINE __m512i words_of(const uint8_t *w, size_t n_bytes, size_t at, __m512i order)
{
    __m512i low = _mm512_loadu_si512(w + at), high = low;
    if (at + 128 <= n_bytes)
        high = _mm512_loadu_si512(w + at + 64);
    else if (at + 96 <= n_bytes)
        high = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(w + at + 64)));
    return _mm512_permutex2var_epi16(low, order, high);
}

/* The binary16 at byte `at` of each of 16 blocks: from 128 bytes after the other, of whose 64 words
 * a permutation takes those at the words' numbers modulo 64. */
LANES_INLINE lanes f16s_apart(const uint8_t *w, size_t stride, size_t at)
{
    const short n = (short)(stride / 2), o = (short)(at / 2);
    const __m256i order = _mm256_setr_epi16(
        o, (short)(o + n), (short)(o + 2 * n), (short)(o + 3 * n), (short)(o + 4 * n),
        (short)(o + 5 * n), (short)(o + 6 * n), (short)(o + 7 * n), (short)(o + 8 * n),
        (short)(o + 9 * n), (short)(o + 10 * n), (short)(o + 11 * n), (short)(o + 12 * n),
        (short)(o + 13 * n), (short)(o + 14 * n), (short)(o + 15 * n));
    __m512i words = words_of(w, 16 * stride, 0, _mm512_castsi256_si512(order));
    QN_UNROLL(4)
    for (size_t part = 128; part + 32 <= 16 * stride; part += 128) {
        __mmask32 here = 0;
        QN_UNROLL(16)
        for (size_t i = 0; i < 16; i++)
            here |= (__mmask32)((i * stride + at) / 128 == part / 128) << i;
        __m512i more =
            part + 64 <= 16 * stride
                ? words_of(w, 16 * stride, part, _mm512_castsi256_si512(order))
                : _mm512_permutexvar_epi16(
                      _mm512_castsi256_si512(order),
                      _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(w + part))));
        words = _mm512_mask_mov_epi16(words, here, more);
    }
    return _mm512_cvtph_ps(_mm512_castsi512_si256(words));
}

#else

/* A word of each of eight blocks. */
LANES_INLINE __m128i words_apart(const uint8_t *w, size_t stride)
{
    __m128i h = _mm_cvtsi32_si128(qn_load_u16(w));
    h = _mm_insert_epi16(h, qn_load_u16(w + stride), 1);
    h = _mm_insert_epi16(h, qn_load_u16(w + 2 * stride), 2);
    h = _mm_insert_epi16(h, qn_load_u16(w + 3 * stride), 3);
    h = _mm_insert_epi16(h, qn_load_u16(w + 4 * stride), 4);
    h = _mm_insert_epi16(h, qn_load_u16(w + 5 * stride), 5);
    h = _mm_insert_epi16(h, qn_load_u16(w + 6 * stride), 6);
    return _mm_insert_epi16(h, qn_load_u16(w + 7 * stride), 7);
}

LANES_INLINE lanes f16s_apart(const uint8_t *w, size_t stride, size_t at)
{
    return lanes_of_words(words_apart(w + at, stride), words_apart(w + at + 8 * stride, stride));
}

#endif

LANES_INLINE void nibbles_apart(const uint8_t *w, size_t stride, ints q[8])
{
    QN_UNROLL(4)
    for (size_t j = 0; j < 4; j++) {
        const uint8_t *at = w + j * stride;
        ints c = ints_load_quarters(at, at + 4 * stride, at + 8 * stride, at + 12 * stride);
        q[2 * j] = ints_and(c, ints_set_bytes(15));
        q[2 * j + 1] = ints_and(ints_right(c, 4), ints_set_bytes(15));
    }
}

/* The fifth bits: 32 of each block, at w. */
LANES_INLINE void add_fifths_apart(const uint8_t *w, size_t stride, ints q[8])
{
    QN_UNROLL(4)
    for (size_t j = 0; j < 4; j++) {
        const uint8_t *at = w + j * stride;
        ints bits = ints_fill_quarters(qn_load_u32(at), qn_load_u32(at + 4 * stride),
                                       qn_load_u32(at + 8 * stride), qn_load_u32(at + 12 * stride));
        q[2 * j] = ints_add_fifth(q[2 * j], bits, 0);
        q[2 * j + 1] = ints_add_fifth(q[2 * j + 1], bits, 2);
    }
}

LANES_INLINE void load_q8_0(const uint8_t *w, unit *u)
{
    const size_t n = sizeof(qn_q8_0);
    u->scale[0] = f16s_apart(w, n, 0);
    w += offsetof(qn_q8_0, q);
    QN_UNROLL(8)
    for (size_t j = 0; j < 8; j++) {
        const uint8_t *at = w + (j / 4 * 8 + j % 4) * n;
        u->q[j] = load_pair(at, at + 4 * n);
    }
}

LANES_INLINE void load_q4_0(const uint8_t *w, unit *u)
{
    u->scale[0] = f16s_apart(w, sizeof(qn_q4_0), 0);
    nibbles_apart(w + offsetof(qn_q4_0, qs), sizeof(qn_q4_0), u->q);
}

LANES_INLINE void load_q4_1(const uint8_t *w, unit *u)
{
    u->scale[0] = f16s_apart(w, sizeof(qn_q4_1), 0);
    u->min = f16s_apart(w, sizeof(qn_q4_1), offsetof(qn_q4_1, m));
    nibbles_apart(w + offsetof(qn_q4_1, qs), sizeof(qn_q4_1), u->q);
}

LANES_INLINE void load_q5_0(const uint8_t *w, unit *u)
{
    u->scale[0] = f16s_apart(w, sizeof(qn_q5_0), 0);
    nibbles_apart(w + offsetof(qn_q5_0, qs), sizeof(qn_q5_0), u->q);
    add_fifths_apart(w + offsetof(qn_q5_0, qh), sizeof(qn_q5_0), u->q);
}

LANES_INLINE void load_q5_1(const uint8_t *w, unit *u)
{
    u->scale[0] = f16s_apart(w, sizeof(qn_q5_1), 0);
    u->min = f16s_apart(w, sizeof(qn_q5_1), offsetof(qn_q5_1, m));
    nibbles_apart(w + offsetof(qn_q5_1, qs), sizeof(qn_q5_1), u->q);
    add_fifths_apart(w + offsetof(qn_q5_1, qh), sizeof(qn_q5_1), u->q);
}

/* The header of two blocks: 16 bytes each. A minimum is made negative, as the panel has it. */
LANES_INLINE void load_header_k(const uint8_t *w, size_t n_block, unit *u)
{
    const __m256i low = _mm256_setr_epi32(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f,
                                          0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f);
    const __m256i high =
        _mm256_setr_epi32(0, 0x30303030, 0, 0x30303030, 0, 0x30303030, 0, 0x30303030);
    const __m256i right = _mm256_setr_epi32(0, 0, 0, 4, 0, 0, 0, 4);
    __m256i h = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)w)),
                                        _mm_loadu_si128((const void *)(w + n_block)), 1);
    __m256i six = _mm256_and_si256(_mm256_srlv_epi32(_mm256_shuffle_epi32(h, 0xed), right), low);
    six = _mm256_or_si256(
        six, _mm256_and_si256(_mm256_srli_epi32(_mm256_shuffle_epi32(h, 0x94), 2), high));
    six = _mm256_permute4x64_epi64(six, 0xd8); /* 16 scales, 16 minima */
    lanes d = lanes_of_words_256(_mm256_shuffle_epi8(h, _mm256_set1_epi16(0x0100)));
    __m256i minus_dmin = _mm256_xor_si256(h, _mm256_set1_epi16((short)0x8000));
    lanes dmin = lanes_of_words_256(_mm256_shuffle_epi8(minus_dmin, _mm256_set1_epi16(0x0302)));
    u->scale[0] = lanes_mul(d, lanes_of_bytes(_mm256_castsi256_si128(six)));
    u->min = lanes_mul(dmin, lanes_of_bytes(_mm256_extracti128_si256(six, 1)));
}

/* A block's quarters 2 h + half: half a group each, of groups h, 2 + h, 4 + h and 6 + h. */
LANES_INLINE void nibbles_k(const uint8_t *qs, ints q[4])
{
    ints a = ints_load(qs), b = ints_load(qs + 64);
    ints half[2] = {ints_even_quarters(a, b), ints_odd_quarters(a, b)};
    QN_UNROLL(2)
    for (size_t i = 0; i < 2; i++) {
        q[i] = ints_and(half[i], ints_set_bytes(15));
        q[2 + i] = ints_and(ints_right(half[i], 4), ints_set_bytes(15));
    }
}

LANES_INLINE void load_q4_k(const uint8_t *w, unit *u)
{
    load_header_k(w, sizeof(qn_q4_k), u);
    QN_UNROLL(2)
    for (size_t b = 0; b < 2; b++)
        nibbles_k(w + b * sizeof(qn_q4_k) + offsetof(qn_q4_k, qs), u->q + 4 * b);
}

LANES_INLINE void load_q5_k(const uint8_t *w, unit *u)
{
    load_header_k(w, sizeof(qn_q5_k), u);
    QN_UNROLL(2)
    for (size_t b = 0; b < 2; b++) {
        const uint8_t *at = w + b * sizeof(qn_q5_k);
        ints *q = u->q + 4 * b;
        nibbles_k(at + offsetof(qn_q5_k, qs), q);
        QN_UNROLL(2)
        for (size_t i = 0; i < 2; i++) {
            const uint8_t *qh = at + offsetof(qn_q5_k, qh) + 16 * i;
            ints high = ints_right_quarters(ints_load_quarters(qh, qh, qh, qh));
            q[i] = ints_or_masked(q[i], ints_left(high, 4), ints_set_bytes(16));
            q[2 + i] = ints_or_masked(q[2 + i], ints_left(high, 3), ints_set_bytes(16));
        }
    }
}

/* The scales of two blocks: of the first halves of their groups, then of the second. */
LANES_INLINE void load_scales_q6_k(const uint8_t *w, unit *u)
{
    const __m256i apart = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    const uint8_t *second = w + sizeof(qn_q6_k);
    const size_t at_scales = offsetof(qn_q6_k, scales), at_d = offsetof(qn_q6_k, d);
    __m256i q = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const void *)(w + at_scales))),
        _mm_loadu_si128((const void *)(second + at_scales)), 1);
    q = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(q, apart), 0xd8);
    lanes d = lanes_of_words(_mm_set1_epi16((short)qn_load_u16(w + at_d)),
                             _mm_set1_epi16((short)qn_load_u16(second + at_d)));
    u->scale[0] = lanes_mul(d, lanes_of_signed_bytes(_mm256_castsi256_si128(q)));
    u->scale[1] = lanes_mul(d, lanes_of_signed_bytes(_mm256_extracti128_si256(q, 1)));
}

LANES_INLINE void load_q6_k(const uint8_t *w, unit *u)
{
    load_scales_q6_k(w, u);
    QN_UNROLL(2)
    for (size_t b = 0; b < 2; b++, w += sizeof(qn_q6_k)) {
        QN_UNROLL(2)
        for (size_t i = 0; i < 2; i++) { /* 128 values: 64 of the low nibbles, 64 of the high */
            const uint8_t *qh = w + offsetof(qn_q6_k, qh) + 32 * i;
            ints low = ints_load(w + 64 * i), high = ints_right2_high(load_pair(qh, qh));
            u->q[4 * b + 2 * i] = join(low, ints_left(high, 4), 48);
            u->q[4 * b + 2 * i + 1] = join(ints_right(low, 4), high, 48);
        }
    }
}

LANES_INLINE void load_unit(qn_encoding e, const uint8_t *w, unit *u)
{
    switch (e) {
    case QN_Q4_0: load_q4_0(w, u); break;
    case QN_Q4_1: load_q4_1(w, u); break;
    case QN_Q5_0: load_q5_0(w, u); break;
    case QN_Q5_1: load_q5_1(w, u); break;
    case QN_Q8_0: load_q8_0(w, u); break;
    case QN_Q4_K: load_q4_k(w, u); break;
    case QN_Q5_K: load_q5_k(w, u); break;
    default: load_q6_k(w, u); break;
    }
}

/* Dwords 0 and 2, 1 and 3 of each 128 bits of a and b added: a, b, a, b. */
LANES_INLINE ints fold_dwords(ints a, ints b)
{
    return ints_add(ints_unpacklo32(a, b), ints_unpackhi32(a, b));
}

/* The rest: of four, one dword each. */
LANES_INLINE ints fold4(const ints v[4])
{
    ints a = fold_dwords(v[0], v[1]), b = fold_dwords(v[2], v[3]);
    return ints_add(ints_unpacklo64(a, b), ints_unpackhi64(a, b));
}

/* The two halves of four groups. */
LANES_INLINE ints add_halves(const ints q[2], const int8_t *x)
{
    return add_small(add_small(ints_zero(), q[0], ints_load(x)), q[1], ints_load(x + 64));
}

/* Each quarter is half a group. */
LANES_INLINE void sum_32(const unit *u, const qn_dot_x *x, ints *sum)
{
    ints v[4];
    QN_UNROLL(4)
    for (size_t j = 0; j < 4; j++)
        v[j] = add_halves(u->q + 2 * j, x->q + 128 * j);
    *sum = fold4(v);
}

LANES_INLINE void sum_bytes(const unit *u, const qn_dot_x *x, ints *sum)
{
    ints v[8];
    QN_UNROLL(8)
    for (size_t j = 0; j < 8; j++)
        v[j] = add_bytes(ints_zero(), u->q[j], ints_load(x->q + 64 * j));
    ints a = fold4(v), b = fold4(v + 4);
    *sum = ints_add(ints_even_quarters(a, b), ints_odd_quarters(a, b));
}

LANES_INLINE void sum_k(const unit *u, const qn_dot_x *x, ints *sum)
{
    sum_32(u, x, sum);
    *sum = ints_transpose_pairs(*sum);
}

/* Each quarter is half a group: the first halves, then the second. */
LANES_INLINE void sum_halves(const unit *u, const qn_dot_x *x, ints sum[2])
{
    ints v[8];
    QN_UNROLL(8)
    for (size_t j = 0; j < 8; j++)
        v[j] = add_small(ints_zero(), u->q[j], ints_load(x->q + 64 * j));
    ints a = fold4(v), b = fold4(v + 4);
    sum[0] = ints_mix_quarters(ints_even_quarters(a, b));
    sum[1] = ints_mix_quarters(ints_odd_quarters(a, b));
}

LANES_INLINE void sum_unit(qn_dot_order order, const unit *u, const qn_dot_x *x, ints sum[2])
{
    switch (order) {
    case QN_DOT_BYTES: sum_bytes(u, x, sum); break;
    case QN_DOT_32: sum_32(u, x, sum); break;
    case QN_DOT_K: sum_k(u, x, sum); break;
    case QN_DOT_HALVES: sum_halves(u, x, sum); break;
    }
}

/* What the code is made for, all of it constant. */
typedef struct kind {
    qn_encoding e;
    qn_shape shape;
    qn_dot_order order;
    size_t n_unit; /* bytes */
} kind;

/* The terms of a unit's groups with one row of activations. */
LANES_INLINE lanes terms_of(kind k, const unit *u, const qn_dot_x *x)
{
    const size_t n_halves = k.shape.n_group == 16 ? 2 : 1;
    ints sum[2];
    sum_unit(k.order, u, x, sum);
    QN_UNROLL(2)
    for (size_t h = 0; h < n_halves; h++)
        if (needs_bias(k.shape))
            sum[h] = ints_add(sum[h], ints_load(x->bias + 16 * h));
    lanes t = lanes_mul(ints_to_float(sum[0]), u->scale[0]);
    if (n_halves == 2)
        t = lanes_fma(ints_to_float(sum[1]), u->scale[1], t);
    return k.shape.has_min ? lanes_fma(u->min, lanes_load(x->sum), t) : t;
}

/* Columns g to g + 7 of 16 rows of n floats; lanes hold rows 0-3, 8-11, 4-7, 12-15. */
LANES_INLINE void columns_of(const float *m, size_t n, size_t g, ints c[8])
{
    ints a[8], b[8];
    QN_UNROLL(8)
    for (size_t i = 0; i < 8; i++)
        a[i] = load_pair((const void *)(m + i * n + g), (const void *)(m + (8 + i) * n + g));
    transpose4(a, b);
    transpose4(a + 4, b + 4);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        c[i] = ints_even_quarters(b[i], b[4 + i]);
        c[4 + i] = ints_odd_quarters(b[i], b[4 + i]);
    }
}

/* acc plus n <= 8 terms, from term g of n_groups on, times their activations' scales. */
LANES_INLINE lanes add_terms(size_t n_groups, size_t g, size_t n, const float *terms,
                             const qn_act *act, lanes acc)
{
    ints t[8];
    columns_of(terms, n_groups, g, t);
    QN_UNROLL(8)
    for (size_t c = 0; c < 8; c++) {
        if (c >= n)
            break;
        acc = lanes_fma(ints_as_float(t[c]), lanes_set(act[g / 8].d[c]), acc);
    }
    return acc;
}

/* A product without its weights. */
typedef struct dot_rows {
    size_t n_in, n_rows, n_period, n_terms, act_stride, y_stride;
    const uint8_t *act;
    const qn_dot_x *x; /* n_period units of each row */
    float *y;
} dot_rows;

/* Units i to i + n - 1 of 16 outputs, whose weights begin at w. */
LANES_INLINE void put_units(kind k, const dot_rows *d, const uint8_t *w, size_t i, size_t n,
                            float *terms)
{
    for (size_t at = i % d->n_period; n > 0; n--, i++, at = at + 1 == d->n_period ? 0 : at + 1) {
        unit u;
        qn_ask_ahead(w + i * k.n_unit, k.n_unit);
        load_unit(k.e, w + i * k.n_unit, &u);
        for (size_t r = 0; r < d->n_rows; r++)
            lanes_store(terms + r * d->n_terms + 16 * i,
                        terms_of(k, &u, d->x + r * d->n_period + at));
    }
}

/* Terms g to g + n - 1 of the 16 outputs whose sums are at y; lanes as columns_of has them. */
LANES_INLINE void add_rows(const dot_rows *d, size_t g, size_t n, const float *terms, float *y)
{
    for (size_t r = 0; r < d->n_rows; r++, y += d->y_stride) {
        lanes acc = g > 0 ? lanes_load(y) : lanes_set(0);
        acc = add_terms(d->n_in / 32, g, n, terms + r * d->n_terms,
                        (const void *)(d->act + r * d->act_stride), acc);
        lanes_store(y, g + n < d->n_in / 32 ? acc : lanes_swap_middle(acc));
    }
}

/* While the terms of 16 outputs are made, those of the 16 before are added up: so memory never
 * waits for a chain of sums. */
LANES_INLINE void dot_kind(kind k, const dot_rows *d, size_t n_out, const uint8_t *w, float *terms)
{
    size_t n_groups = d->n_in / 32;
    float *now = terms, *before = terms + d->n_rows * d->n_terms;
    for (size_t o = 0; o <= n_out; o += 16) {
        for (size_t g = 0, n; g < n_groups; g += n) {
            n = QN_MIN(n_groups - g, (size_t)8);
            if (o < n_out)
                put_units(k, d, w + o / 16 * n_groups * k.n_unit, g, n, now);
            if (o > 0)
                add_rows(d, g, n, before, d->y + o - 16);
        }
        float *swap = now;
        now = before, before = swap;
    }
}

/* One copy of the code for each quantized encoding. */
LANES_INLINE void dot(qn_encoding e, size_t n_out, const uint8_t *w, dot_rows d, float *terms)
{
    // clang-format off
    switch (e) {
#define X(encoding, name, type, n_values, n_bytes, ...) \
    case encoding: \
        if ((n_values) > 1) \
            dot_kind((kind){encoding, {__VA_ARGS__}, \
                            qn_dot_order_of((qn_shape){__VA_ARGS__}, n_values), \
                            512 * (n_bytes) / (n_values)}, &d, n_out, w, terms); \
        break;
#include "kernel/encodings.def"
#undef X
    default: break;
    }
    // clang-format on
}
