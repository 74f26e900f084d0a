/* kernel/float.avx2.h - products with float weights, in tiles of outputs by rows.
 *
 * Invariant: an output's 16 lanes pass over K in ascending order and are folded at its end, however
 * the product is cut. A tile's sums stay in registers, but for two rows with AVX2. Few rows take
 * one output at a time, because memory gives most when it is read in order; with AVX2 they take
 * four that lie far apart (027-avx2.md). More take blocks of outputs: a tile's rows stay in the
 * first-level cache while the block's weights pass from the second, so K is cut into pieces of 4
 * KiB of a row, and sums wait in memory between them (docs/speed/017-float-blocks.md); with AVX2
 * pieces are shorter, and their weights become floats side by side first. */
#pragma once

#include "kernel/ask.h"
#include "kernel/f16.h"
#include "kernel/ints.avx2.h"
#include "kernel/kernels.h"

enum {
    STEP_BYTES = 64, /* of a row of activations: what one operation takes */
#ifdef __AVX512F__
#define MOST_ROWS 6
    FEW_ROWS = 4,
    TILE_OUTPUTS = 4,
    BLOCK_STEPS = 64,   /* of K at once, for more than a few rows */
    BLOCK_OUTPUTS = 64, /* at once, likewise */
#else
#define MOST_ROWS 3
    FEW_ROWS = 2,
    TILE_OUTPUTS = 2,
    BLOCK_STEPS = 32,
    BLOCK_OUTPUTS = 16,
    PACKED_BYTES = BLOCK_OUTPUTS * BLOCK_STEPS * STEP_BYTES,
#endif
    MOST_OUTPUTS = 4, /* of a tile */
    BLOCK_ROWS = 96,  /* at once, where sums wait: QN_FLOAT_SUMS_BYTES */
    SUMS_BYTES = BLOCK_OUTPUTS * BLOCK_ROWS * 64,
};

#ifdef __AVX512F__
_Static_assert((int)QN_FLOAT_SUMS_BYTES == SUMS_BYTES, "the sums that wait");
#else
_Static_assert((int)QN_FLOAT_SUMS_BYTES >= SUMS_BYTES + PACKED_BYTES, "the sums that wait");
#endif

/* Weights, and what they are multiplied by: floats, or pairs of bf16 with VDPBF16PS. */
typedef enum factors { F32, F16, BF16, BF16_PAIRS } factors;

typedef struct operands {
    size_t n_in;
    const uint8_t *w;
    size_t w_stride; /* bytes */
    const uint8_t *x;
    size_t x_stride; /* bytes */
    float *y;
    size_t y_stride;
    float *sums; /* [BLOCK_ROWS][BLOCK_OUTPUTS][16], between two pieces of K */
} operands;

/* Steps of K. */
typedef struct piece {
    size_t first, end;
} piece;

/* Weights that will be wanted: `lines` of 64 bytes of each of `rows`, asked for bit by bit. */
typedef struct wanted {
    const uint8_t *at;
    size_t stride, lines, rows;
    size_t row, line; /* the next */
} wanted;

LANES_INLINE size_t values_of_step(factors f)
{
    return f == BF16_PAIRS ? 32 : 16;
}

LANES_INLINE size_t weight_bytes_of_step(factors f)
{
    return f == F16 || f == BF16 ? 32 : 64;
}

LANES_INLINE lanes step_weights(factors f, const uint8_t *w)
{
    const __m128i *words = (const void *)w;
    if (f == F16)
        return lanes_of_words(_mm_loadu_si128(words), _mm_loadu_si128(words + 1));
    if (f == BF16)
        return ints_as_float(ints_left(ints_of_words(w), 16));
    return lanes_load((const float *)(const void *)w);
}

#ifndef __AVX512F__

