/* kernel/bf16.avx512bf16.c - BF16 weights times bf16 activations with VDPBF16PS.
 *
 * Lane l of 16 sums the pairs of values 2 l and 2 l + 1 of each 32, then the lanes are folded. For
 * few rows they are the lanes of a register, as weights lie in memory (float.avx2.h). With many
 * rows and a long K the 16 lanes pass one after the other, so that a register holds 16 outputs, and
 * a sum, one sixteenth as long, stays in it over all of K: the weights of 32 outputs are packed by
 * lane, then all rows pass them (docs/speed/020-bf16.md). */
#include "kernel/bf16.avx512bf16.h"
#include "kernel/float.avx2.h"

enum {
    N_LANES = 16,
    MOST_TILE_ROWS = 12,
    PANEL = QN_BF16_PANEL_OUTPUTS,
    LONG_K = BLOCK_STEPS * 32,  /* a longer one is cut into pieces by float.avx2.h */
    LEAST_ROWS_OF_LONG_K = 384, /* found by measurement, as is the other */
    LEAST_ROWS = 96,
    PACK_AHEAD = 256, /* bytes: four steps of 32 values */
};

_Static_assert((int)QN_FLOAT_SUMS_BYTES >= 4 * QN_BF16_MOST_ROWS * PANEL * 4, "sums that wait");

typedef struct product {
    size_t n_in, n_outputs;
    const uint8_t *w;
    size_t w_stride; /* bytes */
    size_t n_rows;
    const uint8_t *rows; /* [lane][row][lane_row_bytes] */
    float *y;
    size_t y_stride;
    uint8_t *panel; /* [lane][step][PANEL] pairs, lanes qn_bf16_lane_bytes apart */
    float *waiting; /* [4][row][PANEL]: sums of lanes that wait for those they are added to */
} product;

/* Of one lane of a row of activations: its pairs of each 32 values, filled with zeros. */
LANES_INLINE size_t lane_row_bytes(size_t n_in)
{
    return (n_in + 511) / 512 * 64;
}

/* Of one lane of n_rows rows, and a line, so that lanes do not lie whole pages apart. */
LANES_INLINE size_t lane_rows_bytes(size_t n_in, size_t n_rows)
{
    return n_rows * lane_row_bytes(n_in) + 64;
}

/* Whether the lanes of a product pass one after the other. */
LANES_INLINE bool by_lane(size_t n_in, size_t n_rows)
{
    return n_in >= LONG_K && n_rows >= (n_in > LONG_K ? LEAST_ROWS : LEAST_ROWS_OF_LONG_K);
}

/* --- rows --- */

static void take_in_order(size_t n_in, size_t n_rows, const float *x, size_t x_stride, uint16_t *to)
{
    for (size_t r = 0; r < n_rows; r++, x += x_stride, to += round_up(n_in))
        for (size_t k = 0; k < n_in; k += 32)
            _mm512_storeu_si512(to + k, round_n(x + k, QN_MIN(n_in - k, (size_t)32)));
}

static void take_by_lane(size_t n_in, size_t n_rows, const float *x, size_t x_stride, uint8_t *to)
{
    size_t n_row = lane_row_bytes(n_in), n_lane = lane_rows_bytes(n_in, n_rows);
    for (size_t r = 0; r < n_rows; r++, x += x_stride, to += n_row)
        for (size_t k = 0; k < n_in; k += 512) {
            __m512i step[16], lane[16];
            QN_UNROLL(16)
            for (size_t i = 0; i < 16; i++) {
                size_t at = k + 32 * i;
                step[i] = at < n_in ? round_n(x + at, QN_MIN(n_in - at, (size_t)32))
                                    : _mm512_setzero_si512();
            }
            transpose_words(step, lane);
            QN_UNROLL(16)
            for (size_t l = 0; l < N_LANES; l++)
                _mm512_store_si512(to + l * n_lane + k / 512 * 64, lane[l]);
        }
}

void qn_bf16_take_avx512bf16(size_t n_in, size_t n_rows, const float *x, size_t x_stride,
                             void *rows)
{
    if (!by_lane(n_in, n_rows))
        take_in_order(n_in, n_rows, x, x_stride, rows);
    else
        take_by_lane(n_in, n_rows, x, x_stride, rows);
}

