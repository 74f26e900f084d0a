/* kernel/packed.avx2.h - products with packed weights: an output in each lane.
 *
 * Weights come as they are multiplied, so a group costs its loads, the nibbles and high bits taken
 * out, and the products. All 16 outputs of a tile of rows are multiplied at once, so that an
 * activation is fetched once for them; what spans add up to waits in the first-level cache. Packed
 * weights lie in large pages, so memory is asked for lines and for no translations. */
#pragma once

#include "kernel/ask.h"
#include "kernel/expand.avx2.h"
#include "kernel/packed.h"
#include "kernel/pairs.avx2.h"

/* What the code is made for, all of it constant but with QN_ONE_LOOP. */
typedef struct kind {
    qn_encoding e;
    qn_shape shape;
    size_t n_block, rows;
} kind;

LANES_INLINE bool is_k(kind k)
{
    return k.n_block == 256;
}

LANES_INLINE size_t n_halves(kind k)
{
    return k.shape.n_group == 16 ? 2 : 1;
}

/* --- scales --- */

/* Scales and minima of Q4_K and Q5_K as bytes, of 8 groups by 16 outputs. */
typedef struct six_bytes {
    uint8_t scale[8][16], min[8][16];
} six_bytes;

/* Of two groups; `high` has their upper bits in the low nibbles. */
LANES_INLINE void take_six(const qn_packed_six *six, size_t g, __m256i high, six_bytes *to)
{
    const __m256i four = _mm256_set1_epi8(15), two = _mm256_set1_epi8(48);
    __m256i low = _mm256_loadu_si256((const void *)six->low[g]);
    __m256i scale = _mm256_or_si256(_mm256_and_si256(low, four),
                                    _mm256_and_si256(_mm256_slli_epi16(high, 4), two));
    __m256i min = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(low, 4), four),
                                  _mm256_and_si256(_mm256_slli_epi16(high, 2), two));
    _mm256_storeu_si256((void *)to->scale[g], scale);
    _mm256_storeu_si256((void *)to->min[g], min);
}

LANES_INLINE void take_sixes(const qn_packed_six *six, six_bytes *to)
{
    QN_UNROLL(2)
    for (size_t i = 0; i < 2; i++) {
        __m256i high = _mm256_loadu_si256((const void *)six->high[i]);
        take_six(six, 4 * i, high, to);
        take_six(six, 4 * i + 2, _mm256_srli_epi16(high, 4), to);
    }
}

/* A unit of n_k values. */
typedef struct unit {
    const uint8_t *bytes;
    qn_packed_at at;
    size_t n_groups;
    six_bytes six;
} unit;

LANES_INLINE void open_unit(kind k, const uint8_t *bytes, size_t n_k, unit *u)
{
    u->bytes = bytes;
    u->at = qn_packed_at_of(k.shape, k.n_block, n_k);
    u->n_groups = n_k / 32;
    if (is_k(k) && k.shape.has_min)
        take_sixes((const void *)(bytes + u->at.scales), &u->six);
}

/* Of register p of the outputs, group g, with groups of 16 of its half h. */
LANES_INLINE freg scale_of(kind k, const unit *u, size_t g, size_t h, size_t p)
{
    const size_t o = p * REGISTER_LANES;
    if (!is_k(k))
        return freg_load_f16(u->bytes + 32 * g + 2 * o);
    freg d = freg_load_f16(u->bytes + 2 * o);
    return k.shape.has_min ? freg_mul(d, ireg_to_float(ireg_of_bytes(u->six.scale[g] + o)))
                           : freg_mul(d, ireg_to_float(ireg_of_signed_bytes(
                                             u->bytes + u->at.scales + 16 * (2 * g + h) + o)));
}

/* A minimum of blocks of 256 is made negative, as the panel has it. */
LANES_INLINE freg min_of(kind k, const unit *u, size_t g, size_t p)
{
    const size_t o = p * REGISTER_LANES;
    if (!is_k(k))
        return freg_load_f16(u->bytes + u->at.min + 32 * g + 2 * o);
    freg dmin = freg_load_f16(u->bytes + u->at.min + 2 * o);
    return freg_mul(freg_sub(freg_set(-0.0f), dmin),
                    ireg_to_float(ireg_of_bytes(u->six.min[g] + o)));
}

/* --- values --- */

