/* kernel/bf16.avx512bf16.c - BF16 weights times bf16 activations with VDPBF16PS.
 *
 * Lane l of 16 sums the pairs of values 2 l and 2 l + 1 of each 32, then the lanes are folded.
 * Tiles of 4 outputs by 6 rows stay in registers; the rows, half as many bytes as floats, stay in
 * the second-level cache. So few rows that they are one tile take one output at a time, because
 * memory gives most when it is read in order. */
#include "kernel/bf16.avx512bf16.h"
#include "kernel/ask.h"
#include "kernel/kernels.h"

enum {
    MOST_ROWS = 6,
    TILE_OUTPUTS = 4,
    AGAIN = 8192, /* bytes between the two times that memory is asked */
};

typedef struct operands {
    size_t n_in;
    const uint8_t *w;
    size_t w_stride;      /* bytes */
    const uint16_t *rows; /* of round_up(n_in) */
    float *y;
    size_t y_stride;
    size_t n_ahead; /* bytes from these outputs to what to ask for */
} operands;

void qn_bf16_take_avx512bf16(size_t n_in, size_t n_rows, const float *x, size_t x_stride,
                             void *rows)
{
    uint16_t *to = rows;
    for (size_t r = 0; r < n_rows; r++, x += x_stride, to += round_up(n_in))
        for (size_t k = 0; k < n_in; k += 32)
            _mm512_storeu_si512(to + k, round_n(x + k, QN_MIN(n_in - k, (size_t)32)));
}

/* Asks memory for what comes after these outputs, and once more a little later, since a CPU may
 * drop the first when it is busy. */
LANES_INLINE void ask(size_t n_outputs, const operands *v, size_t k)
{
    const uint8_t *next = v->w + n_outputs * k * 2 + v->n_ahead;
    QN_UNROLL(4)
    for (size_t i = 0; i < n_outputs; i++) {
        __builtin_prefetch(next + AGAIN + 64 * i, 0, 2);
        __builtin_prefetch(next + 64 * i, 0, 3);
    }
}

/* The mask is of the weights' values: all but in the last step. */
LANES_INLINE void add_products(size_t n_outputs, size_t n_rows, const operands *v, size_t k,
                               __mmask32 mask, lanes sum[TILE_OUTPUTS][MOST_ROWS])
{
    __m512bh x[MOST_ROWS];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        x[r] = (__m512bh)_mm512_loadu_si512(v->rows + r * round_up(v->n_in) + k);
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++) {
        const uint8_t *at = v->w + o * v->w_stride + 2 * k;
        __m512bh w = (__m512bh)(mask == UINT32_MAX ? _mm512_loadu_si512(at)
                                                   : _mm512_maskz_loadu_epi16(mask, at));
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            sum[o][r] = _mm512_dpbf16_ps(sum[o][r], w, x[r]);
    }
}

LANES_INLINE void dot_tile(size_t n_outputs, size_t n_rows, const operands *v)
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
            qn_ask_ahead(v->w + 2 * k, 64);
        else if (v->n_ahead)
            ask(n_outputs, v, k);
        add_products(n_outputs, n_rows, v, k, UINT32_MAX, sum);
    }
    if (k < v->n_in)
        add_products(n_outputs, n_rows, v, k, (1u << (v->n_in - k)) - 1, sum);
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++)
        QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        v->y[r * v->y_stride + o] = lanes_fold(sum[o][r]);
}

/* n_tile outputs, a constant, by all rows: in tiles of 6, 4, 2 and 1. What is ahead is asked for
 * once. */
LANES_INLINE void dot_outputs(size_t n_tile, size_t n_rows, operands v)
{
    for (size_t n; n_rows > 0; n_rows -= n, v.n_ahead = 0) {
        if (n_rows >= MOST_ROWS)
            dot_tile(n_tile, n = MOST_ROWS, &v);
        else if (n_rows >= 4)
            dot_tile(n_tile, n = 4, &v);
        else if (n_rows >= 2)
            dot_tile(n_tile, n = 2, &v);
        else
            dot_tile(n_tile, n = 1, &v);
        v.rows += n * round_up(v.n_in), v.y += n * v.y_stride;
    }
}

void qn_bf16_mul_avx512bf16(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                            size_t n_rows, const void *rows, float *y, size_t y_stride)
{
    operands v = {n_in, w, w_stride, rows, y, y_stride, 0};
    for (size_t n; n_outputs > 0; n_outputs -= n, v.w += n * w_stride, v.y += n) {
        n = n_rows <= MOST_ROWS || n_outputs < TILE_OUTPUTS ? 1 : TILE_OUTPUTS;
        v.n_ahead = QN_MAX(n * w_stride, (size_t)AGAIN);
        if (n == 1)
            dot_outputs(1, n_rows, v);
        else
            dot_outputs(TILE_OUTPUTS, n_rows, v);
    }
}