/* Lanes 8 h to 8 h + 7. */
LANES_INLINE __m256 step_weights_half(factors f, const uint8_t *w, size_t h)
{
    if (f == F32)
        return _mm256_loadu_ps((const float *)(const void *)w + 8 * h);
    __m128i words = _mm_loadu_si128((const __m128i *)(const void *)w + h);
    return f == F16 ? _mm256_cvtph_ps(words)
                    : _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16));
}

#endif

LANES_INLINE lanes add_product(factors f, lanes w, lanes x, lanes sum)
{
#ifdef __AVX512BF16__
    if (f == BF16_PAIRS)
        return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)x);
#endif
    (void)f;
    return lanes_fma(w, x, sum);
}

/* --- one tile --- */

#ifdef __AVX512F__

LANES_INLINE void add_step(factors f, size_t n_outputs, size_t n_rows, const operands *v,
                           size_t step, lanes sum[MOST_OUTPUTS][MOST_ROWS])
{
    lanes x[MOST_ROWS];
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        x[r] = lanes_load((const void *)(v->x + r * v->x_stride + step * STEP_BYTES));
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++) {
        lanes w = step_weights(f, v->w + o * v->w_stride + step * weight_bytes_of_step(f));
        QN_UNROLL(6)
        for (size_t r = 0; r < n_rows; r++)
            sum[o][r] = add_product(f, w, x[r], sum[o][r]);
    }
}

#else

/* Eight lanes after the other: twelve sums and what they need fill the registers. */
LANES_INLINE void add_step(factors f, size_t n_outputs, size_t n_rows, const operands *v,
                           size_t step, lanes sum[MOST_OUTPUTS][MOST_ROWS])
{
    QN_UNROLL(2)
    for (size_t h = 0; h < 2; h++) {
        __m256 w[MOST_OUTPUTS];
        QN_UNROLL(4)
        for (size_t o = 0; o < n_outputs; o++)
            w[o] = step_weights_half(f, v->w + o * v->w_stride + step * weight_bytes_of_step(f), h);
        QN_UNROLL(3)
        for (size_t r = 0; r < n_rows; r++) {
            const uint8_t *at = v->x + r * v->x_stride + step * STEP_BYTES;
            __m256 x = _mm256_loadu_ps((const float *)(const void *)at + 8 * h);
            __asm__("" : "+x"(x)); /* loaded once */
            QN_UNROLL(4)
            for (size_t o = 0; o < n_outputs; o++)
                if (h == 0)
                    sum[o][r].low = _mm256_fmadd_ps(w[o], x, sum[o][r].low);
                else
                    sum[o][r].high = _mm256_fmadd_ps(w[o], x, sum[o][r].high);
        }
    }
}

#endif

/* The first n_bytes of a step with zeros behind them. */
LANES_INLINE const uint8_t *padded(const uint8_t *at, size_t n_bytes, uint8_t to[STEP_BYTES])
{
    memset(to, 0, STEP_BYTES);
    memcpy(to, at, n_bytes);
    return to;
}

LANES_INLINE void float_decode(factors f, size_t n, const uint8_t *bytes, float *out)
{
    size_t n_bytes = weight_bytes_of_step(f), k = 0;
    for (; k + 16 <= n; k += 16, bytes += n_bytes)
        lanes_store(out + k, step_weights(f, bytes));
    if (k < n) {
        uint8_t last[STEP_BYTES];
        lanes_store_n(out + k, n - k, step_weights(f, padded(bytes, (n - k) * n_bytes / 16, last)));
    }
}

LANES_INLINE void take_sums(size_t n_outputs, size_t n_rows, const float *from,
                            lanes sum[MOST_OUTPUTS][MOST_ROWS])
{
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++)
        QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        sum[o][r] = from ? lanes_load(from + (r * BLOCK_OUTPUTS + o) * 16) : lanes_set(0);
}

