/* kernel/bf16.amx.c - BF16 weights times bf16 activations with TDPBF16PS.
 *
 * The weights of 16 outputs are the left operand as they lie in the file, 32 of K at a time; rows
 * of activations are packed 16 side by side as the right one. Each tile of sums, 16 outputs x 16
 * rows, stays in its register over the whole of K; 32 outputs by 32 rows share their operands. */
#include "kernel/bf16.avx512bf16.h"
#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"
#include "kernel/tiles.amx.h"

#include <string.h>

enum { TILE_K = 32 };

typedef uint32_t square[TILE_ROWS][TILE_ROWS]; /* pairs of bf16, or floats */

typedef struct operands {
    size_t n_in;
    const uint8_t *w;
    size_t w_stride;     /* bytes */
    const uint8_t *rows; /* [rows / 16][round_up(n_in) / 32][16 pairs][16 rows] */
    float *y;
    size_t y_stride;
} operands;

LANES_INLINE void transpose(square from, void *to)
{
    __m512i in[16], out[16];
    QN_UNROLL(16)
    for (size_t i = 0; i < 16; i++)
        in[i] = _mm512_load_si512(from[i]);
    transpose_words(in, out);
    QN_UNROLL(16)
    for (size_t i = 0; i < 16; i++)
        _mm512_store_si512((__m512i *)to + i, out[i]);
}

void qn_bf16_take_amx(size_t n_in, size_t n_rows, const float *x, size_t x_stride, void *rows)
{
    uint8_t *to = rows;
    for (size_t r = 0; r < n_rows; r += TILE_ROWS, x += TILE_ROWS * x_stride)
        for (size_t k = 0; k < n_in; k += TILE_K, to += sizeof(square)) {
            _Alignas(64) square pairs = {{0}};
            for (size_t i = 0; i < QN_MIN(n_rows - r, (size_t)TILE_ROWS); i++)
                ints_store(pairs[i],
                           round_n(x + i * x_stride + k, QN_MIN(n_in - k, (size_t)TILE_K)));
            transpose(pairs, to);
        }
}

/* Weights from value k on of n outputs, where they are no whole tile: with zeros around them. */
static void fill(const operands *v, size_t o, size_t n, size_t k, square w)
{
    memset(w, 0, sizeof(square));
    for (size_t i = 0; i < QN_MIN(n, (size_t)TILE_ROWS); i++)
        memcpy(w[i], v->w + (o + i) * v->w_stride + 2 * k, 2 * QN_MIN(v->n_in - k, (size_t)TILE_K));
    TILE_FENCE(w);
}

// clang-format off
#define LOAD_WEIGHTS(tile, first, n) \
    do { \
        if ((n) >= TILE_ROWS && k + TILE_K <= v->n_in) { \
            _tile_loadd(tile, v->w + (first) * v->w_stride + 2 * k, v->w_stride); \
        } else { \
            fill(v, (first), (n), k, w); \
            _tile_loadd(tile, w, TILE_BYTES); \
        } \
    } while (0)
// clang-format on

/* sum[i + 2 j]: outputs o + 16 i by rows from 16 j on, of up to 32 by 32. */
static void multiply(const operands *v, size_t o, size_t n_outputs, size_t n_rows, square sum[4])
{
    _Alignas(64) square w;
    const size_t block = round_up(v->n_in) * TILE_ROWS * sizeof(uint16_t);
    const bool two_outputs = n_outputs > TILE_ROWS, two_rows = n_rows > TILE_ROWS;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t k = 0; k < v->n_in; k += TILE_K) {
        const uint8_t *rows = v->rows + k / TILE_K * sizeof(square);
        LOAD_WEIGHTS(4, o, n_outputs);
        _tile_loadd(6, rows, TILE_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        if (two_rows) {
            _tile_loadd(7, rows + block, TILE_BYTES);
            _tile_dpbf16ps(2, 4, 7);
        }
        if (two_outputs) {
            LOAD_WEIGHTS(5, o + TILE_ROWS, n_outputs - TILE_ROWS);
            _tile_dpbf16ps(1, 5, 6);
        }
        if (two_outputs && two_rows)
            _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sum[0], TILE_BYTES);
    _tile_stored(1, sum[1], TILE_BYTES);
    _tile_stored(2, sum[2], TILE_BYTES);
    _tile_stored(3, sum[3], TILE_BYTES);
}

/* The sums of up to 16 outputs and rows to where the caller wants them. */
static void put(const operands *v, size_t o, size_t n_outputs, size_t n_rows, square sum)
{
    _Alignas(64) square by_row;
    transpose(sum, by_row);
    for (size_t r = 0; r < QN_MIN(n_rows, (size_t)TILE_ROWS); r++)
        memcpy(v->y + r * v->y_stride + o, by_row[r],
               QN_MIN(n_outputs, (size_t)TILE_ROWS) * sizeof(float));
}

static void multiply_rows(const operands *v, size_t n_outputs, size_t n_rows)
{
    _Alignas(64) square sum[4];
    operands below = *v;
    below.y += TILE_ROWS * v->y_stride;
    for (size_t o = 0, n; o < n_outputs; o += n) {
        n = QN_MIN(n_outputs - o, (size_t)2 * TILE_ROWS);
        multiply(v, o, n, n_rows, sum);
        for (size_t i = 0; i * TILE_ROWS < n; i++) {
            put(v, o + i * TILE_ROWS, n - i * TILE_ROWS, n_rows, sum[i]);
            if (n_rows > TILE_ROWS)
                put(&below, o + i * TILE_ROWS, n - i * TILE_ROWS, n_rows - TILE_ROWS, sum[2 + i]);
        }
    }
}

void qn_bf16_mul_amx(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                     size_t n_rows, void *rows, float *y, size_t y_stride, void *sums)
{
    (void)sums;
    operands v = {n_in, w, w_stride, rows, y, y_stride};
    use_tiles(TILE_ROWS);
    for (size_t r = 0, n; r < n_rows; r += n) {
        n = QN_MIN(n_rows - r, (size_t)2 * TILE_ROWS);
        multiply_rows(&v, n_outputs, n);
        v.rows += n * round_up(n_in) * 2, v.y += n * y_stride;
    }
    _tile_release();
}
