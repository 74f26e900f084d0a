/* kernel/linear.c - cuts a product into panels and rows for the kernels.
 *
 * Up to four rows of activations, with packed weights some more, are multiplied in the order of
 * memory (dot.h, few.h, packed.h). For more, weights are expanded once per 32 outputs, 256 of K and
 * ROWS_AT_ONCE rows, into a panel that stays in the first-level cache; the sums of those rows stay
 * in the second. */
#include "kernel/linear.h"
#include "kernel/ask.h"
#include "kernel/panel.h"

#include <string.h>

enum {
    ROWS_AT_ONCE = 256,
    FLOAT_OUTPUTS = 16,        /* of quantized weights as floats: decoded at once */
    MOST_BLOCK_BYTES = 8 * 34, /* of 256 weights */
    BF16_BYTES = 5 << 20,      /* at most, of rows that are rounded to bf16 at once */
};

typedef struct scratch {
    qn_panel panel[2];
    float acc[ROWS_AT_ONCE * QN_LINEAR_GRANULE];
} scratch;

/* Few rows: the spans' sums of two times 16 outputs behind the activations. */
static size_t few_scratch_bytes(size_t n_in)
{
    size_t n_sums = 2 * qn_dot_n_sums(n_in) * sizeof(float);
    size_t n_dot = QN_DOT_MOST_ROWS, n_few = QN_FEW_MOST_ROWS;
    while (n_dot > 0 && !qn_dot_suits(n_dot, n_in))
        n_dot--;
    while (n_few > 0 && !qn_few_suits(n_few, n_in))
        n_few--;
    return QN_MAX(QN_MAX(n_dot * (qn_dot_x_bytes(n_in) + n_sums), qn_few_bytes(n_few, n_in)),
                  qn_packed_bytes(n_in));
}

/* Where floats are multiplied. */
typedef struct float_scratch {
    uint8_t sums[QN_FLOAT_SUMS_BYTES];
    qn_panel panel;
    float values[]; /* weights of FLOAT_OUTPUTS outputs, or rows as bf16 */
} float_scratch;

/* Of rows that are rounded to bf16 at once. */
static size_t bf16_rows(size_t n_in)
{
    size_t n = QN_BF16_MOST_ROWS;
    while (n > 16 && qn_bf16_rows_bytes(n_in, n) > BF16_BYTES)
        n -= 16;
    return n;
}

static size_t float_values_bytes(qn_encoding e, size_t n_in)
{
    return e == QN_BF16                  ? qn_bf16_rows_bytes(n_in, bf16_rows(n_in))
           : qn_encoding_is_quantized(e) ? FLOAT_OUTPUTS * n_in * sizeof(float)
                                         : 0;
}

size_t qn_linear_scratch_bytes(qn_encoding e, bool is_act, size_t n_in)
{
    size_t n = is_act ? QN_MAX(sizeof(scratch), few_scratch_bytes(n_in))
                      : sizeof(float_scratch) + float_values_bytes(e, n_in);
    return (n + 63) / 64 * 64;
}

/* expand of n < 16 rows. */
static void expand_some(const qn_kernels *k, qn_encoding e, qn_panel *p, size_t n_k, size_t n,
                        const uint8_t *w, size_t stride, const uint8_t *next)
{
    uint8_t rows[16 * MOST_BLOCK_BYTES] = {0};
    size_t n_bytes = n_k / qn_encoding_block(e) * qn_encoding_block_bytes(e);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + i * n_bytes, w + i * stride, n_bytes);
    k->expand[e](p, n_k, rows, n_bytes, next);
}

void qn_matrix_expand(const qn_kernels *k, const qn_matrix *w, size_t o, size_t at, size_t n_k,
                      qn_panel *p, const uint8_t *next)
{
    qn_encoding e = w->encoding;
    size_t n = w->n_out - o, begin = at / qn_encoding_block(e) * qn_encoding_block_bytes(e);
    const uint8_t *first = w->bytes + o * w->n_row_bytes;
    if (n < 16)
        expand_some(k, e, p, n_k, n, first + begin, w->n_row_bytes, next);
    else if (w->is_packed)
        k->packed_expand(e, p, n_k, first + QN_PACKED_OUTPUTS * begin, next);
    else
        k->expand[e](p, n_k, first + begin, w->n_row_bytes, next);
}

/* How much of K is expanded at once. Bytes decode faster than memory gives them: for few rows,
 * small steps keep the requests to memory at a steady pace, which Zen 5 drops when they come in a
 * burst (docs/speed/014-order-of-terms.md). */
static size_t step_of(const qn_matrix *w, size_t n_rows)
{
    bool is_fast = qn_encoding_shape(w->encoding)->n_bits == 8 && !w->is_packed;
    return is_fast && n_rows <= 64 ? 128 : QN_PANEL_K;
}

typedef struct batch { /* rows of activations and where their outputs go */
    size_t n_rows;
    const uint8_t *act;
    float *y;
    size_t y_stride;
} batch;

