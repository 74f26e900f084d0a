/* kernel/float.avx2.h - products with float weights: the 16 lanes of float.c are one register.
 *
 * Outputs by rows of sums stay in registers; rows are taken so many at a time that their
 * activations stay in the second-level cache while all outputs pass. Few rows take one output at a
 * time, because memory gives most when it is read in order. */
#pragma once

#include "kernel/ask.h"
#include "kernel/f16.h"
#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"

enum {
    ROWS_BYTES = 512 << 10,
    AGAIN = 8192, /* bytes between the two times that memory is asked */
#ifdef __AVX512F__
    MOST_ROWS = 6,
    FEW_ROWS = 4,
    TILE_OUTPUTS = 4,
#else
    MOST_ROWS = 2,
    FEW_ROWS = 2,
    TILE_OUTPUTS = 2,
#endif
};

typedef struct operands {
    size_t n_in;
    const uint8_t *w;
    size_t w_stride; /* bytes */
    const float *x;
    size_t x_stride;
    float *y;
    size_t y_stride;
    size_t n_ahead; /* bytes from these outputs to what to ask for; 0: nothing */
} operands;

/* 16 weights from value k on. */
typedef lanes load_weights(const uint8_t *w, size_t k);

LANES_INLINE lanes weights_f32(const uint8_t *w, size_t k)
{
    return lanes_load((const float *)(const void *)(w + 4 * k));
}

LANES_INLINE lanes weights_f16(const uint8_t *w, size_t k)
{
    const __m128i *h = (const void *)(w + 2 * k);
    return lanes_of_words(_mm_loadu_si128(h), _mm_loadu_si128(h + 1));
}

LANES_INLINE lanes weights_bf16(const uint8_t *w, size_t k)
{
    return ints_as_float(ints_left(ints_of_words(w + 2 * k), 16));
}

/* The last n_in % 16 values with zeros behind them. */
LANES_INLINE lanes last_weights(const operands *v, size_t o, size_t k, size_t n_bytes,
                                load_weights *load)
{
    uint8_t w[64] = {0};
    memcpy(w, v->w + o * v->w_stride + k * n_bytes, (v->n_in - k) * n_bytes);
    return load(w, 0);
}

/* Asks memory for what comes after these outputs, as many bytes as they have 32 values; and once
 * more a little later, since a CPU may drop the first when it is busy. */
LANES_INLINE void ask(size_t n_outputs, const operands *v, size_t k, size_t n_bytes)
{
    const uint8_t *next = v->w + n_outputs * k * n_bytes + v->n_ahead;
    QN_UNROLL(8)
    for (size_t i = 0; i < n_outputs * 32 * n_bytes; i += 64) {
        __builtin_prefetch(next + AGAIN + i, 0, 2);
        __builtin_prefetch(next + i, 0, 3);
    }
}

LANES_INLINE void add_products(size_t n_outputs, size_t n_rows, const operands *v, size_t k,
                               lanes sum[TILE_OUTPUTS][MOST_ROWS], load_weights *load)
{
    lanes x[MOST_ROWS];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        x[r] = lanes_load(v->x + r * v->x_stride + k);
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++) {
        lanes w = load(v->w + o * v->w_stride, k);
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            sum[o][r] = lanes_fma(w, x[r], sum[o][r]);
    }
}

LANES_INLINE void dot_tile(size_t n_outputs, size_t n_rows, const operands *v, size_t n_bytes,
                           load_weights *load)
{
    lanes sum[TILE_OUTPUTS][MOST_ROWS];
    size_t k = 0;
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++)
        QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        sum[o][r] = lanes_set(0);
    for (; k + 32 <= v->n_in; k += 32) {
        if (n_outputs == 1 && v->n_ahead)
            qn_ask_ahead(v->w + k * n_bytes, 32 * n_bytes);
        else if (v->n_ahead)
            ask(n_outputs, v, k, n_bytes);
        add_products(n_outputs, n_rows, v, k, sum, load);
        add_products(n_outputs, n_rows, v, k + 16, sum, load);
    }
    for (; k + 16 <= v->n_in; k += 16)
        add_products(n_outputs, n_rows, v, k, sum, load);
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++)
        QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++) {
        if (k < v->n_in)
            sum[o][r] = lanes_fma(last_weights(v, o, k, n_bytes, load),
                                  lanes_load_n(v->x + r * v->x_stride + k, v->n_in - k), sum[o][r]);
        v->y[r * v->y_stride + o] = lanes_fold(sum[o][r]);
    }
}

LANES_INLINE operands operands_at(const operands *v, size_t o, size_t r)
{
    operands at = *v;
    at.w += o * v->w_stride;
    at.x += r * v->x_stride;
    at.y += r * v->y_stride + o;
    at.n_ahead = 0;
    return at;
}

/* n_tile outputs, a constant, by all rows: in tiles of MOST_ROWS, 4, 2 and 1. */
LANES_INLINE void dot_outputs(size_t n_tile, size_t n_rows, operands v, size_t n_bytes,
                              load_weights *load)
{
    for (size_t n; n_rows > 0; n_rows -= n, v = operands_at(&v, 0, n))
        if (n_rows >= MOST_ROWS)
            dot_tile(n_tile, n = MOST_ROWS, &v, n_bytes, load);
        else if (MOST_ROWS > 4 && n_rows >= 4)
            dot_tile(n_tile, n = 4, &v, n_bytes, load);
        else if (MOST_ROWS > 2 && n_rows >= 2)
            dot_tile(n_tile, n = 2, &v, n_bytes, load);
        else
            dot_tile(n_tile, n = 1, &v, n_bytes, load);
}

LANES_INLINE void dot_all(size_t n_outputs, size_t n_rows, operands v, size_t n_bytes,
                          load_weights *load)
{
    for (size_t n; n_outputs > 0; n_outputs -= n, v = operands_at(&v, n, 0)) {
        n = n_rows <= FEW_ROWS || n_outputs < TILE_OUTPUTS ? 1 : TILE_OUTPUTS;
        v.n_ahead = QN_MAX(n * v.w_stride, (size_t)AGAIN);
        if (n == 1)
            dot_outputs(1, n_rows, v, n_bytes, load);
        else
            dot_outputs(TILE_OUTPUTS, n_rows, v, n_bytes, load);
    }
}

LANES_INLINE void float_mul(size_t n_outputs, size_t n_rows, operands v, size_t n_bytes,
                            load_weights *load)
{
    size_t most = ROWS_BYTES / sizeof(float) / QN_MAX(v.n_in, (size_t)1) / MOST_ROWS * MOST_ROWS;
    for (size_t n; n_rows > 0; n_rows -= n, v = operands_at(&v, 0, n)) {
        n = QN_MIN(n_rows, QN_MAX(most, (size_t)MOST_ROWS));
        dot_all(n_outputs, n, v, n_bytes, load);
    }
}

LANES_INLINE void float_decode(size_t n, const uint8_t *bytes, float *out, size_t n_bytes,
                               load_weights *load)
{
    size_t k = 0;
    for (; k + 16 <= n; k += 16)
        lanes_store(out + k, load(bytes, k));
    if (k < n) {
        operands v = {.n_in = n, .w = bytes};
        lanes_store_n(out + k, n - k, last_weights(&v, 0, k, n_bytes, load));
    }
}
