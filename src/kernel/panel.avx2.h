/* kernel/panel.avx2.h - panel_mul with 16 outputs in the lanes.
 *
 * A tile of sums stays in registers because its size is constant once everything here is inlined:
 * 6 rows by 2 panels in the 32 registers of AVX-512 (4 with groups of 16, which need the terms of
 * first halves too). The 16 of AVX2 hold the integer sums of 4 rows by 1 panel (6 with VNNI, whose
 * products need no registers of their own), and what they add up to waits in memory, which is
 * touched once a group (docs/speed/027-avx2.md, docs/speed/030-panels-by-steps.md). The sums of a
 * span are added to those of the spans before, which lie in the first-level cache until the last
 * span of the call. What is left for each row, 16 outputs and 32 of K is with VNNI 8 dot
 * products, a conversion, a multiplication and one or two fma; with two scales a conversion and an
 * fma more. */
#pragma once

#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"

#include <string.h>

#if defined(__AVX512F__)
#define MOST_ROWS 6
#define MOST_ROWS_OF_HALVES 4
#define MOST_PANELS 2
#elif defined(__AVXVNNI__)
#define MOST_ROWS 6
#define MOST_ROWS_OF_HALVES 3
#define MOST_PANELS 1
#else
#define MOST_ROWS 4
#define MOST_ROWS_OF_HALVES 4
#define MOST_PANELS 1
#endif

typedef struct tile {
    const qn_panel *p;
    const uint8_t *x; /* rows of qn_act */
    size_t span, x_stride, x_begin;
    qn_panel_sums sums;
} tile;

LANES_INLINE const qn_act *tile_row(tile t, size_t r)
{
    return (const void *)(t.x + r * t.x_stride);
}

/* Four activations in each lane. */
LANES_INLINE ints tile_x4(tile t, size_t r, size_t step)
{
    int32_t x4;
    memcpy(&x4, tile_row(t, r)->q + t.x_begin + 4 * step, sizeof x4);
    return ints_set(x4);
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)

/* sum[r][i] += the products of n_steps times 4 values, from value 4 * step on. */
LANES_INLINE void add_products(size_t n_rows, size_t n_panels, qn_shape shape, tile t, size_t step,
                               size_t n_steps, ints sum[MOST_ROWS][MOST_PANELS])
{
    (void)shape;
    QN_UNROLL(8)
    for (size_t q = step; q < step + n_steps; q++) {
        ints w[MOST_PANELS];
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            w[i] = ints_load(t.p[i].q[q]);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            sum[r][i] = ints_add_dot(sum[r][i], w[i], tile_x4(t, r, q));
    }
}

#else

/* Weights of 8 bits: magnitude times activation with the weight's sign. No pair of products
 * passes 2 * 128 * 127, so 16 bits hold it. */
LANES_INLINE void add_bytes(size_t n_rows, size_t n_panels, tile t, size_t q,
                            ints sum[MOST_ROWS][MOST_PANELS])
{
    ints w[MOST_PANELS], magnitude[MOST_PANELS];
    QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++) {
        w[i] = ints_xor(ints_load(t.p[i].q[q]), ints_set_bytes(-128));
        magnitude[i] = ints_abs_bytes(w[i]);
    }
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        ints x4 = tile_x4(t, r, q);
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++) {
            ints pairs = ints_maddubs(magnitude[i], ints_sign_bytes(x4, w[i]));
            sum[r][i] = ints_here(ints_add(sum[r][i], ints_madd(pairs, ints_set(0x10001))));
        }
    }
}

/* Weights of fewer bits: pairs of products of n_chunk steps are added in 16 bits, which hold
 * 8 * 2 * 15 * 127, 4 * 2 * 31 * 127 and 2 * 2 * 63 * 127. */
LANES_INLINE void add_chunk(size_t n_rows, size_t n_panels, size_t n_chunk, tile t, size_t step,
                            ints sum[MOST_ROWS][MOST_PANELS])
{
    ints pairs[MOST_ROWS][MOST_PANELS];
    QN_UNROLL(8)
    for (size_t q = step; q < step + n_chunk; q++) {
        ints w[MOST_PANELS];
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            w[i] = ints_load(t.p[i].q[q]);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++) {
            ints x4 = tile_x4(t, r, q);
            QN_UNROLL(2)
            for (size_t i = 0; i < n_panels; i++) {
                ints of_step = ints_maddubs(w[i], x4);
                pairs[r][i] = ints_here(q == step ? of_step : ints_add_words(pairs[r][i], of_step));
            }
        }
    }
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        sum[r][i] = ints_add(sum[r][i], ints_madd(pairs[r][i], ints_set(0x10001)));
}