/* Of outputs that do not fill panels. */
static void copy_sums(size_t n, const batch *b, const float *acc, size_t stride)
{
    for (size_t r = 0; r < b->n_rows; r++)
        memcpy(b->y + r * b->y_stride, acc + r * stride, n * sizeof *acc);
}

/* The sums of up to 32 outputs from o on. While they are computed the weights from next on are
 * asked for. The last product's sums go to the rows of y, so that misses wait behind arithmetic;
 * until then they lie close together, where rows a power of two apart would displace each other. */
static void mul_granule(const qn_kernels *k, const qn_matrix *w, size_t o, size_t n_out,
                        const uint8_t *next, const batch *b, scratch *s)
{
    const qn_shape *shape = qn_encoding_shape(w->encoding);
    size_t n_block = qn_encoding_block(w->encoding), n_panels = (n_out + 15) / 16;
    size_t block_bytes = qn_encoding_block_bytes(w->encoding);
    qn_panel_sums sums = {qn_panel_zeros, 0, s->acc, n_panels * 16};
    size_t step = step_of(w, b->n_rows);
    for (size_t at = 0, n_k; at < w->n_in; at += n_k) {
        n_k = QN_MIN(w->n_in - at, step);
        size_t offset = at / n_block * block_bytes;
        for (size_t i = 0; i < n_panels; i++)
            qn_matrix_expand(k, w, o + 16 * i, at, n_k, &s->panel[i],
                             next + 16 * (n_panels * offset + i * (n_k / n_block * block_bytes)));
        if (at + n_k == w->n_in && n_out % 16 == 0)
            sums.to = b->y, sums.to_stride = b->y_stride;
        k->panel_mul(*shape, qn_act_span(w->n_in), n_k, n_panels, s->panel, b->n_rows,
                     (const void *)(b->act + at / QN_PANEL_K * sizeof(qn_act)),
                     qn_act_bytes(w->n_in), at % QN_PANEL_K, sums);
        sums.from = s->acc, sums.from_stride = n_panels * 16;
    }
    if (n_out % 16 != 0)
        copy_sums(n_out, b, s->acc, n_panels * 16);
}

/* Brings the first outputs of a range near: nothing came before them that could ask for them. */
static void touch(const uint8_t *bytes, size_t n_bytes)
{
    unsigned sum = 0;
    for (size_t at = 0; at < n_bytes; at += 64)
        sum += bytes[at];
    __asm__ volatile("" : : "r"(sum)); /* so that the loads stay */
}

static void linear_rows(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                        batch b, scratch *s)
{
    touch(w->bytes + o_begin * w->n_row_bytes,
          QN_MIN(o_end - o_begin, (size_t)QN_LINEAR_GRANULE) * w->n_row_bytes);
    if (k->panel_tiles_begin)
        k->panel_tiles_begin(*qn_encoding_shape(w->encoding), b.n_rows);
    for (size_t o = o_begin, n; o < o_end; o += n, b.y += n) {
        n = QN_MIN(o_end - o, (size_t)QN_LINEAR_GRANULE);
        size_t next = o + n < o_end ? o + n : o_begin;
        mul_granule(k, w, o, n, w->bytes + next * w->n_row_bytes, &b, s);
    }
    if (k->panel_tiles_end)
        k->panel_tiles_end();
}

static void dot_rows(const qn_kernels *k, const qn_matrix *w, size_t n_out, const uint8_t *bytes,
                     size_t n_rows, const uint8_t *act, float *y, size_t y_stride, uint8_t *memory)
{
    qn_dot_x x[QN_DOT_MOST_ROWS];
    for (size_t r = 0; r < n_rows; r++, memory += qn_dot_x_bytes(w->n_in))
        x[r] = qn_dot_arrange(w->encoding, w->n_in, (const void *)(act + r * qn_act_bytes(w->n_in)),
                              memory);
    k->dot(w->encoding, w->n_in, n_out, bytes, n_rows, (qn_dot_scratch){x, (void *)memory}, y,
           y_stride);
}

typedef enum product_way { BY_PANELS, BY_DOT, BY_FEW, BY_PACKED } product_way;

static product_way way_of(const qn_kernels *k, const qn_matrix *w, size_t n_rows)
{
    const qn_shape shape = *qn_encoding_shape(w->encoding);
    if (w->is_packed)
        return k->packed_mul && qn_packed_suits(k->level, shape, n_rows) ? BY_PACKED : BY_PANELS;
    if (k->dot && qn_dot_suits(n_rows, w->n_in))
        return BY_DOT;
    return k->few && qn_few_suits(n_rows, w->n_in) ? BY_FEW : BY_PANELS;
}

