/* kernel/unit.avx2.h - weights of one row's and few rows' products: units, in the order of memory.
 *
 * A piece is 16 spans that follow each other (act.h); unit j of it is group j of each of them, so
 * that a lane is a span. For one row values come in vectors of 64: the halves of four groups, in
 * the order that an encoding gives without much ado (qn_dot_order); dot.avx2.h brings their sums
 * into lanes. */
#pragma once

#include "kernel/ask.h"
#include "kernel/blocks.h"
#include "kernel/expand.avx2.h"

/* What the code is made for, all of it constant but with QN_ONE_LOOP. */
typedef struct kind {
    qn_encoding e;
    qn_shape shape;
    size_t span, rows; /* groups; of activations */
    size_t n_unit;     /* bytes */
} kind;

LANES_INLINE kind kind_of(qn_encoding e, size_t span, size_t rows)
{
    size_t n_unit = 512 * qn_encoding_block_bytes(e) / qn_encoding_block(e);
    return (kind){e, *qn_encoding_shape(e), span, rows, n_unit};
}

/* Scales of a piece, before those of a unit are taken out of it. */
typedef struct scales {
    lanes scale[4], min[4]; /* blocks of 32: of each unit */
    ints scale_bytes[2]; /* blocks of 256: a quarter for each unit, or for each half of a group */
    ints min_bytes;
    lanes d, minus_dmin;
} scales;

/* Of a unit; with groups of 16, scale[1] is the second halves'. */
typedef struct unit_scales {
    lanes scale[2], min;
} unit_scales;

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

/* The word at byte `at` of each of 16 blocks: from 128 bytes after the other, of whose 64 words
 * a permutation takes those at the words' numbers modulo 64. */
LANES_INLINE __m256i words_apart(const uint8_t *w, size_t stride, size_t at)
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
    return _mm512_castsi512_si256(words);
}

/* Words i, i + n, i + 2 n ... of 16 n, then i + 1, i + 1 + n ...; n is 2 or 4. */
LANES_INLINE __m512i every_nth(size_t n, size_t i, const __m512i words[2])
{
    const short m = (short)n, o = (short)i;
    const __m256i first =
        _mm256_mullo_epi16(_mm256_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm256_set1_epi16(m));
    const __m512i order =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_add_epi16(first, _mm256_set1_epi16(o))),
                           _mm256_add_epi16(first, _mm256_set1_epi16((short)(o + 1))), 1);
    return _mm512_permutex2var_epi16(words[0], order, words[1]);
}