LANES_INLINE void add_products(size_t n_rows, size_t n_panels, qn_shape shape, tile t, size_t step,
                               size_t n_steps, ints sum[MOST_ROWS][MOST_PANELS])
{
    const size_t n_chunk = shape.n_bits == 8   ? 1
                           : shape.n_bits == 6 ? 2
                           : shape.n_bits == 5 ? 4
                                               : 8;
    QN_UNROLL(8)
    for (size_t q = step; q < step + n_steps; q += n_chunk)
        if (n_chunk == 1)
            add_bytes(n_rows, n_panels, t, q, sum);
        else
            add_chunk(n_rows, n_panels, n_chunk, t, q, sum);
}

#endif

/* -offset times the sum of each group of activations: where the integer sums begin. */
LANES_INLINE void put_bias(size_t n_rows, qn_shape shape, tile t, int32_t bias[MOST_ROWS][16])
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        __m256i sum = _mm256_loadu_si256((const void *)tile_row(t, r)->sum16);
        if (shape.n_group == 32) {
            __m256i less = _mm256_set1_epi16((short)-shape.offset);
            _mm256_store_si256((void *)bias[r], _mm256_madd_epi16(sum, less));
        } else {
            __m128i low = _mm256_castsi256_si128(sum), high = _mm256_extracti128_si256(sum, 1);
            __m256i less = _mm256_set1_epi32(-shape.offset);
            _mm256_store_si256((void *)bias[r],
                               _mm256_mullo_epi32(_mm256_cvtepi16_epi32(low), less));
            _mm256_store_si256((void *)(bias[r] + 8),
                               _mm256_mullo_epi32(_mm256_cvtepi16_epi32(high), less));
        }
    }
}

LANES_INLINE void add_bias(size_t n_rows, size_t n_panels, size_t group,
                           int32_t bias[MOST_ROWS][16], ints sum[MOST_ROWS][MOST_PANELS])
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        sum[r][i] = ints_add(sum[r][i], ints_set(bias[r][group]));
}

/* The sums of n_group values, number g of them in the panel. A bias costs nothing where dot
 * products are added to it; elsewhere it comes last, for it would need registers. */
LANES_INLINE void sum_group(size_t n_rows, size_t n_panels, qn_shape shape, tile t, size_t g,
                            int32_t bias[MOST_ROWS][16], ints sum[MOST_ROWS][MOST_PANELS])
{
    const size_t n_steps = shape.n_group / 4u, group = t.x_begin / shape.n_group + g;
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        sum[r][i] = ints_zero();
    if (shape.offset && HAS_DOT)
        add_bias(n_rows, n_panels, group, bias, sum);
    add_products(n_rows, n_panels, shape, t, g * n_steps, n_steps, sum);
    if (shape.offset && !HAS_DOT)
        add_bias(n_rows, n_panels, group, bias, sum);
}

/* acc plus the terms of group g of 32, which are term where there is one already: of its first
 * half, whose sums are then those of the second. */
LANES_INLINE void add_terms(size_t n_rows, size_t n_panels, qn_shape shape, tile t, size_t g,
                            ints sum[MOST_ROWS][MOST_PANELS], lanes term[MOST_ROWS][MOST_PANELS],
                            lanes acc[MOST_ROWS][MOST_PANELS])
{
    const bool has_halves = shape.n_group == 16;
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        const qn_act *x = tile_row(t, r);
        lanes d = lanes_set(x->d[t.x_begin / 32 + g]), s = lanes_set(x->sum[t.x_begin / 32 + g]);
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++) {
            lanes dw = lanes_load(t.p[i].dw[has_halves ? 2 * g + 1 : g]);
            lanes isum = ints_to_float(sum[r][i]);
            lanes v = has_halves ? lanes_fma(isum, dw, term[r][i]) : lanes_mul(isum, dw);
            if (shape.has_min)
                v = lanes_fma(lanes_load(t.p[i].dm[g]), s, v);
            acc[r][i] = lanes_fma(v, d, acc[r][i]);
        }
    }
}

/* Group g of 32. */
LANES_INLINE void mul_group(size_t n_rows, size_t n_panels, qn_shape shape, tile t, size_t g,
                            int32_t bias[MOST_ROWS][16], lanes acc[MOST_ROWS][MOST_PANELS])
{
    const bool has_halves = shape.n_group == 16;
    ints sum[MOST_ROWS][MOST_PANELS];
    lanes term[MOST_ROWS][MOST_PANELS] = {0};
    sum_group(n_rows, n_panels, shape, t, has_halves ? 2 * g : g, bias, sum);
    if (has_halves) {
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++)
            term[r][i] = lanes_mul(ints_to_float(sum[r][i]), lanes_load(t.p[i].dw[2 * g]));
        sum_group(n_rows, n_panels, shape, t, 2 * g + 1, bias, sum);
    }
    add_terms(n_rows, n_panels, shape, t, g, sum, term, acc);
}

LANES_INLINE void clear(size_t n_rows, size_t n_panels, lanes acc[MOST_ROWS][MOST_PANELS])
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        acc[r][i] = lanes_set(0);
}