/* Few rows: the outputs from o_begin on that fill whole sixteens. Returns where they end. */
static size_t rows_in_order(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                            size_t n_rows, const uint8_t *act, float *y, size_t y_stride,
                            void *memory)
{
    product_way way = way_of(k, w, n_rows);
    size_t n_out = (o_end - o_begin) / QN_DOT_OUTPUTS * QN_DOT_OUTPUTS;
    const uint8_t *bytes = w->bytes + o_begin * w->n_row_bytes;
    if (way == BY_PANELS)
        return o_begin;
    qn_ask_first(bytes, n_out * w->n_row_bytes);
    if (way == BY_PACKED)
        k->packed_mul(w->encoding, w->n_in, n_out, bytes, n_rows, act, memory, y, y_stride);
    else if (way == BY_DOT)
        dot_rows(k, w, n_out, bytes, n_rows, act, y, y_stride, memory);
    else
        k->few(w->encoding, w->n_in, n_out, bytes, n_rows, act, memory, y, y_stride);
    return o_begin + n_out;
}

void qn_linear_i8(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                  size_t n_rows, const void *act, float *y, size_t y_stride, void *memory)
{
    size_t o = rows_in_order(k, w, o_begin, o_end, n_rows, act, y, y_stride, memory);
    for (size_t r = 0, n; o < o_end && r < n_rows; r += n) {
        n = QN_MIN(n_rows - r, (size_t)ROWS_AT_ONCE);
        batch b = {n, (const uint8_t *)act + r * qn_act_bytes(w->n_in),
                   y + r * y_stride + (o - o_begin), y_stride};
        linear_rows(k, w, o, o_end, b, memory);
    }
}

/* Outputs o to o + n - 1, which are all in one sixteen: the first goes to out, the next n_in on. */
static void decode_outputs(const qn_kernels *k, const qn_matrix *w, size_t o, size_t n, qn_panel *p,
                           float *out)
{
    const size_t first = o % QN_PANEL_OUTPUTS;
    for (size_t at = 0, n_k; at < w->n_in; at += n_k) {
        n_k = QN_MIN(w->n_in - at, (size_t)QN_PANEL_K);
        qn_matrix_expand(k, w, o - first, at, n_k, p, NULL);
        k->panel_decode(*qn_encoding_shape(w->encoding), n_k, p, first, n, out + at, w->n_in);
    }
}

static void linear_decoded(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                           size_t n_rows, const float *x, size_t x_stride, float *y,
                           size_t y_stride, float_scratch *s)
{
    for (size_t o = o_begin, n; o < o_end; o += n) {
        n = QN_MIN(o_end - o, (size_t)FLOAT_OUTPUTS);
        decode_outputs(k, w, o, n, &s->panel, s->values);
        k->float_mul[QN_F32](w->n_in, n, (const uint8_t *)s->values, w->n_in * sizeof(float),
                             n_rows, x, x_stride, y + (o - o_begin), y_stride, s->sums);
    }
}

/* Class T. */
static void linear_bf16(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                        size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                        float_scratch *s)
{
    size_t most = bf16_rows(w->n_in);
    for (size_t n; n_rows > 0; n_rows -= n, x += n * x_stride, y += n * y_stride) {
        size_t n_parts = (n_rows + most - 1) / most;
        n = (n_rows + n_parts - 1) / n_parts;
        k->bf16_take(w->n_in, n, x, x_stride, s->values);
        k->bf16_mul(w->n_in, o_end - o_begin, w->bytes + o_begin * w->n_row_bytes, w->n_row_bytes,
                    n, s->values, y, y_stride, s->sums);
    }
}

void qn_linear_f32(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                   size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                   void *memory)
{
    float_scratch *s = memory;
    if (qn_encoding_is_quantized(w->encoding))
        linear_decoded(k, w, o_begin, o_end, n_rows, x, x_stride, y, y_stride, s);
    else if (w->encoding == QN_BF16 && k->bf16_mul)
        linear_bf16(k, w, o_begin, o_end, n_rows, x, x_stride, y, y_stride, s);
    else
        k->float_mul[w->encoding](w->n_in, o_end - o_begin, w->bytes + o_begin * w->n_row_bytes,
                                  w->n_row_bytes, n_rows, x, x_stride, y, y_stride, s->sums);
}

void qn_matrix_decode(const qn_kernels *k, const qn_matrix *w, size_t o, float *out)
{
    const uint8_t *row = w->bytes + o * w->n_row_bytes;
    qn_panel p;
    if (w->is_packed && o < qn_packed_n_outputs(w->n_out))
        decode_outputs(k, w, o, 1, &p, out);
    else
        qn_decode(k, w->encoding, w->n_in, row, out);
}

void qn_decode(const qn_kernels *k, qn_encoding e, size_t n, const uint8_t *bytes, float *out)
{
    const qn_matrix row = {.encoding = e, .bytes = bytes, .n_in = n, .n_out = 1};
    qn_panel p;
    if (qn_encoding_is_quantized(e))
        decode_outputs(k, &row, 0, 1, &p, out);
    else
        k->float_decode[e](n, bytes, out);
}