/* --- panels --- */

/* n values of weights of `present` outputs, zeros for the rest of 16. */
LANES_INLINE void pack(const uint8_t *w, size_t stride, size_t present, size_t n, uint8_t *to,
                       size_t lane_bytes)
{
    __m512i output[16], lane[16];
    __mmask32 mask = (__mmask32)((1ull << n) - 1);
    QN_UNROLL(16)
    for (size_t i = 0; i < 16; i++)
        output[i] = i >= present ? _mm512_setzero_si512()
                    : n == 32    ? _mm512_loadu_si512(w + i * stride)
                                 : _mm512_maskz_loadu_epi16(mask, w + i * stride);
    transpose_words(output, lane);
    QN_UNROLL(16)
    for (size_t l = 0; l < N_LANES; l++)
        _mm512_store_si512(to + l * lane_bytes, lane[l]);
}

/* What 16 outputs have some steps on: rows of activations drove it out to the third level since it
 * was asked for. */
LANES_INLINE void ask_again(const uint8_t *w, size_t stride)
{
    QN_UNROLL(16)
    for (size_t i = 0; i < 16; i++)
        __builtin_prefetch(w + i * stride + PACK_AHEAD, 0, 3);
}

/* The panel of the outputs from o on. */
static void pack_panel(const product *v, size_t o)
{
    uint8_t *panel = v->panel;
    size_t n_lane = qn_bf16_lane_bytes(v->n_in);
    for (size_t k = 0; k < v->n_in; k += 32, panel += PANEL * sizeof(uint32_t))
        for (size_t i = 0; i < PANEL; i += 16) {
            size_t present = o + i < v->n_outputs ? QN_MIN(v->n_outputs - o - i, (size_t)16) : 0;
            size_t n = QN_MIN(v->n_in - k, (size_t)32);
            const uint8_t *w = v->w + QN_MIN(o + i, v->n_outputs - 1) * v->w_stride + 2 * k;
            if (present == 16 && n == 32) {
                ask_again(w, v->w_stride);
                pack(w, v->w_stride, 16, 32, panel + 4 * i, n_lane);
            } else {
                pack(w, v->w_stride, present, n, panel + 4 * i, n_lane);
            }
        }
}

/* The weights of the outputs from o on, if there are any. */
static wanted panel_wanted(const product *v, size_t o)
{
    return (wanted){v->w + o * v->w_stride,
                    v->w_stride,
                    (v->n_in + 31) / 32,
                    QN_MIN(v->n_outputs - QN_MIN(o, v->n_outputs), (size_t)PANEL),
                    0,
                    0};
}

/* --- tiles --- */

/* The order in which lanes pass: those that are added to each other follow each other. Behind
 * lane number i as many sums that wait are added as i has ones at its end. */
static const uint8_t lane_at[N_LANES] = {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15};

/* sum: one lane's of each row and of 32 outputs. */
LANES_INLINE void end_tile(const product *v, size_t n_rows, size_t number, size_t o, size_t r,
                           lanes sum[MOST_TILE_ROWS][2])
{
    float *waiting = v->waiting + r * PANEL;
    bool done = number == N_LANES - 1;
    for (; number % 2 != 0; number /= 2, waiting += v->n_rows * PANEL) {
        QN_UNROLL(12)
        for (size_t i = 0; i < n_rows; i++) {
            sum[i][0] = lanes_add(lanes_load(waiting + i * PANEL), sum[i][0]);
            sum[i][1] = lanes_add(lanes_load(waiting + i * PANEL + 16), sum[i][1]);
        }
    }
    size_t n = QN_MIN(v->n_outputs - o, (size_t)PANEL), stride = done ? v->y_stride : PANEL;
    uint32_t mask = done ? (uint32_t)((1ull << n) - 1) : UINT32_MAX;
    float *to = done ? v->y + r * v->y_stride + o : waiting;
    QN_UNROLL(12)
    for (size_t i = 0; i < n_rows; i++) {
        _mm512_mask_storeu_ps(to + i * stride, (__mmask16)mask, sum[i][0]);
        _mm512_mask_storeu_ps(to + i * stride + 16, (__mmask16)(mask >> 16), sum[i][1]);
    }
}