LANES_INLINE void keep_sums(size_t n_outputs, size_t n_rows, lanes sum[MOST_OUTPUTS][MOST_ROWS],
                            float *to)
{
    QN_UNROLL(4)
    for (size_t o = 0; o < n_outputs; o++)
        QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++)
        lanes_store(to + (r * BLOCK_OUTPUTS + o) * 16, sum[o][r]);
}

LANES_INLINE void fold_sums(size_t n_outputs, size_t n_rows, lanes sum[MOST_OUTPUTS][MOST_ROWS],
                            float *y, size_t y_stride)
{
    QN_UNROLL(6)
    for (size_t r = 0; r < n_rows; r++, y += y_stride) {
#ifdef __AVX512F__
        if (n_outputs == 4) {
            _mm_storeu_ps(y, lanes_fold_4(sum[0][r], sum[1][r], sum[2][r], sum[3][r]));
            continue;
        }
#endif
        QN_UNROLL(4)
        for (size_t o = 0; o < n_outputs; o++)
            y[o] = lanes_fold(sum[o][r]);
    }
}

/* Adds the values behind the last whole step to sums in memory, and folds them. Seldom: not worth
 * registers in the tile. */
static __attribute__((unused)) void end_sums(factors f, size_t n_outputs, size_t n_rows,
                                             const operands *v)
{
    size_t step = v->n_in / values_of_step(f), n = v->n_in % values_of_step(f);
    size_t w_bytes = weight_bytes_of_step(f);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t o = 0; o < n_outputs; o++) {
            uint8_t w[STEP_BYTES], x[STEP_BYTES];
            padded(v->w + o * v->w_stride + step * w_bytes, n * w_bytes / values_of_step(f), w);
            padded(v->x + r * v->x_stride + step * STEP_BYTES, n * STEP_BYTES / values_of_step(f),
                   x);
            lanes sum = lanes_load(v->sums + (r * BLOCK_OUTPUTS + o) * 16);
            sum = add_product(f, step_weights(f, w), lanes_load((const void *)x), sum);
            v->y[r * v->y_stride + o] = lanes_fold(sum);
        }
}

/* One output asks memory for what comes after its piece: a line before each step, or before every
 * second where two share one. */
LANES_INLINE void dot_tile(factors f, size_t n_outputs, size_t n_rows, const operands *v, piece p)
{
    lanes sum[MOST_OUTPUTS][MOST_ROWS];
    size_t i = p.first, w_bytes = weight_bytes_of_step(f);
    take_sums(n_outputs, n_rows, p.first > 0 ? v->sums : NULL, sum);
    for (; i + 2 <= p.end; i += 2) {
        if (n_outputs == 1)
            qn_ask_ahead(v->w + i * w_bytes, 64, QN_ASK_AHEAD);
        add_step(f, n_outputs, n_rows, v, i, sum);
        if (n_outputs == 1 && w_bytes == 64)
            qn_ask_ahead(v->w + (i + 1) * w_bytes, 64, QN_ASK_AHEAD);
        add_step(f, n_outputs, n_rows, v, i + 1, sum);
    }
    if (i < p.end)
        add_step(f, n_outputs, n_rows, v, i, sum);
    if (p.end * values_of_step(f) == v->n_in) {
        fold_sums(n_outputs, n_rows, sum, v->y, v->y_stride);
        return;
    }
    keep_sums(n_outputs, n_rows, sum, v->sums);
    if (p.end == v->n_in / values_of_step(f))
        end_sums(f, n_outputs, n_rows, v);
}

LANES_INLINE operands operands_at(const operands *v, size_t o, size_t r)
{
    operands at = *v;
    at.w += o * v->w_stride;
    at.x += r * v->x_stride;
    at.y += r * v->y_stride + o;
    at.sums += (r * BLOCK_OUTPUTS + o) * 16;
    return at;
}

/* n_tile outputs, a constant, by as many of n_rows rows as make tiles of like sizes; returns how
 * many. */
