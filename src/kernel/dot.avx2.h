/* kernel/dot.avx2.h - kernels.h's dot: a unit's 16 sums by folding, 16 outputs by transposing. */
#pragma once

#include "kernel/spans.avx2.h"
#include "kernel/unit.avx2.h"

/* Levels of folding before which words hold all sums, of 8 << l products with groups of 32 and half
 * as many with groups of 16: 8 * 31 * 127, 4 * 63 * 127 and, of 4 bits, 16 * 15 * 127. */
LANES_INLINE size_t n_levels_of_words(qn_shape shape)
{
    return shape.n_bits == 8 ? 0 : shape.n_bits == 4 ? 2 : 1;
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

LANES_INLINE bool needs_bias(qn_shape shape)
{
    return shape.offset > 0;
}

/* The sums of a vector's groups, four dwords each, from sum on. Signed weights of 8 bits: 128 more.
 */
LANES_INLINE ints add_values(kind k, ints sum, ints w, ints x)
{
    return ints_add_dot(sum, k.shape.n_bits == 8 ? ints_xor(w, ints_set_bytes(-128)) : w, x);
}

/* Dwords 0 and 1, 2 and 3 of each 128 bits added, a's and then b's, in level l of folding: while
 * words hold them by multiplication, which takes two instructions, not three. */
LANES_INLINE ints fold(kind k, size_t l, ints a, ints b)
{
    if (l < n_levels_of_words(k.shape))
        return ints_madd(ints_pack_dwords(a, b), ints_set(0x10001));
    return ints_add(ints_even_dwords(a, b), ints_odd_dwords(a, b));
}

#else

LANES_INLINE bool needs_bias(qn_shape shape)
{
    return shape.offset > 0 && shape.n_bits < 8;
}

/* The sums of a vector's groups from sum on: eight words each of weights without sign of at most 6
 * bits, else four dwords, of magnitudes times activations with the weight's sign. */
LANES_INLINE ints add_values(kind k, ints sum, ints w, ints x)
{
    if (k.shape.n_bits < 8)
        return ints_add_words(sum, ints_maddubs(w, x));
    ints pairs = ints_maddubs(ints_abs_bytes(w), ints_sign_bytes(x, w));
    return ints_add(sum, ints_madd(pairs, ints_set(0x10001)));
}

/* Dwords 0 and 1, 2 and 3 of each 128 bits added, a's and then b's, in level l of folding: words
 * while they have room, and dwords from the level on in which they have no more. */
LANES_INLINE ints fold(kind k, size_t l, ints a, ints b)
{
    const size_t n = n_levels_of_words(k.shape);
    ints even = ints_even_dwords(a, b), odd = ints_odd_dwords(a, b);
    ints sum = l < n ? ints_add_words(even, odd) : ints_add(even, odd);
    return l + 1 == n ? ints_madd(sum, ints_set(0x10001)) : sum;
}

#endif

/* The sums of a vector's groups with the activations at x + at, before they are folded. */
LANES_INLINE ints sum_vector(kind k, const ints q[2], const int8_t *x, size_t at)
{
    ints sum = add_values(k, ints_zero(), q[0], ints_load(x + at));
    return k.shape.n_group == 32 ? add_values(k, sum, q[1], ints_load(x + at + 64)) : sum;
}

/* The sums of a block of vectors with activations x, which are n_apart bytes of x apart: dword j of
 * quarter i is that of quarter i of vector j. */
LANES_INLINE ints sum_block(kind k, const ints q[4][2], const int8_t *x, size_t n_apart)
{
    ints v[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        v[i] = sum_vector(k, q[i], x, i * n_apart);
    return fold(k, 1, fold(k, 0, v[0], v[1]), fold(k, 0, v[2], v[3]));
}

typedef ints block_sums[2][4]; /* of a chain's blocks */

/* Quarter j of a[0] to a[3] to out[j]. */
LANES_INLINE void transpose_quarters(const ints a[4], ints out[4])
{
    ints even[2] = {ints_even_quarters(a[0], a[1]), ints_even_quarters(a[2], a[3])};
    ints odd[2] = {ints_odd_quarters(a[0], a[1]), ints_odd_quarters(a[2], a[3])};
    out[0] = ints_even_quarters(even[0], even[1]);
    out[1] = ints_even_quarters(odd[0], odd[1]);
    out[2] = ints_odd_quarters(even[0], even[1]);
    out[3] = ints_odd_quarters(odd[0], odd[1]);
}

/* The sums of a piece, span by span: of unit j; of halves h of unit j to sum[2 j + h]. */
LANES_INLINE void sums_of(kind k, block_sums f, ints sum[8])
{
    if (k.shape.n_group == 16) {
        transpose_quarters(f[0], sum);
        transpose_quarters(f[1], sum + 4);
    } else if (is_k(k)) {
        sum[0] = ints_mix_even(f[0][0], f[0][1]), sum[2] = ints_mix_odd(f[0][0], f[0][1]);
        sum[1] = ints_mix_even(f[1][0], f[1][1]), sum[3] = ints_mix_odd(f[1][0], f[1][1]);
    } else if (k.span == 4) {
        transpose_quarters(f[0], sum);
    } else {
        sum[0] = ints_mix_even(f[0][0], f[0][1]), sum[1] = ints_mix_odd(f[0][0], f[0][1]);
    }
}

/* What a row of activations has beside values, from the place on at which a piece begins. */
typedef struct row_at {
    const float *d, *sum;
    const int32_t *bias;
    size_t n_places;
} row_at;

LANES_INLINE row_at row_of(const qn_dot_x *x, size_t place)
{
    return (row_at){x->d + place, x->sum + place, x->bias + place, x->n_places};
}

LANES_INLINE lanes unit_term(kind k, const ints *sum, unit_scales u, row_at x, size_t j)
{
    const size_t n_halves = k.shape.n_group == 16 ? 2 : 1;
    ints s[2];
    QN_UNROLL(2)
    for (size_t h = 0; h < n_halves; h++) {
        s[h] = sum[n_halves * j + h];
        if (needs_bias(k.shape))
            s[h] = ints_add(s[h], ints_load(x.bias + (n_halves * j + h) * x.n_places));
    }
    lanes t = lanes_mul(ints_to_float(s[0]), u.scale[0]);
    if (n_halves == 2)
        t = lanes_fma(ints_to_float(s[1]), u.scale[1], t);
    return k.shape.has_min ? lanes_fma(u.min, lanes_load(x.sum + j * x.n_places), t) : t;
}

/* The sums of the piece's spans. */
LANES_INLINE lanes span_sums(kind k, block_sums f, const unit_scales u[4], row_at x)
{
    ints sum[8];
    lanes acc = lanes_set(0);
    sums_of(k, f, sum);
    QN_UNROLL(4)
    for (size_t j = 0; j < k.span; j++) {
        lanes t = unit_term(k, sum, u[j], x, j);
        acc = lanes_fma(t, lanes_load(x.d + j * x.n_places), acc);
    }
    return acc;
}

/* Distance of the vectors of a block of activations. */
LANES_INLINE size_t x_apart(kind k)
{
    return (is_k(k) ? 2 : k.shape.n_group == 16 ? 1 : 4 / k.span) * QN_DOT_PLACE;
}

/* Where the activations of vector v of block i lie, for a chain, of a piece that begins at a place.
 */
LANES_INLINE size_t x_at(kind k, size_t i, size_t v, size_t chain, size_t place)
{
    return place * QN_DOT_PLACE + chain * (is_k(k) ? 128 : 64) + (4 * i + v) * x_apart(k);
}

#ifdef __AVX512F__

/* Block i of the piece at w times each row, whose activations begin at place `at`. */
LANES_INLINE void put_block(kind k, const qn_dot_x *rows, const uint8_t *w, size_t i, size_t at,
                            block_sums f[QN_DOT_MOST_ROWS])
{
    ints bytes[4][2];
    QN_UNROLL(4)
    for (size_t v = 0; v < 4; v++)
        load_vector(k, w, i, v, bytes[v]);
    QN_UNROLL(2)
    for (size_t chain = 0; chain < n_chains(k); chain++) {
        ints q[4][2];
        QN_UNROLL(4)
        for (size_t v = 0; v < 4; v++)
            QN_UNROLL(2)
        for (size_t h = 0; h < k.shape.n_group / 16u; h++)
            q[v][h] = values_of(k, w, i, v, bytes[v], chain, h);
        const size_t x = x_at(k, i, 0, chain, at);
        QN_UNROLL(2)
        for (size_t r = 0; r < k.rows; r++)
            f[r][chain][i] = sum_block(k, (const ints(*)[2])q, rows[r].q + x, x_apart(k));
    }
}

#else

/* The same in few registers, a vector after the other. */
LANES_INLINE void put_block(kind k, const qn_dot_x *rows, const uint8_t *w, size_t i, size_t at,
                            block_sums f[QN_DOT_MOST_ROWS])
{
    ints folded[QN_DOT_MOST_ROWS][2][2];
    QN_UNROLL(2)
    for (size_t pair = 0; pair < 2; pair++) {
        ints sum[QN_DOT_MOST_ROWS][2][2];
        QN_UNROLL(2)
        for (size_t v = 0; v < 2; v++) {
            ints bytes[2];
            load_vector(k, w, i, 2 * pair + v, bytes);
            QN_UNROLL(2)
            for (size_t chain = 0; chain < n_chains(k); chain++) {
                ints q[2];
                QN_UNROLL(2)
                for (size_t h = 0; h < k.shape.n_group / 16u; h++)
                    q[h] = values_of(k, w, i, 2 * pair + v, bytes, chain, h);
                QN_UNROLL(2)
                for (size_t r = 0; r < k.rows; r++)
                    sum[r][chain][v] =
                        sum_vector(k, q, rows[r].q, x_at(k, i, 2 * pair + v, chain, at));
            }
        }
        QN_UNROLL(2)
        for (size_t chain = 0; chain < n_chains(k); chain++)
            QN_UNROLL(2)
        for (size_t r = 0; r < k.rows; r++)
            folded[r][chain][pair] = fold(k, 0, sum[r][chain][0], sum[r][chain][1]);
    }
    QN_UNROLL(2)
    for (size_t chain = 0; chain < n_chains(k); chain++)
        QN_UNROLL(2)
    for (size_t r = 0; r < k.rows; r++)
        f[r][chain][i] = fold(k, 1, folded[r][chain][0], folded[r][chain][1]);
}

#endif

/* Pieces i to i + n - 1 of 16 outputs, whose weights begin at w. */
LANES_INLINE void put_pieces(kind k, const span_rows *d, const qn_dot_x *x, const uint8_t *w,
                             size_t i, size_t n, float *sums)
{
    const size_t n_bytes = k.span * k.n_unit, step = 16 % d->n_spans;
    for (size_t at = 16 * i % d->n_spans; n > 0; n--, i++) {
        block_sums f[QN_DOT_MOST_ROWS];
        unit_scales u[4];
        scales all;
        QN_UNROLL(1)
        for (size_t b = 0; b < n_blocks(k); b++)
            put_block(k, x, w + i * n_bytes, b, at, f);
        load_scales(k, w + i * n_bytes, &all);
        QN_UNROLL(4)
        for (size_t j = 0; j < k.span; j++)
            u[j] = scales_of(k, &all, j);
        QN_UNROLL(2)
        for (size_t r = 0; r < k.rows; r++)
            lanes_store(sums + r * d->n_sums + 16 * i, span_sums(k, f[r], u, row_of(&x[r], at)));
        at = at + step < d->n_spans ? at + step : at + step - d->n_spans;
    }
}

/* While the spans of 16 outputs are multiplied, those of the 16 before are added up: so memory
 * never waits for a chain of sums. */
LANES_INLINE void dot_kind(kind k, const span_rows *d, const qn_dot_x *x, size_t n_out,
                           const uint8_t *w, float *sums)
{
    float *now = sums, *before = sums + d->n_rows * d->n_sums;
    for (size_t o = 0; o <= n_out; o += 16) {
        for (size_t s = 0, n; s < d->n_spans; s += n) {
            n = QN_MIN(d->n_spans - s, (size_t)8);
            if (o < n_out)
                put_pieces(k, d, x, w + o * d->n_spans * k.span * k.n_unit / 16, s, n, now);
            if (o > 0)
                add_rows(d, s, n, before, d->y + o - 16);
        }
        float *swap = now;
        now = before, before = swap;
    }
}

#ifndef QN_ONE_LOOP

typedef void dot_function(const span_rows *d, const qn_dot_x *x, size_t n_out, const uint8_t *w,
                          float *sums);

/* One copy of the code for each quantized encoding, span and number of rows; a function each, since
 * compilers take long for all of them in one. */
// clang-format off
#define KIND(encoding, n_span, n_rows, n_values, n_bytes, ...) \
    static __attribute__((noinline)) void dot_##encoding##_##n_span##_##n_rows( \
        const span_rows *d, const qn_dot_x *x, size_t n_out, const uint8_t *w, float *sums) \
    { \
        if ((n_values) == 32 || ((n_values) > 1 && (n_span) == 4)) \
            dot_kind((kind){encoding, {__VA_ARGS__}, n_span, n_rows, 512 * (n_bytes) / (n_values)}, \
                     d, x, n_out, w, sums); \
    }
#define X(encoding, name, type, ...) \
    KIND(encoding, 4, 1, __VA_ARGS__) \
    KIND(encoding, 4, 2, __VA_ARGS__) \
    KIND(encoding, 2, 1, __VA_ARGS__) \
    KIND(encoding, 2, 2, __VA_ARGS__)
#include "kernel/encodings.def"
#undef X
#undef KIND

static dot_function *const of[QN_N_ENCODINGS][2][QN_DOT_MOST_ROWS] = {
#define X(encoding, ...) \
    [encoding] = {{dot_##encoding##_2_1, dot_##encoding##_2_2}, \
                  {dot_##encoding##_4_1, dot_##encoding##_4_2}},
#include "kernel/encodings.def"
#undef X
};
// clang-format on

#endif

LANES_INLINE void dot(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                      qn_dot_scratch s, float *y, size_t y_stride)
{
    size_t span = qn_act_span(n_in);
    span_rows d = {n_rows, n_in / 32 / span, qn_dot_n_sums(n_in), y_stride, y};
#ifdef QN_ONE_LOOP
    dot_kind(kind_of(e, span, n_rows), &d, s.x, n_out, w, s.sums);
#else
    of[e][span / 4][n_rows - 1](&d, s.x, n_out, w, s.sums);
#endif
}