/* Step s of the group at w, from the bytes on that are register p's. */
LANES_INLINE ireg step_of(kind k, const uint8_t *w, size_t s)
{
    const ireg low = ireg_set_bytes(15);
    const uint8_t *high = w + 4 * QN_PACKED_LINE;
    if (k.shape.n_bits == 8)
        return ireg_load(w + s * QN_PACKED_LINE);
    ireg a = ireg_load(w + s % 4 * QN_PACKED_LINE);
    if (s >= 4)
        a = ireg_right(a, 4);
    if (k.shape.n_bits == 4)
        return ireg_and(a, low);
    const unsigned n = k.shape.n_bits - 4u, at = (unsigned)(k.shape.n_bits == 5 ? s : s % 4 * 2);
    ireg b = ireg_load(k.shape.n_bits == 5 ? high : high + s / 4 * QN_PACKED_LINE);
    b = at < 4 ? ireg_left(b, 4 - at) : ireg_right(b, at - 4);
    return ireg_join(a, b, n == 1 ? 16 : 48);
}

/* --- a panel --- */

LANES_INLINE void ask_group(const uint8_t *w, size_t n_bytes)
{
    QN_UNROLL(8)
    for (size_t i = 0; i < n_bytes; i += 64)
        __builtin_prefetch(w + i, 0, 2);
}

LANES_INLINE void expand_kind(kind k, qn_panel *p, size_t n_k, const uint8_t *bytes,
                              const uint8_t *next)
{
    unit u;
    open_unit(k, bytes, n_k, &u);
    const uint8_t *w = bytes + u.at.groups;
    for (size_t g = 0; g < u.n_groups; g++, w += u.at.n_group) {
        if (next)
            ask_group(next + (w - bytes), u.at.n_group);
        QN_UNROLL(2)
        for (size_t part = 0; part < N_REGISTERS; part++) {
            const size_t o = part * REGISTER_LANES;
            QN_UNROLL(8)
            for (size_t s = 0; s < 8; s++)
                ireg_store(p->q[8 * g + s][o], step_of(k, w + 4 * o, s));
            QN_UNROLL(2)
            for (size_t h = 0; h < n_halves(k); h++)
                freg_store(p->dw[n_halves(k) * g + h] + o, scale_of(k, &u, g, h, part));
            if (k.shape.has_min)
                freg_store(p->dm[g] + o, min_of(k, &u, g, part));
        }
    }
}

/* --- products --- */

/* A tile of rows. start: where the integer sums of a group, with groups of 16 of a half, begin,
 * which is -offset times the activations: [n_groups][halves][QN_PACKED_TILE], without dot products
 * a word for each of the two products that a lane adds up. */
typedef struct packed_rows {
    const uint8_t *x; /* the first of qn_act */
    size_t x_stride, n_in, span;
    size_t first; /* its number */
    const int32_t *start;
} packed_rows;

LANES_INLINE const qn_act *row_at(const packed_rows *d, size_t r, size_t k)
{
    return (const qn_act *)(const void *)(d->x + r * d->x_stride) + k / QN_PACKED_K;
}

/* Four activations in each lane. */
LANES_INLINE ireg x4_of(const qn_act *x, size_t g, size_t s)
{
    int32_t x4;
    memcpy(&x4, x->q + 32 * g + 4 * s, sizeof x4);
    return ireg_set(x4);
}

LANES_INLINE bool has_start(kind k)
{
    return k.shape.offset > 0 && (HAS_DOT || k.shape.n_bits < 8);
}

/* What the tile's rows add up to in each register of outputs. */
typedef struct int_sums {
    ireg of[N_REGISTERS][QN_PACKED_TILE];
} int_sums;

typedef struct float_sums {
    freg of[N_REGISTERS][QN_PACKED_TILE];
} float_sums;

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

/* The products of steps s to s + n - 1 of a group: activations are fetched once for all outputs. */
LANES_INLINE void sum_steps(kind k, const uint8_t *w, const qn_act *const x[], size_t g, size_t s,
                            size_t n, const int32_t *start, int_sums *sum)
{
    QN_UNROLL(2)
    for (size_t p = 0; p < N_REGISTERS; p++) {
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            sum->of[p][r] = has_start(k) ? ireg_set(start[r]) : ireg_zero();
    }
    QN_UNROLL(8)
    for (size_t end = s + n; s < end; s++) {
        ireg a[N_REGISTERS];
        QN_UNROLL(2)
        for (size_t p = 0; p < N_REGISTERS; p++)
            a[p] = step_of(k, w + 4 * p * REGISTER_LANES, s);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++) {
            ireg x4 = x4_of(x[r], g, s);
            QN_UNROLL(2)
            for (size_t p = 0; p < N_REGISTERS; p++)
                sum->of[p][r] = ireg_add_dot(sum->of[p][r], a[p], x4);
        }
    }
}