LANES_INLINE size_t dot_some(factors f, size_t n_tile, size_t n_rows, const operands *v, piece p)
{
    size_t n_tiles = (n_rows + MOST_ROWS - 1) / MOST_ROWS, n = (n_rows + n_tiles - 1) / n_tiles;
#ifdef QN_ROLLED
    dot_tile(f, n_tile, n, v, p);
#else
    switch (n) {
    case 1: dot_tile(f, n_tile, 1, v, p); break;
    case 3: dot_tile(f, n_tile, 3, v, p); break;
#if MOST_ROWS > 3
    case 4: dot_tile(f, n_tile, 4, v, p); break;
    case 5: dot_tile(f, n_tile, 5, v, p); break;
    case 6: dot_tile(f, n_tile, 6, v, p); break;
#endif
    default: dot_tile(f, n_tile, 2, v, p);
    }
#endif
    return n;
}

/* --- few rows: outputs in the order of memory --- */

#ifndef __AVX512F__

/* One or two rows: four outputs side by side, a quarter of all apart. Nothing is asked for: the CPU
 * fetches ahead for each of the four by itself, faster than requests do; so much faster that two
 * rows, whose sums do not fit in registers, are best like that too. Returns how many outputs there
 * were. */
LANES_INLINE size_t dot_quarters(factors f, size_t n_outputs, size_t n_rows, const operands *v)
{
    const size_t n = n_outputs / MOST_OUTPUTS;
    float y[FEW_ROWS][MOST_OUTPUTS];
    operands at = *v;
    at.w_stride = n * v->w_stride;
    at.y = y[0], at.y_stride = MOST_OUTPUTS;
    for (size_t o = 0; o < n; o++, at.w += v->w_stride) {
        dot_tile(f, MOST_OUTPUTS, n_rows, &at, (piece){0, v->n_in / values_of_step(f)});
        for (size_t r = 0; r < n_rows; r++)
            for (size_t quarter = 0; quarter < MOST_OUTPUTS; quarter++)
                v->y[r * v->y_stride + quarter * n + o] = y[r][quarter];
    }
    return n * MOST_OUTPUTS;
}

#endif

LANES_INLINE void dot_in_order(factors f, size_t n_outputs, size_t n_rows, operands v)
{
    float *sums = v.sums;
#ifndef __AVX512F__
    size_t n = n_rows == 1 ? dot_quarters(f, n_outputs, 1, &v) : dot_quarters(f, n_outputs, 2, &v);
    n_outputs -= n;
    v = operands_at(&v, n, 0), v.sums = sums;
#endif
    for (; n_outputs > 0; n_outputs--, v = operands_at(&v, 1, 0), v.sums = sums)
        dot_some(f, 1, n_rows, &v, (piece){0, v.n_in / values_of_step(f)});
}

/* --- more rows: blocks --- */

LANES_INLINE void ask_some(wanted *w, size_t n)
{
    for (; n > 0 && w->row < w->rows; n--) {
        __builtin_prefetch(w->at + w->row * w->stride + w->line * 64, 0, 2);
        if (++w->line == w->lines)
            w->line = 0, w->row++;
    }
}

LANES_INLINE wanted weights_wanted(factors f, const operands *v, size_t n_outputs, piece p)
{
    size_t n_bytes = weight_bytes_of_step(f);
    return (wanted){v->w + p.first * n_bytes,
                    v->w_stride,
                    ((p.end - p.first) * n_bytes + 63) / 64,
                    n_outputs,
                    0,
                    0};
}

/* Meanwhile memory is asked for what is wanted next, evenly. */
LANES_INLINE void dot_tiles(factors f, size_t n_outputs, size_t n_rows, const operands *v, piece p,
                            wanted next)
{
    size_t n_tiles = (n_rows / MOST_ROWS + 1) * (n_outputs / TILE_OUTPUTS + 1);
    size_t n_asked = next.rows * next.lines / n_tiles + 1;
    for (size_t r = 0, n; r < n_rows; r += n)
        for (size_t o = 0; o < n_outputs;) {
            operands at = operands_at(v, o, r);
            ask_some(&next, n_asked);
            if (n_outputs - o >= TILE_OUTPUTS)
                n = dot_some(f, TILE_OUTPUTS, n_rows - r, &at, p), o += TILE_OUTPUTS;
            else
                n = dot_some(f, 1, n_rows - r, &at, p), o++;
        }
}

