/* kernel/few.avx2.h - kernels.h's few: a span in each lane before weights meet activations. */
#pragma once

#include "kernel/few.h"
#include "kernel/spans.avx2.h"
#include "kernel/unit.avx2.h"

/* With dot products weights of 8 bits are multiplied as 128 more, which an activation's bias takes
 * off, and high nibbles of Q4_K as 16 times as much, which their scale takes off, exactly. */
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
enum { HAS_DOT = true };
#else
enum { HAS_DOT = false };
#endif

/* Bytes of 16 spans are wanted at once, and a request that a busy CPU dropped delays all of them:
 * so each line is asked for early, and once more. */
enum { FEW_ASK_AHEAD = 12288, FEW_ASK_AGAIN = 4096 };

/* --- values: dwords of a unit, whose lanes are its 16 spans --- */

/* Steps of a piece, whose bytes hold a unit for each chain. */
LANES_INLINE size_t n_steps(kind k)
{
    return k.span / n_chains(k);
}

LANES_INLINE size_t unit_of(kind k, size_t step, size_t chain)
{
    return is_k(k) ? 2 * step + chain : step + 2 * chain;
}

/* Whether unit j is met before unit j - 1. */
LANES_INLINE bool comes_early(kind k, size_t j)
{
    return k.shape.n_group == 16 && j == 2;
}

/* Where bytes of 16 spans lie: of two spans in n_pair bytes, the second's n_odd behind the first's.
 */
typedef struct spans {
    const uint8_t *w;
    size_t n_pair, n_odd;
} spans;

LANES_INLINE const uint8_t *span_at(spans s, size_t i)
{
    return s.w + i / 2 * s.n_pair + i % 2 * s.n_odd;
}

/* 16 bytes of each span: dword i of span s becomes lane s of out[i]. */
LANES_INLINE void columns4(spans s, ints out[4])
{
    ints r[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
        r[i] = ints_load_quarters(span_at(s, i), span_at(s, 4 + i), span_at(s, 8 + i),
                                  span_at(s, 12 + i));
    transpose4(r, out);
}

/* The same of 32 bytes. */
LANES_INLINE void columns8(spans s, ints out[8])
{
#ifdef __AVX512F__
    ints r[8], low[4], high[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        r[i] = ints_load_halves(span_at(s, i), span_at(s, 4 + i));
        r[4 + i] = ints_load_halves(span_at(s, 8 + i), span_at(s, 12 + i));
    }
    transpose4(r, low);
    transpose4(r + 4, high);
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        out[i] = ints_even_quarters(low[i], high[i]);
        out[4 + i] = ints_odd_quarters(low[i], high[i]);
    }
#else
    columns4(s, out);
    columns4((spans){s.w + 16, s.n_pair, s.n_odd}, out + 4);
#endif
}

/* The bytes of a step, before its chains are taken out of them, and high bits. */
typedef struct step_bytes {
    ints a[8], high[8];
} step_bytes;

/* What all steps of the piece at w share. */
LANES_INLINE void load_high(kind k, const uint8_t *w, step_bytes *b)
{
    if (k.e == QN_Q5_K) {
        columns8((spans){w + offsetof(qn_q5_k, qh), sizeof(qn_q5_k), 0}, b->high);
        QN_UNROLL(8)
        for (size_t t = 0; t < 8; t++)
            b->high[t] = ints_right_each(b->high[t], ints_set_dwords(0, 4, 0, 4));
    } else if (k.e == QN_Q6_K) {
        columns8((spans){w + offsetof(qn_q6_k, qh), sizeof(qn_q6_k), 32}, b->high);
    }
}

/* The 32 bits before the nibbles of 16 blocks at s. */
LANES_INLINE ints load_bits(spans s)
{
    ints c[4];
    columns4(s, c);
    return c[0];
}