#else

/* Adds step s of one row, with n_before of its sum before it: pairs of products become sums when a
 * chunk of steps is whole. */
LANES_INLINE void add_step(kind k, ireg a, ireg x4, size_t s, size_t n_before, int32_t start,
                           ireg *pairs, ireg *sum)
{
    const size_t n_each = n_chunk(k.shape);
    ireg of_s = pairs_of(k.shape, a, x4);
    *pairs = s % n_each == 0 ? of_s : ireg_here(ireg_add_words(*pairs, of_s));
    if (s % n_each < n_each - 1)
        return;
    if (has_start(k))
        *pairs = ireg_add_words(*pairs, ireg_set(start));
    ireg dwords = ireg_madd(*pairs, ireg_set(0x10001));
    *sum = n_before < n_each ? dwords : ireg_here(ireg_add(*sum, dwords));
}

/* The products of steps first to first + n - 1 of a group: activations are fetched once for all
 * outputs. */
LANES_INLINE void sum_steps(kind k, const uint8_t *w, const qn_act *const x[], size_t g,
                            size_t first, size_t n, const int32_t *start, int_sums *sum)
{
    int_sums pairs;
    QN_UNROLL(8)
    for (size_t s = first; s < first + n; s++) {
        ireg a[N_REGISTERS];
        QN_UNROLL(2)
        for (size_t p = 0; p < N_REGISTERS; p++) {
            a[p] = step_of(k, w + 4 * p * REGISTER_LANES, s);
            if (k.shape.n_bits == 8)
                a[p] = ireg_xor(a[p], ireg_set_bytes(-128));
        }
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++) {
            ireg x4 = x4_of(x[r], g, s);
            QN_UNROLL(2)
            for (size_t p = 0; p < N_REGISTERS; p++)
                add_step(k, a[p], x4, s, s - first, has_start(k) ? start[r] : 0, &pairs.of[p][r],
                         &sum->of[p][r]);
        }
    }
}

#endif

/* The terms of half h of group g; those of a second half are added. */
LANES_INLINE void scale_sums(kind k, const unit *u, size_t g, size_t h, const int_sums *sum,
                             float_sums *term)
{
    QN_UNROLL(2)
    for (size_t p = 0; p < N_REGISTERS; p++) {
        freg scale = scale_of(k, u, g, h, p);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++) {
            freg f = ireg_to_float(sum->of[p][r]);
            term->of[p][r] = h ? freg_fma(f, scale, term->of[p][r]) : freg_mul(f, scale);
        }
    }
}

/* term plus each minimum times the sum of its activations. */
LANES_INLINE void add_mins(kind k, const unit *u, const qn_act *const x[], size_t g,
                           float_sums *term)
{
    freg min[N_REGISTERS];
    QN_UNROLL(2)
    for (size_t p = 0; p < N_REGISTERS; p++)
        min[p] = min_of(k, u, g, p);
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++) {
        freg sum = freg_set(x[r]->sum[g]);
        QN_UNROLL(2)
        for (size_t p = 0; p < N_REGISTERS; p++)
            term->of[p][r] = freg_fma(min[p], sum, term->of[p][r]);
    }
}

/* acc plus the terms of group g, whose bytes are from w on. */
LANES_INLINE void mul_group(kind k, const unit *u, const uint8_t *w, const qn_act *const x[],
                            size_t g, const int32_t *start, float_sums *acc)
{
    const size_t n = 8 / n_halves(k);
    int_sums sum;
    float_sums term;
    QN_UNROLL(2)
    for (size_t h = 0; h < n_halves(k); h++) {
        sum_steps(k, w, x, g, h * n, n, start + h * QN_PACKED_TILE, &sum);
        scale_sums(k, u, g, h, &sum, &term);
    }
    if (k.shape.has_min)
        add_mins(k, u, x, g, &term);
    QN_UNROLL(4)
    for (size_t r = 0; r < k.rows; r++) {
        freg d = freg_set(x[r]->d[g]);
        QN_UNROLL(2)
        for (size_t p = 0; p < N_REGISTERS; p++)
            acc->of[p][r] = freg_fma(term.of[p][r], d, acc->of[p][r]);
    }
}

/* The sums of 16 outputs and of each row. */
typedef struct sixteen_sums {
    float sum[QN_PACKED_TILE][QN_PACKED_OUTPUTS];
} sixteen_sums;

