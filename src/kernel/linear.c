/* kernel/linear.c - cuts a product into panels and rows for the kernels.
 *
 * Weights are expanded once per 32 outputs, 256 of K and QN_ROWS_AT_ONCE rows, into a panel that
 * stays in the first-level cache; the sums of those rows stay in the second. */
#include "kernel/linear.h"
#include "kernel/panel.h"

#include <math.h>
#include <string.h>

enum {
    ROWS_AT_ONCE = 512,
    FLOAT_OUTPUTS = 4, /* of quantized weights as floats: decoded at once */
};

typedef struct scratch {
    qn_panel panel[2];
    float acc[ROWS_AT_ONCE * QN_LINEAR_GRANULE];
} scratch;

size_t qn_linear_scratch_bytes(size_t n_in)
{
    return QN_MAX(sizeof(scratch),
                  sizeof(qn_panel) + FLOAT_OUTPUTS * ((n_in + 15) / 16 * 16 * sizeof(float)));
}

/* The starts of 16 rows from o; beyond the last output the last row again. */
static void find_rows(const qn_matrix *w, size_t o, const uint8_t *row[16])
{
    for (size_t i = 0; i < 16; i++)
        row[i] = w->bytes + QN_MIN(o + i, w->n_out - 1) * w->n_row_bytes;
}

static void mul_granule(const qn_kernels *k, const qn_matrix *w, size_t o, size_t n_panels,
                        size_t n_rows, const uint8_t *act, scratch *s)
{
    const qn_shape *shape = qn_encoding_shape(w->encoding);
    size_t n_block = qn_encoding_block(w->encoding);
    size_t block_bytes = qn_encoding_block_bytes(w->encoding);
    const uint8_t *row[2][16];
    for (size_t i = 0; i < n_panels; i++)
        find_rows(w, o + 16 * i, row[i]);
    memset(s->acc, 0, n_rows * n_panels * 16 * sizeof(float));
    for (size_t at = 0; at < w->n_in; at += QN_PANEL_K) {
        size_t n_k = QN_MIN(w->n_in - at, (size_t)QN_PANEL_K);
        for (size_t i = 0; i < n_panels; i++)
            k->expand[w->encoding](&s->panel[i], n_k, row[i], at / n_block * block_bytes);
        k->panel_mul(*shape, n_k, n_panels, s->panel, n_rows,
                     (const void *)(act + at / QN_PANEL_K * sizeof(qn_act)), qn_act_bytes(w->n_in),
                     s->acc);
    }
}

void qn_linear_i8(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                  size_t n_rows, const void *act, float *y, size_t y_stride, void *scratch_memory)
{
    scratch *s = scratch_memory;
    for (size_t r = 0; r < n_rows; r += ROWS_AT_ONCE) {
        size_t n = QN_MIN(n_rows - r, (size_t)ROWS_AT_ONCE);
        const uint8_t *rows = (const uint8_t *)act + r * qn_act_bytes(w->n_in);
        for (size_t o = o_begin; o < o_end; o += QN_LINEAR_GRANULE) {
            size_t n_o = QN_MIN(o_end - o, (size_t)QN_LINEAR_GRANULE), n_panels = (n_o + 15) / 16;
            mul_granule(k, w, o, n_panels, n, rows, s);
            for (size_t i = 0; i < n; i++)
                memcpy(&y[(r + i) * y_stride + (o - o_begin)], &s->acc[i * n_panels * 16],
                       n_o * sizeof *y);
        }
    }
}

/* Output o of the panel as floats: one product, exact but for its minimum. */
static void decode_output(qn_shape shape, const qn_panel *p, size_t o, size_t n_k, float *out)
{
    for (size_t i = 0; i < n_k; i++) {
        float q = (float)(p->q[i / 4][o][i % 4] - shape.offset), dw = p->dw[i / shape.n_group][o];
        out[i] = shape.has_min ? fmaf(dw, q, p->dm[i / 32][o]) : dw * q;
    }
}

/* Row i of the n rows (at most 16) goes to out + i * stride. */
static void decode_rows(const qn_kernels *k, qn_encoding e, size_t n_in, size_t n,
                        const uint8_t *const row[16], qn_panel *p, float *out, size_t stride)
{
    size_t n_block = qn_encoding_block(e), block_bytes = qn_encoding_block_bytes(e);
    for (size_t at = 0; at < n_in; at += QN_PANEL_K) {
        size_t n_k = QN_MIN(n_in - at, (size_t)QN_PANEL_K);
        k->expand[e](p, n_k, row, at / n_block * block_bytes);
        for (size_t i = 0; i < n; i++)
            decode_output(*qn_encoding_shape(e), p, i, n_k, out + i * stride + at);
    }
}

static void linear_decoded(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                           size_t n_rows, const float *x, size_t x_stride, float *y,
                           size_t y_stride, void *memory)
{
    qn_panel *p = memory;
    float *weights = (void *)(p + 1);
    size_t stride = (w->n_in + 15) / 16 * 16;
    for (size_t o = o_begin; o < o_end; o += FLOAT_OUTPUTS) {
        const uint8_t *row[16];
        size_t n = QN_MIN(o_end - o, (size_t)FLOAT_OUTPUTS);
        find_rows(w, o, row);
        decode_rows(k, w->encoding, w->n_in, n, row, p, weights, stride);
        k->float_mul[QN_F32](w->n_in, n, (const uint8_t *)weights, stride * sizeof(float), n_rows,
                             x, x_stride, y + (o - o_begin), y_stride);
    }
}

void qn_linear_f32(const qn_kernels *k, const qn_matrix *w, size_t o_begin, size_t o_end,
                   size_t n_rows, const float *x, size_t x_stride, float *y, size_t y_stride,
                   void *memory)
{
    if (qn_encoding_is_quantized(w->encoding))
        linear_decoded(k, w, o_begin, o_end, n_rows, x, x_stride, y, y_stride, memory);
    else
        k->float_mul[w->encoding](w->n_in, o_end - o_begin, w->bytes + o_begin * w->n_row_bytes,
                                  w->n_row_bytes, n_rows, x, x_stride, y, y_stride);
}

void qn_decode(const qn_kernels *k, qn_encoding e, size_t n, const uint8_t *bytes, float *out)
{
    if (!qn_encoding_is_quantized(e)) {
        k->float_decode[e](n, bytes, out);
        return;
    }
    qn_panel p;
    const uint8_t *row[16];
    for (size_t i = 0; i < 16; i++)
        row[i] = bytes;
    decode_rows(k, e, n, 1, row, &p, out, 0);
}