/* A step's bytes. Memory is asked for as much. */
LANES_INLINE void load_step(kind k, const uint8_t *w, size_t step, step_bytes *b)
{
    const size_t n = k.n_unit / 16, n_bytes = k.span * k.n_unit / n_steps(k), k6 = sizeof(qn_q6_k);
    spans s = {w + step * n, 2 * k.span * n, k.span * n};
    QN_UNROLL(2)
    for (size_t i = 0; i < n_bytes; i += n_bytes / n_chains(k))
        qn_ask_ahead(w + step * n_bytes + i, n_bytes / n_chains(k), FEW_ASK_AHEAD);
    QN_UNROLL(10)
    for (size_t i = 0; i < n_bytes; i += 64)
        __builtin_prefetch(w + step * n_bytes + i + FEW_ASK_AGAIN, 0, 3);
    switch (k.e) {
    case QN_Q5_0:
    case QN_Q5_1:
        s.w += n - 20;
        b->high[0] = load_bits(s);
        s.w += 4;
        columns4(s, b->a);
        break;
    case QN_Q4_0:
    case QN_Q4_1:
        s.w += n - 16;
        columns4(s, b->a);
        break;
    case QN_Q8_0:
        s.w += offsetof(qn_q8_0, q);
        columns8(s, b->a);
        break;
    case QN_Q4_K:
    case QN_Q5_K: columns8((spans){w + 8 * n - 128 + 32 * step, 8 * n, 64}, b->a); break;
    default: columns8((spans){w + 32 * step, k6, 64}, b->a);
    }
}

/* Dword t of each group. */
LANES_INLINE ints dword_of(kind k, const step_bytes *b, size_t step, size_t chain, size_t t)
{
    const unsigned j = (unsigned)unit_of(k, step, chain), i = (unsigned)t;
    const ints low = ints_set_bytes(15);
    switch (k.e) {
    case QN_Q8_0: return HAS_DOT ? ints_xor(b->a[t], ints_set_bytes(-128)) : b->a[t];
    case QN_Q4_K:
        return chain == 0 ? ints_and(b->a[t], low)
               : HAS_DOT  ? ints_and(b->a[t], ints_set_bytes(-16))
                          : ints_and(ints_right(b->a[t], 4), low);
    case QN_Q5_K:
        return join(chain ? ints_right(b->a[t], 4) : b->a[t], ints_left(b->high[t], 4 - j), 16);
    case QN_Q6_K:
        return chain ? join(ints_right(b->a[t], 4), ints_right(b->high[t], 2 * (unsigned)step), 48)
                     : join(b->a[t], ints_left(b->high[t], 4 - 2 * (unsigned)step), 48);
    default: break;
    }
    ints a = t < 4 ? b->a[t] : ints_right(b->a[t - 4], 4);
    return k.shape.n_bits == 4 ? ints_and(a, low) : join(a, ints_spread(b->high[0], i), 16);
}

/* --- products --- */