/* Adds the span that begins at group g of a unit. */
LANES_INLINE void add_span(kind k, const packed_rows *d, const unit *u, const qn_act *const x[],
                           size_t g, const int32_t *start, sixteen_sums *sums)
{
    const uint8_t *w = u->bytes + u->at.groups + g * u->at.n_group;
    float_sums acc;
    QN_UNROLL(2)
    for (size_t p = 0; p < N_REGISTERS; p++) {
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            acc.of[p][r] = freg_set(0);
    }
    QN_UNROLL(1)
    for (size_t end = g + d->span; g < end; g++, w += u->at.n_group) {
        qn_ask_lines(w, u->at.n_group, QN_ASK_AHEAD);
        mul_group(k, u, w, x, g, start, &acc);
        start += n_halves(k) * QN_PACKED_TILE;
    }
    QN_UNROLL(2)
    for (size_t p = 0; p < N_REGISTERS; p++) {
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++) {
            float *sum = sums->sum[r] + p * REGISTER_LANES;
            freg_store(sum, freg_add(freg_load(sum), acc.of[p][r]));
        }
    }
}

/* The sixteen at w. Returns its end. */
LANES_INLINE const uint8_t *mul_sixteen(kind k, const packed_rows *d, const uint8_t *w,
                                        sixteen_sums *sums)
{
    const int32_t *start = d->start;
    memset(sums, 0, sizeof *sums);
    for (size_t at = 0, n_k; at < d->n_in; at += n_k) {
        const qn_act *x[QN_PACKED_TILE];
        n_k = is_k(k) ? 256 : QN_MIN(d->n_in - at, (size_t)QN_PACKED_K);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            x[r] = row_at(d, r, at);
        unit u;
        open_unit(k, w, n_k, &u);
        qn_ask_lines(w, u.at.groups, QN_ASK_AHEAD);
        for (size_t g = 0; g < u.n_groups; g += d->span) {
            add_span(k, d, &u, x, g, start, sums);
            start += d->span * n_halves(k) * QN_PACKED_TILE;
        }
        w += u.at.end;
    }
    return w;
}

LANES_INLINE void mul_kind(kind k, const packed_rows *d, size_t n_out, const uint8_t *w, float *y,
                           size_t y_stride)
{
    for (size_t o = 0; o < n_out; o += QN_PACKED_OUTPUTS) {
        sixteen_sums sums;
        w = mul_sixteen(k, d, w, &sums);
        QN_UNROLL(4)
        for (size_t r = 0; r < k.rows; r++)
            memcpy(y + r * y_stride + o, sums.sum[r], sizeof sums.sum[r]);
    }
}

/* --- where sums begin --- */

/* The two words of 16 values' pairs of products with ones. */
LANES_INLINE int32_t pair_sums(const int8_t *q)
{
    __m128i a = _mm_maddubs_epi16(_mm_set1_epi8(1), _mm_loadu_si128((const void *)q));
    a = _mm_add_epi16(a, _mm_shuffle_epi32(a, 0x4e));
    a = _mm_add_epi16(a, _mm_shuffle_epi32(a, 0xb1));
    return _mm_cvtsi128_si32(a);
}

/* Of half group i. */
LANES_INLINE int32_t start_of(const qn_act *x, size_t i, int32_t offset)
{
    if (HAS_DOT)
        return -offset * x->sum16[i];
    __m128i pair = _mm_cvtsi32_si128(pair_sums(x->q + 16 * i));
    return _mm_cvtsi128_si32(_mm_mullo_epi16(pair, _mm_set1_epi16((short)-offset)));
}

LANES_INLINE int32_t add_starts(int32_t a, int32_t b)
{
    if (HAS_DOT)
        return a + b;
    return _mm_cvtsi128_si32(_mm_add_epi16(_mm_cvtsi32_si128(a), _mm_cvtsi32_si128(b)));
}

LANES_INLINE void put_starts(kind k, const packed_rows *d, int32_t *start)
{
    for (size_t r = 0; r < k.rows; r++)
        for (size_t g = 0; g < d->n_in / 32; g++) {
            const qn_act *x = row_at(d, r, 32 * g);
            int32_t first = start_of(x, 2 * (g % 8), k.shape.offset);
            int32_t second = start_of(x, 2 * (g % 8) + 1, k.shape.offset);
            int32_t *to = start + g * n_halves(k) * QN_PACKED_TILE + r;
            to[0] = n_halves(k) == 2 ? first : add_starts(first, second);
            if (n_halves(k) == 2)
                to[QN_PACKED_TILE] = second;
        }
}

/* --- one copy of the code for each encoding and number of rows --- */

#ifndef QN_ONE_LOOP

