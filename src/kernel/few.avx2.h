/* kernel/few.avx2.h - kernels.h's few: a span in each lane before weights meet activations. */
#pragma once

#include "kernel/few.h"
#include "kernel/pairs.avx2.h"
#include "kernel/spans.avx2.h"
#include "kernel/unit.avx2.h"

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
LANES_INLINE void columns4(spans s, ireg out[4])
{
    ireg r[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++)
#ifdef __AVX512F__
        r[i] = ints_load_quarters(span_at(s, i), span_at(s, 4 + i), span_at(s, 8 + i),
                                  span_at(s, 12 + i));
#else
        r[i] = ireg_load_quarters(span_at(s, i), span_at(s, 4 + i));
#endif
    ireg_transpose4(r, out);
}

/* The same of 32 bytes. */
LANES_INLINE void columns8(spans s, ireg out[8])
{
#ifdef __AVX512F__
    ireg r[8], low[4], high[4];
    QN_UNROLL(4)
    for (size_t i = 0; i < 4; i++) {
        r[i] = ints_load_halves(span_at(s, i), span_at(s, 4 + i));
        r[4 + i] = ints_load_halves(span_at(s, 8 + i), span_at(s, 12 + i));
    }
    ireg_transpose4(r, low);
    ireg_transpose4(r + 4, high);
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

/* Bytes of a step, before its chains are taken out of them, and high bits. */
typedef struct step_bytes {
    ireg a[8], high[8];
} step_bytes;

/* Bytes of each span in a step, beside high bits, and how many of them are loaded at once: no more
 * than leave registers for the sums. */
LANES_INLINE size_t n_step(kind k)
{
    return k.shape.n_bits < 6 && n_chains(k) == 1 ? 16 : 32;
}

LANES_INLINE size_t n_load(kind k)
{
    return QN_MIN(n_step(k), (size_t)2 * REGISTER_LANES);
}

/* What all steps of the spans at w share. */
LANES_INLINE void load_high(kind k, const uint8_t *w, step_bytes *b)
{
    if (k.e == QN_Q5_K) {
        columns8((spans){w + offsetof(qn_q5_k, qh), sizeof(qn_q5_k), 0}, b->high);
        QN_UNROLL(8)
        for (size_t t = 0; t < 8; t++)
            b->high[t] = ireg_right_each(b->high[t], ireg_set_dwords(0, 4, 0, 4));
    } else if (k.e == QN_Q6_K) {
        columns8((spans){w + offsetof(qn_q6_k, qh), sizeof(qn_q6_k), 32}, b->high);
    }
}

/* The 32 bits before the nibbles of blocks at s. */
LANES_INLINE ireg load_bits(spans s)
{
    ireg c[4];
    columns4(s, c);
    return c[0];
}

/* Of a step's bytes of the spans at w, n_load(k) from byte `at` on. */
LANES_INLINE void load_step(kind k, const uint8_t *w, size_t step, size_t at, step_bytes *b)
{
    const size_t n = k.n_unit / 16, k6 = sizeof(qn_q6_k);
    spans s = {w + step * n + at, 2 * k.span * n, k.span * n};
    if (is_k(k))
        s = (spans){w + 8 * n - 128 + 32 * step + at, 8 * n, 64};
    else if (k.e == QN_Q6_K)
        s = (spans){w + 32 * step + at, k6, 64};
    else
        s.w += n - n_step(k);
    if (k.e == QN_Q5_0 || k.e == QN_Q5_1)
        b->high[0] = load_bits((spans){s.w - 4, s.n_pair, s.n_odd});
    if (n_load(k) == 32)
        columns8(s, b->a);
    else
        columns4(s, b->a);
}

/* Memory is asked for as much as a step reads, which begins at w. */
LANES_INLINE void ask_step(kind k, const uint8_t *w, size_t n_bytes)
{
    QN_UNROLL(2)
    for (size_t i = 0; i < n_bytes; i += n_bytes / n_chains(k))
        qn_ask_ahead(w + i, n_bytes / n_chains(k), FEW_ASK_AHEAD);
    QN_UNROLL(10)
    for (size_t i = 0; i < n_bytes; i += 64)
        __builtin_prefetch(w + i + FEW_ASK_AGAIN, 0, 3);
}

/* Dword t of each group; of those that are loaded. With dot products weights of 8 bits are
 * multiplied as 128 more, which an activation's bias takes off, and high nibbles of Q4_K as 16
 * times as much, which their scale takes off, exactly. */
LANES_INLINE ireg dword_of(kind k, const step_bytes *b, size_t step, size_t chain, size_t t)
{
    const size_t n = n_load(k) / 4;
    const unsigned j = (unsigned)unit_of(k, step, chain);
    const bool is_high = n_chains(k) == 2 ? chain == 1 : 4 * t >= n_step(k);
    const ireg low = ireg_set_bytes(15), bytes = b->a[t % n];
    switch (k.e) {
    case QN_Q8_0: return HAS_DOT ? ireg_xor(bytes, ireg_set_bytes(-128)) : bytes;
    case QN_Q4_K:
        return !is_high  ? ireg_and(bytes, low)
               : HAS_DOT ? ireg_and(bytes, ireg_set_bytes(-16))
                         : ireg_and(ireg_right(bytes, 4), low);
    case QN_Q5_K:
        return ireg_join(is_high ? ireg_right(bytes, 4) : bytes, ireg_left(b->high[t], 4 - j), 16);
    case QN_Q6_K:
        return is_high
                   ? ireg_join(ireg_right(bytes, 4), ireg_right(b->high[t], 2 * (unsigned)step), 48)
                   : ireg_join(bytes, ireg_left(b->high[t], 4 - 2 * (unsigned)step), 48);
    default: break;
    }
    ireg a = is_high ? ireg_right(bytes, 4) : bytes;
    return k.shape.n_bits == 4 ? ireg_and(a, low)
                               : ireg_join(a, ireg_spread(b->high[0], (unsigned)t), 16);
}

/* --- products --- */

/* A product without its weights. */
typedef struct few_rows {
    span_rows to;
    const uint8_t *x;         /* of row 0 */
    size_t x_stride, n_apart; /* bytes: rows of activations, rows of 4 bytes of them (few.h) */
    size_t place_bytes;       /* of qn_few_layout */
} few_rows;

/* What a register's spans meet of a row of activations, from the place on where they begin, and
 * what they make of it. */
typedef struct row_at {
    const uint8_t *x;
    freg acc, early;          /* sums so far; a unit's term that comes before its turn */
    ireg sum[2][2], pairs[2]; /* integers of each chain; with groups of 16, of each half */
} row_at;

/* Row i of 4 bytes for each place. */
LANES_INLINE const void *x_at(const few_rows *d, const row_at *row, size_t i)
{
    return row->x + i * d->n_apart;
}

LANES_INLINE size_t n_halves(kind k)
{
    return k.shape.n_group == 16 ? 2 : 1;
}

/* Whether dword t of a group is the first of a sum. */
LANES_INLINE bool begins_sum(kind k, size_t t)
{
    return t % (8 / n_halves(k)) == 0;
}

/* Of half h of unit j, of the biases that begin at a row of the activations. */
LANES_INLINE ireg bias_of(kind k, const few_rows *d, const row_at *row, size_t begin, size_t j,
                          size_t h)
{
    return ireg_load(x_at(d, row, begin + n_halves(k) * j + h));
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

/* Adds the products of dword t of unit j's weights and of activations. */
LANES_INLINE void add_dword(kind k, const few_rows *d, size_t j, size_t chain, size_t t, ireg w,
                            row_at *row)
{
    const size_t h = t * n_halves(k) / 8;
    ireg *sum = &row->sum[chain][h];
    if (begins_sum(k, t))
        *sum =
            k.shape.offset > 0 ? bias_of(k, d, row, qn_few_at_of(k.span).bias, j, h) : ireg_zero();
    *sum = ireg_add_dot(*sum, w, ireg_load(x_at(d, row, 8 * j + t)));
}

#else

/* Pairs are added up first as long as 16 bits hold them. A bias comes last, for it would need
 * registers. */
LANES_INLINE void add_dword(kind k, const few_rows *d, size_t j, size_t chain, size_t t, ireg w,
                            row_at *row)
{
    const size_t n = n_chunk(k.shape), h = t * n_halves(k) / 8;
    const qn_few_at at = qn_few_at_of(k.span);
    ireg *pairs = &row->pairs[chain], *sum = &row->sum[chain][h];
    ireg of_t = pairs_of(k.shape, w, ireg_load(x_at(d, row, 8 * j + t)));
    *pairs = t % n == 0 ? of_t : ireg_here(ireg_add_words(*pairs, of_t));
    if (t % n < n - 1)
        return;
    if (qn_few_has_pairs(&k.shape))
        *pairs = ireg_add_words(*pairs, bias_of(k, d, row, at.bias_pairs, j, h));
    ireg s = ireg_madd(*pairs, ireg_set(0x10001));
    *sum = begins_sum(k, t + 1 - n) ? s : ireg_here(ireg_add(*sum, s));
    if (k.shape.n_bits == 4 && k.shape.offset > 0)
        *sum = ireg_add(*sum, bias_of(k, d, row, at.bias, j, h));
}

#endif

/* The spans of a piece that are in one register. */
typedef struct spans_at {
    const uint8_t *w;
    const scales *s; /* of the piece */
    size_t p;        /* which of its registers */
    step_bytes b;
    row_at rows[QN_FEW_MOST_ROWS];
} spans_at;

/* Adds those products of a unit whose weights are loaded, from byte `at` of a step on. */
LANES_INLINE void sum_unit(kind k, const few_rows *d, size_t step, size_t at, size_t chain,
                           spans_at *of)
{
    const size_t j = unit_of(k, step, chain), n = 8 * n_load(k) / n_step(k);
    const size_t first = 8 * at / n_step(k);
    QN_UNROLL(8)
    for (size_t t = first; t < first + n; t++) {
        ireg w = dword_of(k, &of->b, step, chain, t);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            add_dword(k, d, j, chain, t, w, &of->rows[r]);
    }
}

/* Scales of unit j for register p of the piece's lanes; with groups of 16, scale[1] is the second
 * halves'. */
typedef struct register_scales {
    freg scale[2], min;
} register_scales;

LANES_INLINE freg register_of(const lanes *a, size_t p)
{
    return freg_load((const float *)a + p * REGISTER_LANES);
}

LANES_INLINE const uint8_t *register_bytes(const ints *bytes, size_t quarter, size_t p)
{
    return (const uint8_t *)bytes + 16 * quarter + p * REGISTER_LANES;
}

LANES_INLINE register_scales register_scales_of(kind k, const scales *s, size_t j, size_t p)
{
    register_scales u;
    switch (k.e) {
    case QN_Q4_K:
    case QN_Q5_K:
        u.scale[0] = freg_mul(register_of(&s->d, p),
                              ireg_to_float(ireg_of_bytes(register_bytes(s->scale_bytes, j, p))));
        u.min = freg_mul(register_of(&s->minus_dmin, p),
                         ireg_to_float(ireg_of_bytes(register_bytes(&s->min_bytes, j, p))));
        break;
    case QN_Q6_K:
        QN_UNROLL(2)
        for (size_t h = 0; h < 2; h++)
            u.scale[h] = freg_mul(register_of(&s->d, p),
                                  ireg_to_float(ireg_of_signed_bytes(
                                      register_bytes(s->scale_bytes + j / 2, j % 2 * 2 + h, p))));
        break;
    default:
        u.scale[0] = register_of(&s->scale[j], p);
        if (k.shape.has_min)
            u.min = register_of(&s->min[j], p);
    }
    return u;
}

/* acc plus the term of unit j. */
LANES_INLINE freg add_term(kind k, const few_rows *d, const row_at *row, freg t, size_t j, freg acc)
{
    return freg_fma(t, freg_load(x_at(d, row, qn_few_at_of(k.span).d + j)), acc);
}

/* The term of unit j to the sums of its spans, or kept until it is its turn. */
LANES_INLINE void put_term(kind k, const few_rows *d, size_t chain, register_scales u, size_t j,
                           row_at *row)
{
    freg t = freg_mul(ireg_to_float(row->sum[chain][0]), u.scale[0]);
    if (k.shape.n_group == 16)
        t = freg_fma(ireg_to_float(row->sum[chain][1]), u.scale[1], t);
    if (k.shape.has_min)
        t = freg_fma(u.min, freg_load(x_at(d, row, qn_few_at_of(k.span).sum + j)), t);
    if (comes_early(k, j))
        row->early = t;
    else
        row->acc = add_term(k, d, row, t, j, row->acc);
    if (comes_early(k, j + 1))
        row->acc = add_term(k, d, row, row->early, j + 1, row->acc);
}

/* The terms of a unit, whose scales are loaded here: earlier AVX2 has no registers for them. */
LANES_INLINE void put_unit(kind k, const few_rows *d, size_t step, size_t chain, spans_at *of)
{
    const size_t j = unit_of(k, step, chain);
    if (REGISTER_LANES < 16)
        __asm__("" : "+r"(of->s));
    register_scales u = register_scales_of(k, of->s, j, of->p);
    if (k.e == QN_Q4_K && HAS_DOT && chain)
        u.scale[0] = freg_mul(u.scale[0], freg_set(0.0625f));
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++)
        put_term(k, d, chain, u, j, &of->rows[r]);
}

/* The units of a step. What bytes that come in two loads sum up to waits for the second. */
LANES_INLINE void put_step(kind k, const few_rows *d, size_t step, spans_at *of)
{
    QN_UNROLL(2)
    for (size_t at = 0; at < n_step(k); at += n_load(k)) {
        load_step(k, of->w, step, at, &of->b);
        QN_UNROLL(2)
        for (size_t chain = 0; chain < n_chains(k); chain++) {
            sum_unit(k, d, step, at, chain, of);
            if (n_load(k) == n_step(k))
                put_unit(k, d, step, chain, of);
        }
    }
    if (n_load(k) < n_step(k)) {
        QN_UNROLL(2)
        for (size_t chain = 0; chain < n_chains(k); chain++)
            put_unit(k, d, step, chain, of);
    }
}

/* Register p of a piece, which is at w; it begins at a place. */
LANES_INLINE void put_register(kind k, const few_rows *d, const uint8_t *w, const scales *s,
                               size_t p, size_t place, float *sums)
{
    const size_t n_bytes = k.span * k.n_unit / N_REGISTERS, n_ask = n_bytes / n_steps(k);
    spans_at of = {.w = w + p * n_bytes, .s = s, .p = p};
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++) {
        of.rows[r].x = d->x + r * d->x_stride + place * d->place_bytes;
        of.rows[r].acc = freg_set(0);
    }
    load_high(k, of.w, &of.b);
    if (n_chains(k) == 1) {
        QN_UNROLL(1)
        for (size_t step = 0; step < n_steps(k); step++) {
            ask_step(k, of.w + step * n_ask, n_ask);
            put_step(k, d, step, &of);
        }
    } else {
        ask_step(k, of.w, n_ask);
        put_step(k, d, 0, &of);
        ask_step(k, of.w + n_ask, n_ask);
        put_step(k, d, 1, &of);
    }
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++)
        freg_store(sums + r * d->to.n_sums, of.rows[r].acc);
}