/* The binary16 at byte `at` of each block of 32: of unit j's to f[j]. */
LANES_INLINE void load_f16s_apart(kind k, const uint8_t *w, size_t at, lanes f[4])
{
    __m512i words[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    QN_UNROLL(2)
    for (size_t i = 0; i < k.span; i += 2, w += 2 * k.n_unit)
        words[i / 2] = _mm512_inserti64x4(_mm512_castsi256_si512(words_apart(w, k.n_unit / 16, at)),
                                          words_apart(w + k.n_unit, k.n_unit / 16, at), 1);
    QN_UNROLL(2)
    for (size_t j = 0; j < k.span; j += 2) {
        __m512i two = every_nth(k.span, j, words);
        f[j] = _mm512_cvtph_ps(_mm512_castsi512_si256(two));
        f[j + 1] = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(two, 1));
    }
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

LANES_INLINE void load_f16s_apart(kind k, const uint8_t *w, size_t at, lanes f[4])
{
    const size_t n = k.n_unit / 16, stride = k.span * n;
    QN_UNROLL(4)
    for (size_t j = 0; j < k.span; j++)
        f[j] = lanes_of_words(words_apart(w + j * n + at, stride),
                              words_apart(w + j * n + at + 8 * stride, stride));
}

#endif

/* The 16 bytes at `at` of blocks 0, 2, 4 and 6 of 256, in a quarter each, and of those after them.
 */
LANES_INLINE void load_pairs(const uint8_t *w, size_t n_block, size_t at, ints pair[2])
{
    w += at;
    QN_UNROLL(2)
    for (size_t i = 0; i < 2; i++, w += n_block)
        pair[i] = ints_load_quarters(w, w + 2 * n_block, w + 4 * n_block, w + 6 * n_block);
}

/* Of each quarter, the header of a block: its scales of 6 bits as 8 bytes, then its minima. */
LANES_INLINE ints six_bits(ints h)
{
    const ints low = ints_set_dwords(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f);
    const ints high = ints_set_dwords(0, 0x30303030, 0, 0x30303030);
    ints four = ints_right_each(ints_shuffle_dwords(h, 0xed), ints_set_dwords(0, 0, 0, 4));
    ints two = ints_right(ints_shuffle_dwords(h, 0x94), 2);
    return ints_or_masked(ints_and(four, low), two, high);
}

/* Of each quarter, two blocks' eight bytes of groups: those of group j of all spans to quarter j.
 */
LANES_INLINE ints bytes_by_unit(ints a)
{
    const ints order = ints_set_dwords(0x0c080400, 0x0d090501, 0x0e0a0602, 0x0f0b0703);
    return ints_transpose_dwords(ints_shuffle_bytes(a, order));
}

/* A minimum is made negative, as the panel has it. */
LANES_INLINE void load_header_k(const uint8_t *w, size_t n_block, scales *s)
{
    ints h[2], six[2];
    load_pairs(w, n_block, 0, h);
    six[0] = six_bits(h[0]), six[1] = six_bits(h[1]);
    s->scale_bytes[0] = bytes_by_unit(ints_unpacklo64(six[0], six[1]));
    s->min_bytes = bytes_by_unit(ints_unpackhi64(six[0], six[1]));
    const ints twice = ints_set_dwords(0x01000100, 0x05040504, 0x03020302, 0x07060706);
    ints d = ints_transpose_pairs(ints_shuffle_bytes(ints_unpacklo32(h[0], h[1]), twice));
    s->d = lanes_of_words_256(ints_low_half(d));
    s->minus_dmin =
        lanes_of_words_256(_mm256_xor_si256(ints_high_half(d), _mm256_set1_epi16((short)0x8000)));
}

/* Quarter 2 (j % 2) + h of scale_bytes[j / 2]: of halves h of the groups j. */
LANES_INLINE void load_scales_q6_k(const uint8_t *w, scales *s)
{
    const size_t n = sizeof(qn_q6_k), at = offsetof(qn_q6_k, d);
    const ints by_half = ints_set_dwords(0x09010800, 0x0b030a02, 0x0d050c04, 0x0f070e06);
    ints q[2];
    load_pairs(w, n, offsetof(qn_q6_k, scales), q);
    q[0] = ints_shuffle_bytes(q[0], by_half), q[1] = ints_shuffle_bytes(q[1], by_half);
    s->scale_bytes[0] = ints_transpose_dwords(ints_unpacklo16(q[0], q[1]));
    s->scale_bytes[1] = ints_transpose_dwords(ints_unpackhi16(q[0], q[1]));
    __m128i d = _mm_cvtsi32_si128(qn_load_u16(w + at));
    d = _mm_insert_epi16(d, qn_load_u16(w + at + n), 1);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 2 * n), 2);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 3 * n), 3);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 4 * n), 4);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 5 * n), 5);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 6 * n), 6);
    d = _mm_insert_epi16(d, qn_load_u16(w + at + 7 * n), 7);
    s->d = lanes_of_words(_mm_unpacklo_epi16(d, d), _mm_unpackhi_epi16(d, d));
}

LANES_INLINE unit_scales scales_of(kind k, const scales *s, size_t j)
{
    unit_scales u;
    switch (k.e) {
    case QN_Q4_K:
    case QN_Q5_K:
        u.scale[0] = lanes_mul(s->d, lanes_of_bytes(ints_quarter(s->scale_bytes[0], j)));
        u.min = lanes_mul(s->minus_dmin, lanes_of_bytes(ints_quarter(s->min_bytes, j)));
        break;
    case QN_Q6_K:
        QN_UNROLL(2)
        for (size_t h = 0; h < 2; h++)
            u.scale[h] = lanes_mul(
                s->d, lanes_of_signed_bytes(ints_quarter(s->scale_bytes[j / 2], j % 2 * 2 + h)));
        break;
    default:
        u.scale[0] = s->scale[j];
        if (k.shape.has_min)
            u.min = s->min[j];
    }
    return u;
}

/* Those of the piece at w. */
LANES_INLINE void load_scales(kind k, const uint8_t *w, scales *s)
{
    switch (k.e) {
    case QN_Q4_K:
    case QN_Q5_K: load_header_k(w, k.n_unit / 2, s); break;
    case QN_Q6_K: load_scales_q6_k(w, s); break;
    default:
        load_f16s_apart(k, w, 0, s->scale);
        if (k.shape.has_min)
            load_f16s_apart(k, w, offsetof(qn_q4_1, m), s->min);
    }
}

/* --- values: vectors of 64, four of which make a block --- */

/* Whether a vector's low and high nibbles belong to two groups of each of two spans. */
LANES_INLINE bool is_k(kind k)
{
    return k.e == QN_Q4_K || k.e == QN_Q5_K;
}

/* In a piece. */
LANES_INLINE size_t n_blocks(kind k)
{
    return is_k(k) ? 2 : k.span;
}

/* Vectors that one load gives, of other groups each, and which are summed apart. */
LANES_INLINE size_t n_chains(kind k)
{
    return is_k(k) || k.shape.n_group == 16 ? 2 : 1;
}

LANES_INLINE ints load_four(const uint8_t *w, size_t stride)
{
    return ints_load_quarters(w, w + stride, w + 2 * stride, w + 3 * stride);
}