/* Lane `number` of those that pass: all of K of n_rows rows, a constant, and 32 outputs. */
LANES_INLINE void multiply_tile(const product *v, size_t n_rows, size_t number, size_t o, size_t r)
{
    lanes sum[MOST_TILE_ROWS][2];
    size_t n = (v->n_in + 31) / 32, row = lane_row_bytes(v->n_in), lane = lane_at[number];
    const uint8_t *w = v->panel + lane * qn_bf16_lane_bytes(v->n_in);
    const uint8_t *x = v->rows + lane * lane_rows_bytes(v->n_in, v->n_rows) + r * row;
    QN_UNROLL(12)
    for (size_t i = 0; i < n_rows; i++)
        sum[i][0] = sum[i][1] = lanes_set(0);
    for (size_t step = 0; step < n; step++, w += PANEL * sizeof(uint32_t), x += 4) {
        __m512bh w0 = (__m512bh)_mm512_load_si512(w), w1 = (__m512bh)_mm512_load_si512(w + 64);
        QN_UNROLL(12)
        for (size_t i = 0; i < n_rows; i++) {
            int32_t pair;
            memcpy(&pair, x + i * row, sizeof pair);
            __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], w0, both);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], w1, both);
        }
    }
    end_tile(v, n_rows, number, o, r, sum);
}

/* Rows from r on, of LEAST_ROWS or more, as tiles of like sizes; returns how many. */
static size_t multiply_some(const product *v, size_t number, size_t o, size_t r)
{
    size_t n_left = v->n_rows - r, n_tiles = (n_left + MOST_TILE_ROWS - 1) / MOST_TILE_ROWS;
    size_t n = (n_left + n_tiles - 1) / n_tiles;
#ifdef QN_ROLLED
    multiply_tile(v, n, number, o, r);
#else
    switch (n) {
    case 10: multiply_tile(v, 10, number, o, r); break;
    case 11: multiply_tile(v, 11, number, o, r); break;
    default: multiply_tile(v, 12, number, o, r);
    }
#endif
    return n;
}

/* Where the sums of the rows behind the next tile will go: rows of y may lie a page apart. */
static void ask_for_sums(const product *v, size_t o, size_t r)
{
    size_t first = r + MOST_TILE_ROWS, last_output = QN_MIN(o + 16, v->n_outputs - 1);
    for (size_t i = first; i < QN_MIN(first + MOST_TILE_ROWS, v->n_rows); i++) {
        __builtin_prefetch(v->y + i * v->y_stride + o, 1, 3);
        __builtin_prefetch(v->y + i * v->y_stride + last_output, 1, 3);
    }
}

/* Meanwhile memory is asked for the next panel, evenly. */
static void multiply_panel(const product *v, size_t o)
{
    size_t n_tiles = N_LANES * ((v->n_rows + MOST_TILE_ROWS - 1) / MOST_TILE_ROWS);
    wanted next = panel_wanted(v, o + PANEL);
    size_t n_asked = next.rows * next.lines / n_tiles + 1;
    for (size_t number = 0; number < N_LANES; number++)
        for (size_t r = 0, n; r < v->n_rows; r += n) {
            ask_some(&next, n_asked);
            if (number == N_LANES - 1)
                ask_for_sums(v, o, r);
            n = multiply_some(v, number, o, r);
        }
}

void qn_bf16_mul_avx512bf16(size_t n_in, size_t n_outputs, const uint8_t *w, size_t w_stride,
                            size_t n_rows, void *rows, float *y, size_t y_stride, void *sums)
{
    if (!by_lane(n_in, n_rows)) {
        float_mul(BF16_PAIRS, n_outputs, n_rows,
                  (operands){n_in, w, w_stride, rows, 2 * round_up(n_in), y, y_stride, sums});
        return;
    }
    uint8_t *panel = (uint8_t *)rows + N_LANES * lane_rows_bytes(n_in, n_rows);
    product v = {n_in, n_outputs, w, w_stride, n_rows, rows, y, y_stride, panel, sums};
    for (size_t o = 0; o < n_outputs; o += PANEL) {
        pack_panel(&v, o);
        multiply_panel(&v, o);
    }
}
