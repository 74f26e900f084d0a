/* kernel/panel512.h - the frame of panel_mul on 512 bits; a level brings its integer product.
 *
 * Sixteen outputs lie in the lanes. Up to 6 rows by 2 panels of sums stay in registers because the
 * sizes of a tile are constants once everything here is inlined. */
#pragma once

#include "kernel/kernels.h"

#include <immintrin.h>
#include <string.h>

#define QN_INLINE static inline __attribute__((always_inline))

typedef struct qn_tile {
    const qn_panel *p;
    const uint8_t *x; /* rows of qn_act */
    size_t x_stride;
} qn_tile;

/* sum[r][i] += the products of n_steps times 4 values, from value 4 * step on; n_bits of weights.
 */
typedef void qn_add_products(size_t n_rows, size_t n_panels, qn_tile t, size_t n_bits, size_t step,
                             size_t n_steps, __m512i sum[6][2]);

QN_INLINE const qn_act *qn_tile_row(qn_tile t, size_t r)
{
    return (const void *)(t.x + r * t.x_stride);
}

QN_INLINE __m512i qn_tile_x4(qn_tile t, size_t r, size_t step)
{
    int32_t x4;
    memcpy(&x4, qn_tile_row(t, r)->q + 4 * step, sizeof x4);
    return _mm512_set1_epi32(x4);
}

/* -offset times the sum of each group of activations: where the integer sums begin. */
QN_INLINE void qn_tile_bias(size_t n_rows, qn_shape shape, qn_tile t, int32_t bias[6][16])
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        __m256i sum = _mm256_loadu_si256((const void *)qn_tile_row(t, r)->sum16);
        if (shape.n_group == 32)
            _mm256_store_si256((void *)bias[r],
                               _mm256_madd_epi16(sum, _mm256_set1_epi16((short)-shape.offset)));
        else
            _mm512_store_si512(bias[r], _mm512_mullo_epi32(_mm512_cvtepi16_epi32(sum),
                                                           _mm512_set1_epi32(-shape.offset)));
    }
}

QN_INLINE void qn_tile_group(size_t n_rows, size_t n_panels, qn_shape shape, qn_tile t, size_t g,
                             int32_t bias[6][16], __m512 acc[6][2], qn_add_products *add_products)
{
    const size_t n_steps = shape.n_group / 4u, x_group = g / (32u / shape.n_group);
    __m512i sum[6][2];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        sum[r][0] = sum[r][1] =
            shape.offset ? _mm512_set1_epi32(bias[r][g]) : _mm512_setzero_si512();
    add_products(n_rows, n_panels, t, shape.n_bits, g * n_steps, n_steps, sum);
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        __m512 d = _mm512_set1_ps(qn_tile_row(t, r)->d[x_group]);
        __m512 s = _mm512_set1_ps(qn_tile_row(t, r)->s[x_group]);
        QN_UNROLL(2)
        for (size_t i = 0; i < n_panels; i++) {
            __m512 dw = _mm512_mul_ps(_mm512_load_ps(t.p[i].dw[g]), d);
            acc[r][i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][i]), dw, acc[r][i]);
            if (shape.has_min)
                acc[r][i] = _mm512_fmadd_ps(_mm512_load_ps(t.p[i].dm[g]), s, acc[r][i]);
        }
    }
}

QN_INLINE void qn_tile_mul(size_t n_rows, size_t n_panels, qn_shape shape, qn_tile t, size_t n_k,
                           float *y, qn_add_products *add_products)
{
    _Alignas(64) int32_t bias[6][16];
    __m512 acc[6][2];
    if (shape.offset)
        qn_tile_bias(n_rows, shape, t, bias);
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        acc[r][i] = _mm512_load_ps(y + 16 * (r * n_panels + i));
    for (size_t g = 0; g < n_k / shape.n_group; g++)
        qn_tile_group(n_rows, n_panels, shape, t, g, bias, acc, add_products);
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        QN_UNROLL(2)
    for (size_t i = 0; i < n_panels; i++)
        _mm512_store_ps(y + 16 * (r * n_panels + i), acc[r][i]);
}

/* All rows, in tiles of 6, 4, 2 and 1. */
QN_INLINE void qn_tile_rows(size_t n_panels, qn_shape shape, qn_tile t, size_t n_k, size_t n_rows,
                            float *y, qn_add_products *add_products)
{
    for (size_t n; n_rows > 0; n_rows -= n, t.x += n * t.x_stride, y += n * n_panels * 16)
        if (n_rows >= 6)
            qn_tile_mul(n = 6, n_panels, shape, t, n_k, y, add_products);
        else if (n_rows >= 4)
            qn_tile_mul(n = 4, n_panels, shape, t, n_k, y, add_products);
        else if (n_rows >= 2)
            qn_tile_mul(n = 2, n_panels, shape, t, n_k, y, add_products);
        else
            qn_tile_mul(n = 1, n_panels, shape, t, n_k, y, add_products);
}