LANES_INLINE bool needs_bias(qn_shape shape)
{
    return shape.offset > 0 && (HAS_DOT || shape.n_bits < 8);
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

/* sum plus the products of dword t of a group of weights and of activations. */
LANES_INLINE void add_dword(qn_shape shape, size_t t, ints w, ints x, ints *pairs, ints *sum)
{
    (void)shape, (void)t, (void)pairs;
    *sum = ints_add_dot(*sum, w, x);
}

#else

/* How many pairs of products 16 bits hold: 2 * 128 * 127, 2 * 2 * 63 * 127, 4 * 2 * 31 * 127,
 * 8 * 2 * 15 * 127. */
LANES_INLINE size_t n_chunk(qn_shape shape)
{
    return shape.n_bits == 8 ? 1 : shape.n_bits == 6 ? 2 : shape.n_bits == 5 ? 4 : 8;
}

/* Signed weights of 8 bits: magnitude times activation with the weight's sign. */
LANES_INLINE ints pairs_of(qn_shape shape, ints w, ints x)
{
    return shape.n_bits == 8 ? ints_maddubs(ints_abs_bytes(w), ints_sign_bytes(x, w))
                             : ints_maddubs(w, x);
}

LANES_INLINE ints sum_pairs(ints sum, ints pairs)
{
    return ints_add(sum, ints_madd(pairs, ints_set(0x10001)));
}

/* The same; pairs are added up first as long as 16 bits hold them. */
LANES_INLINE void add_dword(qn_shape shape, size_t t, ints w, ints x, ints *pairs, ints *sum)
{
    const size_t n = n_chunk(shape);
    ints of_t = pairs_of(shape, w, x);
    if (n == 1) {
        *sum = ints_here(sum_pairs(*sum, of_t));
    } else {
        *pairs = ints_here(t % n == 0 ? of_t : ints_add_words(*pairs, of_t));
        if (t % n == n - 1)
            *sum = sum_pairs(*sum, *pairs);
    }
}

#endif

/* A product without its weights. */
typedef struct few_rows {
    span_rows to;
    const uint8_t *x;         /* of row 0 */
    size_t x_stride, n_apart; /* bytes: rows of activations, rows of 4 bytes of them (few.h) */
} few_rows;

/* What a piece meets of a row of activations, from the place on where it begins, and what it
 * makes of it. */
typedef struct row_at {
    const uint8_t *x;
    lanes acc, early; /* sums so far; a unit's term that comes before its turn */
} row_at;

/* Row i of 4 bytes for each place. */
LANES_INLINE const void *x_at(const few_rows *d, const row_at *row, size_t i)
{
    return row->x + i * d->n_apart;
}

LANES_INLINE void add_bias(kind k, const few_rows *d, size_t j, const row_at *row, ints sum[2])
{
    const size_t n_halves = k.shape.n_group == 16 ? 2 : 1;
    QN_UNROLL(2)
    for (size_t i = 0; i < n_halves; i++) {
        const void *bias = x_at(d, row, qn_few_at_of(k.span).bias + n_halves * j + i);
        sum[i] = ints_add(sum[i], ints_load(bias));
    }
}

/* A unit's integer sums with each row; with groups of 16, sum[r][1] is the second halves'. A bias
 * costs nothing where dot products are added to it; elsewhere it comes last, for it would need
 * registers. */
LANES_INLINE void sum_unit(kind k, const few_rows *d, const step_bytes *b, size_t step,
                           size_t chain, const row_at *rows, ints sum[][2])
{
    const size_t n_halves = k.shape.n_group == 16 ? 2 : 1, j = unit_of(k, step, chain);
    ints pairs[QN_FEW_MOST_ROWS];
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++) {
        sum[r][0] = sum[r][1] = ints_zero();
        if (needs_bias(k.shape) && HAS_DOT)
            add_bias(k, d, j, &rows[r], sum[r]);
    }
    QN_UNROLL(8)
    for (size_t t = 0; t < 8; t++) {
        ints w = dword_of(k, b, step, chain, t);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            add_dword(k.shape, t, w, ints_load(x_at(d, &rows[r], 8 * j + t)), &pairs[r],
                      &sum[r][t * n_halves / 8]);
    }
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++)
        if (needs_bias(k.shape) && !HAS_DOT)
            add_bias(k, d, j, &rows[r], sum[r]);
}

/* acc plus the term of unit j. */
LANES_INLINE lanes add_term(kind k, const few_rows *d, const row_at *row, lanes t, size_t j,
                            lanes acc)
{
    return lanes_fma(t, lanes_load(x_at(d, row, qn_few_at_of(k.span).d + j)), acc);
}

/* The term of unit j to the sums of its spans, or kept until it is its turn. */
LANES_INLINE void put_term(kind k, const few_rows *d, const ints sum[2], unit_scales u, size_t j,
                           row_at *row)
{
    lanes t = lanes_mul(ints_to_float(sum[0]), u.scale[0]);
    if (k.shape.n_group == 16)
        t = lanes_fma(ints_to_float(sum[1]), u.scale[1], t);
    if (k.shape.has_min)
        t = lanes_fma(u.min, lanes_load(x_at(d, row, qn_few_at_of(k.span).sum + j)), t);
    if (comes_early(k, j))
        row->early = t;
    else
        row->acc = add_term(k, d, row, t, j, row->acc);
    if (comes_early(k, j + 1))
        row->acc = add_term(k, d, row, row->early, j + 1, row->acc);
}

/* The units of a step of the piece at w. */
LANES_INLINE void put_step(kind k, const few_rows *d, const uint8_t *w, size_t step,
                           const scales *s, step_bytes *b, row_at *rows)
{
    load_step(k, w, step, b);
    QN_UNROLL(2)
    for (size_t chain = 0; chain < n_chains(k); chain++) {
        const size_t j = unit_of(k, step, chain);
        ints sum[QN_FEW_MOST_ROWS][2];
        sum_unit(k, d, b, step, chain, rows, sum);
        unit_scales u = scales_of(k, s, j);
        if (k.e == QN_Q4_K && HAS_DOT && chain)
            u.scale[0] = lanes_mul(u.scale[0], lanes_set(0.0625f));
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            put_term(k, d, sum[r], u, j, &rows[r]);
    }
}

/* Row r of those that the code is made for: the last one for those that are not there. */
LANES_INLINE size_t row_of(const few_rows *d, size_t r)
{
    return r == 0 ? 0 : QN_MIN(r, d->to.n_rows - 1);
}