/* Pieces i to i + n - 1 of 16 outputs, whose weights begin at w. */
LANES_INLINE void put_pieces(kind k, const few_rows *d, const uint8_t *w, size_t i, size_t n,
                             float *sums)
{
    const size_t n_bytes = k.span * k.n_unit, step = REGISTER_LANES % d->to.n_spans;
    size_t place = 16 * i % d->to.n_spans;
    w += i * n_bytes;
    sums += 16 * i;
    for (; n > 0; n--, w += n_bytes) {
        scales s;
        load_scales(k, w, &s);
        QN_UNROLL(1)
        for (size_t p = 0; p < N_REGISTERS; p++, sums += REGISTER_LANES) {
            put_register(k, d, w, &s, p, place, sums);
            place = place + step < d->to.n_spans ? place + step : place + step - d->to.n_spans;
        }
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

/* One copy of the code for each quantized encoding, span that is frequent, and number of rows; a
 * function each, since compilers take long for all of them in one. */
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
    KIND(encoding, 2, 3, __VA_ARGS__) \
    KIND(encoding, 2, 4, __VA_ARGS__) \
    KIND(encoding, 4, 3, __VA_ARGS__) \
    KIND(encoding, 4, 4, __VA_ARGS__)
#include "kernel/encodings.def"
#undef X
#undef KIND

/* By span and number of rows. */
static few_function *const of[QN_N_ENCODINGS][2][2] = {
#define X(encoding, ...) \
    [encoding] = {{few_##encoding##_2_3, few_##encoding##_2_4}, \
                  {few_##encoding##_4_3, few_##encoding##_4_4}},
#include "kernel/encodings.def"
#undef X
};
// clang-format on

#endif

LANES_INLINE void few(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w, size_t n_rows,
                      const uint8_t *act, void *memory, float *y, size_t y_stride)
{
    size_t span = qn_act_span(n_in), n_x = qn_few_x_bytes(n_in, REGISTER_LANES);
    qn_few_layout l = qn_few_layout_of(n_in, REGISTER_LANES);
    uint8_t *x = memory;
    for (size_t r = 0; r < n_rows; r++)
        qn_few_arrange(e, n_in, l, (const void *)(act + r * qn_act_bytes(n_in)), x + r * n_x);
    few_rows d = {.to = {n_rows, n_in / 32 / span, qn_dot_n_sums(n_in), y_stride, y},
                  .x = x,
                  .x_stride = n_x,
                  .n_apart = 4 * l.n_places,
                  .place_bytes = l.place_bytes};
    float *sums = (float *)(x + n_rows * n_x);
#ifdef QN_ONE_LOOP
    few_kind(kind_of(e, span, n_rows), &d, n_out, w, sums);
#else
    of[e][span / 4][n_rows - QN_FEW_LEAST_ROWS](&d, n_out, w, sums);
#endif
}