typedef void expand_function(qn_panel *p, size_t n_k, const uint8_t *bytes, const uint8_t *next);
typedef void mul_function(const packed_rows *d, size_t n_out, const uint8_t *w, float *y,
                          size_t y_stride);

// clang-format off
#define MUL(encoding, n_rows, n_values, n_bytes, ...) \
    static __attribute__((noinline)) void mul_##encoding##_##n_rows( \
        const packed_rows *d, size_t n_out, const uint8_t *w, float *y, size_t y_stride) \
    { \
        if ((n_values) > 1) \
            mul_kind((kind){encoding, {__VA_ARGS__}, n_values, n_rows}, d, n_out, w, y, y_stride); \
    }
#define EXPAND(encoding, n_values, n_bytes, ...) \
    static __attribute__((noinline)) void expand_##encoding( \
        qn_panel *p, size_t n_k, const uint8_t *bytes, const uint8_t *next) \
    { \
        if ((n_values) > 1) \
            expand_kind((kind){encoding, {__VA_ARGS__}, n_values, 0}, p, n_k, bytes, next); \
    }
#define X(encoding, name, type, ...) \
    EXPAND(encoding, __VA_ARGS__) \
    MUL(encoding, 1, __VA_ARGS__) \
    MUL(encoding, 2, __VA_ARGS__) \
    MUL(encoding, 3, __VA_ARGS__) \
    MUL(encoding, 4, __VA_ARGS__)
#include "kernel/encodings.def"
#undef X

static expand_function *const expands[QN_N_ENCODINGS] = {
#define X(encoding, ...) [encoding] = expand_##encoding,
#include "kernel/encodings.def"
#undef X
};

static mul_function *const muls[QN_N_ENCODINGS][QN_PACKED_TILE] = {
#define X(encoding, ...) \
    [encoding] = {mul_##encoding##_1, mul_##encoding##_2, mul_##encoding##_3, mul_##encoding##_4},
#include "kernel/encodings.def"
#undef X
};
// clang-format on

#endif

LANES_INLINE void packed_expand(qn_encoding e, qn_panel *p, size_t n_k, const uint8_t *bytes,
                                const uint8_t *next)
{
#ifdef QN_ONE_LOOP
    expand_kind((kind){e, *qn_encoding_shape(e), qn_encoding_block(e), 0}, p, n_k, bytes, next);
#else
    expands[e](p, n_k, bytes, next);
#endif
}

/* A tile of rows times n_out outputs from w on. */
LANES_INLINE void mul_tile(kind k, const packed_rows *d, size_t n_out, const uint8_t *w, float *y,
                           size_t y_stride)
{
#ifdef QN_ONE_LOOP
    mul_kind(k, d, n_out, w, y, y_stride);
#else
    muls[k.e][k.rows - 1](d, n_out, w, y, y_stride);
#endif
}

/* Tiles of like sizes meet a sixteen one after the other, which the first of them brings near. */
LANES_INLINE void packed_mul(qn_encoding e, size_t n_in, size_t n_out, const uint8_t *w,
                             size_t n_rows, const void *act, void *memory, float *y,
                             size_t y_stride)
{
    const size_t n_tiles = (n_rows + QN_PACKED_TILE - 1) / QN_PACKED_TILE;
    const size_t n_block = qn_encoding_block(e),
                 n_at_once = n_tiles == 1 ? n_out : QN_PACKED_OUTPUTS;
    packed_rows d[QN_PACKED_MOST_ROWS / QN_PACKED_TILE];
    kind k[QN_COUNT(d)];
    for (size_t i = 0; i < n_tiles; i++) {
        size_t first = n_rows * i / n_tiles;
        int32_t *start = (int32_t *)memory + i * (n_in / 16 * QN_PACKED_TILE);
        k[i] = (kind){e, *qn_encoding_shape(e), n_block, n_rows * (i + 1) / n_tiles - first};
        d[i] = (packed_rows){(const uint8_t *)act + first * qn_act_bytes(n_in),
                             qn_act_bytes(n_in),
                             n_in,
                             qn_act_span(n_in),
                             first,
                             start};
        if (has_start(k[i]))
            put_starts(k[i], &d[i], start);
    }
    for (size_t o = 0; o < n_out; o += n_at_once) {
        for (size_t i = 0; i < n_tiles; i++)
            mul_tile(k[i], &d[i], n_at_once, w, y + d[i].first * y_stride + o, y_stride);
        w += n_at_once * (n_in / n_block * qn_encoding_block_bytes(e));
    }
}