/* Four blocks of 32 in the quarters; their first halves, then the second. */
LANES_INLINE void load_nibbles(const uint8_t *w, size_t n, ints a[2])
{
    ints c = load_four(w, n);
    a[0] = ints_and(c, ints_set_bytes(15));
    a[1] = ints_and(ints_right(c, 4), ints_set_bytes(15));
}

/* The fifth bits: 32 of each block, before its nibbles. */
LANES_INLINE void load_fives(const uint8_t *w, size_t n, ints a[2])
{
    load_nibbles(w + 4, n, a);
    ints bits = ints_fill_quarters(qn_load_u32(w), qn_load_u32(w + n), qn_load_u32(w + 2 * n),
                                   qn_load_u32(w + 3 * n));
    a[0] = ints_add_fifth(a[0], bits, 0);
    a[1] = ints_add_fifth(a[1], bits, 2);
}

LANES_INLINE void load_bytes(const uint8_t *w, size_t n, ints a[2])
{
#ifdef __AVX512F__
    ints low = ints_load_halves(w, w + n), high = ints_load_halves(w + 2 * n, w + 3 * n);
    a[0] = ints_even_quarters(low, high);
    a[1] = ints_odd_quarters(low, high);
#else
    a[0] = load_four(w, n);
    a[1] = load_four(w + 16, n);
#endif
}

/* A block of 256: the first halves of groups 0 and 1, 2 and 3, 4 and 5, 6 and 7, then the second.
 */
LANES_INLINE void load_nibbles_k(const uint8_t *qs, ints a[2])
{
#ifdef __AVX512F__
    ints low = ints_load(qs), high = ints_load(qs + 64);
    a[0] = ints_even_quarters(low, high);
    a[1] = ints_odd_quarters(low, high);
#else
    a[0] = load_four(qs, 32);
    a[1] = load_four(qs + 16, 32);
#endif
}

/* The 64 bytes of a span, and its high bits. */
LANES_INLINE void load_sixes(const uint8_t *ql, const uint8_t *qh, ints a[2])
{
    a[0] = ints_load(ql);
    a[1] = ints_right2_high(ints_load_halves(qh, qh));
}

/* Vector v of block i of the piece at w. Memory is asked for as much, every other time. */
LANES_INLINE void load_vector(kind k, const uint8_t *w, size_t i, size_t v, ints a[2])
{
    const size_t n_half = k.span * k.n_unit / n_blocks(k) / 2;
    const size_t n = k.n_unit / 16, k4 = sizeof(qn_q4_k), k5 = sizeof(qn_q5_k),
                 k6 = sizeof(qn_q6_k);
    const uint8_t *at = w + i * k.n_unit + 4 * v * n, *span = w + (2 * i + v / 2) * k6;
    if (v % 2 == 0)
        qn_ask_ahead(w + (2 * i + v / 2) * n_half, n_half, QN_ASK_AHEAD);
    switch (k.e) {
    case QN_Q4_0: load_nibbles(at + offsetof(qn_q4_0, qs), n, a); break;
    case QN_Q4_1: load_nibbles(at + offsetof(qn_q4_1, qs), n, a); break;
    case QN_Q5_0: load_fives(at + offsetof(qn_q5_0, qh), n, a); break;
    case QN_Q5_1: load_fives(at + offsetof(qn_q5_1, qh), n, a); break;
    case QN_Q8_0: load_bytes(at + offsetof(qn_q8_0, q), n, a); break;
    case QN_Q4_K: load_nibbles_k(w + (4 * i + v) * k4 + offsetof(qn_q4_k, qs), a); break;
    case QN_Q5_K: load_nibbles_k(w + (4 * i + v) * k5 + offsetof(qn_q5_k, qs), a); break;
    default: load_sixes(span + 64 * (v % 2), span + offsetof(qn_q6_k, qh) + 32 * (v % 2), a);
    }
}

/* Groups 2 g + chain of a block of 256 at w, half h of them. */
LANES_INLINE ints five_k(const uint8_t *w, ints a, size_t chain, size_t h)
{
    const uint8_t *qh = w + offsetof(qn_q5_k, qh) + 16 * h;
    ints high = ints_right_quarters(ints_load_quarters(qh, qh, qh, qh));
    return ints_or_masked(a, ints_left(high, 4 - (unsigned)chain), ints_set_bytes(16));
}

/* Half h of a chain's groups of a vector: vector v of block i of the piece at w, whose bytes are
 * those of load_vector; of groups of 16 both halves. */
LANES_INLINE ints values_of(kind k, const uint8_t *w, size_t i, size_t v, const ints bytes[2],
                            size_t chain, size_t h)
{
    ints a = bytes[h];
    if (k.shape.n_group == 16)
        return chain ? ints_join(ints_right(a, 4), bytes[1], 48)
                     : ints_join(a, ints_left(bytes[1], 4), 48);
    if (is_k(k))
        a = ints_and(chain ? ints_right(a, 4) : a, ints_set_bytes(15));
    return k.e == QN_Q5_K ? five_k(w + (4 * i + v) * sizeof(qn_q5_k), a, chain, h) : a;
}