/* Piece i of 16 outputs, which is at w and begins at a place. */
LANES_INLINE void put_piece(kind k, const few_rows *d, const uint8_t *w, size_t i, size_t place,
                            float *sums)
{
    scales s;
    step_bytes b;
    row_at rows[QN_FEW_MOST_ROWS];
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++)
        rows[r] = (row_at){.x = d->x + row_of(d, r) * d->x_stride + 4 * place, .acc = lanes_set(0)};
    load_scales(k, w, &s);
    load_high(k, w, &b);
    if (n_chains(k) == 1) {
        QN_UNROLL(1)
        for (size_t step = 0; step < k.span; step++)
            put_step(k, d, w, step, &s, &b, rows);
    } else {
        put_step(k, d, w, 0, &s, &b, rows);
        put_step(k, d, w, 1, &s, &b, rows);
    }
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++)
        lanes_store(sums + row_of(d, r) * d->to.n_sums + 16 * i, rows[r].acc);
}

/* Pieces i to i + n - 1 of 16 outputs, whose weights begin at w. */
LANES_INLINE void put_pieces(kind k, const few_rows *d, const uint8_t *w, size_t i, size_t n,
                             float *sums)
{
    const size_t n_bytes = k.span * k.n_unit, step = 16 % d->to.n_spans;
    for (size_t at = 16 * i % d->to.n_spans; n > 0; n--, i++) {
        put_piece(k, d, w + i * n_bytes, i, at, sums);
        at = at + step < d->to.n_spans ? at + step : at + step - d->to.n_spans;
    }
}

/* While the spans of 16 outputs are multiplied, those of the 16 before are added up: so memory
 * never waits for a chain of sums. */
LANES_INLINE void few_kind(kind k, const few_rows *d, size_t n_out, const uint8_t *w, float *sums)
{
    float *now = sums, *before = sums + d->to.n_rows * d->to.n_sums;
    for (size_t o = 0; o <= n_out; o += 16) {
        for (size_t s = 0, n; s < d->to.n_spans; s += n) {
            n = QN_MIN(d->to.n_spans - s, (size_t)8);
            if (o < n_out)
                put_pieces(k, d, w + o * d->to.n_spans * k.span * k.n_unit / 16, s, n, now);
            if (o > 0)
                add_rows(&d->to, s, n, before, d->to.y + o - 16);
        }
        float *swap = now;
        now = before, before = swap;
    }
}

#ifndef QN_ONE_LOOP

typedef void few_function(const few_rows *d, size_t n_out, const uint8_t *w, float *sums);

/* One copy of the code for each quantized encoding, and span and number of rows that are frequent;
 * a function each, since compilers take long for all of them in one. */
// clang-format off
#define KIND(encoding, n_span, n_rows, n_values, n_bytes, ...) \
    static __attribute__((noinline)) void few_##encoding##_##n_span##_##n_rows( \
        const few_rows *d, size_t n_out, const uint8_t *w, float *sums) \
    { \
        if ((n_values) == 32 || ((n_values) > 1 && (n_span) == 4)) \
            few_kind((kind){encoding, {__VA_ARGS__}, n_span, n_rows, 512 * (n_bytes) / (n_values)}, \
                     d, n_out, w, sums); \
    }
#define X(encoding, name, type, ...) \
    KIND(encoding, 4, 4, __VA_ARGS__) \
    KIND(encoding, 2, 4, __VA_ARGS__)
#include "kernel/encodings.def"
#undef X
#undef KIND

static few_function *const of[QN_N_ENCODINGS][2] = {
#define X(encoding, ...) \
    [encoding] = {few_##encoding##_2_4, few_##encoding##_4_4},
#include "kernel/encodings.def"
#undef X
};
// clang-format on

#endif

LANES_INLINE void few(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                      qn_few_scratch s, float *y, size_t y_stride)
{
    size_t span = qn_act_span(n_in);
    few_rows d = {.to = {n_rows, n_in / 32 / span, qn_dot_n_sums(n_in), y_stride, y},
                  .x = s.x,
                  .x_stride = qn_few_x_bytes(n_in),
                  .n_apart = 4 * qn_dot_n_places(n_in)};
#ifdef QN_ONE_LOOP
    few_kind(kind_of(e, span, QN_FEW_MOST_ROWS), &d, n_out, w, s.sums);
#else
    of[e][span / 4](&d, n_out, w, s.sums);
#endif
}