#ifdef __AVX512F__

LANES_INLINE void dot_block(factors f, size_t n_outputs, size_t n_rows, const operands *v, piece p,
                            wanted next)
{
    dot_tiles(f, n_outputs, n_rows, v, p, next);
}

#else

/* Weights of a piece first become floats side by side: rows of a matrix, whose distance is often a
 * power of 2, would meet in few places of a small first-level cache. */
LANES_INLINE void dot_block(factors f, size_t n_outputs, size_t n_rows, const operands *v, piece p,
                            wanted next)
{
    float *packed = v->sums + SUMS_BYTES / sizeof(float);
    operands at = *v;
    if (v->n_in % values_of_step(f) != 0) {
        dot_tiles(f, n_outputs, n_rows, v, p, next);
        return;
    }
    for (size_t o = 0; o < n_outputs; o++)
        float_decode(f, (p.end - p.first) * values_of_step(f),
                     v->w + o * v->w_stride + p.first * weight_bytes_of_step(f),
                     packed + o * BLOCK_STEPS * values_of_step(f));
    at.w = (const uint8_t *)((uintptr_t)packed - p.first * STEP_BYTES); /* as if from step 0 on */
    at.w_stride = BLOCK_STEPS * STEP_BYTES;
    dot_tiles(F32, n_outputs, n_rows, &at, p, next);
}

#endif

LANES_INLINE piece piece_at(size_t first, size_t n_steps)
{
    return (piece){first, QN_MIN(first + BLOCK_STEPS, n_steps)};
}

/* All of K of a block of outputs and rows, and a first request for the block at `next`. */
LANES_INLINE void dot_pieces(factors f, size_t n_outputs, size_t n_rows, const operands *v,
                             const operands *next, size_t n_next)
{
    size_t n_steps = v->n_in / values_of_step(f), first = 0;
    do {
        piece p = piece_at(first, n_steps);
        first = p.end;
        wanted w = first < n_steps ? weights_wanted(f, v, n_outputs, piece_at(first, n_steps))
                                   : weights_wanted(f, next, n_next, piece_at(0, n_steps));
        dot_block(f, n_outputs, n_rows, v, p, w);
    } while (first < n_steps);
}

LANES_INLINE void dot_blocks(factors f, size_t n_outputs, size_t n_rows, operands v)
{
    bool in_one = v.n_in % values_of_step(f) == 0 && v.n_in <= BLOCK_STEPS * values_of_step(f);
    size_t most_rows = in_one ? n_rows : (size_t)BLOCK_ROWS;
    for (size_t o = 0, n_out; o < n_outputs; o += n_out) {
        n_out = QN_MIN(n_outputs - o, (size_t)BLOCK_OUTPUTS);
        size_t n_behind = QN_MIN(n_outputs - o - n_out, (size_t)BLOCK_OUTPUTS);
        for (size_t r = 0, n; r < n_rows; r += n) {
            n = QN_MIN(n_rows - r, most_rows);
            bool last = r + n == n_rows;
            operands block = operands_at(&v, o, r), next = operands_at(&v, last ? o + n_out : o, 0);
            block.sums = v.sums;
            dot_pieces(f, n_out, n, &block, &next, last ? n_behind : n_out);
        }
    }
}

LANES_INLINE void float_mul(factors f, size_t n_outputs, size_t n_rows, operands v)
{
    if (n_rows <= FEW_ROWS)
        dot_in_order(f, n_outputs, n_rows, v);
    else
        dot_blocks(f, n_outputs, n_rows, v);
}