/* The empty statements keep compilers from computing addresses early, in registers that the span
 * needs. */
LANES_INLINE void add_span(size_t n_rows, size_t n_panels, qn_panel_sums s,
                           lanes acc[MOST_ROWS][MOST_PANELS])
{
    __asm__ volatile("" : "+r"(s.from), "+r"(s.from_stride), "+r"(s.to), "+r"(s.to_stride));
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++, s.from += s.from_stride, s.to += s.to_stride)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        lanes_store(s.to + 16 * i, lanes_add(lanes_load(s.from + 16 * i), acc[r][i]));
    __asm__ volatile("" : : : "memory");
}

/* Between the spans of a call sums stay in the first-level cache. */
LANES_INLINE void mul_tile(size_t n_rows, size_t n_panels, qn_shape shape, size_t n_k, tile t)
{
    _Alignas(64) int32_t bias[MOST_ROWS][16];
    _Alignas(64) float between[MOST_ROWS][MOST_PANELS][16];
    qn_panel_sums s = t.sums;
    if (shape.offset)
        put_bias(n_rows, shape, t, bias);
    for (size_t g = 0; g < n_k / 32;) {
        lanes acc[MOST_ROWS][MOST_PANELS];
        clear(n_rows, n_panels, acc);
        for (size_t end = g + t.span; g < end; g++)
            mul_group(n_rows, n_panels, shape, t, g, bias, acc);
        bool is_last = g == n_k / 32;
        s.to = is_last ? t.sums.to : between[0][0];
        s.to_stride = is_last ? t.sums.to_stride : MOST_PANELS * 16;
        add_span(n_rows, n_panels, s, acc);
        s.from = s.to, s.from_stride = s.to_stride;
    }
}

/* Panels meet a tile of rows one after the other: rows leave the second-level cache once. */
LANES_INLINE void mul_panels(size_t n_rows, size_t n_panels, qn_shape shape, size_t n_k, tile t)
{
    if (n_panels == MOST_PANELS)
        mul_tile(n_rows, MOST_PANELS, shape, n_k, t);
    else
        for (size_t i = 0; i < n_panels; i++, t.p++, t.sums.from += 16, t.sums.to += 16)
            mul_tile(n_rows, 1, shape, n_k, t);
}

/* In tiles of like sizes. */
LANES_INLINE void mul_shape(qn_shape shape, size_t n_k, size_t n_panels, size_t n_rows, tile t)
{
    const size_t most = shape.n_group == 16 ? MOST_ROWS_OF_HALVES : MOST_ROWS;
    size_t n_tiles = (n_rows + most - 1) / most;
    for (size_t n; n_tiles > 0; n_tiles--, n_rows -= n) {
        n = (n_rows + n_tiles - 1) / n_tiles;
#ifdef QN_ROLLED
        mul_panels(n, n_panels, shape, n_k, t);
#else
        switch (n) {
        case 1: mul_panels(1, n_panels, shape, n_k, t); break;
        case 2: mul_panels(2, n_panels, shape, n_k, t); break;
        case 3: mul_panels(3, n_panels, shape, n_k, t); break;
#if MOST_ROWS > 4
        case 4: mul_panels(4, n_panels, shape, n_k, t); break;
        case 5: mul_panels(5, n_panels, shape, n_k, t); break;
#endif
        default: mul_panels(MOST_ROWS, n_panels, shape, n_k, t);
        }
#endif
        t.x += n * t.x_stride, t.sums = qn_panel_sums_behind(t.sums, n);
    }
}

/* One copy of the code for each shape that computes differently. */
LANES_INLINE void panel_mul(qn_shape shape, size_t n_k, size_t n_panels, size_t n_rows, tile t)
{
    const qn_shape min = {32, 0, 5, true}, min4 = {32, 0, 4, true};
    const qn_shape fives = {32, shape.offset, 5, false}, fours = {32, shape.offset, 4, false};
    const qn_shape bytes = {32, HAS_DOT ? 128 : 0, 8, false};
    const qn_shape halves = {16, shape.offset, 6, false};
    /* 16 bits hold the sums of a whole group of them */
    const bool is_four = !HAS_DOT && shape.n_bits == 4;
    if (shape.has_min && is_four)
        mul_shape(min4, n_k, n_panels, n_rows, t);
    else if (shape.has_min)
        mul_shape(min, n_k, n_panels, n_rows, t);
    else if (is_four)
        mul_shape(fours, n_k, n_panels, n_rows, t);
    else if (shape.n_bits == 8)
        mul_shape(bytes, n_k, n_panels, n_rows, t);
    else if (shape.n_group == 32)
        mul_shape(fives, n_k, n_panels, n_rows, t);
    else
        mul_shape(halves, n_k, n_panels, n_rows, t);
}
